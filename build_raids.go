package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
)

// Where a raid gets another device, as what it is beneath a cache, two devices have the
// same legs for a while. Only one may be at work on them, or both would bring them in
// sync, each by what it knows: so the table of the other is loaded once the first is
// suspended, when all that it knows is noted on the legs.

// otherRAID returns the device of a raid that works on legs which another device is to
// have, nil if there is none. One that is suspended does not work any more.
func (b *builder) otherRAID(n node) (*mapped, error) {
	for _, line := range n.table {
		t, ok := line.Target.(dm.RAID)
		if !ok {
			continue
		}
		for _, leg := range t.Legs {
			image := b.tx.kern.byUUID[leg.Data]
			if image == nil {
				continue
			}
			if err := b.findRAIDs(); err != nil {
				return nil, err
			}
			if m := b.raids[image.dev]; m != nil && m.uuid != n.uuid && !m.info.Suspended {
				return m, nil
			}
		}
	}
	return nil, nil
}

// findRAIDs notes which raids the legs are of in the kernel, as far as the transaction
// touches them, or they were looked at.
func (b *builder) findRAIDs() error {
	if b.raids != nil {
		return nil
	}
	b.raids = map[dm.Dev]*mapped{}
	for _, id := range b.tx.order {
		for _, m := range b.tx.kern.byLV[id] {
			if err := b.tx.kern.look(m); err != nil {
				return err
			}
		}
	}
	for _, m := range b.tx.kern.byUUID {
		for _, line := range m.table {
			if t, ok := line.Target.(dm.RAID); ok {
				for _, leg := range t.Legs {
					if dev, err := dm.ParseDev(leg.Data); err == nil {
						b.raids[dev] = m
					}
				}
			}
		}
	}
	return nil
}

// createRAID plans a device for a raid that another device still works on, where those
// above it need its size before. Errors stand in for it until then. That is planned
// before the other, which is above, is suspended, so that it comes behind that.
func (b *builder) createRAID(n node, create *CreateDevice) {
	load := &LoadTable{deviceRef: create.deviceRef, Table: raidStandIn(n.table)}
	b.load = append(b.load, create, load, &ResumeDevice{deviceRef: create.deviceRef, early: true, hidden: n.hidden})
	b.suspend = slices.Insert(b.suspend, 0, Step(&LoadTable{deviceRef: create.deviceRef, Table: n.table, ReadOnly: n.readOnly}))
	b.resume = append(b.resume, &ResumeDevice{deviceRef: create.deviceRef, Created: true, hidden: n.hidden})
}

// raidStandIn returns a table of the length of a raid's that does no I/O but to where
// nobody does any. It has a little of each leg, so that the kernel demands of what is
// loaded above it the blocks that the raid will have.
func raidStandIn(raid dm.Table) dm.Table {
	const little = Sectors(8)
	var out dm.Table
	end := raid.Length()
	for _, device := range raid[0].Target.Devices() {
		at := out.Length()
		if at+little >= end {
			break
		}
		out = append(out, dm.Line{Start: at, Length: little, Target: dm.Linear{Device: device}})
	}
	return append(out, dm.Line{Start: out.Length(), Length: end - out.Length(), Target: dm.ErrorTarget{}})
}

// takeLegs plans that a device which is there, and suspended first, gets the table of a
// raid from another that goes: this is suspended as well before the table is loaded, and
// is no raid any more when the first resumes.
func (b *builder) takeLegs(other *mapped, suspend, load Step) {
	steps := []Step{suspend}
	if !b.brought[other.uuid] {
		ref := deviceRef{Name: other.name, UUID: other.uuid}
		b.load = append(b.load, &LoadTable{deviceRef: ref, Table: dm.Table{{Length: other.table.Length(), Target: dm.ErrorTarget{}}}})
		steps = append(steps, &SuspendDevice{deviceRef: ref, hidden: true})
		b.resume = append(b.resume, &ResumeDevice{deviceRef: ref, hidden: true})
	}
	b.suspend = slices.Insert(b.suspend, 0, append(steps, load)...)
}
