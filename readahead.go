package lvm

import (
	"fmt"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// SetReadAhead sets how far the kernel reads ahead on a device. That only
// changes the speed, so it does not fail where the kernel does not let us.
type SetReadAhead struct {
	harmless
	final
	deviceRef
	Ahead   Sectors
	AtLeast bool // leave it alone if it is larger
}

func (s *SetReadAhead) String() string {
	least := ""
	if s.AtLeast {
		least = "at least "
	}
	return fmt.Sprintf("set read-ahead of %s to %s%d sectors", s.Name, least, s.Ahead)
}

func (s *SetReadAhead) do(r *run) error {
	dev, ok := r.devs[s.UUID]
	if !ok || s.AtLeast && r.sys.host.readAhead(dev.String()) >= s.Ahead {
		return nil
	}
	_ = r.sys.host.setReadAhead(dev, s.Ahead) // see above
	return nil
}

// addReadAhead plans the read-ahead of a device that is made, or resumed and
// does not have it yet. m is nil for one that is made.
func (b *builder) addReadAhead(n node, m *mapped) {
	if n.layer != "" {
		return
	}
	s := &SetReadAhead{deviceRef: deviceRef{Name: n.name, UUID: n.uuid}}
	s.Ahead, s.AtLeast = b.tx.readAhead(b.tx.find(n.lv))
	if s.Ahead == 0 && s.AtLeast {
		return // nothing is known of the physical volumes
	}
	if m != nil && !n.isRAID() { // whose new table makes the kernel forget it
		if now := b.tx.sys.host.readAhead(m.dev.String()); now == s.Ahead || s.AtLeast && now > s.Ahead {
			return
		}
	}
	b.after = append(b.after, s)
}

// isRAID says whether the kernel makes a raid of a device.
func (n *node) isRAID() bool { return hasTarget[dm.RAID](n.table) }

// readAhead returns how far an LV's device shall read ahead: what the metadata
// says, or at least two whole stripes, or as far as the PVs beneath it do.
// Source: lvm2 as observed.
func (tx *Tx) readAhead(lv *metadata.LogicalVolume) (ahead Sectors, atLeast bool) {
	switch lv.ReadAhead {
	case metadata.ReadAheadAuto:
	case metadata.ReadAheadNone:
		return 0, false
	default:
		return Sectors(lv.ReadAhead), false
	}
	var areas []metadata.Area
	for i := range lv.Segments {
		body := lv.Segments[i].Body
		if body == nil {
			continue
		}
		areas = append(areas, body.Areas()...)
		switch body := body.(type) {
		case *metadata.Striped:
			if len(body.Stripes) > 1 {
				ahead = max(ahead, 2*body.StripeSize*Sectors(len(body.Stripes)))
			}
		case *metadata.RAID:
			if len(tx.snapshotsOf(lv.ID)) > 0 {
				continue // what the kernel finds beneath
			}
			ahead = max(ahead, 2*body.StripeSize*Sectors(len(body.Legs))) // with those for parity
		}
	}
	if ahead > 0 {
		return ahead, true
	}
	device := tx.tableDevice()
	for _, a := range areas {
		if number, err := device(a.PV); err == nil {
			ahead = max(ahead, tx.sys.host.readAhead(number))
		}
	}
	return ahead, true
}
