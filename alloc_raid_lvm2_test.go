package lvm

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// A raidCase is a group with commands that make and resize raids, and what lvm2
// had after each. testdata/alloc/raid.json has one in each line.
type raidCase struct {
	Seed  uint64
	Alloc string
	PVs   []int // extents
	Steps []raidStep
}

type raidStep struct {
	Op      string // create, extend, reduce, remove
	LV      string
	Type    string   `json:",omitempty"` // empty: linear
	Size    string   `json:",omitempty"` // of -l
	Stripes int      `json:",omitempty"` // 0: not given
	Mirrors int      `json:",omitempty"`
	KiB     int      `json:",omitempty"` // region size; 0: not given
	Alloc   string   `json:",omitempty"`
	PVs     []string `json:",omitempty"`
	Result  []string // the volume and its parts after the step; nil if lvm2 refused it
}

// raidExtent makes the group of a case fit into little memory.
const raidExtent = 64 * KiB

func randomRAIDCase(seed uint64) raidCase {
	r := rand.New(rand.NewPCG(seed, 2))
	pick := func(words string) string { f := strings.Fields(words); return f[r.IntN(len(f))] }
	c := raidCase{Seed: seed, Alloc: pick("normal normal normal cling contiguous")}
	n := 3 + r.IntN(maxLVM2PVs-2)
	for range n {
		c.PVs = append(c.PVs, 16+r.IntN(30))
	}
	if r.IntN(3) == 0 {
		for i := range c.PVs {
			c.PVs[i] = c.PVs[0]
		}
	}
	var live []string
	for i := range 5 + r.IntN(10) {
		s := raidStep{}
		switch k := r.IntN(10); {
		case len(live) == 0 || k < 4:
			s.Op, s.LV = "create", fmt.Sprintf("l%d", i)
			live = append(live, s.LV)
			if r.IntN(4) > 0 {
				s.Type = pick("raid1 raid1 raid1 raid5 raid5 raid4 raid6 raid10 raid0 raid0_meta raid5_n raid6_nc")
			}
			switch {
			case s.Type == "raid1" && r.IntN(2) == 0:
				s.Mirrors = 1 + r.IntN(min(n, 4))
			case s.Type == "raid1" || s.Type == "":
			case r.IntN(2) == 0:
				s.Stripes = 2 + r.IntN(3)
			}
			if s.Type != "" && !strings.HasPrefix(s.Type, "raid0") && r.IntN(5) == 0 {
				s.KiB = 4 << r.IntN(12)
			}
		case k < 7:
			s.Op, s.LV = "extend", live[r.IntN(len(live))]
		case k < 8:
			s.Op, s.LV = "reduce", live[r.IntN(len(live))]
		default:
			j := r.IntN(len(live))
			s.Op, s.LV = "remove", live[j]
			live = slices.Delete(live, j, j+1)
		}
		if s.Op != "remove" {
			most := 1 + r.IntN(20)
			if r.IntN(6) == 0 {
				most = 80
			}
			s.Size = strconv.Itoa(1 + r.IntN(most))
			switch r.IntN(12) {
			case 0:
				s.Size = fmt.Sprintf("%d%%FREE", 1+r.IntN(110))
			case 1:
				s.Size = fmt.Sprintf("%d%%%s", 1+r.IntN(70), pick("VG PVS"))
			}
		}
		if s.Op == "reduce" {
			s.Size = strconv.Itoa(1 + r.IntN(5))
		}
		if s.Op == "create" || s.Op == "extend" {
			if r.IntN(4) == 0 {
				s.Alloc = pick("contiguous cling normal")
			}
			if r.IntN(5) == 0 {
				for _, pv := range r.Perm(n)[:min(n, 2+r.IntN(n))] {
					s.PVs = append(s.PVs, strconv.Itoa(pv))
				}
			}
		}
		c.Steps = append(c.Steps, s)
	}
	return c
}

// script returns the commands for an lvm shell; see lvm2Case.script.
func (c raidCase) script(devices []string) string {
	var b strings.Builder
	for i, extents := range c.PVs {
		fmt.Fprintf(&b, "pvcreate -ff -y -Zy --setphysicalvolumesize %dk %s\n", 1024+64*extents, devices[i])
	}
	fmt.Fprintf(&b, "vgcreate -s 64k --alloc %s v %s\n", c.Alloc, strings.Join(devices[:len(c.PVs)], " "))
	for i, s := range c.Steps {
		switch s.Op {
		case "remove":
			fmt.Fprintf(&b, "lvremove -f v/%s\n", s.LV)
		case "reduce":
			fmt.Fprintf(&b, "lvreduce -f -y -l -%s v/%s\n", s.Size, s.LV)
		case "extend":
			fmt.Fprintf(&b, "lvextend -y -l +%s v/%s", s.Size, s.LV)
		case "create":
			fmt.Fprintf(&b, "lvcreate -y -an -Zn -Wn -n %s -l %s", s.LV, s.Size)
			if s.Type != "" {
				fmt.Fprintf(&b, " --type %s", s.Type)
			}
			if s.Stripes > 0 {
				fmt.Fprintf(&b, " -i %d", s.Stripes)
			}
			if s.Mirrors > 0 {
				fmt.Fprintf(&b, " -m %d", s.Mirrors)
			}
			if s.KiB > 0 {
				fmt.Fprintf(&b, " -R %dk", s.KiB)
			}
		}
		if s.Op == "extend" || s.Op == "create" {
			if s.Alloc != "" {
				fmt.Fprintf(&b, " --alloc %s", s.Alloc)
			}
			if s.Op == "create" {
				b.WriteString(" v")
			}
			for _, pv := range s.PVs {
				n, _ := strconv.Atoi(pv)
				b.WriteString(" " + devices[n])
			}
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "lvs v/step%d_\n", i)
		b.WriteString("lvs -a --noheadings --separator | --units k --nosuffix -o lv_name,segtype,seg_start_pe,seg_size_pe,stripe_size,region_size,devices v\n")
	}
	b.WriteString("lvs v/end_\nvgremove -ff -y v\n")
	return b.String()
}

// read takes the results out of what the shell printed for the script of c.
func (c *raidCase) read(output *bufio.Scanner, devices []string) error {
	var before, lines []string
	step := -1
	finish := func() {
		if step < 0 {
			return
		}
		slices.Sort(lines)
		if !slices.Equal(lines, before) {
			c.Steps[step].Result = c.Steps[step].own(lines)
		}
		before, lines = lines, nil
	}
	for output.Scan() {
		line := strings.TrimSpace(output.Text())
		if mark, ok := strings.CutPrefix(line, `Failed to find logical volume "v/`); ok {
			n := len(c.Steps)
			if _, err := fmt.Sscanf(mark, `step%d_"`, &n); err != nil && mark != `end_"` {
				continue // a command for a volume that lvm2 did not make
			}
			finish()
			if step = n; step >= len(c.Steps) {
				return nil
			}
			continue
		}
		if f := strings.Split(line, "|"); len(f) == 7 {
			lines = append(lines, raidLine(strings.Trim(f[0], "[]"), f[1], f[2], f[3], f[4], f[5], places(f[6], devices)))
		}
	}
	return fmt.Errorf("case %d: output ends at step %d", c.Seed, step)
}

func places(text string, devices []string) string {
	for i, d := range devices {
		text = strings.ReplaceAll(text, d+"(", strconv.Itoa(i)+"(")
	}
	return text
}

func raidLine(name, typ, start, count, stripe, region, places string) string {
	number := func(s string) string { s, _ = strings.CutSuffix(s, ".00"); return s }
	return strings.Join([]string{name, typ, start, count, number(stripe), number(region), places}, "|")
}

// system returns a System in image mode with the group of the case, and the
// policies by name.
func (c raidCase) system(t testing.TB) (*System, map[string]Allocation) {
	names := "abcdefgh"[:len(c.PVs)]
	disks := recorder.New(MiB+raidExtent*Bytes(slices.Max(c.PVs)), strings.Split(names, "")...)
	sys := openDisks(t, disks, 1)
	policies := map[string]Allocation{"contiguous": metadata.AllocContiguous, "cling": metadata.AllocCling, "normal": metadata.AllocNormal, "anywhere": metadata.AllocAnywhere}
	require.NoError(t, sys.Update(context.Background(), "v", func(tx *Tx) error {
		spec := VGSpec{ExtentSize: raidExtent, Allocation: policies[c.Alloc]}
		for i, n := range c.PVs {
			spec.PVs = append(spec.PVs, string(names[i]))
			if err := tx.CreatePV(PVSpec{Device: string(names[i]), Size: MiB + raidExtent*Bytes(n)}); err != nil {
				return err
			}
		}
		return tx.CreateVG(spec)
	}))
	return sys, policies
}

// replay does what c says with this package, and returns how the first step that
// differs from what lvm2 did does.
func (c raidCase) replay(t testing.TB) string {
	names := "abcdefgh"[:len(c.PVs)]
	sys, policies := c.system(t)
	for i, s := range c.Steps {
		err := sys.Update(context.Background(), "v", func(tx *Tx) error { return s.do(tx, names, policies) })
		switch {
		case err != nil && s.Result == nil:
		case err != nil:
			return fmt.Sprintf("case %d step %d %+v: refused here: %v", c.Seed, i, s, err)
		default:
			if sharesPVs(s.Result) {
				return "" // here no physical volume is shared, so that it goes on otherwise
			}
			ours := s.own(raidState(recordOf(t, sys, "v")))
			if s.Result == nil && s.Op != "remove" || !slices.Equal(ours, s.Result) && s.Result != nil {
				result := s.Result
				s.Result = nil
				return fmt.Sprintf("case %d %s %v step %d %+v: here\n%s\nlvm2\n%s", c.Seed, c.Alloc, c.PVs, i, s, linesBut(ours, result), linesBut(result, ours))
			}
		}
	}
	return ""
}

// sharesPVs says whether images of a raid with redundancy are on the same physical
// volume.
func sharesPVs(lines []string) bool {
	safe := map[string]bool{}
	users := map[string]string{}
	for _, l := range lines {
		if f := strings.Split(l, "|"); strings.HasPrefix(f[1], "raid") && !strings.HasPrefix(f[1], "raid0") {
			safe[f[0]] = true
		}
	}
	for _, l := range lines {
		f := strings.Split(l, "|")
		name, number, part := strings.Cut(f[0], "_r")
		pv, _, _ := strings.Cut(f[6], "(")
		if !part || !safe[name] {
			continue
		}
		leg := name + number[strings.LastIndex(number, "_"):]
		if other, ok := users[name+" "+pv]; ok && other != leg {
			return true
		}
		users[name+" "+pv] = leg
	}
	return false
}

// own returns the lines about the volume of the step; not nil.
func (s raidStep) own(lines []string) []string {
	out := []string{}
	for _, l := range lines {
		if strings.HasPrefix(l, s.LV+"|") || strings.HasPrefix(l, s.LV+"_") {
			out = append(out, l)
		}
	}
	return out
}

// linesBut returns the lines that others has not.
func linesBut(lines, others []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return slices.Contains(others, l) }), "\n")
}

func (s raidStep) do(tx *Tx, names string, policies map[string]Allocation) error {
	var pvs []PVSelection
	for _, pv := range s.PVs {
		n, _ := strconv.Atoi(pv)
		pvs = append(pvs, PVSelection{PV: string(names[n])})
	}
	size, err := ParseSize(s.Size)
	if n, perr := strconv.Atoi(s.Size); perr == nil {
		size, err = ExtentCount(Extents(n)), nil
	}
	switch s.Op {
	case "remove":
		return tx.RemoveLV(s.LV)
	case "reduce":
		return joinErrors(err, tx.ReduceLV(s.LV, ReduceSpec{By: size}))
	case "extend":
		return joinErrors(err, tx.ExtendLV(s.LV, ExtendSpec{By: size, PVs: pvs, Allocation: policies[s.Alloc]}))
	}
	if s.Type == "" {
		_, cerr := tx.CreateLV(LVSpec{Name: s.LV, Size: size, PVs: pvs, Allocation: policies[s.Alloc], SkipZero: true})
		return joinErrors(err, cerr)
	}
	_, cerr := tx.CreateRAID(RAIDSpec{
		Name: s.LV, Type: SegmentType(s.Type), Size: size, PVs: pvs, Allocation: policies[s.Alloc], SkipZero: true,
		Stripes: s.Stripes, Mirrors: s.Mirrors, RegionSize: Bytes(s.KiB) * KiB,
	})
	return joinErrors(err, cerr)
}

// raidState returns the volumes of a group as lvs shows them.
func raidState(vg *metadata.VolumeGroup) []string {
	names := map[metadata.ID]string{}
	for i, pv := range vg.PVs {
		names[pv.ID] = strconv.Itoa(i)
	}
	for _, lv := range vg.LVs {
		names[lv.ID] = lv.Name
	}
	lines := map[string]bool{}
	for _, lv := range vg.LVs {
		for _, seg := range lv.Segments {
			var places []string
			for _, a := range seg.Body.Areas() {
				places = append(places, fmt.Sprintf("%s(%d)", names[a.PV]+names[a.LV], a.Start))
			}
			typ, stripe, region := "linear", Sectors(0), Sectors(0)
			if body, ok := seg.Body.(*metadata.RAID); ok {
				typ, stripe, region = seg.Type, body.StripeSize, body.RegionSize
			}
			lines[raidLine(lv.Name, typ, fmt.Sprint(seg.Start), fmt.Sprint(seg.Count), fmt.Sprint(stripe/2), fmt.Sprint(region/2), strings.Join(places, ","))] = true
		}
	}
	return slices.Sorted(maps.Keys(lines))
}
