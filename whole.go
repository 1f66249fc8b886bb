package lvm

// progress is what tells that an operation has changed a transaction.
type progress struct {
	changed                              bool
	lvs, pvs, made, gone, wiped, touched int
}

func (tx *Tx) progress() progress {
	s := progress{changed: tx.changed, made: len(tx.newPVs), gone: len(tx.gonePVs), wiped: len(tx.wipePVs), touched: len(tx.order)}
	if tx.vg != nil {
		s.lvs, s.pvs = len(tx.vg.LVs), len(tx.vg.PVs)
	}
	return s
}

// whole does an operation that changes several things one after the other. If
// it fails among them, the update fails with it, also if its caller goes on: half
// of it must not be carried out.
func (tx *Tx) whole(do func() error) error {
	before := tx.progress()
	err := do()
	if err != nil && !tx.again && tx.spoiled == nil && tx.progress() != before {
		tx.spoiled = err
	}
	return err
}
