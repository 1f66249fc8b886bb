package lvm

import (
	"context"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// PoolEvent is something that [System.Monitor] has seen of a thin pool, or done.
type PoolEvent struct {
	Kind  PoolEventKind
	VG    string
	Pool  string // empty if Err is about the group
	Usage ThinPoolUsage
	// Extension is what a pool got that was extended.
	Extension PoolExtension
	// Err says what is wrong.
	Err error
}

// PoolEventKind is what an event is about.
type PoolEventKind uint8

// Kinds of events of thin pools.
const (
	// PoolDataFilling: the data of a pool is 80% full, or 5% fuller than when that
	// was last told. PoolMetadataFilling: its metadata is.
	PoolDataFilling PoolEventKind = iota + 1
	PoolMetadataFilling
	// PoolExtended: a pool has got more space.
	PoolExtended
	// PoolTrouble: a pool does not take what is written to it, or is about to fail.
	// Err matches [ErrPoolFull], [ErrPoolReadOnly], [ErrPoolFailed], [ErrNeedsCheck] or
	// [ErrTransactionID]. It is told once, until something else is wrong.
	PoolTrouble
	// PoolRecovered: that is over.
	PoolRecovered
	// PoolMonitorFailed: something could not be looked at, or extended. It is told
	// once, until it is right again or something else is wrong.
	PoolMonitorFailed
)

// String returns "data filling", "metadata filling", "extended", "trouble",
// "recovered" or "failed".
func (k PoolEventKind) String() string {
	switch k {
	case PoolDataFilling:
		return "data filling"
	case PoolMetadataFilling:
		return "metadata filling"
	case PoolExtended:
		return "extended"
	case PoolTrouble:
		return "trouble"
	case PoolRecovered:
		return "recovered"
	case PoolMonitorFailed:
		return "failed"
	}
	return "unknown"
}

// poolMonitor is what was told of thin pools already.
type poolMonitor struct {
	data, meta map[metadata.ID]dm.Percent // how full they were when that was last told
	trouble    map[metadata.ID]string
	failed     map[string]string // what is wrong, by group and pool
}

func (p *poolMonitor) init() {
	p.data, p.meta = map[metadata.ID]dm.Percent{}, map[metadata.ID]dm.Percent{}
	p.trouble, p.failed = map[metadata.ID]string{}, map[string]string{}
}

// forget forgets pools that were not seen.
func (p *poolMonitor) forget(seen map[metadata.ID]bool) {
	for _, told := range []map[metadata.ID]dm.Percent{p.data, p.meta} {
		for id := range told {
			if !seen[id] {
				delete(told, id)
			}
		}
	}
	for id := range p.trouble {
		if !seen[id] {
			delete(p.trouble, id)
		}
	}
}

// pool looks at a thin pool that the kernel has.
func (m *monitor) pool(ctx context.Context, lv *LogicalVolume) {
	u, err := lv.ThinPoolUsage()
	if err == nil && m.o.AutoExtendPools.wants(u) {
		u, err = m.extendPool(ctx, lv, u)
	}
	m.failPool(ctx, lv.vg.Name(), lv.Name(), err)
	if err == nil || u != (ThinPoolUsage{}) {
		m.tellPool(lv, u)
	}
}

// extendPool extends a pool, and returns how full it is then.
func (m *monitor) extendPool(ctx context.Context, lv *LogicalVolume, u ThinPoolUsage) (ThinPoolUsage, error) {
	got, err := m.sys.extendPool(ctx, lv.vg.rec.ID, lv.rec.ID, m.o.AutoExtendPools)
	if err != nil || !got.grew() {
		return u, err
	}
	v, err := m.sys.VG(ctx, lv.vg.rec.ID.String())
	if err != nil {
		return u, err
	}
	if now := v.lvByID(lv.rec.ID); now != nil {
		if u, err = now.ThinPoolUsage(); err != nil {
			return u, err
		}
	}
	m.poolEvent(PoolEvent{Kind: PoolExtended, VG: v.Name(), Pool: got.Pool, Usage: u, Extension: got})
	return u, nil
}

// tellPool tells what is new about a pool.
func (m *monitor) tellPool(lv *LogicalVolume, u ThinPoolUsage) {
	id := lv.rec.ID
	e := PoolEvent{VG: lv.vg.Name(), Pool: lv.Name(), Usage: u}
	trouble, had := u.Err(), m.pools.trouble[id]
	if e.Err = trouble; trouble != nil && trouble.Error() != had {
		m.pools.trouble[id] = trouble.Error()
		e.Kind = PoolTrouble
		m.poolEvent(e)
	} else if trouble == nil && had != "" {
		delete(m.pools.trouble, id)
		e.Kind = PoolRecovered
		m.poolEvent(e)
	}
	if u.Mode == ThinPoolFailed || u.Mode == ThinPoolUnknown {
		return // how full it is is not known
	}
	e.Err = nil
	if fuller(m.pools.data, id, u.DataPercent()) {
		e.Kind = PoolDataFilling
		m.poolEvent(e)
	}
	if fuller(m.pools.meta, id, u.MetadataPercent()) {
		e.Kind = PoolMetadataFilling
		m.poolEvent(e)
	}
}

// failPool tells what is wrong with the monitoring of a pool, unless that was told.
func (m *monitor) failPool(ctx context.Context, vg, pool string, err error) {
	if news(ctx, m.pools.failed, vg+"/"+pool, err) {
		m.poolEvent(PoolEvent{Kind: PoolMonitorFailed, VG: vg, Pool: pool, Err: err})
	}
}

func (m *monitor) poolEvent(e PoolEvent) {
	if m.o.PoolEvent != nil {
		m.o.PoolEvent(e)
	}
}
