package dmfake_test

import "github.com/lvm-go/lvm/dm"

// chunkBlocks is how many blocks there are in a chunk of 64 KiB.
const chunkBlocks = 16

// wipe empties the first blocks of a device.
func (p *player) wipe(name string, n int64) {
	for i := range n {
		p.write(name, i, "\x00")
	}
}

// playThin makes a pool with volumes and snapshots.
func playThin(p *player) {
	rw := dm.LoadOptions{}
	p.note("# A pool.")
	p.make("meta", "0 512 linear <disk> 0")
	p.make("data", "0 2048 linear <disk> 512")
	p.wipe("meta", 1)
	p.create("pool", "")
	p.load("pool", "0 2048 thin-pool <meta> <data> 128 0", rw)
	p.lookAll("meta", "data", "pool")
	p.create("thin", "")
	p.load("thin", "0 4096 thin <pool> 1", rw)
	p.message("pool", 0, "create_thin 1")
	p.resume("pool")
	p.look("pool")
	p.load("thin", "0 4096 thin <pool> 1", rw)
	p.message("pool", 0, "create_thin 1")
	p.message("pool", 0, "create_thin 1")
	p.message("pool", 0, "create_thin 16777216")
	p.message("pool", 0, "create_thin x")
	p.message("pool", 0, "create_thin")
	p.message("pool", 0, "create_thin 2 3")
	p.message("pool", 0, "create_snap 2 3")
	p.message("pool", 0, "create_snap 1 1")
	p.message("pool", 0, "nonsense")
	p.message("pool", 2048, "create_thin 9")
	p.message("pool", 0, "delete 4")
	p.message("pool", 0, "set_transaction_id 3 4")
	p.message("pool", 0, "set_transaction_id 0 1")
	p.look("pool")

	p.note("# A volume.")
	p.load("thin", "0 4096 thin <pool> 7", rw)
	p.load("thin", "0 4096 thin <pool> 1 <pool>", rw)
	p.load("thin", "0 4096 thin <pool> 1", rw)
	p.lookAll("pool", "thin")
	p.message("pool", 0, "delete 1")
	p.resume("thin")
	p.lookAll("pool", "thin")
	p.message("thin", 0, "create_thin 1")
	p.message("pool", 0, "delete 1")
	p.read("thin", 0, 4)
	p.write("thin", 1, "a")
	p.write("thin", chunkBlocks*3, "b")
	p.read("thin", 0, 4)
	p.read("thin", chunkBlocks*3, chunkBlocks*3+4)
	p.look("thin")

	p.note("# A snapshot.")
	p.suspend("thin")
	p.message("pool", 0, "create_snap 2 1")
	p.resume("thin")
	p.make("snap", "0 4096 thin <pool> 2")
	p.lookAll("thin", "snap")
	p.write("thin", 1, "c")
	p.write("snap", chunkBlocks*3+1, "s")
	p.write("snap", chunkBlocks*5, "t")
	for _, name := range []string{"thin", "snap"} {
		p.read(name, 0, 4)
		p.read(name, chunkBlocks*3, chunkBlocks*3+4)
		p.read(name, chunkBlocks*5, chunkBlocks*5+4)
	}
	p.lookAll("pool", "thin", "snap")
	p.message("pool", 0, "reserve_metadata_snap")
	p.message("pool", 0, "reserve_metadata_snap")
	p.message("pool", 0, "release_metadata_snap")
	p.message("pool", 0, "release_metadata_snap")

	p.note("# After all was inactive.")
	p.removeAll("snap", "thin")
	p.message("pool", 0, "set_transaction_id 1 2")
	p.remove("meta", false)
	p.removeAll("pool", "data", "meta")
	p.make("meta", "0 512 linear <disk> 0")
	p.make("data", "0 2048 linear <disk> 512")
	p.make("pool", "0 2048 thin-pool <meta> <data> 128 0 1 no_discard_passdown")
	p.make("thin", "0 4096 thin <pool> 1")
	p.make("snap", "0 4096 thin <pool> 2")
	for _, name := range []string{"thin", "snap"} {
		p.read(name, 0, 4)
		p.read(name, chunkBlocks*3, chunkBlocks*3+4)
		p.read(name, chunkBlocks*5, chunkBlocks*5+4)
	}
	p.lookAll("pool", "thin", "snap")
	p.removeAll("thin")
	p.message("pool", 0, "delete 1")
	p.read("snap", 0, 4)
	p.lookAll("pool", "snap")
	p.removeAll("snap", "pool", "data", "meta")
}

// playThinSpace lets pools run out of space, grow and shrink.
func playThinSpace(p *player) {
	rw := dm.LoadOptions{}
	p.make("meta", "0 256 linear <disk> 0")
	p.make("data", "0 512 linear <disk> 512")
	p.wipe("meta", 1)
	p.note("# Without space.")
	p.make("pool", "0 512 thin-pool <meta> <data> 128 2 1 error_if_no_space")
	p.message("pool", 0, "create_thin 1")
	p.message("pool", 0, "create_thin 2")
	p.make("thin", "0 4096 thin <pool> 1")
	for i := range int64(6) {
		p.write("thin", i*chunkBlocks, "a")
		p.look("pool")
	}
	p.write("thin", 1, "b")
	p.read("thin", 0, 4)
	p.read("thin", 5*chunkBlocks, 5*chunkBlocks+4)
	p.message("pool", 0, "create_thin 3")
	p.look("pool")

	p.note("# The data grows.")
	p.load("data", "0 768 linear <disk> 512", rw)
	p.suspend("data")
	p.resume("data")
	p.load("pool", "0 768 thin-pool <meta> <data> 128 0 1 error_if_no_space", rw)
	p.look("pool")
	p.suspend("pool")
	p.resume("pool")
	p.look("pool")
	p.write("thin", 5*chunkBlocks, "c")
	p.look("pool")

	p.note("# The metadata grows.")
	p.load("meta", "0 512 linear <disk> 0", rw)
	p.suspend("meta")
	p.resume("meta")
	p.load("pool", "0 768 thin-pool <meta> <data> 128 0", rw)
	p.suspend("pool")
	p.resume("pool")
	p.look("pool")

	p.note("# Volumes go, and free it.")
	p.message("pool", 0, "create_thin 4")
	p.write("thin", 6*chunkBlocks, "d")
	p.look("pool")
	p.removeAll("thin")
	p.message("pool", 0, "delete 1")
	p.look("pool")
	p.make("thin", "0 4096 thin <pool> 2")
	p.write("thin", 0, "e")
	p.look("pool")

	p.note("# Shrinking is refused.")
	p.load("pool", "0 512 thin-pool <meta> <data> 128 0", rw)
	p.look("pool")
	p.resume("pool")
	p.look("pool")
	p.load("thin", "0 4096 thin <pool> 4", rw)
	p.load("pool", "0 768 thin-pool <meta> <data> 128 0", rw)
	p.resume("pool")
	p.look("pool")
	p.read("thin", 0, 4)

	p.note("# Other tables.")
	for _, table := range []string{
		"0 768 thin-pool <meta> <data> 64 0", "0 768 thin-pool <meta> <data> 192 0", "0 768 thin-pool <meta> <data> 256 0",
		"0 768 thin-pool <meta> <meta> 128 0", "0 768 thin-pool <data> <meta> 128 0", "0 768 thin-pool <meta> <disk> 128 0",
		"0 768 thin-pool <meta> <data> 128 0 1 ignore_discard", "0 768 thin-pool <meta> <data> 128 0\n768 8 zero", "0 768 zero",
		"0 768 error", "0 1024 thin-pool <meta> <data> 128 0",
	} {
		p.load("pool", table, rw)
	}
	p.clear("pool")
	p.create("pool2", "")
	p.load("pool2", "0 768 thin-pool <meta> <data> 128 0", rw)
	p.load("thin", "0 4096 thin <data> 1", rw)
	p.suspend("pool")
	p.load("thin", "0 4096 thin <pool> 2", rw)
	p.resume("pool")

	p.note("# Read-only.")
	p.load("pool", "0 768 thin-pool <meta> <data> 128 0 3 read_only skip_block_zeroing no_discard_passdown", rw)
	p.resume("pool")
	p.look("pool")
	p.write("thin", 1, "f")
	p.write("thin", 2*chunkBlocks, "f")
	p.message("pool", 0, "create_thin 5")
	p.load("pool", "0 768 thin-pool <meta> <data> 128 0", rw)
	p.resume("pool")
	p.look("pool")
	p.write("thin", 2*chunkBlocks, "f")
	p.look("thin")
	p.removeAll("thin", "pool2", "pool")

	p.note("# Metadata of another kind.")
	p.write("meta", 0, "x")
	p.create("pool", "")
	p.load("pool", "0 768 thin-pool <meta> <data> 128 0", rw)
	p.create("bare", "")
	p.load("pool", "0 768 thin-pool <bare> <data> 128 0", rw)
	p.load("bare", "0 256 linear <disk> 0", rw)
	p.load("pool", "0 768 thin-pool <bare> <data> 128 0", rw)
	p.removeAll("pool", "bare", "meta", "data")
}

// playThinExternal makes a volume whose origin is no volume of the pool.
func playThinExternal(p *player) {
	p.make("meta", "0 256 linear <disk> 0")
	p.make("data", "0 1024 linear <disk> 512")
	p.make("org", "0 200 linear <disk> 3000")
	p.wipe("meta", 1)
	for i := range int64(25) {
		p.write("org", i, "o")
	}
	p.make("pool", "0 1024 thin-pool <meta> <data> 128 0")
	p.message("pool", 0, "create_thin 1")
	p.make("thin", "0 512 thin <pool> 1 <org>")
	p.lookAll("org", "thin")
	p.read("thin", 0, 40)
	p.write("thin", 1, "a")
	p.write("thin", 17, "b")
	p.write("thin", 40, "c")
	p.read("thin", 0, 48)
	p.look("thin")
	p.suspend("thin")
	p.message("pool", 0, "create_snap 2 1")
	p.resume("thin")
	p.make("snap", "0 512 thin <pool> 2 <org>")
	p.write("snap", 2, "s")
	p.read("snap", 0, 48)
	p.read("thin", 0, 48)
	p.removeAll("snap", "thin", "pool", "org", "data", "meta")
}
