package lvm

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// A scenario is a sequence of operations, each of which lvm2 and we can do. It
// is run by lvm2 alone, by us alone, and by both in turn; after each step disks
// and kernel have to be the same every time.
type scenario struct {
	name  string
	vg    string
	sizes []int64 // of the devices $0, $1, ...
	steps []interopStep
	// commits: one of lvm2's steps may take several commits where ours takes one,
	// and make devices that are gone when it is done.
	commits bool
	// unordered: the volumes are not in lvm2's order in the text.
	unordered bool
}

type interopStep struct {
	vg    string // of ours; the scenario's if empty
	lvm2  string // $V is the group, $0 the first device
	ours  func(tx *Tx, dev []string) error
	job   func(sys *System, vg string) error // in the place of ours, if it takes several updates
	fails bool                               // and changes nothing
	setup bool                               // not what is tested: by lvm2 in any case
}

type interopMode struct {
	name string
	ours func(step int) bool
}

// interopModes say whose turn a step is.
var interopModes = []interopMode{
	{"lvm2", func(int) bool { return false }},
	{"ours", func(int) bool { return true }},
	{"ours and lvm2", func(i int) bool { return i%2 == 0 }},
	{"lvm2 and ours", func(i int) bool { return i%2 == 1 }},
}

func runScenario(t *testing.T, s scenario) {
	modes := interopModes[1:]
	if !everything() { // a few of the scenarios are run in turn; in some of them lvm2 begins, in others we
		turn := 1 + len(s.steps)%2
		if modes = modes[:1:1]; len(s.name)%6 == 0 {
			modes = append(modes, interopModes[1+turn])
		}
	}
	if want := s.recorded(t); want != nil && !everything() && !recording() {
		agree := true
		for _, mode := range modes {
			if agree {
				t.Run(mode.name+" as recorded", func(t *testing.T) { agree = play(t, s, mode, want) != nil })
			}
		}
		if agree || t.Failed() {
			return
		}
	}
	var want *made
	if !t.Run("lvm2", func(t *testing.T) {
		want = play(t, s, interopModes[0], nil)
		s.record(t, want)
	}) {
		return
	}
	for _, mode := range modes {
		if !t.Run(mode.name, func(t *testing.T) { play(t, s, mode, want) }) {
			return
		}
	}
}

// play runs a scenario, and returns what was made; nil if it is not as was recorded.
func play(t *testing.T, s scenario, mode interopMode, want *made) *made {
	r := newInteropRun(t, s)
	inv := r.scan()
	before := r.stateOf(inv)
	got := &made{}
	for i, step := range s.steps {
		who := "lvm2"
		if mode.ours(i) {
			who = "us"
		}
		r.where = fmt.Sprintf("step %d by %s: %s", i+1, who, step.lvm2)
		r.do(step, mode.ours(i))
		inv = r.scan()
		r.stamp(inv)
		state := r.stateOf(inv)
		if step.fails {
			require.Equal(t, before, state, r.where)
		}
		before = state
		got.states = append(got.states, state)
		if want != nil && !want.has(t, want.states[i], state, r.where+" differs from what lvm2 makes") {
			return nil
		}
		// Asking lvm2 takes long.
		last := i == len(s.steps)-1
		if !last && (mode.name != "ours" || step.fails || i%4 != 2 && !everything()) {
			continue
		}
		report := r.askOf(inv, last)
		if !last {
			continue
		}
		got.report = report
		if want != nil && !want.has(t, want.report, report, r.where) {
			return nil
		}
	}
	return got
}

// interopRun is one run of a scenario on devices of its own.
type interopRun struct {
	*testing.T
	vg      string
	commits bool
	anyhow  bool // the order of volumes is of no interest
	dev     []string
	sys     *System // one for all steps, so that it has to notice what lvm2 does
	expand  *strings.Replacer
	marks   map[metadata.ID]Extents // how many extents of an LV carry a mark
	where   string                  // the step, for messages
}

func newInteropRun(t *testing.T, s scenario) *interopRun {
	r := &interopRun{T: t, vg: s.vg, commits: s.commits, anyhow: s.unordered, marks: map[metadata.ID]Extents{}}
	require.NoError(t, os.RemoveAll("/dev/"+s.vg)) // another test may have removed devices, but not their links
	words := []string{"$V", s.vg}
	for i, size := range s.sizes {
		dev, _ := umltest.Loop(t, size)
		r.dev = append(r.dev, dev)
		words = append(words, "$"+strconv.Itoa(i), dev)
	}
	r.expand = strings.NewReplacer(words...)
	r.sys = openKernel(t, r.dev)
	t.Cleanup(r.clear)
	return r
}

func openKernel(t testing.TB, devices []string) *System {
	t.Helper()
	sys, err := Open(Config{Devices: devices})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sys.Close()) })
	return sys
}

// clear removes the devices of the group at the end of a test, and all there is
// if it failed. The rest goes with the loop devices.
func (r *interopRun) clear() {
	inv, err := r.sys.Scan(context.Background())
	if err == nil {
		for _, vg := range inv.VGs {
			e := r.sys.Update(context.Background(), vg.Name(), func(tx *Tx) error { return tx.DeactivateAll() })
			if err == nil {
				err = e
			}
		}
	}
	if !r.Failed() && err == nil {
		return
	}
	script := "dmsetup ls | grep -v '^No ' | cut -f1 | xargs -rn1 dmsetup remove -f; rm -rf '/dev/" + r.vg + "'"
	if inv != nil {
		for _, vg := range inv.VGs {
			script = "lvm vgremove -qqff " + vg.Name() + "; " + script + " '/dev/" + vg.Name() + "'"
		}
	}
	_ = exec.Command("sh", "-c", script).Run()
}

func (r *interopRun) do(step interopStep, ours bool) {
	r.Helper()
	where := r.where
	if ours && !step.setup || step.lvm2 == "" {
		var err error
		if step.job != nil {
			err = step.job(r.sys, cmp.Or(step.vg, r.vg))
		} else {
			err = r.sys.Update(context.Background(), cmp.Or(step.vg, r.vg), func(tx *Tx) error { return step.ours(tx, r.dev) })
		}
		if step.fails {
			require.Error(r, err, where)
		} else {
			require.NoError(r, err, where)
		}
		return
	}
	args := strings.Fields(r.expand.Replace(step.lvm2))
	out, err := exec.Command(umltest.NeedTool(r, "lvm"), args...).CombinedOutput()
	if step.fails {
		require.Error(r, err, "%s\n%s", where, out)
	} else {
		require.NoError(r, err, "%s\n%s", where, out)
	}
}

// stamp writes a mark to each new extent of the volumes, through the device,
// and checks the marks that were there.
func (r *interopRun) stamp(inv *Inventory) {
	for _, found := range inv.VGs {
		vg, err := r.sys.VG(context.Background(), found.Name())
		require.NoError(r, err, r.where)
		r.stampVG(vg)
	}
}

func (r *interopRun) stampVG(vg *VolumeGroup) {
	r.Helper()
	where := r.where
	require.Empty(r, vg.Problems(), where)
	extent := vg.ExtentSize()
	for lv := range vg.LVs() {
		if !lv.Active() || lv.Hidden() || lv.IsSnapshot() || lv.IsThinPool() || strings.Contains(lv.Name(), "_rimage_") {
			continue
		}
		d, err := openFileDevice(lv.Path(), !lv.ReadOnly())
		require.NoError(r, err, where)
		for e := range lv.Extents() {
			if isVirtual(lv, e) {
				continue
			}
			mark := make([]byte, 512)
			// The first sectors are for file systems, and cleared in new volumes.
			copy(mark[100:], fmt.Sprintf("extent %d of %s", e, lv.ID()))
			at := int64(e)*int64(extent) + int64(extent)/2
			if e >= r.marks[lv.ID()] {
				if !lv.ReadOnly() {
					_, err = d.WriteAt(mark, at)
					require.NoError(r, err, where)
				}
				continue
			}
			if lv.ReadOnly() || isReshapedToFewer(lv) {
				continue
			}
			got := make([]byte, 512)
			_, err = d.ReadAt(got, at)
			require.NoError(r, err, where)
			require.True(r, bytes.Equal(mark, got), "%s: extent %d of %s is lost: %q", where, e, lv.Name(), bytes.Trim(got, "\x00"))
		}
		if !lv.ReadOnly() && !isReshapedToFewer(lv) {
			r.marks[lv.ID()] = lv.Extents()
			require.NoError(r, d.Sync(), where) // so that pools know what they have handed out
		}
		require.NoError(r, d.Close())
	}
}

// isReshapedToFewer says whether a volume is a raid that is smaller already than the
// metadata say.
func isReshapedToFewer(lv *LogicalVolume) bool {
	return slices.ContainsFunc(lv.RAIDLegs(), func(leg RAIDLeg) bool { return leg.Image != nil && isFreed(leg.Image.rec) })
}

// isVirtual says whether an extent has no storage.
func isVirtual(lv *LogicalVolume, e Extents) bool {
	for seg := range lv.Segments() {
		if SegmentType(seg.Type()).virtual() && e >= seg.Start() && e < seg.Start()+seg.Extents() {
			return true
		}
	}
	return false
}

// state returns what disks and kernel hold, in a form that is equal for equal
// states.
func (r *interopRun) state() string { return r.stateOf(r.scan()) }

func (r *interopRun) stateOf(inv *Inventory) string {
	r.Helper()
	var b strings.Builder
	for _, vg := range inv.VGs {
		r.texts(&b, vg)
	}
	r.labels(&b)
	r.nodes(&b, inv)
	tables, infos := kernelText(r.T)
	b.WriteString(tables + infos)
	if r.anyhow {
		text := b.String()
		b.Reset()
		b.WriteString(sortedVolumes(text))
	}
	if r.commits {
		return r.anonymous(inv, unnumbered(b.String()))
	}
	return r.anonymous(inv, b.String())
}

// sortedVolumes sorts what the text of each group says of its volumes.
func sortedVolumes(state string) string {
	groups := strings.SplitAfter(state, " areas\n")
	for i, text := range groups {
		volumes := oneVolume.FindAllString(text, -1)
		slices.Sort(volumes)
		groups[i] = strings.Join(volumes, "") + oneVolume.ReplaceAllString(text, "\n")
	}
	return blankLines.ReplaceAllString(strings.Join(groups, ""), "\n")
}

var (
	oneVolume  = regexp.MustCompile(`(?ms)^\S+ \{\n<personal>\nstatus = .*?^\}\n\}\n`)
	blankLines = regexp.MustCompile(`\n\n+`)
	// cacheCounts are what a cache has by chance.
	cacheCounts = regexp.MustCompile(`"(cache_\w+|(copy|sync|snap|data)_percent)":"[^"]*"`)
)

// unnumbered replaces the numbers of commits and of mapped devices, which tell how
// a state came about.
func unnumbered(state string) string {
	state = rebuilds.ReplaceAllString(state, "$1 $2")
	for _, left := range leftMetas.FindAllStringSubmatch(state, -1) {
		state = strings.ReplaceAll(regexp.MustCompile(`(?m)^(/dev/mapper/)?`+left[1]+`[ :].*\n`).ReplaceAllString(state, ""), left[0], "")
	}
	state = awayFlags.ReplaceAllString(awayImages.ReplaceAllString(state, "${1}w$2"), "$1 0 ")
	state = rebuilt.ReplaceAllString(mqs.ReplaceAllString(seqnos.ReplaceAllString(state, ""), "${1}smq"), "")
	for _, info := range infoLines.FindAllStringSubmatch(state, -1) {
		state = regexp.MustCompile(`\b`+info[2]+`:`+info[3]+`\b`).ReplaceAllString(state, "<"+info[1]+">")
	}
	state = infoLines.ReplaceAllString(state, "$1")
	text, kernel, _ := strings.Cut(state, "/dev/mapper/")
	lines := strings.Split(whims.ReplaceAllString(kernel, "$1"), "\n")
	slices.Sort(lines)
	return text + strings.Join(lines, "\n")
}

var (
	seqnos = regexp.MustCompile(`(?m)(^\s*seqno = \d+$|"vg_seqno":"\d+"|"lv_kernel_minor":"-?\d+")`)
	// whims: after some operations lvm2 links to what it hides, or sets the
	// read-ahead of what nobody but the kernel reads.
	// Of a raid that tracks one, it does not always make the link to the image.
	whims = regexp.MustCompile(`(?m)^(?:/dev/\w+/\S+_vorigin .*\n|/dev/\w+/\w+_rimage_\d+ .*\n|/dev/\w+/\S+ .*-pool:L--r:.*\n|(\S+(?:-real|-cow|-tpool|_[rm]image_\d+|_rmeta_\d+|_[ct]data|_[ct]meta|_corig) [01] \d+) \d+ )`)
	// mqs: lvm2 has the kernel use mq where the metadata says smq, without a pool. To
	// the kernel it is the same.
	mqs = regexp.MustCompile(`((?:writethrough|writeback|passthrough) |"kernel_cache_policy":")mq\b`)
	// leftMetas: lvm2 leaves the device with the metadata of a leg that is away for a
	// while; and awayImages: it lets the image be written.
	leftMetas  = regexp.MustCompile(`(?m)^([^:\n]+_rmeta_\d+):LVM-[^:\n]*:[^:\n]*:0:\d+:\d+:\d+\n`)
	awayImages = regexp.MustCompile(`(?m)^([^:\n]+_rimage_\d+:LVM-[^:\n]*:L--)r(:)`)
	awayFlags  = regexp.MustCompile(`(?m)^([^:\s]+_rimage_\d+) 1 `)
	// rebuilds: lvm2 leaves in the table of a raid that a leg is to be written anew,
	// also when the kernel knows that.
	rebuilds = regexp.MustCompile(`( raid \w+) \d+ (\d+ )(?:rebuild \d+ )*`)
	// rebuilt: lvm2 leaves this on the metadata of a leg with which it adds parity.
	rebuilt   = regexp.MustCompile(`, "REBUILD"`)
	infoLines = regexp.MustCompile(`(?m)^([^:\n]+:LVM-[^:\n]*:[^:\n]*:\d+:\d+):(\d+):(\d+)$`)
)

// scan reads all with a System that knows nothing yet.
func (r *interopRun) scan() *Inventory {
	r.Helper()
	sys, err := Open(Config{Devices: r.dev})
	require.NoError(r, err, r.where)
	r.Cleanup(func() { assert.NoError(r, sys.Close()) }) // reports ask the kernel
	inv, err := sys.Scan(context.Background())
	require.NoError(r, err, r.where)
	require.Empty(r, inv.Problems, r.where)
	return inv
}

// anonymous replaces UUIDs in the names of devices by names.
func (r *interopRun) anonymous(inv *Inventory, text string) string {
	var ids []string
	for _, vg := range inv.VGs {
		ids = append(ids, vg.ID().Compact(), "<vg>")
		for lv := range vg.LVs() {
			ids = append(ids, lv.ID().Compact(), "<"+lv.Name()+">")
		}
	}
	return strings.NewReplacer(ids...).Replace(text)
}

// kernelText returns the tables of all mapped devices as dmsetup prints them,
// and their names, UUIDs, attributes, open counts, targets and numbers.
func kernelText(t *testing.T) (tables, infos string) {
	t.Helper()
	control, err := dm.Open()
	require.NoError(t, err)
	defer control.Close()
	list, err := control.Devices(dm.ListOptions{})
	require.NoError(t, err)
	slices.SortFunc(list, func(a, b dm.Device) int { return strings.Compare(a.Name, b.Name) })
	for _, d := range list {
		info, table, err := control.Table(dm.ByDev(d.Dev), dm.QueryOptions{})
		require.NoError(t, err)
		for line := range strings.Lines(table.String()) {
			tables += d.Name + ": " + strings.TrimSpace(line) + "\n"
		}
		attr := []byte("---w")
		for i, set := range []bool{info.LiveTable, info.InactiveTable, info.Suspended, info.ReadOnly} {
			if set {
				attr[i] = "LIsr"[i]
			}
		}
		infos += fmt.Sprintf("%s:%s:%s:%d:%d:%d:%d\n", d.Name, d.UUID, attr, info.OpenCount, info.TargetCount, d.Dev.Major(), d.Dev.Minor())
	}
	if len(list) == 0 {
		tables, infos = "No devices found\n", "No devices found\n"
	}
	return tables, infos
}

// ask returns what lvm2 reports, after checking that it has nothing to complain
// about and sees what we see. If all is asked for, which takes longer, the report
// has the headers of the physical volumes as well, and dmsetup has to print what
// we do.
func (r *interopRun) ask(all bool) string { return r.askOf(r.scan(), all) }

func (r *interopRun) askOf(inv *Inventory, all bool) string {
	r.Helper()
	labelled := slices.DeleteFunc(slices.Clone(r.dev), func(d string) bool { return slices.Contains(inv.Blank, d) })
	var script strings.Builder
	for _, vg := range inv.VGs {
		script.WriteString("lvm " + fullreport + vg.Name() + "\necho ++\n") // lvm's shell does not know JSON
	}
	script.WriteString("lvm <<'EOF'\n")
	for _, vg := range inv.VGs {
		script.WriteString("vgck " + vg.Name() + "\n")
	}
	if len(labelled) > 0 {
		script.WriteString("pvs --units b --nosuffix -o pv_name,vg_name,pv_fmt,pv_size,pv_mda_count,pv_in_use,pv_ba_start " + strings.Join(labelled, " ") + "\n")
		script.WriteString("pvck " + strings.Join(labelled, " ") + "\n")
	}
	for _, d := range labelled {
		if !all {
			break
		}
		script.WriteString("pvck --dump headers " + d + "\n")
	}
	script.WriteString("EOF\n")
	if all {
		script.WriteString("echo ==; dmsetup table\necho ==; dmsetup info -c --noheadings -O name -o name,uuid,attr,open,segments,major,minor\n")
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("sh", "-ec", script.String())
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(r, cmd.Run(), "%s\n%s%s", r.where, &stdout, &stderr)
	require.Empty(r, noLayout.ReplaceAllString(stderr.String(), ""), r.where)

	parts := strings.Split(stdout.String(), "==\n")
	if all {
		require.Len(r, parts, 3, "%s: %s", r.where, &stdout)
		tables, infos := kernelText(r.T)
		require.Equal(r, strings.ReplaceAll(parts[1], " \n", "\n"), tables, r.where) // error and zero have no parameters
		require.Equal(r, parts[2], infos, r.where)
	}
	reports := strings.Split(parts[0], "++\n")
	for i, vg := range inv.VGs {
		compareReports(r.T, vg, reports[i], r.where)
		report := personalFields.ReplaceAllString(reports[i], "")
		if r.anyhow {
			report = cacheCounts.ReplaceAllString(report, "")
		}
		if r.commits {
			report = mqs.ReplaceAllString(seqnos.ReplaceAllString(report, ""), "${1}smq")
		}
		rows := strings.Split(strings.ReplaceAll(report, "},\n", "}\n"), "\n") // lvm2 sorts some of them by UUID
		slices.Sort(rows)
		reports[i] = strings.Join(rows, "\n")
	}
	return changing.ReplaceAllString(strings.Join(reports, "\n"), "")
}

// noLayout is what lvm2's reports say of volumes of the type error, also to
// themselves, and of exported groups.
var noLayout = regexp.MustCompile(`(?m)^  (Internal error: WARNING: Failed to properly detect layout and role for LV .*|Volume group \S+ is exported)\n`)

// changing are the lines of reports that differ between equal states.
var changing = regexp.MustCompile(`(?m)^.*(\.crc |\.checksum |pv_uuid |raw_locn\[0\]\.|metadata text at ).*\n`)

// personalFields are the fields of reports that differ between equal groups.
var personalFields = regexp.MustCompile(`"(\w+_uuid|lv_time|lv_host|[pv][vg]_mda_free)":"[^"]*"`)

// personal is what differs in texts of equal groups.
var personal = regexp.MustCompile(`(?m)(^\s*id = ".*"|^# Generated by .*|\t# .*$|creation_time = \d+|^description = .*)`)

// texts writes the committed text of each area, which all have to be the same.
func (r *interopRun) texts(b *strings.Builder, vg *VolumeGroup) {
	where := r.where
	var first []byte
	areas := 0
	for _, path := range r.dev {
		d, err := os.Open(path)
		require.NoError(r, err, where)
		label, _, err := metadata.ReadLabel(d)
		if err == nil && pvRecord(vg.rec, label.PVID) != nil {
			for _, a := range label.MetadataAreas {
				h, err := metadata.ReadAreaHeader(d, a.Offset)
				require.NoError(r, err, where)
				if h.Slots[metadata.SlotCommitted].Ignored() {
					fmt.Fprintf(b, "ignored area at %d of %s\n", a.Offset, path)
					continue
				}
				text, err := h.ReadText(d, h.Slots[metadata.SlotCommitted])
				require.NoError(r, err, where)
				if first == nil {
					first = text
				}
				require.Equal(r, string(first), string(text), "%s: areas differ", where)
				areas++
			}
		}
		require.NoError(r, d.Close())
	}
	fmt.Fprintf(b, "%d areas\n%s\n", areas, personal.ReplaceAll(first, []byte("<personal>")))
}

// labels writes how the devices are laid out.
func (r *interopRun) labels(b *strings.Builder) {
	for _, path := range r.dev {
		d, err := os.Open(path)
		require.NoError(r, err, r.where)
		label, _, err := metadata.ReadLabel(d)
		if err != nil {
			fmt.Fprintf(b, "%s: %v\n", path, err)
		} else {
			label.PVID = metadata.ID{}
			fmt.Fprintf(b, "%s: %+v\n", path, *label)
			for _, a := range label.MetadataAreas {
				h, err := metadata.ReadAreaHeader(d, a.Offset)
				require.NoError(r, err, r.where)
				fmt.Fprintf(b, "%+v, precommitted %+v\n", a, h.Slots[metadata.SlotPrecommitted])
			}
		}
		require.NoError(r, d.Close())
	}
}

// nodes writes what is under /dev of the groups.
func (r *interopRun) nodes(b *strings.Builder, inv *Inventory) {
	dirs := []string{"/dev/mapper"}
	for _, vg := range inv.VGs {
		dirs = append(dirs, "/dev/"+vg.Name())
	}
	if !slices.Contains(dirs, "/dev/"+r.vg) {
		dirs = append(dirs, "/dev/"+r.vg)
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			fmt.Fprintf(b, "%s: none\n", dir)
			continue
		}
		for _, e := range entries {
			path := filepath.Join(dir, e.Name())
			number, _ := blockDeviceNumber(path)
			target := ""
			if dir != "/dev/mapper" { // whose nodes may be links or not
				target, err = os.Readlink(path)
			}
			fmt.Fprintf(b, "%s %s %s %v\n", path, target, number, err)
		}
	}
	sizes, _ := filepath.Glob("/sys/block/dm-*/dm/name")
	for _, name := range sizes {
		dir := filepath.Dir(filepath.Dir(name))
		for _, attr := range []string{"dm/name", "ro", "size", "queue/read_ahead_kb", "dm/suspended"} {
			line, err := os.ReadFile(filepath.Join(dir, attr))
			require.NoError(r, err)
			fmt.Fprintf(b, "%s ", bytes.TrimSpace(line))
		}
		b.WriteString("\n")
	}
}
