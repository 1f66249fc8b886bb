package lvm

import (
	"context"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// AutoExtend says when snapshots get more space, and how much. lvm2:
// snapshot_autoextend_threshold and snapshot_autoextend_percent.
type AutoExtend struct {
	// Threshold is how full a COW store may be, in percent. 100 extends none.
	Threshold uint
	// By is how much it grows then, in percent of its size, or more if it takes
	// more to be below the threshold.
	By uint
}

func (a AutoExtend) check() error {
	if a.Threshold == 0 || a.Threshold > 100 || a.By == 0 {
		return fault(ErrInvalidSpec, "threshold of %d%%, by %d%%: from 1 to 100, and 1 at least", a.Threshold, a.By)
	}
	return nil
}

// growth returns by how many percent a store is to grow that is as full as that; 0
// if it stays. Source: lvm2 as observed.
func (a AutoExtend) growth(full dm.Percent) uint {
	hundredths := uint64(full)
	if a.Threshold >= 100 || hundredths <= 100*uint64(a.Threshold) {
		return 0
	}
	need := (hundredths + uint64(a.Threshold) - 1) / uint64(a.Threshold) // of the present size, in percent
	return max(a.By, uint(need-100))
}

// SnapshotExtension is what a snapshot got.
type SnapshotExtension struct {
	Snapshot      string
	Before, After Bytes // size of the COW store
}

// ExtendSnapshots gives the active snapshots of a group more space whose COW
// stores are too full, as far as that is of use. In image mode all snapshots are
// looked at. Those that are lost, or being merged, are passed over. lvm2: what
// dmeventd does, lvextend --use-policies.
//
// It tries all, and returns those that it has extended, and errors as
// [Tx.ExtendLV] does for those that it could not.
func (s *System) ExtendSnapshots(ctx context.Context, vg string, a AutoExtend) ([]SnapshotExtension, error) {
	if err := a.check(); err != nil {
		return nil, &OpError{Op: "extend snapshots", VG: vg, Err: err}
	}
	v, err := s.VG(ctx, vg)
	if err != nil {
		return nil, err
	}
	var out []SnapshotExtension
	var errs []error
	for lv := range v.LVs() {
		if !lv.monitored() {
			continue
		}
		u, err := lv.snapshotUsage()
		if err != nil {
			errs = append(errs, &OpError{Op: "look at snapshot", VG: vg, LV: lv.Name(), Err: err})
			continue
		}
		if u.State != SnapshotValid || a.growth(u.Percent()) == 0 {
			continue
		}
		got, err := s.extendSnapshot(ctx, v.rec.ID, lv.rec.ID, a)
		if err != nil {
			errs = append(errs, err)
		} else if got.After > got.Before {
			out = append(out, got)
		}
	}
	return out, joinErrors(errs...)
}

// monitored says whether a volume is a snapshot whose store may become full.
func (l *LogicalVolume) monitored() bool {
	link, ok := l.vg.links().by(l.rec.ID)
	return ok && !link.body.Merging && (l.vg.sys.kernel == nil || l.Active())
}

// extendSnapshot extends a snapshot if it is still too full.
func (s *System) extendSnapshot(ctx context.Context, vg, id metadata.ID, a AutoExtend) (SnapshotExtension, error) {
	var out SnapshotExtension
	err := s.Update(ctx, vg.String(), func(tx *Tx) error {
		out = SnapshotExtension{}
		link, ok := tx.snapshotBy(id)
		if !ok || link.body.Merging {
			return nil
		}
		lv := tx.find(id)
		u, err := tx.usage(link)
		if err != nil || u.State != SnapshotValid {
			return tx.fail("look at snapshot", lv.Name, err)
		}
		by := a.growth(u.Percent())
		if by == 0 {
			return nil
		}
		before := lv.Extents()
		if err := tx.ExtendLV(lv.Name, ExtendSpec{By: PercentLV(by)}); err != nil {
			return err
		}
		out = SnapshotExtension{Snapshot: lv.Name, Before: tx.bytes(before), After: tx.bytes(tx.find(id).Extents())}
		return nil
	})
	return out, err
}

// SnapshotEvent is something that [System.Monitor] has seen or done.
type SnapshotEvent struct {
	Kind     SnapshotEventKind
	VG       string
	Snapshot string // empty if Err is about the group
	Usage    SnapshotUsage
	// Extension is what a snapshot got that was extended.
	Extension SnapshotExtension
	// Err says what is wrong.
	Err error
}

// SnapshotEventKind is what an event is about.
type SnapshotEventKind uint8

// Kinds of events.
const (
	// SnapshotFilling: a COW store is 80% full, or 5% fuller than when that was
	// last told.
	SnapshotFilling SnapshotEventKind = iota + 1
	// SnapshotExtended: a COW store has got more space.
	SnapshotExtended
	// SnapshotLost: a snapshot is invalid; see [ErrSnapshotInvalid]. It is told
	// once.
	SnapshotLost
	// MonitorFailed: something could not be looked at, or extended. It is told once,
	// until it is right again or something else is wrong.
	MonitorFailed
)

// String returns "filling", "extended", "lost" or "failed".
func (k SnapshotEventKind) String() string {
	switch k {
	case SnapshotFilling:
		return "filling"
	case SnapshotExtended:
		return "extended"
	case SnapshotLost:
		return "lost"
	case MonitorFailed:
		return "failed"
	}
	return "unknown"
}

// MonitorOptions says what [System.Monitor] does.
type MonitorOptions struct {
	// VGs are the groups to look at, all if empty.
	VGs []string
	// Interval is the time between two looks; 10 s if zero, as with dmeventd.
	Interval time.Duration
	// AutoExtend extends snapshots that are too full; the zero value none.
	AutoExtend AutoExtend
	// AutoExtendPools extends thin pools that are too full; the zero value none.
	AutoExtendPools PoolAutoExtend
	// Event and PoolEvent, if not nil, are told what happens, with no lock held.
	Event     func(SnapshotEvent)
	PoolEvent func(PoolEvent)
}

const (
	monitorInterval = 10 * time.Second
	warnFrom        = dm.Percent(8000)
	warnStep        = dm.Percent(500)
)

// Monitor looks after snapshots and thin pools that are active until ctx ends, whose
// error it then returns: it tells when they fill up, are lost or in trouble, and extends
// them. It is what lvm2's dmeventd does, without a daemon; one program per host that does
// it is enough.
func (s *System) Monitor(ctx context.Context, o MonitorOptions) error {
	if o.AutoExtend != (AutoExtend{}) {
		if err := o.AutoExtend.check(); err != nil {
			return &OpError{Op: "monitor", Err: err}
		}
	}
	if o.AutoExtendPools != (PoolAutoExtend{}) {
		if err := o.AutoExtendPools.check(); err != nil {
			return &OpError{Op: "monitor", Err: err}
		}
	}
	if o.Interval <= 0 {
		o.Interval = monitorInterval
	}
	m := &monitor{sys: s, o: o}
	m.init()
	for {
		if err := s.checkOpen(); err != nil {
			return &OpError{Op: "monitor", Err: err}
		}
		m.round(ctx)
		select {
		case <-ctx.Done():
			return &OpError{Op: "monitor", Err: checkpoint(ctx)}
		case <-time.After(o.Interval):
		}
	}
}

// monitor is what was told already.
type monitor struct {
	sys    *System
	o      MonitorOptions
	told   map[metadata.ID]dm.Percent // how full a snapshot was when that was last told
	lost   map[metadata.ID]bool
	failed map[string]string // what is wrong, by group and snapshot
	pools  poolMonitor
}

func (m *monitor) init() {
	m.told, m.lost, m.failed = map[metadata.ID]dm.Percent{}, map[metadata.ID]bool{}, map[string]string{}
	m.pools.init()
}

func (m *monitor) round(ctx context.Context) {
	vgs := m.o.VGs
	if len(vgs) == 0 {
		inv, err := m.sys.Scan(ctx)
		m.fail(ctx, "", "", err)
		m.failPool(ctx, "", "", err)
		if err != nil {
			return
		}
		for _, vg := range inv.VGs {
			vgs = append(vgs, vg.ID().String())
		}
	}
	seen := map[metadata.ID]bool{}
	for _, vg := range vgs {
		m.group(ctx, vg, seen)
	}
	for id := range m.told {
		if !seen[id] {
			delete(m.told, id)
		}
	}
	for id := range m.lost {
		if !seen[id] {
			delete(m.lost, id)
		}
	}
	m.pools.forget(seen)
}

func (m *monitor) group(ctx context.Context, ref string, seen map[metadata.ID]bool) {
	v, err := m.sys.VG(ctx, ref)
	m.fail(ctx, ref, "", err)
	m.failPool(ctx, ref, "", err)
	if err != nil {
		return
	}
	for lv := range v.LVs() {
		if lv.IsThinPool() && len(v.devices[lv.rec.ID]) > 0 {
			seen[lv.rec.ID] = true
			m.pool(ctx, lv)
		}
		if !lv.monitored() {
			continue
		}
		seen[lv.rec.ID] = true
		u, err := lv.snapshotUsage()
		if err == nil && u.State == SnapshotValid {
			u, err = m.extend(ctx, lv, u)
		}
		m.fail(ctx, v.Name(), lv.Name(), err)
		if err == nil {
			m.tell(lv, u)
		}
	}
}

// extend extends a snapshot if need be, and returns how full it is then.
func (m *monitor) extend(ctx context.Context, lv *LogicalVolume, u SnapshotUsage) (SnapshotUsage, error) {
	if m.o.AutoExtend == (AutoExtend{}) || m.o.AutoExtend.growth(u.Percent()) == 0 {
		return u, nil
	}
	got, err := m.sys.extendSnapshot(ctx, lv.vg.rec.ID, lv.rec.ID, m.o.AutoExtend)
	if err == nil && got.After > got.Before {
		u.Total = got.After
		m.event(SnapshotEvent{Kind: SnapshotExtended, VG: lv.vg.Name(), Snapshot: got.Snapshot, Usage: u, Extension: got})
	}
	return u, err
}

// tell tells what is new about a snapshot.
func (m *monitor) tell(lv *LogicalVolume, u SnapshotUsage) {
	id, full := lv.rec.ID, u.Percent()
	e := SnapshotEvent{VG: lv.vg.Name(), Snapshot: lv.Name(), Usage: u}
	if u.State == SnapshotInvalid {
		if !m.lost[id] {
			m.lost[id] = true
			e.Kind, e.Err = SnapshotLost, u.err()
			m.event(e)
		}
		return
	}
	if fuller(m.told, id, full) {
		e.Kind = SnapshotFilling
		m.event(e)
	}
}

// fuller says whether something is so full that it is to be told, and notes that it
// was.
func fuller(told map[metadata.ID]dm.Percent, id metadata.ID, full dm.Percent) bool {
	switch last, known := told[id]; {
	case full < warnFrom:
		delete(told, id)
	case !known || full >= last+warnStep:
		told[id] = full - full%warnStep
		return true
	}
	return false
}

// fail tells what is wrong, unless that was told.
func (m *monitor) fail(ctx context.Context, vg, snapshot string, err error) {
	if news(ctx, m.failed, vg+"/"+snapshot, err) {
		m.event(SnapshotEvent{Kind: MonitorFailed, VG: vg, Snapshot: snapshot, Err: err})
	}
}

// news says whether an error is to be told, and notes that it was.
func news(ctx context.Context, told map[string]string, key string, err error) bool {
	switch {
	case err == nil:
		delete(told, key)
	case ctx.Err() == nil && told[key] != err.Error():
		told[key] = err.Error()
		return true
	}
	return false
}

func (m *monitor) event(e SnapshotEvent) {
	if m.o.Event != nil {
		m.o.Event(e)
	}
}
