package lvm

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// powerCut is an operation in the midst of which the power fails, while volumes are
// written to. The kernel logs all that is written to the physical volumes, by us, by
// itself, and by users, so that what was on them at any moment can be put on others.
type powerCut struct {
	name string
	pvs  int   // 3 if zero
	size Bytes // of each; 8 MiB if zero
	// setup makes what there is before of the group vg0. What it fills is looked for
	// afterwards.
	setup func(r *cutRun)
	// writes are the volumes that are written to meanwhile.
	writes []string
	do     cutStep
	// of tells of which volume others are snapshots.
	of map[string]string
	// goes are the volumes that the operation removes, loose those whose contents
	// only after looks at.
	goes, loose []string
	// files is a volume with a file system that files are written to meanwhile.
	files string
	// after looks at what is particular to the operation, and may bring it to its end.
	after func(r *cutRun)
}

const (
	cutExtent = 64 * KiB
	cutBlock  = 4096
	// cutGap is what is ahead of the physical volumes on the device that they share,
	// so that nobody takes that for the first of them.
	cutGap = 1 << 20
	// cutLogSize is no more than what is written of it.
	cutLogSize = 1 << 30
)

// cutRun is one operation and its cuts.
type cutRun struct {
	*killRun
	op       powerCut
	size     int64
	loops    []string // what a state is put on
	base     string   // what the physical volumes are slices of, the log, and their files
	logged   string
	baseFile string
	logFile  string
	log      *os.File
	writes   []loggedWrite
	ours     [][2]int64 // where the metadata areas are on the device that is logged
	start    []byte     // what was on it ahead of the first entry
	begin    int        // the entries at which the operation began
	end      int        // and ended
	ids      map[string]metadata.ID
	acks     []cutMark // in the order of their entries
	issued   map[cutPlace]uint32
	settled  map[cutPlace]uint32 // ahead of the operation
	filled   map[metadata.ID]int // blocks
	safe     map[cutPlace]uint32 // at the cut that is looked at
	outcomes map[string]int
}

// cutPlace is a block of a volume, and cutMark one that was written for the n-th
// time, counted from 0.
type cutPlace struct {
	lv    metadata.ID
	block uint32
}

type cutMark struct {
	cutPlace
	count uint32
}

// bytes returns what is written.
func (m cutMark) bytes() []byte {
	b := make([]byte, cutBlock)
	seed := [32]byte(m.lv)
	binary.LittleEndian.PutUint32(seed[24:], m.block^binary.LittleEndian.Uint32(seed[24:]))
	binary.LittleEndian.PutUint32(seed[28:], m.count^binary.LittleEndian.Uint32(seed[28:]))
	_, _ = rand.NewChaCha8(seed).Read(b)
	copy(b, m.lv[:])
	binary.LittleEndian.PutUint32(b[32:], m.block)
	binary.LittleEndian.PutUint32(b[36:], m.count)
	return b
}

// cutMarkIn returns the mark that a block holds.
func cutMarkIn(b []byte) (m cutMark, ok bool) {
	m.lv = metadata.ID(b[:32])
	m.block, m.count = binary.LittleEndian.Uint32(b[32:]), binary.LittleEndian.Uint32(b[36:])
	return m, bytes.Equal(b, m.bytes())
}

func newCutRun(t *testing.T, op powerCut) *cutRun {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "thin_check")
	if op.pvs == 0 {
		op.pvs = 3
	}
	if op.size == 0 {
		op.size = 8 * MiB
	}
	r := &cutRun{
		killRun: &killRun{T: t, want: map[metadata.ID][]byte{}, where: "setup"}, op: op, size: int64(op.size),
		ids: map[string]metadata.ID{}, issued: map[cutPlace]uint32{}, filled: map[metadata.ID]int{}, outcomes: map[string]int{},
	}
	for range op.pvs {
		dev, _ := umltest.Loop(t, r.size)
		r.loops = append(r.loops, dev)
	}
	r.base, r.baseFile = umltest.Loop(r, r.sliceAt(op.pvs))
	r.logged, r.logFile = umltest.Loop(r, cutLogSize)
	var err error
	r.control, err = dm.Open()
	require.NoError(t, err)
	t.Cleanup(func() {
		r.clear()
		for _, name := range append(r.slices(), loggedName) {
			_ = os.Remove("/dev/mapper/" + name)
		}
		assert.NoError(t, r.control.Close())
	})
	return r
}

// loggedName is the device whose writes are logged.
const loggedName = "logged"

// slices returns the names of the devices that are the physical volumes while all is
// logged.
func (r *cutRun) slices() (names []string) {
	for i := range r.op.pvs {
		names = append(names, "pv"+strconv.Itoa(i))
	}
	return names
}

// slice makes them lie on a device.
func (r *cutRun) slice(on string) {
	r.Helper()
	for i, name := range r.slices() {
		r.load(name, fmt.Sprintf("0 %d linear %s %d", r.size/512, on, r.sliceAt(i)/512))
	}
}

// record makes the operation on volumes that are written to, and keeps the log.
func (r *cutRun) record() {
	r.Helper()
	r.slice(r.base)
	for _, name := range r.slices() {
		r.devices = append(r.devices, "/dev/mapper/"+name)
	}
	r.sys = openKernel(r, r.devices)
	spec := areaSpec(OneArea)
	spec.MetadataSize = 128 * KiB
	r.update(func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: r.devices, ExtentSize: cutExtent, PV: spec}) })
	r.op.setup(r)
	r.update((*Tx).DeactivateAll)
	var err error
	r.start, err = os.ReadFile(r.baseFile)
	require.NoError(r, err)

	r.load(loggedName, fmt.Sprintf("0 %d log-writes %s %s", r.sliceAt(r.op.pvs)/512, r.base, r.logged))
	r.slice("/dev/mapper/" + loggedName)
	r.update((*Tx).ActivateAll)
	for _, name := range r.op.writes {
		r.write(r.volume(name).Path(), cutMark{cutPlace{r.ids[name], 0}, 0}.bytes(), 0)
	}
	w := r.startWriter()
	r.settled = w.ahead()
	stop := func() {}
	if r.op.files != "" {
		stop = r.startFiles(r.op.files)
	}
	r.mark("begin")
	err = r.op.do(r)
	r.mark("end")
	stop()
	w.stop()
	require.NoError(r, err)
	r.acks = w.acks
	r.update((*Tx).DeactivateAll)
	require.NoError(r, r.sys.Close())
	for _, name := range append(r.slices(), loggedName) {
		umltest.Run(r, "dmsetup", "remove", name)
	}
	r.log, err = os.Open(r.logFile)
	require.NoError(r, err)
	r.Cleanup(func() { assert.NoError(r, r.log.Close()) })
	r.writes = readWriteLog(r, r.log)
	r.begin = slicesIndexMark(r.writes, "begin")
	r.end = slicesIndexMark(r.writes, "end")
	require.Positive(r, r.begin)
	require.Greater(r, r.end, r.begin)
	for i := range r.op.pvs {
		r.ours = append(r.ours, [2]int64{r.sliceAt(i), r.sliceAt(i) + int64(spec.MetadataSize)})
	}
	// The states are for others.
	r.devices = r.loops
	r.sys = openKernel(r, r.devices)
}

func slicesIndexMark(writes []loggedWrite, mark string) int {
	return slices.IndexFunc(writes, func(w loggedWrite) bool { return w.mark == mark })
}

func (r *cutRun) sliceAt(i int) int64 { return cutGap + int64(i)*r.size }

// load gives a device of the test's own a table.
func (r *cutRun) load(name, table string) {
	r.Helper()
	if _, err := os.Stat("/dev/mapper/" + name); err != nil {
		umltest.Run(r, "dmsetup", "create", name, "--table", table)
		return
	}
	umltest.Run(r, "dmsetup", "load", name, "--table", table)
	umltest.Run(r, "dmsetup", "resume", name)
}

// mark puts a mark into the log.
func (r *cutRun) mark(text string) {
	r.Helper()
	_, _, err := r.control.Message(dm.ByName(loggedName), 0, "mark "+text)
	require.NoError(r, err)
}

// fill writes each block of volumes once more.
func (r *cutRun) fill(names ...string) {
	r.Helper()
	for _, name := range names {
		lv := r.volume(name)
		r.ids[name], r.filled[lv.ID()] = lv.ID(), int(lv.Size()/cutBlock)
		var p []byte
		for block := range uint32(lv.Size() / cutBlock) {
			p = append(p, r.next(cutPlace{lv.ID(), block}).bytes()...)
		}
		r.write(lv.Path(), p, 0)
	}
}

// next returns the mark that is to be written next to a place.
func (r *cutRun) next(at cutPlace) cutMark {
	n, written := r.issued[at]
	if written {
		n++
	}
	r.issued[at] = n
	return cutMark{at, n}
}

// cutWriter writes to volumes, and notes in the log what the kernel said is safe.
type cutWriter struct {
	run   *cutRun
	ended chan struct{}

	mu   sync.Mutex // guards what follows
	acks []cutMark
	done bool
}

// startWriter begins to write, and comes back when there is something to be lost.
func (r *cutRun) startWriter() *cutWriter {
	r.Helper()
	w := &cutWriter{run: r, ended: make(chan struct{})}
	var files []Device
	for _, name := range r.op.writes {
		d, err := openFileDevice(r.volume(name).Path(), true)
		require.NoError(r, err)
		files = append(files, d)
	}
	round := func(n int) {
		for i, d := range files {
			at := cutPlace{lv: r.ids[r.op.writes[i]]}
			at.block = uint32(n*7) % uint32(r.filled[at.lv])
			m := r.next(at)
			_, err := d.WriteAt(m.bytes(), int64(at.block)*cutBlock)
			if assert.NoError(r, err) && assert.NoError(r, d.Sync()) {
				w.mu.Lock()
				r.mark(strconv.Itoa(len(w.acks)))
				w.acks = append(w.acks, m)
				w.mu.Unlock()
			}
		}
	}
	for n := range 3 {
		round(n)
	}
	go func() {
		defer close(w.ended)
		for n := 3; !w.isDone() && !r.Failed(); n++ {
			round(n)
		}
		for _, d := range files {
			assert.NoError(r, d.Close())
		}
	}()
	return w
}

func (w *cutWriter) isDone() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.done || len(w.run.op.writes) == 0
}

// ahead returns what is safe now.
func (w *cutWriter) ahead() map[cutPlace]uint32 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return newest(w.acks)
}

func newest(marks []cutMark) map[cutPlace]uint32 {
	out := map[cutPlace]uint32{}
	for _, m := range marks {
		out[m.cutPlace] = m.count
	}
	return out
}

func (w *cutWriter) stop() {
	w.mu.Lock()
	w.done = true
	w.mu.Unlock()
	<-w.ended
}

// cut is a moment at which the power fails: ahead of an entry.
type cut struct {
	at int
	// lost: of what no flush has made safe, some is lost.
	lost bool
}

func (c cut) String() string {
	if c.lost {
		return fmt.Sprintf("power cut ahead of entry %d, with losses", c.at)
	}
	return fmt.Sprintf("power cut ahead of entry %d", c.at)
}

// cuts returns the moments at which the power fails, some of them in the midst of
// our own writes. All takes many of each.
func (r *cutRun) cuts() []cut {
	most := 1
	if everything() {
		most = 100
	}
	var own, noted, others []cut // ours, the kernel's metadata, and the rest
	for i := r.begin + 1; i <= r.end; i++ {
		switch w := r.writes[i-1]; {
		case !w.changes():
		case r.isOurs(w):
			own = append(own, cut{at: i})
		case w.flags&loggedFUA != 0:
			noted = append(noted, cut{at: i})
		default:
			others = append(others, cut{at: i, lost: len(others)%2 == 0})
		}
	}
	all := slices.Concat(spread(own, most), spread(noted, most), spread(others, most), []cut{{at: r.end}})
	slices.SortFunc(all, func(a, b cut) int { return a.at - b.at })
	return all
}

// spread returns n of a list at most, the last among them.
func spread(all []cut, n int) []cut {
	if len(all) <= n {
		return all
	}
	var out []cut
	for i := range n {
		out = append(out, all[(i+1)*len(all)/n-1])
	}
	return out
}

func (r *cutRun) isOurs(w loggedWrite) bool {
	return slices.ContainsFunc(r.ours, func(o [2]int64) bool { return w.at >= o[0] && w.at < o[1] })
}

// states calls do with what is on the device at each cut.
func (r *cutRun) states(cuts []cut, do func(c cut, device []byte)) {
	r.Helper()
	device, done := slices.Clone(r.start), 0
	for _, c := range cuts {
		window := c.at // from here on nothing is safe but what bypasses caches
		for c.lost && window > done && !r.writes[window-1].settles() {
			window--
		}
		for ; done < window; done++ {
			r.replay(done, device)
		}
		now := device
		if c.lost {
			now = slices.Clone(device)
		}
		luck := rand.New(rand.NewPCG(1, uint64(c.at)))
		for i := done; i < c.at; i++ {
			if !c.lost || r.writes[i].safe() || luck.IntN(2) == 0 {
				r.replay(i, now)
			}
		}
		if !c.lost {
			done = c.at
		}
		do(c, now)
	}
}

func (r *cutRun) replay(i int, device []byte) {
	r.Helper()
	if w := r.writes[i]; w.changes() {
		w.replay(r, r.log, device)
	}
}

// settledAt returns what was safe ahead of an entry.
func (r *cutRun) settledAt(at int) map[cutPlace]uint32 {
	r.Helper()
	n := 0
	for i := at - 1; i >= 0; i-- {
		if last, err := strconv.Atoi(r.writes[i].mark); err == nil && r.writes[i].mark != "" {
			n = last + 1
			break
		}
	}
	return newest(r.acks[:n])
}

// put puts a state on the devices.
func (r *cutRun) put(device []byte) {
	r.Helper()
	r.saved = nil
	for i := range r.op.pvs {
		r.saved = append(r.saved, device[r.sliceAt(i):r.sliceAt(i)+r.size])
	}
	r.rewind()
}

// verify checks that what a power cut left can be recovered, and is whole.
func (r *cutRun) verify(c cut, device []byte, askLVM2 bool) {
	r.Helper()
	ctx := context.Background()
	r.where = c.String()
	r.put(device)
	r.checkPools("before the recovery")

	r.reopen()
	rec, err := r.sys.Recover(ctx)
	require.NoError(r, err, r.where)
	require.Empty(r, rec.Problems, r.where)
	r.update((*Tx).ActivateAll)
	r.inOrder()
	r.safe = r.settledAt(c.at)
	r.holdsMarks(r.safe)
	if r.op.files != "" {
		r.filesInOrder(r.op.files, c.at)
	}
	if r.op.after != nil {
		r.op.after(r)
		r.inOrder()
	}
	r.update(func(tx *Tx) error { return tx.SetTags("next") })
	r.nextOfPools()
	r.update((*Tx).DeactivateAll)
	r.checkPools("at the end")
	if askLVM2 {
		r.lvm2Agrees()
		lvm2(r, "vgchange", "-ay", "vg0") // which has the metadata of pools and caches checked
		lvm2(r, "vgchange", "-an", "vg0")
	}
}

// checkPools checks the metadata of pools, and that its transactions are those of the
// group.
func (r *cutRun) checkPools(when string) {
	r.Helper()
	sys, err := Open(Config{Devices: r.devices, Kernel: KernelNone})
	require.NoError(r, err)
	defer func() { require.NoError(r, sys.Close()) }()
	vg, err := sys.VG(context.Background(), "vg0")
	require.NoError(r, err, r.where)
	for lv := range vg.LVs() {
		if lv.IsThinPool() {
			found, err := lv.CheckPool(context.Background())
			require.NoError(r, err, "%s, %s", r.where, when)
			for _, problem := range found {
				// A chunk that was handed out ahead of the last commit, and not used yet.
				require.True(r, problem.Harmless, "%s, %s: %s", r.where, when, problem.What)
				r.saw("space lost in a pool")
			}
		}
	}
}

// nextOfPools makes one more snapshot of each volume of the pools.
func (r *cutRun) nextOfPools() {
	r.Helper()
	vg, err := r.sys.VG(context.Background(), "vg0")
	require.NoError(r, err, r.where)
	r.agrees(vg)
	pools := 0
	r.update(func(tx *Tx) error {
		for lv := range vg.LVs() {
			if lv.IsThinPool() {
				pools++
				if err := tx.addThinLV(lv.Name(), "next"+strconv.Itoa(pools), 1); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if pools == 0 {
		return
	}
	vg, err = r.sys.VG(context.Background(), "vg0")
	require.NoError(r, err, r.where)
	r.agrees(vg)
}

// holdsMarks checks that volumes hold what was safe when the power failed, or what
// was written after it.
func (r *cutRun) holdsMarks(safe map[cutPlace]uint32) {
	r.Helper()
	vg, err := r.sys.VG(context.Background(), "vg0")
	require.NoError(r, err, r.where)
	for name, id := range r.ids {
		switch lv, err := vg.LV(id.String()); {
		case err != nil:
			require.Contains(r, r.op.goes, name, "%s: %s is gone", r.where, name)
		case slices.Contains(r.op.loose, name):
		case r.op.of[name] == "":
			r.holdsMarksOf(lv, id, safe, r.issued)
		default: // as its origin was when it was made
			r.holdsMarksOf(lv, r.ids[r.op.of[name]], nil, nil)
		}
	}
	for name, origin := range r.op.of {
		if lv, err := vg.LV(name); err == nil && r.ids[name].IsZero() && lv.Active() {
			r.holdsMarksOf(lv, r.ids[origin], r.settled, r.issued)
		}
	}
}

// holdsMarksOf checks that a volume holds what was written to it, or to its origin.
func (r *cutRun) holdsMarksOf(lv *LogicalVolume, of metadata.ID, safe, issued map[cutPlace]uint32) {
	r.Helper()
	for block, m := range r.marksOf(lv, r.filled[of]) {
		at := cutPlace{of, uint32(block)}
		require.Equal(r, at, m.cutPlace, "%s: block %d of %s", r.where, block, lv.Name())
		require.GreaterOrEqual(r, m.count, safe[at], "%s: block %d of %s is older than what was safe", r.where, block, lv.Name())
		require.LessOrEqual(r, m.count, issued[at], "%s: block %d of %s", r.where, block, lv.Name())
	}
}

// marksOf returns the marks in the first blocks of a volume.
func (r *cutRun) marksOf(lv *LogicalVolume, blocks int) []cutMark {
	r.Helper()
	d, err := openFileDevice(lv.Path(), false)
	require.NoError(r, err, r.where)
	p := make([]byte, min(blocks, int(lv.Size()/cutBlock))*cutBlock)
	_, err = d.ReadAt(p, 0)
	require.NoError(r, err, "%s: %s", r.where, lv.Name())
	require.NoError(r, d.Close())
	var out []cutMark
	for b := range slices.Chunk(p, cutBlock) {
		m, ok := cutMarkIn(b)
		require.True(r, ok, "%s: block %d of %s holds nothing that was written", r.where, len(out), lv.Name())
		out = append(out, m)
	}
	return out
}

// saw counts an outcome.
func (r *cutRun) saw(outcome string) { r.outcomes[outcome]++ }

// TestKernelPowerCut lets the power fail in the midst of operations. Then everything
// that was said to be safe is there, nothing is in between but what the operation can
// be brought to its end from, and lvm2 has nothing to complain of.
func TestKernelPowerCut(t *testing.T) {
	for _, op := range powerCuts() {
		t.Run(op.name, func(t *testing.T) {
			r := newCutRun(t, op)
			r.record()
			cuts := r.cuts()
			n := 0
			r.states(cuts, func(c cut, device []byte) {
				r.verify(c, device, n == len(cuts)/2)
				n++
			})
			t.Logf("%d of %d entries were cut at: %v", len(cuts), r.end-r.begin, slices.Sorted(maps.Keys(r.outcomes)))
		})
	}
}
