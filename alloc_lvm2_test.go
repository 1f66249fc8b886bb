package lvm

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
)

// A lvm2Case is a volume group with a sequence of commands, and what lvm2 made
// of each. Its text form is that of testdata/alloc: a line "vg", a line per
// command, and after each command that is not a removal a line "=" per segment
// of the logical volume, or one line "!" if lvm2 refused.
type lvm2Case struct {
	Seed  uint64
	Alloc string // the group's policy
	Cling string // cling_tag_list, comma separated; empty: none
	PVs   []lvm2PV
	Steps []lvm2Step
}

type lvm2PV struct {
	Extents uint64
	Tag     string
	Closed  bool // not allocatable
}

type lvm2Step struct {
	Op      string // create, extend, remove
	LV      string
	Size    string // of -l
	Stripes int
	KiB     int    // stripe size
	Alloc   string // of --alloc; empty: not given
	PVs     []string
	Failed  bool
	Skipped bool // lvm2 refused the arguments as such
	Result  []lvm2Segment
}

type lvm2Segment struct {
	Count   uint64
	Sectors uint64 // stripe size
	Areas   []lvm2Area
}

type lvm2Area struct {
	PV    int
	Start uint64
}

const maxLVM2PVs = 8

// randomLVM2Case makes up a case.
func randomLVM2Case(seed uint64) lvm2Case {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(words string) string { f := strings.Fields(words); return f[r.IntN(len(f))] }
	c := lvm2Case{Seed: seed, Alloc: pick("normal normal normal normal cling anywhere contiguous")}
	if r.IntN(6) == 0 {
		c.Cling = pick("@x @* @x,@y")
	}
	n := 1 + r.IntN(maxLVM2PVs-1)
	// Few sizes in a group make ties, many make differences.
	span := 1 + r.IntN(40)
	for range n {
		pv := lvm2PV{Extents: uint64(5 + r.IntN(30) + r.IntN(span)), Closed: r.IntN(25) == 0}
		if c.Cling != "" && r.IntN(3) > 0 {
			pv.Tag = pick("x y z")
		}
		c.PVs = append(c.PVs, pv)
	}
	if r.IntN(3) == 0 {
		for i := range c.PVs {
			c.PVs[i].Extents = c.PVs[0].Extents
		}
	}
	var live []string
	for i := range 6 + r.IntN(20) {
		s := lvm2Step{Stripes: 1, KiB: 64}
		switch k := r.IntN(10); {
		case len(live) == 0 || k < 4:
			s.Op, s.LV = "create", fmt.Sprintf("l%d", i)
			live = append(live, s.LV)
		case k < 7:
			s.Op, s.LV = "extend", live[r.IntN(len(live))]
		default:
			j := r.IntN(len(live))
			s.Op, s.LV = "remove", live[j]
			live = append(live[:j], live[j+1:]...)
			c.Steps = append(c.Steps, s)
			continue
		}
		if r.IntN(2) == 0 {
			s.Stripes = 1 + r.IntN(min(n, 4))
		}
		if r.IntN(8) == 0 {
			s.KiB = 32
		}
		most := 1 + r.IntN(12)
		if r.IntN(6) == 0 {
			most = 60
		}
		s.Size = strconv.Itoa(1 + r.IntN(most))
		switch r.IntN(16) {
		case 0:
			s.Size = fmt.Sprintf("%d%%FREE", 1+r.IntN(1+r.IntN(120)))
		case 1:
			s.Size = fmt.Sprintf("%d%%%s", 1+r.IntN(60), pick("VG PVS"))
		case 2:
			if s.Op == "extend" {
				s.Size = fmt.Sprintf("%d%%LV", 1+r.IntN(100))
			}
		}
		if s.Op == "extend" {
			s.Size = "+" + s.Size
		}
		if r.IntN(3) == 0 {
			s.Alloc = pick("contiguous cling normal normal anywhere anywhere inherit")
		}
		if r.IntN(5) == 0 {
			for _, pv := range r.Perm(n)[:1+r.IntN(n)] {
				s.PVs = append(s.PVs, strconv.Itoa(pv)+randomRanges(r, int(c.PVs[pv].Extents)))
			}
		}
		c.Steps = append(c.Steps, s)
	}
	return c
}

func randomRanges(r *rand.Rand, extents int) string {
	if r.IntN(2) == 0 {
		return ""
	}
	var b strings.Builder
	at := r.IntN(extents)
	for range 1 + r.IntN(3) {
		end := at + r.IntN(8)
		if end >= extents {
			break
		}
		fmt.Fprintf(&b, ":%d-%d", at, end)
		at = end + 1 + r.IntN(5)
	}
	return b.String()
}

// script returns the commands for an lvm shell. Before what lvm2 says of a step
// it asks for a logical volume that is not there, so that the complaint marks
// the place.
func (c lvm2Case) script(devices []string) string {
	var b strings.Builder
	config := ""
	if c.Cling != "" {
		config = fmt.Sprintf(" --config 'allocation/cling_tag_list=[\"%s\"]'", strings.ReplaceAll(c.Cling, ",", `","`))
	}
	for i, pv := range c.PVs {
		// 1 MiB in front of the first extent; the extents are of 1 MiB.
		fmt.Fprintf(&b, "pvcreate -ff -y -Zy --dataalignment 1m --setphysicalvolumesize %dm %s\n", pv.Extents+1, devices[i])
	}
	fmt.Fprintf(&b, "vgcreate -s 1m --alloc %s v %s\n", c.Alloc, strings.Join(devices[:len(c.PVs)], " "))
	for i, pv := range c.PVs {
		if pv.Tag != "" {
			fmt.Fprintf(&b, "pvchange --addtag %s %s\n", pv.Tag, devices[i])
		}
		if pv.Closed {
			fmt.Fprintf(&b, "pvchange -xn %s\n", devices[i])
		}
	}
	for i, s := range c.Steps {
		if s.Op == "remove" {
			fmt.Fprintf(&b, "lvremove -f v/%s\n", s.LV)
			continue
		}
		if s.Op == "create" {
			fmt.Fprintf(&b, "lvcreate -an -Zn -Wn -y -n %s -l %s", s.LV, s.Size)
		} else {
			fmt.Fprintf(&b, "lvextend -l %s", s.Size)
		}
		fmt.Fprintf(&b, " -i %d", s.Stripes)
		if s.Stripes > 1 {
			fmt.Fprintf(&b, " -I %dk", s.KiB)
		}
		if s.Alloc != "" {
			fmt.Fprintf(&b, " --alloc %s", s.Alloc)
		}
		b.WriteString(config + " v")
		if s.Op == "extend" {
			b.WriteString("/" + s.LV)
		}
		for _, pv := range s.PVs {
			number, ranges, ranged := strings.Cut(pv, ":")
			i, _ := strconv.Atoi(number)
			b.WriteString(" " + devices[i])
			if ranged {
				b.WriteString(":" + ranges)
			}
		}
		fmt.Fprintf(&b, "\nlvs v/step%d_\n", i)
		fmt.Fprintf(&b, "lvs --noheadings --separator | --units s --nosuffix -o seg_start_pe,seg_size_pe,stripe_size,devices v/%s\n", s.LV)
	}
	b.WriteString("lvs v/end_\nvgremove -ff -y v\n")
	return b.String()
}

// read takes the results out of what the shell printed for the script of c.
func (c *lvm2Case) read(output *bufio.Scanner, devices []string) error {
	before := make(map[string]string)
	var lines []string
	step, refused := -1, false
	finish := func() {
		if step < 0 {
			return
		}
		s := &c.Steps[step]
		text := strings.Join(lines, "\n")
		s.Failed = text == before[s.LV]
		before[s.LV] = text
		for _, l := range lines {
			f := strings.Split(l, "|")
			seg := lvm2Segment{}
			seg.Count, _ = strconv.ParseUint(f[1], 10, 64)
			seg.Sectors, _ = strconv.ParseUint(f[2], 10, 64)
			for _, a := range strings.Split(f[3], ",") {
				device, start, _ := strings.Cut(strings.TrimSuffix(a, ")"), "(")
				area := lvm2Area{PV: slices.Index(devices, device)}
				area.Start, _ = strconv.ParseUint(start, 10, 64)
				seg.Areas = append(seg.Areas, area)
			}
			s.Result = append(s.Result, seg)
		}
		lines = nil
	}
	for output.Scan() {
		line := strings.TrimSpace(output.Text())
		if mark, ok := strings.CutPrefix(line, `Failed to find logical volume "v/`); ok {
			if mark == `end_"` {
				finish()
				return nil
			}
			var n int
			if _, err := fmt.Sscanf(mark, `step%d_"`, &n); err == nil && n < len(c.Steps) {
				finish()
				step = n
				c.Steps[n].Skipped, refused = refused, false
			}
			continue
		}
		if strings.Contains(line, "must not exceed number of physical volumes") {
			refused = true
		}
		if strings.Count(line, "|") == 3 {
			lines = append(lines, line)
		}
	}
	return fmt.Errorf("case %d: output ends at step %d", c.Seed, step)
}

// String prints c as testdata/alloc has it.
func (c lvm2Case) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "vg %d %s", c.Seed, c.Alloc)
	if c.Cling != "" {
		b.WriteString(" " + c.Cling)
	}
	b.WriteString("\npv")
	for _, pv := range c.PVs {
		fmt.Fprintf(&b, " %d%s", pv.Extents, pv.Tag)
		if pv.Closed {
			b.WriteString("!")
		}
	}
	b.WriteString("\n")
	for _, s := range c.Steps {
		if s.Skipped {
			continue
		}
		b.WriteString(s.Op + " " + s.LV)
		if s.Op != "remove" {
			fmt.Fprintf(&b, " %s %d", s.Size, s.Stripes)
			if s.Stripes > 1 {
				fmt.Fprintf(&b, "x%dk", s.KiB)
			}
			if s.Alloc != "" {
				b.WriteString(" " + s.Alloc)
			}
			for _, pv := range s.PVs {
				b.WriteString(" @" + pv)
			}
		}
		b.WriteString("\n")
		if s.Failed {
			b.WriteString("!\n")
			continue
		}
		for _, seg := range s.Result {
			fmt.Fprintf(&b, "= %d", seg.Count)
			if seg.Sectors > 0 {
				fmt.Fprintf(&b, " %ds", seg.Sectors)
			}
			for _, a := range seg.Areas {
				fmt.Fprintf(&b, " %d:%d", a.PV, a.Start)
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}
