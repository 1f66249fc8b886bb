package main

import (
	"fmt"

	"github.com/lvm-go/lvm"
)

// warnThin tells that thin volumes may need more than their pools have, in the words that
// administrators know from lvm2. A pool is named if a volume of it was made.
func (ch *change) warnThin(inPool bool) error {
	vg := ch.VG()
	var thin, pools lvm.Bytes
	var names []string
	for lv := range vg.LVs() {
		switch {
		case lv.IsThin():
			thin += lv.Size()
		case lv.IsThinPool():
			pools += lv.Size()
			names = append(names, vg.Name()+"/"+lv.Name())
		}
	}
	if thin <= pools || len(names) == 0 {
		return nil
	}
	of := "thin pools"
	if inPool && len(names) == 1 {
		of = "thin pool " + names[0]
	}
	switch {
	case thin > vg.Size():
		of += fmt.Sprintf(" and the size of whole volume group (%s)", human(vg.Size()))
	case vg.Free() == 0:
		of += " and there is no free space in volume group"
	case thin <= vg.Free() && inPool && len(names) == 1:
		of += fmt.Sprintf(" (%s)", human(pools))
	case thin > vg.Free():
		of += fmt.Sprintf(" and the amount of free space in volume group (%s)", human(vg.Free()))
	}
	ch.warn("WARNING: Sum of all thin volume sizes (%s) exceeds the size of %s.", human(thin), of)
	conf, err := ch.config()
	if err != nil {
		return err
	}
	threshold, err := conf.Int("activation/thin_pool_autoextend_threshold", 100)
	if err == nil && threshold >= 100 {
		ch.done("WARNING: You have not turned on protection against thin pools running out of space.")
		ch.done("WARNING: Set activation/thin_pool_autoextend_threshold below 100 to trigger automatic extension of thin pools before they get full.")
	}
	return err
}
