package dmfake_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/lvm-go/lvm/dm"
)

// legs makes the devices of n legs of 512 sectors, whose metadata are blank.
func (p *player) legs(n int) {
	p.setLegs(n)
	for i := range n {
		meta, data := fmt.Sprint("meta", i), fmt.Sprint("data", i)
		p.wipe(meta, 4)
		for at := range int64(64) {
			_ = p.io(data, p.numberOf(data), make([]byte, block), at*block, true)
		}
	}
}

// happen waits until a device had so many events.
func (p *player) happen(name string, event uint32) {
	for range 250 {
		if info, err := p.m.Status(dm.ByName(name)); err == nil && info.EventNr >= event {
			return
		}
		_ = p.status(name)
		time.Sleep(20 * time.Millisecond)
	}
	p.note("%s never had event %d", name, event)
}

// setLegs makes the devices of n legs as they are.
func (p *player) setLegs(n int) {
	for i := range n {
		p.make(fmt.Sprint("meta", i), fmt.Sprintf("0 64 linear <disk> %d", i*640))
		p.make(fmt.Sprint("data", i), fmt.Sprintf("0 512 linear <disk> %d", i*640+64))
	}
}

// removeLegs removes them.
func (p *player) removeLegs(n int) {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprint("data", i), fmt.Sprint("meta", i))
	}
	p.removeAll(names...)
}

// settle waits until there was an event that tells of the end of what went on in
// the background, and notes the state.
func (p *player) settle(event uint32, text string) {
	p.happen("r", event)
	p.await("r", text)
	p.look("r")
}

// raidLegs are the devices of legs in a table, - - of those that are not there.
func raidLegs(numbers ...int) string {
	words := []string{fmt.Sprint(len(numbers))}
	for _, i := range numbers {
		if i < 0 {
			words = append(words, "- -")
		} else {
			words = append(words, fmt.Sprintf("<meta%d> <data%d>", i, i))
		}
	}
	return strings.Join(words, " ")
}

// playRAID1 makes copies.
func playRAID1(p *player) {
	rw := dm.LoadOptions{}
	const region = "0 512 raid raid1 3 0 region_size 64 "
	reload := func(table string) {
		p.load("r", table, rw)
		p.suspend("r")
		p.resume("r")
	}
	p.legs(3)
	p.note("# What is refused.")
	p.create("r", "")
	for _, table := range []string{
		region + raidLegs(0, -1), region + raidLegs(-1, -1), "0 512 raid raid1 3 0 region_size 60 " + raidLegs(0, 1),
		"0 1024 raid raid1 3 0 region_size 64 " + raidLegs(0, 1), "0 512 raid raid7 3 0 region_size 64 " + raidLegs(0, 1),
		"0 512 raid raid1 5 0 rebuild 2 region_size 64 " + raidLegs(0, 1),
		"0 512 raid raid1 7 0 rebuild 0 rebuild 1 region_size 64 " + raidLegs(0, 1),
		"0 512 raid raid1 3 0 region_size 64 2 <meta0> <data0> <meta1> -",
	} {
		p.load("r", table, rw)
	}
	p.note("# A new one.")
	p.load("r", region+raidLegs(0, 1), rw)
	p.lookAll("meta0", "data0", "r")
	p.message("r", 0, "check")
	p.resume("r")
	p.settle(1, "512/512 idle")
	p.write("r", 1, "a")
	p.write("r", 60, "b")
	for _, name := range []string{"r", "data0", "data1"} {
		p.read(name, 0, 4)
		p.read(name, 58, 64)
	}
	p.note("# Scrubbing.")
	p.message("r", 0, "check")
	p.settle(2, "idle")
	p.write("data1", 2, "x")
	p.message("r", 0, "check")
	p.settle(3, "idle 128")
	p.message("r", 0, "repair")
	p.settle(4, "idle")
	p.message("r", 0, "check")
	p.settle(5, "idle 0")
	p.read("data1", 0, 4)
	p.message("r", 0, "frozen")
	p.await("r", "frozen")
	p.message("r", 0, "idle")
	p.settle(5, "512/512 idle")
	p.message("r", 0, "nonsense")
	p.settle(5, "idle")
	p.note("# Again active.")
	p.removeAll("r")
	p.make("r", region+raidLegs(0, 1))
	p.settle(0, "512/512 idle")
	p.note("# A leg more.")
	p.load("r", region+raidLegs(0, 1, 2), rw)
	p.load("r", "0 512 raid raid1 5 0 rebuild 2 region_size 64 "+raidLegs(0, 1, 2), rw)
	p.lookAll("r")
	p.suspend("r")
	p.resume("r")
	p.settle(1, "512/512 idle")
	p.read("data2", 0, 4)
	reload(region + raidLegs(0, 1, 2))
	p.settle(1, "512/512 idle")
	p.note("# One less for a while.")
	reload(region + raidLegs(0, -1, 2))
	p.settle(1, "512/512 idle")
	p.write("r", 3, "c")
	p.read("r", 0, 4)
	p.read("data1", 0, 4)
	reload(region + raidLegs(0, 1, 2))
	p.settle(1, "512/512 idle")
	p.read("data1", 0, 4)
	p.note("# One fails.")
	p.load("data1", "0 512 error", rw)
	p.suspend("data1")
	p.resume("data1")
	p.write("r", 3, "d")
	p.settle(2, "ADA")
	p.read("r", 0, 4)
	p.load("data1", "0 512 linear <disk> 704", rw)
	p.suspend("data1")
	p.resume("data1")
	p.look("r")
	p.read("data1", 0, 4)
	p.suspend("r")
	p.resume("r")
	p.settle(3, "AAA 512/512 idle")
	p.read("data1", 0, 4)
	p.note("# The last ones.")
	reload(region + raidLegs(2, 1))
	p.settle(3, "512/512 idle")
	p.read("r", 0, 4)
	p.removeAll("r")
	p.create("r", "")
	p.load("r", region+raidLegs(1), rw)
	p.resume("r")
	p.look("r")
	p.read("r", 0, 4)
	p.removeAll("r")
	p.note("# Not to be synced.")
	for i := range 2 {
		p.wipe(fmt.Sprint("meta", i), 4)
	}
	p.write("data0", 0, "m")
	p.make("r", "0 512 raid raid1 4 0 nosync region_size 64 "+raidLegs(0, 1))
	p.settle(0, "512/512 idle")
	p.read("data1", 0, 4)
	p.removeAll("r")
	p.note("# From a volume.")
	for i := range 2 {
		p.wipe(fmt.Sprint("meta", i), 4)
	}
	p.make("r", "0 512 raid raid1 5 0 rebuild 1 region_size 64 "+raidLegs(0, 1))
	p.settle(1, "512/512 idle")
	p.read("data1", 0, 4)
	p.removeAll("r")
	p.note("# Without metadata.")
	p.make("r", "0 512 raid raid1 1 0 2 - <data0> - <data1>")
	p.settle(0, "512/512 idle")
	p.removeAll("r")
	p.removeLegs(3)
}

// playRAID makes arrays of all other kinds.
func playRAID(p *player) {
	rw := dm.LoadOptions{}
	p.legs(5)
	for _, a := range []struct {
		params string
		length int
		legs   int
		lost   []int
	}{
		{"raid0 1 16", 1536, 3, nil},
		{"raid4 3 16 region_size 64", 1024, 3, []int{1}},
		{"raid5_ls 3 16 region_size 64", 1024, 3, []int{1}},
		{"raid5_n 3 16 region_size 64", 1024, 3, []int{0}},
		{"raid6_zr 3 16 region_size 64", 1536, 5, []int{1, 3}},
		{"raid6_n_6 3 16 region_size 64", 1536, 5, []int{0, 4}},
		{"raid10 5 16 region_size 64 raid10_copies 2", 1024, 4, []int{0, 3}},
		{"raid10 5 16 region_size 64 raid10_copies 2", 768, 3, []int{1}},
	} {
		p.note("# %s", a.params)
		for i := range 5 {
			p.wipe(fmt.Sprint("meta", i), 4)
			for at := range int64(64) {
				_ = p.io(fmt.Sprint("data", i), p.numberOf(fmt.Sprint("data", i)), make([]byte, block), at*block, true)
			}
		}
		all := make([]int, a.legs)
		for i := range all {
			all[i] = i
		}
		table := func(legs ...int) string { return fmt.Sprintf("0 %d raid %s %s", a.length, a.params, raidLegs(legs...)) }
		p.create("r", "")
		p.load("r", strings.Replace(table(all...), fmt.Sprintf("0 %d ", a.length), fmt.Sprintf("0 %d ", a.length+8), 1), rw)
		p.load("r", table(all...), rw)
		p.resume("r")
		p.settle(min(uint32(len(a.lost)), 1), "idle")
		for at := range int64(26) {
			p.write("r", at, string(rune('a'+at)))
		}
		letters := func() {
			for i := range a.legs {
				p.read(fmt.Sprint("data", i), 0, 16)
			}
		}
		letters()
		p.read("r", 0, 28)
		p.removeAll("r")
		if a.lost == nil {
			continue
		}
		some := make([]int, a.legs)
		copy(some, all)
		for _, i := range a.lost {
			some[i] = -1
		}
		p.make("r", table(some...))
		p.settle(0, "idle")
		p.read("r", 0, 28)
		p.write("r", 1, "B")
		p.write("r", 5, "F")
		p.write("r", 27, "Z")
		p.read("r", 0, 28)
		letters()
		p.load("r", table(all...), rw)
		p.suspend("r")
		p.resume("r")
		p.settle(0, "idle")
		letters()
		p.message("r", 0, "check")
		p.settle(1, "idle")
		p.removeAll("r")
	}
	p.removeLegs(5)
}

// playReshape gives an array more legs, other chunks, another layout, and fewer
// legs, each time with its data in the other one of two places.
func playReshape(p *player) {
	rw := dm.LoadOptions{}
	const legs = 4
	base := func(i int) int { return i*640 + 64 }
	// shift gives the legs room for a reshape, in front of the data or behind them.
	shift := func(front bool) {
		for i := range legs {
			table := fmt.Sprintf("0 576 linear <disk> %d", base(i))
			if front {
				table = fmt.Sprintf("0 64 linear <disk> %d\n64 512 linear <disk> %d", base(i)+512, base(i))
			}
			p.load(fmt.Sprint("data", i), table, rw)
			p.resume(fmt.Sprint("data", i))
		}
	}
	letters := func() { p.read("r", 0, 40) }
	step := func(table, text string) {
		p.note("# %s", table)
		p.load("r", table, rw)
		p.suspend("r")
		p.resume("r")
		p.settle(0, text)
		letters()
	}
	p.anyEvent = true
	p.legs(legs)
	p.make("r", "0 1024 raid raid5_ls 3 16 region_size 64 "+raidLegs(0, 1, 2))
	p.settle(1, "idle")
	for at := range int64(26) {
		p.write("r", at, string(rune('a'+at)))
	}
	p.load("r", "0 1024 raid raid5_ls 3 32 region_size 64 "+raidLegs(0, 1, 2), rw)
	p.load("r", "0 1024 raid raid5_la 3 16 region_size 64 "+raidLegs(0, 1, 2), rw)
	p.load("r", "0 1536 raid raid5_ls 3 16 region_size 64 "+raidLegs(0, 1, 2, 3), rw)
	p.load("r", "0 1024 raid raid5_ls 5 16 region_size 64 delta_disks 1 "+raidLegs(0, 1, 2), rw)
	shift(false)
	step("0 1536 raid raid5_ls 5 16 rebuild 3 region_size 64 "+raidLegs(0, 1, 2, 3), "512/512 idle")
	shift(true)
	step("0 1536 raid raid5_ls 7 16 region_size 64 delta_disks 1 data_offset 64 "+raidLegs(0, 1, 2, 3), "reshape")
	step("0 1536 raid raid5_ls 3 16 region_size 64 "+raidLegs(0, 1, 2, 3), "512/512 idle")
	p.write("r", 30, "#")
	step("0 1536 raid raid5_ls 5 32 region_size 64 data_offset 64 "+raidLegs(0, 1, 2, 3), "reshape")
	step("0 1536 raid raid5_ls 3 32 region_size 64 "+raidLegs(0, 1, 2, 3), "512/512 idle")
	step("0 1536 raid raid5_n 5 32 region_size 64 data_offset 64 "+raidLegs(0, 1, 2, 3), "reshape")
	step("0 1536 raid raid5_n 3 32 region_size 64 "+raidLegs(0, 1, 2, 3), "512/512 idle")
	step("0 1536 raid raid5_n 7 32 region_size 64 delta_disks -1 data_offset 64 "+raidLegs(0, 1, 2, 3), "reshape")
	step("0 1536 raid raid5_n 3 32 region_size 64 "+raidLegs(0, 1, 2, 3), "512/512 idle")
	step("0 1024 raid raid5_n 3 32 region_size 64 "+raidLegs(0, 1, 2), "idle")
	p.removeAll("r")
	p.make("r", "0 1024 raid raid5_n 3 32 region_size 64 "+raidLegs(0, 1, 2))
	p.settle(0, "idle")
	letters()
	p.removeAll("r")
	p.removeLegs(legs)
}
