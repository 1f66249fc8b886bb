package lvm

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// TestModel makes random sequences of operations and compares, after each, what
// is on the devices with what a simple model says, and every block of every
// volume with what was written there. A failure prints how to repeat it.
func TestModel(t *testing.T) {
	t.Parallel()
	tally := modelTally{}
	defer tally.log(t)
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t, newImageWorld(), tally)
		for range 3 { // it makes some thirty steps
			m.T.Repeat(m.actions())
		}
	})
}

// modelTally counts the changes made and refused by action.
type modelTally map[string][2]int

func (c modelTally) log(t *testing.T) {
	made, refused := 0, 0
	for _, action := range slices.Sorted(maps.Keys(c)) {
		n := c[action]
		t.Logf("%-16s %4d made, %4d refused", action, n[0], n[1])
		made, refused = made+n[0], refused+n[1]
	}
	t.Logf("%-16s %4d made, %4d refused", "all", made, refused)
}

// world is the devices that a model's operations are made on.
type world interface {
	devices() []string
	// system returns a System that has seen nothing yet.
	system(t tester) *System
	// blocks calls fn with the contents of a volume, unless they cannot be had.
	blocks(t require.TestingT, lv *LogicalVolume, fn func(blockFile))
	// reset blanks the devices.
	begin()
	// written says what was written since begin.
	written() []string
}

type blockFile interface {
	ReadAt([]byte, int64) (int, error)
	WriteAt([]byte, int64) (int, error)
}

// imageWorld is devices in memory.
type imageWorld struct {
	disks *recorder.Disks
	seed  byte
}

func newImageWorld() *imageWorld {
	return &imageWorld{disks: recorder.New(diskSize, "a", "b", "c", "d", "e")}
}

func (w *imageWorld) devices() []string { return w.disks.Paths() }
func (w *imageWorld) begin()            { w.disks.Record() }
func (w *imageWorld) written() []string { return written(w.disks) }

func (w *imageWorld) system(t tester) *System {
	w.seed++
	return openDisks(t, w.disks, w.seed)
}

func (w *imageWorld) blocks(t require.TestingT, lv *LogicalVolume, fn func(blockFile)) {
	f, err := lv.Open()
	require.NoError(t, err)
	fn(f)
	require.NoError(t, f.Close())
}

// modelBlock is the unit in which volumes are written and compared. Every extent
// is a multiple of it.
const modelBlock = 4 * KiB

// model is what there should be.
type model struct {
	*rapid.T
	world
	sys    *System
	groups map[string]*modelVG
	pvs    map[string]string // the group of each physical volume, by device; "" for none
	marks  uint32            // given out
	names  int
	action string
	tally  modelTally
}

type modelVG struct {
	lvs      map[string]*modelLV
	extent   Bytes
	seqno    uint32
	tags     []string
	exported bool
	policy   Allocation
	maxLV    uint32
	maxPV    uint32
	frozen   map[string]bool // devices that are not allocatable
}

type modelLV struct {
	blocks   []uint32 // the mark in each block, 0 where there is none
	tags     []string
	kind     SegmentType
	readOnly bool
	stripes  int
	origin   *modelLV // of a snapshot, whose store has room for all blocks
}

// snapshots returns the names of a volume's snapshots.
func (g *modelVG) snapshots(of *modelLV) []string {
	var names []string
	for name, lv := range g.lvs {
		if lv.origin == of {
			names = append(names, name)
		}
	}
	return names
}

func newModel(t *rapid.T, w world, tally modelTally) *model {
	m := &model{tally: tally, T: t, world: w, sys: w.system(t), groups: map[string]*modelVG{}, pvs: map[string]string{}, action: "begin"}
	m.createVG()
	m.createLV()
	m.createLV()
	return m
}

// refusals are the errors that an operation may be refused with.
var refusals = []error{
	ErrNoSpace, ErrBusy, ErrExists, ErrInvalidSpec, ErrInvalidSize, ErrInvalidName, ErrUnsupported, ErrReadOnly, ErrNotFound,
	ErrNothingToMove, ErrInvalidSelection, metadata.ErrAreaFull,
}

// try makes a change. If must is set it has to succeed. It says whether it did;
// if not, nothing may have been written.
func (m *model) try(vg string, must bool, fn func(*Tx) error) bool {
	m.Helper()
	m.begin()
	err := m.sys.Update(context.Background(), vg, fn)
	n := m.tally[m.action]
	if err == nil {
		m.tally[m.action] = [2]int{n[0] + 1, n[1]}
		return true
	}
	m.tally[m.action] = [2]int{n[0], n[1] + 1}
	if must {
		require.NoError(m, err)
	}
	require.Empty(m, m.written(), "%v", err)
	for _, r := range refusals {
		if errors.Is(err, r) {
			return false
		}
	}
	require.NoError(m, err)
	return false
}

func pick[V any](t *rapid.T, from map[string]V, label string) string {
	return rapid.SampledFrom(slices.Sorted(maps.Keys(from))).Draw(t, label)
}

// group draws a group that can be changed.
func (m *model) group() (string, *modelVG) {
	open := map[string]*modelVG{}
	for name, g := range m.groups {
		if !g.exported {
			open[name] = g
		}
	}
	if len(open) == 0 {
		m.nothing("no group")
	}
	name := pick(m.T, open, "vg")
	return name, m.groups[name]
}

// volume draws a volume of a group.
func (m *model) volume() (string, *modelVG, string, *modelLV) {
	vg, g := m.group()
	if len(g.lvs) == 0 {
		m.nothing("no volume")
	}
	lv := pick(m.T, g.lvs, "lv")
	return vg, g, lv, g.lvs[lv]
}

// of draws a device that is in a group; "" for an orphan.
func (m *model) of(group string) string {
	in := map[string]bool{}
	for d, g := range m.pvs {
		if g == group {
			in[d] = true
		}
	}
	if len(in) == 0 {
		m.nothing("no physical volume")
	}
	return pick(m.T, in, "pv")
}

// free draws devices that no group has.
func (m *model) free(n int) []string {
	var out []string
	for _, d := range m.devices() {
		if m.pvs[d] == "" {
			out = append(out, d)
		}
	}
	if len(out) < n {
		m.nothing("no device")
	}
	return rapid.Permutation(out).Draw(m.T, "devices")[:n]
}

func (m *model) name(prefix string) string {
	m.names++
	return fmt.Sprintf("%s%d", prefix, m.names)
}

func (m *model) int(low, high int, label string) int {
	return rapid.IntRange(low, high).Draw(m.T, label)
}

func (m *model) actions() map[string]func(*rapid.T) {
	named := map[string]func(){
		"create vg": m.createVG, "extend vg": m.extendVG, "reduce vg": m.reduceVG, "remove vg": m.removeVG,
		"split vg": m.splitVG, "merge vg": m.mergeVG, "rename vg": m.renameVG, "change vg": m.changeVG,
		"export vg": m.exportVG, "import vg": m.importVG, "extent size": m.extentSize, "ids": m.changeIDs,
		"create pv": m.createPV, "remove pv": m.removePV, "change pv": m.changePV, "resize pv": m.resizePV,
		"create lv": m.createLV, "create lv again": m.createLV, "extend lv": m.extendLV, "extend lv again": m.extendLV, "reduce lv": m.reduceLV,
		"rename lv": m.renameLV, "remove lv": m.removeLV, "change lv": m.changeLV, "several": m.several, "move": m.move,
		"create snapshot": m.createSnapshot, "create snapshot again": m.createSnapshot, "write": m.write, "merge": m.merge,
	}
	out := map[string]func(*rapid.T){"": func(t *rapid.T) { m.T = t; m.check() }}
	for name, do := range named {
		out[name] = m.step(name, do)
	}
	return out
}

// step returns an action.
func (m *model) step(name string, do func()) func(*rapid.T) {
	return func(t *rapid.T) {
		defer func() {
			p := recover()
			if _, idle := p.(nothing); p != nil && !idle {
				panic(p)
			}
		}()
		m.T, m.action = t, name
		do()
	}
}

// nothing ends an action that there is nothing for. It counts as a step: rapid
// gives up where too many are skipped in a row, as with all groups exported.
type nothing struct{}

func (m *model) nothing(string) { panic(nothing{}) }

// pvSpec has areas for larger texts than other tests need: a move over many volumes
// has several times their segments.
func (m *model) pvSpec() PVSpec {
	spec := areaSpec(rapid.SampledFrom([]MetadataAreas{OneArea, OneArea, TwoAreas}).Draw(m.T, "areas"))
	spec.MetadataSize = 64 * KiB
	return spec
}

func (m *model) createVG() {
	devices := m.free(m.int(1, 3, "devices"))
	name := m.name("vg")
	spec := VGSpec{PVs: devices, PV: m.pvSpec(), ExtentSize: rapid.SampledFrom([]Bytes{4 * KiB, 8 * KiB, 16 * KiB}).Draw(m.T, "extent size"), Allocation: AllocNormal}
	if m.try(name, true, func(tx *Tx) error { return tx.CreateVG(spec) }) {
		m.groups[name] = &modelVG{lvs: map[string]*modelLV{}, extent: spec.ExtentSize, policy: AllocNormal, frozen: map[string]bool{}}
		for _, d := range devices {
			m.pvs[d] = name
		}
	}
}

func (m *model) extendVG() {
	vg, g := m.group()
	d := m.free(1)[0]
	full := g.maxPV != 0 && m.count(vg) >= int(g.maxPV)
	spec := m.pvSpec()
	if m.try(vg, !full, func(tx *Tx) error { return tx.ExtendVG(spec, d) }) {
		require.False(m, full)
		m.pvs[d] = vg
	}
}

// count returns how many devices a group has.
func (m *model) count(vg string) int {
	n := 0
	for _, g := range m.pvs {
		if g == vg {
			n++
		}
	}
	return n
}

func (m *model) reduceVG() {
	vg, g := m.group()
	d := m.of(vg)
	if m.try(vg, false, func(tx *Tx) error { return tx.ReduceVG(d) }) {
		m.pvs[d] = ""
		delete(g.frozen, d)
	}
}

func (m *model) removeVG() {
	vg, g := m.group()
	done := m.try(vg, len(g.lvs) == 0, func(tx *Tx) error { return tx.RemoveVG() })
	require.Equal(m, len(g.lvs) == 0, done)
	if done {
		m.release(vg)
	}
}

func (m *model) release(vg string) {
	delete(m.groups, vg)
	for d, of := range m.pvs {
		if of == vg {
			m.pvs[d] = ""
		}
	}
}

func (m *model) splitVG() {
	vg, g := m.group()
	d := m.of(vg)
	to := m.name("vg")
	if rapid.Bool().Draw(m.T, "existing") {
		to, _ = m.group()
	}
	now, err := m.sys.VG(context.Background(), vg)
	require.NoError(m, err)
	pv, err := now.PV(d)
	require.NoError(m, err)
	var moved []string
	for lv := range now.LVs() {
		if lv.Hidden() {
			continue
		}
		for seg := range lv.Segments() {
			if slices.ContainsFunc(seg.Areas(), func(a Area) bool { return a.PV == pv.ID() }) {
				moved = append(moved, lv.Name())
				break
			}
		}
	}
	if !m.try(vg, false, func(tx *Tx) error { return tx.SplitVG(to, SplitSpec{PVs: []string{d}}) }) {
		return
	}
	into := m.groups[to]
	if into == nil {
		into = &modelVG{lvs: map[string]*modelLV{}, extent: g.extent, policy: g.policy, maxLV: g.maxLV, maxPV: g.maxPV, frozen: map[string]bool{}}
		m.groups[to] = into
	}
	for _, lv := range moved {
		into.lvs[lv] = g.lvs[lv]
		delete(g.lvs, lv)
	}
	m.pvs[d] = to
	into.frozen[d] = g.frozen[d]
	delete(g.frozen, d)
}

func (m *model) mergeVG() {
	into, g := m.group()
	from, other := m.group()
	if !m.try(into, false, func(tx *Tx) error { return tx.MergeVG(from) }) {
		return
	}
	maps.Copy(g.lvs, other.lvs)
	maps.Copy(g.frozen, other.frozen)
	for d, of := range m.pvs {
		if of == from {
			m.pvs[d] = into
		}
	}
	delete(m.groups, from)
}

func (m *model) renameVG() {
	vg, g := m.group()
	to := m.name("vg")
	m.try(vg, true, func(tx *Tx) error { return tx.RenameVG(to) })
	delete(m.groups, vg)
	m.groups[to] = g
	for d, of := range m.pvs {
		if of == vg {
			m.pvs[d] = to
		}
	}
}

func (m *model) changeVG() {
	vg, g := m.group()
	switch m.int(0, 2, "what") {
	case 0:
		tags := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"t1", "t2", "t3"}), 0, 3, rapid.ID).Draw(m.T, "tags")
		m.try(vg, true, func(tx *Tx) error { return tx.SetTags(tags...) })
		g.tags = tags
	case 1:
		policy := rapid.SampledFrom([]Allocation{AllocNormal, AllocCling, AllocContiguous, AllocAnywhere}).Draw(m.T, "policy")
		m.try(vg, true, func(tx *Tx) error { return tx.SetVGAllocation(policy) })
		g.policy = policy
	case 2:
		maxLV, maxPV := uint32(m.int(0, 8, "max lv")), uint32(m.int(0, 5, "max pv"))
		if m.try(vg, false, func(tx *Tx) error { return tx.SetVGLimits(maxLV, maxPV) }) {
			g.maxLV, g.maxPV = maxLV, maxPV
		}
	}
}

func (m *model) exportVG() {
	vg, g := m.group()
	if m.try(vg, m.idle(vg), func(tx *Tx) error { return tx.ExportVG() }) {
		g.exported = true
	}
}

func (m *model) importVG() {
	if len(m.groups) == 0 {
		m.nothing("no group")
	}
	vg := pick(m.T, m.groups, "any vg")
	g := m.groups[vg]
	require.Equal(m, g.exported, m.try(vg, g.exported, func(tx *Tx) error { return tx.ImportVG(ImportSpec{}) }))
	g.exported = false
}

// idle says whether no volume of a group is active.
func (m *model) idle(vg string) bool {
	now, err := m.sys.VG(context.Background(), vg)
	require.NoError(m, err)
	for lv := range now.LVs() {
		if lv.Active() {
			return false
		}
	}
	return true
}

func (m *model) extentSize() {
	vg, g := m.group()
	size := rapid.SampledFrom([]Bytes{4 * KiB, 8 * KiB, 16 * KiB}).Draw(m.T, "extent size")
	smaller := size <= g.extent && !slices.ContainsFunc(slices.Collect(maps.Values(g.lvs)), func(lv *modelLV) bool { return lv.stripes > 1 })
	if m.try(vg, smaller, func(tx *Tx) error { return tx.SetExtentSize(size) }) {
		g.extent = size
	}
}

func (m *model) changeIDs() {
	vg, _ := m.group()
	if rapid.Bool().Draw(m.T, "vg") {
		m.try(vg, m.idle(vg), func(tx *Tx) error { return tx.SetVGID(ID{}) })
		return
	}
	d := m.of(vg)
	m.try(vg, m.idle(vg), func(tx *Tx) error { return tx.SetPVID(d, ID{}) })
}

func (m *model) createPV() {
	spec := m.pvSpec()
	spec.Device = m.free(1)[0]
	m.try("", true, func(tx *Tx) error { return tx.CreatePV(spec) })
	m.pvs[spec.Device] = ""
}

func (m *model) removePV() {
	d := m.of("")
	m.try("", true, func(tx *Tx) error { return tx.RemovePV(d) })
	delete(m.pvs, d)
}

func (m *model) changePV() {
	vg, g := m.group()
	d := m.of(vg)
	frozen := m.int(0, 4, "frozen") == 0
	m.try(vg, true, func(tx *Tx) error { return tx.SetPVAllocatable(d, !frozen) })
	g.frozen[d] = frozen
}

func (m *model) resizePV() {
	vg, _ := m.group()
	d := m.of(vg)
	size := rapid.SampledFrom([]Bytes{0, diskSize, diskSize * 3 / 4, diskSize / 2}).Draw(m.T, "size")
	m.try(vg, false, func(tx *Tx) error { return tx.ResizePV(d, size) })
}

// mark gives blocks of a volume new marks, from block first on.
func (m *model) mark(vg, name string, lv *modelLV, first int) {
	if lv.readOnly || lv.kind == SegmentError || lv.kind == SegmentZero {
		return
	}
	now, err := m.sys.VG(context.Background(), vg)
	require.NoError(m, err)
	v, err := now.LV(name)
	require.NoError(m, err)
	m.blocks(m, v, func(f blockFile) {
		for i := first; i < len(lv.blocks); i++ {
			m.marks++
			lv.blocks[i] = m.marks
			var b [4]byte
			binary.LittleEndian.PutUint32(b[:], m.marks)
			_, err := f.WriteAt(b[:], int64(i)*int64(modelBlock)+100)
			require.NoError(m, err)
		}
	})
}

// length returns how many blocks a volume has now.
func (m *model) length(vg, name string) int {
	now, err := m.sys.VG(context.Background(), vg)
	require.NoError(m, err)
	lv, err := now.LV(name)
	require.NoError(m, err)
	return int(lv.Size() / modelBlock)
}

func (m *model) createLV() {
	vg, g := m.group()
	name := m.name("lv")
	spec := LVSpec{
		Name: name, Size: ExtentCount(Extents(m.int(1, 40, "extents"))), StripeSize: 4 * KiB,
		Type: rapid.SampledFrom([]SegmentType{"", "", "", SegmentError, SegmentZero}).Draw(m.T, "type"),
	}
	if spec.Type == "" {
		spec.Stripes = m.int(1, 3, "stripes")
	} else {
		spec.StripeSize = 0
	}
	if !m.try(vg, false, func(tx *Tx) error { _, err := tx.CreateLV(spec); return err }) {
		return
	}
	lv := &modelLV{kind: spec.Type, stripes: spec.Stripes, blocks: make([]uint32, m.length(vg, name))}
	g.lvs[name] = lv
	require.Positive(m, len(lv.blocks))
	m.checkLV(vg, name, lv) // nothing old shows
	m.mark(vg, name, lv, 0)
}

func (m *model) extendLV() {
	vg, _, name, lv := m.volume()
	spec := ExtendSpec{By: ExtentCount(Extents(m.int(1, 20, "by")))}
	if !m.try(vg, false, func(tx *Tx) error { return tx.ExtendLV(name, spec) }) {
		return
	}
	if lv.origin != nil {
		return // it is the store that is larger
	}
	before, now := len(lv.blocks), m.length(vg, name)
	require.Greater(m, now, before)
	lv.blocks = append(lv.blocks, make([]uint32, now-before)...)
	m.mark(vg, name, lv, before)
}

func (m *model) reduceLV() {
	vg, g, name, lv := m.volume()
	extents := len(lv.blocks) / int(g.extent/modelBlock)
	if extents < 2 || lv.origin != nil {
		m.nothing("too small, or all of it is needed")
	}
	spec := ReduceSpec{To: ExtentCount(Extents(m.int(1, extents-1, "to")))}
	if m.try(vg, false, func(tx *Tx) error { return tx.ReduceLV(name, spec) }) {
		lv.blocks = lv.blocks[:m.length(vg, name)]
	}
}

func (m *model) renameLV() {
	vg, g, name, lv := m.volume()
	to := m.name("lv")
	m.try(vg, true, func(tx *Tx) error { return tx.RenameLV(name, to) })
	delete(g.lvs, name)
	g.lvs[to] = lv
}

func (m *model) removeLV() {
	vg, g, name, lv := m.volume()
	snapshots := g.snapshots(lv)
	all := RemoveSpec{Snapshots: rapid.Bool().Draw(m.T, "with snapshots")}
	done := m.try(vg, len(snapshots) == 0 || all.Snapshots, func(tx *Tx) error { return tx.RemoveLVWith(name, all) })
	require.Equal(m, len(snapshots) == 0 || all.Snapshots, done)
	if !done {
		return
	}
	delete(g.lvs, name)
	for _, s := range snapshots {
		delete(g.lvs, s)
	}
}

func (m *model) createSnapshot() {
	vg, g, of, origin := m.volume()
	if origin.kind != "" || origin.origin != nil {
		m.nothing("no origin")
	}
	name := m.name("lv")
	chunk := rapid.SampledFrom([]Bytes{4 * KiB, 8 * KiB, 32 * KiB}).Draw(m.T, "chunk")
	extents := Extents(len(origin.blocks) / int(g.extent/modelBlock))
	size := newCOWLimits(g.extent.Sectors(), extents, chunk.Sectors()).most
	if !m.try(vg, false, func(tx *Tx) error {
		_, err := tx.CreateSnapshot(of, SnapshotSpec{Name: name, Size: ExtentCount(size), ChunkSize: chunk})
		return err
	}) {
		return
	}
	g.lvs[name] = &modelLV{stripes: 1, origin: origin, blocks: slices.Clone(origin.blocks)}
	m.checkLV(vg, name, g.lvs[name])
}

// write gives the end of a volume new marks.
func (m *model) write() {
	vg, _, name, lv := m.volume()
	m.mark(vg, name, lv, m.int(0, len(lv.blocks)-1, "from"))
}

// merge makes an origin what one of its snapshots is.
func (m *model) merge() {
	vg, g := m.group()
	mergeable := maps.Clone(g.lvs)
	maps.DeleteFunc(mergeable, func(_ string, lv *modelLV) bool { return lv.origin == nil || lv.origin.readOnly })
	if len(mergeable) == 0 {
		m.nothing("nothing to merge")
	}
	name := pick(m.T, mergeable, "snapshot")
	lv := g.lvs[name]
	ctx := context.Background()
	r, err := m.sys.Merge(ctx, vg, name, MergeOptions{Interval: soon})
	require.NoError(m, err)
	if r.Deferred {
		require.NoError(m, m.sys.Update(ctx, vg, func(tx *Tx) error { return tx.Activate(r.Origin) }))
		_, err = m.sys.ResumeMerges(ctx, vg, MergeOptions{Interval: soon})
		require.NoError(m, err)
	}
	copy(lv.origin.blocks, lv.blocks)
	delete(g.lvs, name)
	m.tally[m.action] = [2]int{m.tally[m.action][0] + 1, 0}
}

func (m *model) changeLV() {
	vg, _, name, lv := m.volume()
	if rapid.Bool().Draw(m.T, "tag") {
		m.try(vg, true, func(tx *Tx) error { return tx.SetLVTags(name, "tag") })
		lv.tags = []string{"tag"}
		return
	}
	readOnly := rapid.Bool().Draw(m.T, "read-only")
	m.try(vg, true, func(tx *Tx) error { return tx.SetLVReadOnly(name, readOnly) })
	lv.readOnly = readOnly
}

// several makes changes to one group that are committed together.
func (m *model) several() {
	vg, g, gone, _ := m.volume()
	name := m.name("lv")
	spec := LVSpec{Name: name, Size: ExtentCount(Extents(m.int(1, 8, "extents")))}
	if !m.try(vg, false, func(tx *Tx) error {
		if err := tx.RemoveLV(gone); err != nil {
			return err
		}
		if _, err := tx.CreateLV(spec); err != nil {
			return err
		}
		return joinErrors(tx.ExtendLV(name, ExtendSpec{By: ExtentCount(1)}), tx.SetLVTags(name, "new"))
	}) {
		return
	}
	delete(g.lvs, gone)
	lv := &modelLV{stripes: 1, tags: []string{"new"}, blocks: make([]uint32, m.length(vg, name))}
	g.lvs[name] = lv
	m.mark(vg, name, lv, 0)
}

// check compares the model with what a new System finds.
func (m *model) check() {
	sys := m.system(m)
	inv, err := sys.Scan(context.Background())
	require.NoError(m, err)
	require.Empty(m, inv.Problems)
	var names []string
	for _, vg := range inv.VGs {
		names = append(names, vg.Name())
	}
	require.ElementsMatch(m, slices.Collect(maps.Keys(m.groups)), names)
	var orphans []string
	for d, vg := range m.pvs {
		if vg == "" {
			orphans = append(orphans, d)
		}
	}
	var found []string
	for _, pv := range inv.Orphans {
		found = append(found, pv.Device)
		require.False(m, pv.InUse)
	}
	require.ElementsMatch(m, orphans, found)
	for _, vg := range inv.VGs {
		m.checkVG(vg)
	}
}

func (m *model) checkVG(vg *VolumeGroup) {
	g := m.groups[vg.Name()]
	require.NoError(m, vg.Metadata().Validate())
	require.Equal(m, g.extent, vg.ExtentSize())
	require.Equal(m, g.exported, vg.Exported())
	require.ElementsMatch(m, g.tags, vg.Tags())
	require.GreaterOrEqual(m, vg.Seqno(), g.seqno)
	g.seqno = vg.Seqno()
	rec := vg.Metadata()
	require.Equal(m, g.policy, vg.Allocation())
	require.Equal(m, [2]uint32{g.maxLV, g.maxPV}, [2]uint32{rec.MaxLV, rec.MaxPV})
	var devices, volumes []string
	var used Extents
	for pv := range vg.PVs() {
		devices = append(devices, pv.Device())
		require.Equal(m, vg.Name(), m.pvs[pv.Device()])
		require.Equal(m, !g.frozen[pv.Device()], pv.Allocatable())
		used += pv.Extents() - pv.FreeExtents()
	}
	require.Len(m, devices, m.count(vg.Name()))
	var stored Extents
	for lv := range vg.LVs() {
		if lv.Hidden() {
			require.True(m, snapshotLinkOf(lv.rec) != nil || strings.HasPrefix(lv.Name(), movePrefix), lv.Name())
			continue
		}
		volumes = append(volumes, lv.Name())
		want := g.lvs[lv.Name()]
		require.NotNil(m, want, lv.Name())
		require.Equal(m, want.origin != nil, lv.IsSnapshot())
		size := lv.Size()
		if lv.IsSnapshot() {
			require.Same(m, want.origin, g.lvs[lv.Origin().Name()])
			size = lv.OriginSize()
		}
		require.Equal(m, Bytes(len(want.blocks))*modelBlock, size)
		require.ElementsMatch(m, want.tags, lv.Tags())
		require.Equal(m, want.readOnly, lv.ReadOnly())
		for seg := range lv.Segments() {
			if len(seg.Areas()) > 0 {
				stored += seg.Extents()
			}
		}
		m.checkBlocks(lv, want)
	}
	for _, move := range vg.Moves() { // which has two places for each extent
		used -= Extents(move.Size / g.extent)
	}
	require.Len(m, volumes, len(g.lvs))
	require.Equal(m, stored, used)
}

func (m *model) checkLV(vg, name string, want *modelLV) {
	now, err := m.sys.VG(context.Background(), vg)
	require.NoError(m, err)
	lv, err := now.LV(name)
	require.NoError(m, err)
	m.checkBlocks(lv, want)
}

// checkBlocks compares the marks. Of a volume whose blocks have none yet only
// the first is known, which is zeroed.
func (m *model) checkBlocks(lv *LogicalVolume, want *modelLV) {
	if want.kind == SegmentError {
		return
	}
	m.blocks(m, lv, func(f blockFile) {
		for i, mark := range want.blocks {
			if mark == 0 && i > 0 {
				continue
			}
			var b [4]byte
			_, err := f.ReadAt(b[:], int64(i)*int64(modelBlock)+100)
			require.NoError(m, err)
			require.Equal(m, mark, binary.LittleEndian.Uint32(b[:]), "block %d of %s/%s", i, lv.vg.Name(), lv.Name())
		}
	})
}
