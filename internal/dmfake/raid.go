package dmfake

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"syscall"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/raid"
	"github.com/lvm-go/lvm/units"
)

// array is a raid target of a table. What its superblocks say is read when the
// table is loaded, as the kernel does: what another table does to them until this
// one is resumed is not seen.
//
// Source: Linux, drivers/md/dm-raid.c, and what the target was seen to do.
type array struct {
	dm.RAID
	length   units.Sectors
	legSize  units.Sectors
	geometry raid.Geometry
	offset   units.Sectors // of the data on the legs
	legs     []leg         // those that geometry has, and more before or after a reshape
	next     *reshape
	// waits says that the table only prepares the reshape: it begins with another
	// one that does not ask for it.
	waits bool
	// shownLayout is what the kernel reports in the place of the table's, if any.
	shownLayout string
	resynced    units.Sectors // of each leg; raid.Whole: all
	events      uint64
	started     bool
	frozen      bool
	asked       string        // "check", "repair" or ""
	checked     units.Sectors // so far
	found       uint64        // sectors that differ, so far
	// mismatches is what the last check has found.
	mismatches uint64
}

// leg is a place for data.
type leg struct {
	meta, data dm.Dev // 0: none
	dead       bool
	good       units.Sectors // how much is in sync; raid.Whole: all
}

func (l leg) present() bool { return l.data != 0 && !l.dead }

// reshape is what an array becomes.
type reshape struct {
	geometry raid.Geometry
	offset   units.Sectors
}

// defaultRegion is the size of regions where the table has none.
const defaultRegion units.Sectors = 8192

// newArray is the constructor of a target.
func (k *Kernel) newArray(t dm.RAID, length units.Sectors) (*array, syscall.Errno) {
	r := &array{RAID: t, length: length, resynced: raid.Whole}
	r.geometry = raidGeometry(t)
	var ok bool
	if r.geometry.Validate() != nil {
		return nil, syscall.EINVAL
	}
	if r.legSize, ok = r.geometry.LegSize(length); !ok {
		return nil, syscall.EINVAL
	}
	if size, _ := r.geometry.ArraySize(r.legSize); size < length || r.geometry.Copies == 0 && size != length {
		return nil, syscall.EINVAL
	}
	if t.RegionSize != 0 && (bits.OnesCount64(uint64(t.RegionSize)) != 1 || t.RegionSize < t.ChunkSize) {
		return nil, syscall.EINVAL
	}
	for _, l := range t.Legs {
		meta, _ := dm.ParseDev(l.Metadata)
		data, _ := dm.ParseDev(l.Data)
		if data == 0 && meta != 0 || data != 0 && !k.holds(l.Data, 0, r.legSize) {
			return nil, syscall.EINVAL
		}
		r.legs = append(r.legs, leg{meta: meta, data: data, good: raid.Whole})
	}
	for _, i := range t.Rebuild {
		if i < 0 || i >= len(r.legs) {
			return nil, syscall.EINVAL
		}
	}
	return r, r.assemble(k)
}

// raidGeometry returns where a target has its data.
func raidGeometry(t dm.RAID) raid.Geometry {
	g := raid.Geometry{Layout: raid.Layout(t.Layout), Legs: len(t.Legs), Chunk: t.ChunkSize}
	if t.Layout == string(raid.RAID1) {
		g.Chunk = 0
	}
	if t.Layout == string(raid.RAID10Near) {
		switch t.Format {
		case "far":
			g.Layout = raid.RAID10Far
		case "offset":
			g.Layout = raid.RAID10Offset
		}
	}
	switch g.Layout {
	case raid.RAID10Near, raid.RAID10Far, raid.RAID10Offset:
		if g.Copies = t.Copies; g.Copies == 0 {
			g.Copies = 2
		}
	}
	return g
}

// assemble reads the superblocks, and finds out what is in sync.
func (r *array) assemble(k *Kernel) syscall.Errno {
	supers := make([]*raidSuper, len(r.legs))
	var newest *raidSuper
	hasMeta := false
	for i, l := range r.legs {
		if l.meta == 0 {
			continue
		}
		hasMeta = true
		if !k.awake(l.meta) {
			return syscall.EDEADLK // which the kernel does not say: it waits
		}
		s, ok, err := readRaidSuper(flow{k, l.meta})
		switch {
		case err != nil:
			r.legs[i].dead = true
		case ok && !slices.Contains(r.Rebuild, i):
			supers[i] = &s
			if newest == nil || s.events > newest.events {
				newest = &s
			}
		}
	}
	switch {
	case newest != nil:
		if errno := r.follow(newest, supers); errno != 0 {
			return errno
		}
	case hasMeta && slices.ContainsFunc(r.legs, func(l leg) bool { return l.data == 0 }):
		return syscall.EINVAL
	case hasMeta && len(r.Rebuild) == 0 && r.Sync != dm.RAIDSyncSkip && r.geometry.Layout != raid.RAID0:
		r.resynced = 0
	}
	for _, i := range r.Rebuild {
		r.legs[i].good = 0
	}
	if r.Sync == dm.RAIDSyncForce {
		r.resynced = 0
	}
	if !r.geometry.Survives(r.missing(func(i int, l leg) bool { return !l.present() || slices.Contains(r.Rebuild, i) })) {
		return syscall.EINVAL
	}
	return 0
}

// follow does what the superblocks say, of which one is the newest.
func (r *array) follow(newest *raidSuper, supers []*raidSuper) syscall.Errno {
	if errno := r.shape(newest); errno != 0 {
		return errno
	}
	r.events, r.resynced, r.offset = newest.events, newest.resynced, r.offset+newest.offset
	if newest.level == 0 || r.geometry.Layout == raid.RAID0 {
		r.resynced = raid.Whole
	}
	if r.legSize > newest.legSize && r.resynced == raid.Whole && r.geometry.Layout != raid.RAID0 {
		r.resynced = newest.legSize
	}
	for i, s := range supers {
		l := &r.legs[i]
		switch {
		case l.data == 0, l.dead:
		case s == nil && newest.reshape == nil && i >= len(r.legs)-r.DeltaDisks: // it comes with the reshape
		case s == nil && !slices.Contains(r.Rebuild, i):
			return syscall.EINVAL
		case s == nil:
		case s.position < 64 && newest.failed>>s.position&1 != 0:
			l.good = 0
		default:
			l.good = s.recovered
		}
	}
	return 0
}

// shape finds out where the data are, and where they are to be.
func (r *array) shape(newest *raidSuper) syscall.Errno {
	is, wanted := raidGeometryOf(newest.level, newest.layout, newest.chunk, newest.legs), r.geometry
	level, _ := raidLevel(wanted)
	moves := r.DeltaDisks != 0 || r.HasDataOffset && r.DataOffset != 0
	switch {
	case newest.reshape != nil && r.DeltaDisks != 0:
		return syscall.EINVAL // it was told already
	case newest.reshape != nil:
		n := newest.reshape
		r.next = &reshape{raidGeometryOf(n.level, n.layout, n.chunk, uint32(int32(newest.legs)+n.delta)), n.offset}
		r.legSize, r.shownLayout = newest.legSize, string(is.Layout)
		r.waits = moves
	case is == wanted && !moves, is.Layout == raid.RAID1 && wanted.Layout == raid.RAID1, r.takesOver(newest):
		return 0
	case (moves || is.Legs == wanted.Legs) && is.Layout != raid.RAID0 && is.Layout != raid.RAID1 && newest.level == level:
		r.waits = true
		r.next = &reshape{geometry: wanted}
		r.next.geometry.Legs += min(r.DeltaDisks, 0)
		r.legSize = newest.legSize
		switch {
		case r.DeltaDisks > 0:
			r.offset = r.DataOffset - newest.offset // they were moved there
		case newest.offset == 0:
			r.next.offset = r.DataOffset
		}
		if r.next.geometry.Validate() != nil {
			return syscall.EINVAL
		}
	case is.Layout == wanted.Layout && is.Chunk == wanted.Chunk && is.Legs < wanted.Legs:
		// Legs that come with the reshape which follows, or go after one.
		r.legSize = newest.legSize
	default:
		return syscall.EINVAL
	}
	if is.Legs > len(r.legs) || r.next != nil && r.next.geometry.Legs > len(r.legs) {
		return syscall.EINVAL
	}
	r.geometry = is
	return 0
}

// takesOver says whether the data of another level lie where this one has them.
func (r *array) takesOver(old *raidSuper) bool {
	type kind struct{ level, layout uint32 }
	from, to := kind{old.level, old.layout}, kind{}
	to.level, to.layout = raidLevel(r.geometry)
	if from.level > 1 && to.level > 1 && units.Sectors(old.chunk) != r.geometry.Chunk {
		return false
	}
	raid4, raid5n, raid6n := kind{5, 4}, kind{5, 5}, kind{6, 5}
	switch {
	case from.level == 1 && to.level == 5, from.level == 5 && to.level == 1:
		return min(int(old.legs), len(r.legs)) <= 2
	case from.level == 0:
		return to == raid4 || to == raid5n || to == raid6n || to.level == 10
	case to.level == 0:
		return from == raid4 || from == raid5n || from == raid6n || from.level == 10
	case from.level == 5 && to.level == 6:
		return to.layout == from.layout+16 || to == raid6n && from == raid5n
	case from.level == 6 && to.level == 5:
		return from.layout == to.layout+16 || from == raid6n && to == raid5n
	}
	return false
}

// missing returns the legs that are.
func (r *array) missing(is func(i int, l leg) bool) []int {
	var out []int
	for i, l := range r.legs[:r.geometry.Legs] {
		if is(i, l) {
			out = append(out, i)
		}
	}
	return out
}

// capacity returns the size of the array that there is.
func (r *array) capacity() units.Sectors {
	if r.geometry.Copies > 0 && r.next == nil {
		return r.length
	}
	size, _ := r.geometry.ArraySize(r.legSize)
	return size
}

// reshaped moves all data to where they are to be.
func (r *array) reshaped(k *Kernel) error {
	a, _, err := r.open(k)
	if err != nil {
		return err
	}
	size, _ := r.next.geometry.ArraySize(r.legSize)
	b := make([]byte, inBytes(size))
	if _, err := a.ReadAt(b[:inBytes(min(size, r.capacity()))], 0); err != nil {
		return err
	}
	old := *r
	r.geometry, r.offset = r.next.geometry, r.next.offset
	r.legs = slices.Clone(r.legs)
	for i := range r.legs {
		if r.legs[i].good = raid.Whole; i >= r.geometry.Legs {
			r.legs[i].good = 0 // it is free
		}
	}
	a, _, err = r.open(k)
	if err == nil {
		_, err = a.WriteAt(b, 0)
	}
	if err != nil {
		*r = old
		return err
	}
	r.next = nil
	return nil
}

// preresume refuses to let two arrays work on the same legs. The kernel lets them:
// each then brings them in sync by what it knows.
func (r *array) preresume(k *Kernel) syscall.Errno {
	if k.anyTarget(func(d *device, s any) bool {
		other, ok := s.(*array)
		return ok && other != r && other.started && !d.suspended && d != k.holderOf(r) && slices.ContainsFunc(other.legs, func(l leg) bool {
			return l.data != 0 && slices.ContainsFunc(r.legs, func(mine leg) bool { return mine.data == l.data })
		})
	}) {
		return syscall.EBUSY
	}
	return 0
}

// resume starts the array. Legs that have failed are tried once more.
func (r *array) resume(k *Kernel) {
	for i, l := range r.legs {
		if !l.dead || l.meta == 0 {
			continue
		}
		if _, ok, err := readRaidSuper(flow{k, l.meta}); ok && err == nil {
			r.legs[i].dead, r.legs[i].good = false, 0
		}
	}
	r.started = true
	if r.next != nil && !r.waits {
		k.event(k.holderOf(r))
	}
	// That legs are absent the kernel writes when it has been idle for a while,
	// which may be never.
	r.write(k, false)
}

// suspend makes it keep still.
func (r *array) suspend(k *Kernel) {
	if r.started {
		r.write(k, true)
	}
}

// write writes the superblocks.
func (r *array) write(k *Kernel, absent bool) {
	r.events++
	s := raidSuper{legs: uint32(r.geometry.Legs), events: r.events, resynced: r.resynced, chunk: uint32(r.geometry.Chunk),
		arraySize: r.capacity(), legSize: r.legSize, offset: r.offset}
	s.level, s.layout = raidLevel(r.geometry)
	if r.next != nil {
		s.reshape = &raidReshape{chunk: uint32(r.next.geometry.Chunk), offset: r.next.offset, delta: int32(r.next.geometry.Legs - r.geometry.Legs)}
		s.reshape.level, s.reshape.layout = raidLevel(r.next.geometry)
	}
	for _, i := range r.missing(func(_ int, l leg) bool { return l.dead || absent && l.data == 0 }) {
		s.failed |= 1 << i
	}
	region, size, clean := r.regionSize(), r.legSize, min(r.resynced, r.legSize)
	if r.geometry.Copies > 0 {
		size, clean = r.capacity(), r.inArray(clean)
	}
	var bitmap []byte
	if s.level != 0 {
		bitmap = raidBitmap(r.events, size, clean, region, r.WriteBehind/2)
	}
	for i, l := range r.legs {
		if l.meta == 0 || !l.present() {
			continue
		}
		s.position, s.recovered = uint32(i), l.good
		if i >= r.geometry.Legs && r.next == nil {
			s.position = noPosition
		}
		if s.write(flow{k, l.meta}, bitmap) != nil {
			r.fail(k, i)
		}
	}
}

func (r *array) regionSize() units.Sectors {
	if r.RegionSize == 0 {
		return defaultRegion
	}
	return r.RegionSize
}

// inArray returns where in the array a place in the legs is.
func (r *array) inArray(at units.Sectors) units.Sectors { return r.capacity() * at / r.legSize }

// fail takes a leg out that has failed, unless the array would be lost.
func (r *array) fail(k *Kernel, i int) bool {
	if r.legs[i].dead {
		return true
	}
	if !r.geometry.Survives(r.missing(func(j int, l leg) bool { return j == i || !l.present() || l.good != raid.Whole })) {
		return false
	}
	r.legs[i].dead = true
	k.event(k.holderOf(r))
	r.write(k, true)
	return true
}

// holderOf returns the device that has a target in one of its tables.
func (k *Kernel) holderOf(state any) *device {
	holder := &device{}
	k.anyTarget(func(d *device, s any) bool {
		if s == state {
			holder = d
		}
		return s == state
	})
	return holder
}

// legIO is a leg for raid.Array, which takes note of its errors.
type legIO struct {
	flow
	start  int64
	failed *bool
}

func (l legIO) ReadAt(p []byte, off int64) (int, error) {
	n, err := l.flow.ReadAt(p, l.start+off)
	*l.failed = *l.failed || err != nil
	return n, err
}

func (l legIO) WriteAt(p []byte, off int64) (int, error) {
	n, err := l.flow.WriteAt(p, l.start+off)
	*l.failed = *l.failed || err != nil
	return n, err
}

// noLog is for arrays whose writes nothing interrupts.
type noLog struct{}

func (noLog) Dirty(units.Sectors, units.Sectors) error { return nil }
func (noLog) Behind([]int) error                       { return nil }
func (noLog) Clean() error                             { return nil }

// open returns the contents of the array, and where it is noted which legs fail.
func (r *array) open(k *Kernel) (*raid.Array, []bool, error) {
	failed := make([]bool, len(r.legs))
	legs := make([]raid.Leg, r.geometry.Legs)
	for i, l := range r.legs[:r.geometry.Legs] {
		if l.present() {
			legs[i] = raid.Leg{Data: legIO{flow{k, l.data}, int64(inBytes(r.offset)), &failed[i]}, InSync: l.good}
		}
	}
	unsynced := func(sector, length units.Sectors) bool { return r.resynced != raid.Whole && sector+length > r.resynced }
	a, err := raid.New(r.geometry, r.legSize, legs, raid.Options{Dirty: unsynced, Log: noLog{}})
	return a, failed, err
}

// io does I/O from byte off on.
func (r *array) io(k *Kernel, p []byte, off int64, write bool) error {
	if !r.awake(k) {
		return syscall.EAGAIN
	}
	a, failed, err := r.open(k)
	if err != nil {
		return syscall.EIO
	}
	if write {
		_, err = a.WriteAt(p, off)
	} else {
		_, err = a.ReadAt(p, off)
	}
	lost := errors.As(err, new(*raid.LostError)) || err != nil && !slices.Contains(failed, true)
	for i, bad := range failed {
		if bad && (write || lost || r.mend(k, i, off, len(p)) != nil) {
			lost = !r.fail(k, i) || lost
		}
	}
	if lost {
		return syscall.EIO
	}
	return nil
}

// mend writes to a leg anew what could not be read of it.
func (r *array) mend(k *Kernel, i int, off int64, n int) error {
	first, last := r.reach(units.Sectors(off/512), units.Sectors((n+1023)/512))
	is, should := make([][]byte, r.geometry.Legs), make([][]byte, r.geometry.Legs)
	for i := range is {
		is[i] = make([]byte, inBytes(min(last, r.legSize)-first))
	}
	if err := r.compute(k, first, min(last, r.legSize), is, should); err != nil {
		return err
	}
	return r.legIO(k, i, should[i], first, true)
}

// reach returns which part of the legs some sectors of the array are on.
func (r *array) reach(within, length units.Sectors) (first, last units.Sectors) {
	if r.geometry.Layout == raid.RAID10Far {
		return 0, r.legSize
	}
	chunk := max(r.geometry.Chunk, 1)
	size := r.capacity()
	first = r.legSize * within / size / chunk * chunk
	last = (r.legSize*(within+length) + size - 1) / size
	return first, (last + chunk - 1) / chunk * chunk
}

// awake says whether I/O to all legs gets through.
func (r *array) awake(k *Kernel) bool {
	return !slices.ContainsFunc(r.legs, func(l leg) bool { return l.data != 0 && !k.awake(l.data) || l.meta != 0 && !k.awake(l.meta) })
}

// action returns what is to be done in the background.
func (r *array) action() string {
	switch {
	case r.frozen:
		return "frozen"
	case !r.started:
		return "idle"
	case len(r.stale()) > 0:
		return "recover"
	case r.resynced != raid.Whole:
		return "resync"
	case r.next != nil:
		return "reshape"
	case r.asked != "":
		return r.asked
	}
	return "idle"
}

// stale returns the legs that are to be written anew.
func (r *array) stale() []int {
	return r.missing(func(_ int, l leg) bool { return l.present() && l.good != raid.Whole })
}

// at returns how far the action is.
func (r *array) at() units.Sectors {
	switch r.action() {
	case "recover":
		at := raid.Whole
		for _, i := range r.stale() {
			at = min(at, r.legs[i].good)
		}
		return at
	case "resync":
		return r.resynced
	case "check", "repair", "reshape":
		return r.checked
	}
	return raid.Whole
}

// work does n regions of what is to be done, all of it if n is 0. The result is
// how often something came to its end.
func (r *array) work(k *Kernel, n int) (ends int) {
	if !r.awake(k) {
		return 0
	}
	done := 0
	for action := r.action(); action != "idle" && action != "frozen" && (n == 0 || done < n); action = r.action() {
		from := r.at()
		to := min(from+max(r.regionSize(), r.geometry.Chunk), r.legSize)
		if action == "reshape" && r.waits {
			break
		}
		var err error
		switch {
		case action != "reshape":
			err = r.region(k, action, from, to)
		case to == r.legSize:
			err = r.reshaped(k)
		}
		if err != nil {
			break
		}
		done++
		if to == r.legSize {
			to = raid.Whole
			ends++
		}
		r.advance(action, from, to)
		r.write(k, true)
	}
	return ends
}

// advance notes how far an action has come.
func (r *array) advance(action string, from, to units.Sectors) {
	switch action {
	case "recover":
		for _, i := range r.stale() {
			if r.legs[i].good == from {
				r.legs[i].good = to
			}
		}
	case "resync":
		r.resynced = to
	default:
		r.checked = to
		if to == raid.Whole {
			r.mismatches = 0
			if action == "check" {
				r.mismatches = r.found
			}
			r.asked, r.checked, r.found = "", 0, 0
		}
	}
}

// region does what an action does from and to a place in the legs.
func (r *array) region(k *Kernel, action string, from, to units.Sectors) error {
	is, should := make([][]byte, r.geometry.Legs), make([][]byte, r.geometry.Legs)
	for i, l := range r.legs[:r.geometry.Legs] {
		is[i] = make([]byte, inBytes(to-from))
		if !l.present() || r.legIO(k, i, is[i], from, false) == nil {
			continue
		}
		if r.mend(k, i, int64(inBytes(r.inArray(from))), int(inBytes(r.inArray(to)-r.inArray(from)))) != nil || r.legIO(k, i, is[i], from, false) != nil {
			if !r.fail(k, i) {
				return syscall.EIO
			}
		}
	}
	if err := r.compute(k, from, to, is, should); err != nil {
		return err
	}
	if action == "check" || action == "repair" {
		r.found += r.differences(is, should)
	}
	for i, l := range r.legs[:r.geometry.Legs] {
		stale := l.good != raid.Whole
		if !l.present() || action == "check" || string(is[i]) == string(should[i]) || stale != (action == "recover") {
			continue
		}
		if r.legIO(k, i, should[i], from, true) != nil && !r.fail(k, i) {
			return syscall.EIO
		}
	}
	return nil
}

// legIO does I/O from a place in a leg on.
func (r *array) legIO(k *Kernel, i int, p []byte, from units.Sectors, write bool) error {
	return k.io(r.legs[i].data, p, int64(inBytes(r.offset+from)), write)
}

// compute finds out what the legs should have: what is written to an array in
// memory.
func (r *array) compute(k *Kernel, from, to units.Sectors, is, should [][]byte) error {
	a, _, err := r.open(k)
	if err != nil {
		return err
	}
	legs := make([]raid.Leg, r.geometry.Legs)
	for i := range legs {
		m := &memory{pages: map[int64]*page{}}
		_, _ = m.WriteAt(is[i], int64(inBytes(from)))
		legs[i] = raid.Leg{Data: m, InSync: raid.Whole}
	}
	ideal, err := raid.New(r.geometry, r.legSize, legs, raid.Options{})
	if err != nil {
		return err
	}
	chunk := max(r.geometry.Chunk, 1)
	first, last := r.inArray(from)/chunk*chunk, min((r.inArray(to)+chunk-1)/chunk*chunk, r.capacity())
	data := make([]byte, inBytes(last-first))
	if _, err := a.ReadAt(data, int64(inBytes(first))); err != nil {
		return err
	}
	if _, err := ideal.WriteAt(data, int64(inBytes(first))); err != nil {
		return err
	}
	for i := range legs {
		should[i] = make([]byte, len(is[i]))
		_, _ = legs[i].Data.ReadAt(should[i], int64(inBytes(from)))
	}
	return nil
}

// differences counts sectors as the kernel does: all those that it compares at
// once.
func (r *array) differences(is, should [][]byte) (n uint64) {
	step := units.Sectors(8)
	switch {
	case r.geometry.Copies > 0:
		step = min(128, r.geometry.Chunk)
	case r.geometry.Layout == raid.RAID1:
		step = 128
	}
	size := int(inBytes(step))
	for at := 0; at < len(is[0]); at += size {
		end := min(at+size, len(is[0]))
		if slices.ContainsFunc(r.missing(func(_ int, l leg) bool { return l.present() }), func(i int) bool {
			return string(is[i][at:end]) != string(should[i][at:end])
		}) {
			n += uint64(step)
		}
	}
	return n
}

// status returns the text of the status line.
func (r *array) status() string {
	health := make([]byte, len(r.legs))
	for i, l := range r.legs {
		switch {
		case l.data == 0:
			health[i] = '-'
		case l.dead:
			health[i] = 'D'
		case l.good != raid.Whole, r.resynced != raid.Whole, r.next != nil, i >= r.geometry.Legs:
			health[i] = 'a'
		default:
			health[i] = 'A'
		}
	}
	at := min(r.at(), r.legSize)
	if r.frozen || !r.started && r.resynced != raid.Whole {
		at = 0
	}
	total := r.legSize
	if r.geometry.Copies > 0 {
		at, total = r.inArray(at), r.capacity()
	}
	shape := r.geometry
	if r.next != nil {
		shape = r.next.geometry
	}
	return fmt.Sprintf("%s %d %s %d/%d %s %d %d -", shape.Layout, shape.Legs, health, at, total, r.action(), r.mismatches, uint64(r.offset))
}

// shown returns the target as the kernel reports it.
func (r *array) shown() dm.Target {
	t := r.RAID
	if r.shownLayout != "" && r.geometry.Copies == 0 {
		t.Layout = r.shownLayout
	}
	return t
}

// message carries out a message.
func (r *array) message(text string) syscall.Errno {
	if r.geometry.Layout == raid.RAID0 {
		return syscall.EINVAL
	}
	busy := !r.frozen && r.action() != "idle"
	switch text {
	case "idle":
		r.frozen, r.asked, r.checked, r.found = false, "", 0, 0
	case "frozen":
		r.frozen, r.asked, r.checked, r.found = true, "", 0, 0
	case "check", "repair", "recover", "resync":
		if busy {
			return syscall.EBUSY
		}
		r.frozen = false
		if text == "check" || text == "repair" {
			r.asked = text
		}
	default:
		if busy {
			return syscall.EBUSY
		}
		return syscall.EINVAL
	}
	return 0
}
