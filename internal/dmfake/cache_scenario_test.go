package dmfake_test

import (
	"strings"

	"github.com/lvm-go/lvm/dm"
)

// playCaches puts a cache on a volume, and takes it away again. Which blocks are
// in it is the policy's business, so the state is only noted while there are none.
func playCaches(p *player) {
	rw := dm.LoadOptions{}
	p.make("meta", "0 256 linear <disk> 0")
	p.make("fast", "0 512 linear <disk> 256")
	p.make("slow", "0 1024 linear <disk> 1024")
	for at := range int64(16) {
		p.write("slow", at*8, string(rune('a'+at)))
	}
	p.wipe("meta", 1)
	p.create("c", "")
	p.note("# What is refused.")
	for _, params := range []string{
		"<meta> <fast> <slow> 60 1 writeback smq 0", "<meta> <fast> <slow> 32 1 writeback smq 0", "<meta> <fast> <slow> 1024 1 writeback smq 0",
		"<meta> <fast> <slow> 64 1 writeback nosuch 0", "<meta> <fast> <slow> 64 1 writeback smq 2 nosuch 1",
		"<meta> <fast> <slow> 64 1 writeback smq 2 migration_threshold x",
	} {
		p.load("c", "0 1024 cache "+params, rw)
	}
	p.load("c", "0 2048 cache <meta> <fast> <slow> 64 1 writeback smq 0", rw)
	p.wipe("meta", 1)
	p.note("# A new one.")
	p.load("c", "0 1024 cache <meta> <fast> <slow> 64 2 metadata2 writeback smq 0", rw)
	p.lookAll("meta", "fast", "slow", "c")
	p.resume("c")
	p.lookAll("meta", "fast", "slow", "c")
	for _, text := range []string{"migration_threshold 4096", "nosuch 1", "migration_threshold", "invalidate_cblocks 0"} {
		p.message("c", 0, text)
	}
	p.look("c")
	p.write("c", 0, "X")
	p.write("c", 9, "Y")
	for at := range int64(16) {
		p.read("c", at*8, at*8+2)
	}
	p.note("# It is flushed.")
	p.load("c", "0 1024 cache <meta> <fast> <slow> 64 2 metadata2 writethrough cleaner 0", rw)
	p.suspend("c")
	p.resume("c")
	p.await("c", " 0 2 metadata2 writethrough")
	p.note("%s", strings.Join(strings.Fields(p.status("c"))[10:], " "))
	p.write("c", 17, "Z")
	p.suspend("c")
	p.resume("c")
	for at := range int64(16) {
		p.read("c", at*8, at*8+2)
		p.read("slow", at*8, at*8+2)
	}
	p.note("# It goes, and comes again.")
	p.load("c", "0 1024 linear <slow> 0", rw)
	p.suspend("c")
	p.resume("c")
	p.lookAll("meta", "c")
	p.load("c", "0 1024 cache <meta> <fast> <slow> 128 2 metadata2 writethrough smq 0", rw)
	p.load("c", "0 1024 cache <meta> <fast> <slow> 64 1 passthrough smq 0", rw)
	p.resume("c")
	p.note("%s", strings.Join(strings.Fields(p.status("c"))[10:], " "))
	p.message("c", 0, "invalidate_cblocks 0-8")
	p.message("c", 0, "invalidate_cblocks 7-9")
	p.message("c", 0, "invalidate_cblocks 3-3")
	p.write("c", 0, "P")
	p.read("c", 0, 2)
	p.read("slow", 0, 2)
	p.removeAll("c", "slow", "fast", "meta")
}

// writeCacheState notes the state without the number of reads, some of which are
// ahead.
func (p *player) writeCacheState() {
	words := strings.Fields(p.status("c"))
	p.note("%s, %s", strings.Join(words[:4], " "), strings.Join(words[6:], " "))
}

// playWriteCache does the same with a writecache.
func playWriteCache(p *player) {
	rw := dm.LoadOptions{}
	p.make("fast", "0 512 linear <disk> 256")
	p.make("slow", "0 1024 linear <disk> 1024")
	for at := range int64(16) {
		p.write("slow", at, string(rune('a'+at)))
	}
	p.wipe("fast", 2)
	p.create("c", "")
	for _, params := range []string{"s <slow> <fast> 256 0", "s <slow> <fast> 8192 0", "s <slow> <fast> 3000 0", "s <slow> <fast> 4096 1 nosuch", "p <slow> <fast> 4096 0"} {
		p.load("c", "0 1024 writecache "+params, rw)
	}
	p.load("c", "0 1024 writecache s <slow> <fast> 4096 0", rw)
	p.lookAll("fast", "slow", "c")
	p.resume("c")
	p.look("c")
	p.write("c", 0, "X")
	p.write("c", 9, "Y")
	p.write("c", 9, "y")
	p.read("c", 0, 16)
	p.read("slow", 0, 16)
	p.writeCacheState()
	p.message("c", 0, "clear_stats")
	p.message("c", 0, "nonsense")
	p.writeCacheState()
	p.note("# Again active.")
	p.remove("c", false)
	p.create("c", "")
	p.load("c", "0 1024 writecache s <slow> <fast> 512 0", rw)
	p.load("c", "0 1024 writecache s <slow> <fast> 4096 0", rw)
	p.resume("c")
	p.writeCacheState()
	p.read("c", 0, 16)
	p.read("slow", 0, 16)
	p.note("# It is flushed.")
	p.message("c", 0, "flush")
	p.writeCacheState()
	p.read("slow", 0, 16)
	p.write("c", 1, "Z")
	p.message("c", 0, "cleaner")
	p.await("c", "63 63 ")
	p.write("c", 2, "Z")
	p.writeCacheState()
	p.read("slow", 0, 16)
	p.suspend("c")
	p.message("c", 0, "flush")
	p.resume("c")
	p.load("c", "0 1024 writecache s <slow> <fast> 4096 0", rw)
	p.resume("c")
	p.write("c", 3, "W")
	p.message("c", 0, "flush_on_suspend")
	p.suspend("c")
	p.resume("c")
	p.writeCacheState()
	p.read("slow", 0, 16)
	p.removeAll("c", "slow", "fast")
}

// playIntegrity makes a device with checksums.
func playIntegrity(p *player) {
	rw := dm.LoadOptions{}
	const params = "<data> 0 4 J 5 fix_padding block_size:512 internal_hash:crc32c meta_device:<meta> recalculate"
	p.make("meta", "0 1024 linear <disk> 0")
	p.make("data", "0 1024 linear <disk> 1024")
	for at := range int64(8) {
		p.write("data", at, string(rune('a'+at)))
	}
	p.wipe("meta", 128)
	p.create("i", "")
	p.load("i", "0 1024 integrity "+params+"\n1024 8 zero", rw)
	p.load("i", "0 2048 integrity "+params, rw)
	p.wipe("meta", 128)
	p.load("i", "0 1024 integrity "+params, rw)
	p.look("i")
	p.resume("i")
	p.await("i", "1024 1024")
	p.look("i")
	p.read("i", 0, 9)
	p.write("i", 1, "B")
	p.read("i", 0, 9)
	p.message("i", 0, "x")
	p.note("# What was changed beneath it.")
	p.removeAll("i")
	p.write("data", 2, "?")
	p.make("i", "0 1024 integrity "+params)
	p.look("i")
	p.read("i", 0, 9)
	p.write("i", 2, "C")
	p.read("i", 0, 9)
	p.load("i", "0 1024 integrity <data> 0 4 B 3 internal_hash:crc32c meta_device:<meta> sectors_per_bit:32768", rw)
	p.resume("i")
	p.look("i")
	p.removeAll("i", "data", "meta")
}
