package dmfake_test

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/lvm-go/lvm/dm"
)

// numberOf returns the device that has a name.
func (p *player) numberOf(name string) dm.Dev {
	for d, n := range p.devs {
		if n == name {
			return d
		}
	}
	return 0
}

// make creates a device with a live table.
func (p *player) make(name, table string) {
	p.create(name, "")
	p.load(name, table, dm.LoadOptions{})
	p.resume(name)
}

const block = 4096

// write fills a block of a device with a letter, read notes the letter.
func (p *player) write(name string, at int64, letter string) {
	err := p.io(name, p.numberOf(name), bytes.Repeat([]byte(letter), block), at*block, true)
	p.note("write %s of %s: %s", letter, name, outcome(err))
}

func (p *player) read(name string, from, to int64) {
	var text strings.Builder
	for at := from; at < to; at++ {
		b := make([]byte, block)
		switch err := p.io(name, p.numberOf(name), b, at*block, false); {
		case err != nil:
			text.WriteString("!")
		case len(bytes.TrimRight(b, string(b[0]))) > 0:
			text.WriteString("?")
		case b[0] == 0:
			text.WriteString(".")
		default:
			text.WriteByte(b[0])
		}
	}
	p.note("read %s: %s", name, &text)
}

func outcome(err error) string {
	if err != nil {
		return "fails"
	}
	return "done"
}

// await waits until the status of a device has a text.
func (p *player) await(name, text string) {
	for range 250 {
		if strings.Contains(p.status(name), text) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.note("the status of %s never was %s", name, text)
}

func (p *player) status(name string) string {
	_, lines, _ := p.m.TargetStatus(dm.ByName(name), dm.QueryOptions{})
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(l.Status + "\n")
	}
	return b.String()
}

// lookAll writes down all about devices.
func (p *player) lookAll(names ...string) {
	for _, name := range names {
		p.look(name)
	}
}

// removeAll removes devices, the upper ones first.
func (p *player) removeAll(names ...string) {
	for _, name := range names {
		p.remove(name, false)
		for d, n := range p.devs {
			if n == name {
				delete(p.devs, d)
			}
		}
	}
	p.list()
}

// playSnapshots makes an origin with snapshots as LVM2 does, and merges one.
func playSnapshots(p *player) {
	rw := dm.LoadOptions{}
	p.note("# A volume gets a snapshot.")
	p.make("org", "0 1024 linear <disk> 0")
	for i := range int64(8) {
		p.write("org", i, "a")
	}
	p.create("real", "")
	p.load("real", "0 1024 linear <disk> 0", rw)
	p.load("org", "0 1024 snapshot-origin <real>", rw)
	p.make("cow1", "0 512 linear <disk> 2048")
	p.create("snap1", "")
	p.load("snap1", "0 1024 snapshot <real> <cow1> P 8", rw)
	p.lookAll("real", "org", "cow1", "snap1")
	p.suspend("org")
	p.suspend("real")
	p.resume("real")
	p.resume("snap1")
	p.resume("org")
	p.lookAll("real", "org", "cow1", "snap1")
	p.write("org", 0, "b")
	p.write("org", 1, "b")
	p.write("org", 1, "c")
	p.write("snap1", 2, "s")
	p.read("org", 0, 8)
	p.read("snap1", 0, 8)
	p.look("snap1")

	p.note("# A second one.")
	p.make("cow2", "0 64 linear <disk> 3584")
	p.create("snap2", "")
	p.load("snap2", "0 1024 snapshot <real> <cow2> P 8", rw)
	for _, name := range []string{"org", "snap1", "real", "cow1"} {
		p.suspend(name)
	}
	for _, name := range []string{"real", "cow1", "snap1", "snap2", "org"} {
		p.resume(name)
	}
	p.lookAll("real", "snap1", "snap2")
	p.write("org", 3, "d")
	p.read("org", 0, 8)
	p.read("snap1", 0, 8)
	p.read("snap2", 0, 8)
	p.remove("real", false)
	p.remove("cow1", false)
	p.remove("cow2", false)

	p.note("# Which overflows.")
	for i := int64(8); i < 16; i++ {
		p.write("org", i, "e")
	}
	p.lookAll("snap1", "snap2")
	p.read("snap2", 0, 1)
	p.write("snap2", 0, "x")
	p.suspend("snap2")
	p.resume("snap2")
	p.look("snap2")
	p.read("org", 0, 16)
	p.read("snap1", 0, 16)

	p.note("# The store of the first grows.")
	p.load("cow1", "0 768 linear <disk> 2048", rw)
	p.suspend("cow1")
	p.resume("cow1")
	p.look("snap1")

	p.note("# An invalid store stays so.")
	p.remove("snap2", false)
	p.make("snap2", "0 1024 snapshot <real> <cow2> P 8")
	p.look("snap2")
	p.removeAll("snap2", "cow2")

	p.note("# The first is merged.")
	p.load("org", "0 1024 snapshot-merge <real> <cow1> P 8", rw)
	p.load("snap1", "0 1024 error", rw)
	p.lookAll("real", "org", "cow1", "snap1")
	p.resume("org")
	p.look("org")
	for _, name := range []string{"org", "snap1", "real", "cow1"} {
		p.suspend(name)
	}
	for _, name := range []string{"real", "cow1", "org"} {
		p.resume(name)
	}
	p.lookAll("real", "cow1", "snap1")
	p.resume("snap1")
	p.await("org", "16/768")
	p.lookAll("real", "org", "cow1", "snap1")
	p.read("org", 0, 16)
	p.write("org", 0, "m")
	p.load("org", "0 1024 linear <disk> 0", rw)
	p.resume("org")
	p.lookAll("real", "cow1")
	p.read("org", 0, 16)
	p.removeAll("snap1", "cow1", "real", "org")
}

// playSnapshotRules tries what the kernel refuses.
func playSnapshotRules(p *player) {
	rw := dm.LoadOptions{}
	p.make("real", "0 1024 linear <disk> 0")
	p.make("cow", "0 512 linear <disk> 2048")
	blank := func() {
		p.write("cow", 0, "\x00")
		p.write("cow", 1, "\x00")
	}
	try := func(table string) {
		p.load("s", table, rw)
		p.look("s")
		p.clear("s")
		blank()
	}
	p.create("s", "")
	p.note("# Chunks and features.")
	for _, params := range []string{"P 0", "P 1", "P 3", "P 7", "P 15", "P 256", "PO 8", "N 8", "P 8 1 discard_zeroes_cow", "P 8 1 discard_passdown_origin"} {
		try("0 1024 snapshot <real> <cow> " + params)
	}
	p.load("s", "0 1024 snapshot <real> <cow> P 16", rw)
	p.clear("s")
	p.load("s", "0 1024 snapshot <real> <cow> P 8", rw)
	p.look("s")
	p.clear("s")
	p.write("cow", 0, "g")
	p.load("s", "0 1024 snapshot <real> <cow> P 8", rw)
	blank()
	try("0 1024 snapshot <real> <cow> P 512")
	try("0 1024 snapshot <real> <real> P 8")
	try("0 1024 snapshot-origin <none>")
	p.note("# Devices without a live table.")
	p.create("bare", "")
	p.load("s", "0 1024 snapshot <real> <bare> P 8", rw)
	p.load("bare", "0 1024 linear <disk> 0", rw)
	p.load("s", "0 1024 snapshot <real> <bare> P 8", rw)
	try("0 1024 snapshot <bare> <cow> P 8")
	try("0 2048 snapshot <bare> <cow> P 8")
	try("0 2048 snapshot-origin <bare>")
	p.remove("bare", false)
	p.note("# Larger than the origin.")
	p.load("s", "0 2048 snapshot <real> <cow> P 8", rw)
	p.resume("s")
	p.look("s")
	blank()
	p.load("s", "0 1024 snapshot <real> <cow> P 8", rw)
	p.resume("s")
	p.make("org", "0 512 snapshot-origin <real>")
	p.load("org", "0 2048 snapshot-origin <real>", rw)
	p.resume("org")
	p.resume("org")
	p.look("org")

	p.note("# Who takes a store over.")
	p.load("s", "0 1024 snapshot <real> <cow> P 8", rw)
	p.look("s")
	p.load("s", "0 1024 snapshot <real> <cow> P 8", rw)
	p.load("org", "0 1024 snapshot-merge <real> <cow> P 8", rw)
	p.resume("s")
	p.look("s")
	p.load("org", "0 1024 snapshot-merge <real> <cow> P 8", rw)
	p.load("org", "0 1024 snapshot-merge <real> <cow> P 8", rw)
	p.clear("org")
	p.load("org", "0 1024 snapshot-merge <real> <cow> P 8", rw)
	p.suspend("s")
	p.resume("s")
	p.look("s")
	p.resume("org")
	p.lookAll("org", "s", "real", "cow")
	p.resume("s")
	p.look("s")

	p.note("# Two at once.")
	p.make("cow2", "0 512 linear <disk> 2560")
	p.make("s2", "0 1024 snapshot <real> <cow2> P 8")
	p.create("org2", "")
	p.load("org2", "0 1024 snapshot-merge <real> <cow2> P 8", rw)
	p.look("org2")
	p.removeAll("org2", "s", "s2", "org")

	p.note("# The one that has it goes first.")
	blank()
	p.make("org", "0 1024 snapshot-origin <real>")
	p.make("s", "0 1024 snapshot <real> <cow> P 8")
	p.load("org", "0 1024 snapshot-merge <real> <cow> P 8", rw)
	p.remove("s", false)
	p.look("org")
	p.resume("org")
	p.look("org")
	p.removeAll("org")

	p.note("# A merge from the start.")
	p.make("org", "0 1024 snapshot-origin <real>")
	p.make("s", "0 1024 snapshot <real> <cow> P 8")
	for i := range int64(4) {
		p.write("s", i, "s")
	}
	p.removeAll("s", "org")
	p.make("org", "0 1024 snapshot-merge <real> <cow> P 8")
	p.await("org", "16/512")
	p.look("org")
	p.read("real", 0, 8)
	p.removeAll("org", "cow", "cow2", "real")
}

// playMirrors makes mirrors, and moves a volume as LVM2 does.
func playMirrors(p *player) {
	rw := dm.LoadOptions{}
	p.note("# What is refused.")
	p.create("m", "")
	for _, params := range []string{
		"core 1 512 1 <disk> 0", "core 1 500 2 <disk> 0 <disk> 2048", "core 1 1 2 <disk> 0 <disk> 2048", "core 1 2048 2 <disk> 0 <disk> 2048",
		"core 1 512 2 <disk> 0 <disk> 2048 1 keep_log", "core 1 512 2 <disk> 0 <disk> 4000", "core 1 512 2 <disk> 0 <none> 0",
		"core 1 512" + " 10" + strings.Repeat(" <disk> 0", 10),
	} {
		p.load("m", "0 1024 mirror "+params, rw)
	}
	for _, params := range []string{
		"core 1 2 2 <disk> 0 <disk> 2048", "core 2 512 nosync 2 <disk> 0 <disk> 2048", "core 2 512 sync 2 <disk> 0 <disk> 2048",
		"core 1 512 2 <disk> 0 <disk> 2048 2 handle_errors keep_log", "core 1 512" + " 9" + strings.Repeat(" <disk> 0", 9),
		"core 1 1024 3 <disk> 0 <disk> 1024 <disk> 2048",
	} {
		p.load("m", "0 1024 mirror "+params, rw)
		p.look("m")
	}
	p.removeAll("m")

	p.note("# A volume is moved.")
	p.make("a", "0 1024 linear <disk> 0")
	for i := range int64(16) {
		p.write("a", i, fmt.Sprintf("%c", 'a'+i))
	}
	p.create("move", "")
	p.load("move", "0 512 mirror core 1 64 2 <disk> 0 <disk> 2048\n512 512 linear <disk> 512", rw)
	p.load("a", "0 512 linear <move> 0\n512 512 linear <move> 512", rw)
	p.lookAll("a", "move")
	p.suspend("a")
	p.resume("move")
	p.resume("a")
	p.await("move", "8/8")
	p.lookAll("a", "move")
	p.write("a", 2, "X")
	p.remove("move", false)
	p.load("move", "0 512 linear <disk> 2048\n512 512 linear <disk> 512", rw)
	p.suspend("move")
	p.resume("move")
	p.read("a", 0, 16)
	p.look("move")
	p.load("a", "0 512 linear <disk> 2048\n512 512 linear <disk> 512", rw)
	p.load("move", "0 1024 error", rw)
	p.suspend("a")
	p.suspend("move")
	p.resume("move")
	p.resume("a")
	p.lookAll("a", "move")
	p.read("a", 0, 16)
	p.removeAll("move", "a")
}

// playMirrorLog keeps what is in sync on a disk.
func playMirrorLog(p *player) {
	rw := dm.LoadOptions{}
	p.anyEvent = true // that all is in sync comes before a resume has ended, or after
	const params = "disk 2 <log> 64 2 <one> 0 <two> 0"
	p.make("one", "0 512 linear <disk> 0")
	p.make("two", "0 512 linear <disk> 1024")
	p.make("log", "0 16 linear <disk> 2048")
	p.wipe("log", 2)
	for i := range int64(8) {
		p.write("one", i, "a")
	}
	p.create("m", "")
	p.load("m", "0 512 mirror "+params, rw)
	p.look("m")
	p.resume("m")
	p.await("m", "8/8")
	p.happen("m", 1)
	p.look("m")
	p.read("two", 0, 9)
	p.removeAll("m")
	p.write("two", 1, "x")
	p.note("# It knows that.")
	p.make("m", "0 512 mirror "+params)
	p.happen("m", 1)
	p.look("m")
	p.read("two", 0, 9)
	p.note("# All over again.")
	p.load("m", "0 512 mirror disk 3 <log> 64 sync 2 <one> 0 <two> 0", rw)
	p.resume("m")
	p.await("m", "8/8")
	p.read("two", 0, 9)
	p.removeAll("m")
	p.note("# Larger.")
	p.write("two", 1, "x")
	p.load("one", "0 1024 linear <disk> 0", rw)
	p.resume("one")
	p.load("two", "0 1024 linear <disk> 1024", rw)
	p.resume("two")
	p.write("one", 100, "b")
	p.make("m", "0 1024 mirror "+params)
	p.await("m", "16/16")
	p.read("two", 0, 3)
	p.read("two", 99, 102)
	p.note("# Without sync.")
	p.removeAll("m")
	p.wipe("log", 2)
	p.make("m", "0 1024 mirror disk 3 <log> 64 nosync 2 <one> 0 <two> 0")
	p.look("m")
	p.note("# A leg fails.")
	p.load("two", "0 1024 error", rw)
	p.resume("two")
	p.write("m", 0, "c")
	p.read("m", 0, 3)
	p.await("m", "15/16")
	p.look("m")
	p.load("one", "0 1024 error", rw)
	p.resume("one")
	p.read("m", 8, 9)
	p.removeAll("m", "one", "two", "log")
}
