package lvm

func interopIdentity() []scenario {
	const mib = 1 << 20
	const renamed = "vg-new_1"
	in := func(vg, lvm2 string, ours func(tx *Tx, dev []string) error) interopStep {
		return interopStep{vg: vg, lvm2: lvm2, ours: ours}
	}
	rename := func(from, to string) interopStep {
		return in(from, "vgrename "+from+" "+to, func(tx *Tx, _ []string) error { return tx.RenameVG(to) })
	}
	vgID := func(vg string) interopStep {
		return in(vg, "vgchange --uuid "+vg, func(tx *Tx, _ []string) error { return tx.SetVGID(ID{}) })
	}
	pvID := func(vg, device string) interopStep {
		return in(vg, "pvchange --uuid $"+device, func(tx *Tx, dev []string) error {
			return tx.SetPVID(onDevices(pvs(pv(device)), dev)[0].PV, ID{})
		})
	}
	return []scenario{
		{name: "names and uuids", vg: "vg", sizes: []int64{32 * mib, 32 * mib, 16 * mib}, steps: []interopStep{
			in("vg", "vgcreate $V $1 $0", func(tx *Tx, dev []string) error { return tx.CreateVG(VGSpec{PVs: []string{dev[1], dev[0]}}) }),
			makeLV("-l3 $V", LVSpec{Name: "a", Size: ExtentCount(3)}),
			makeLV("-l4 -i2 $V", LVSpec{Name: "b-b", Size: ExtentCount(4), Stripes: 2}),
			failing(rename("vg", "vg/x")),
			rename("vg", renamed),
			failing(vgID(renamed)), // its volumes are active
			failing(pvID(renamed, "0")),
			in(renamed, "vgchange -an "+renamed, func(tx *Tx, _ []string) error { return tx.DeactivateAll() }),
			vgID(renamed),
			pvID(renamed, "0"),
			in(renamed, "lvchange -ay "+renamed+"/b-b", func(tx *Tx, _ []string) error { return tx.Activate("b-b") }),
			rename(renamed, "vg"),
			in("vg", "pvcreate $2", func(tx *Tx, dev []string) error { return tx.CreatePV(PVSpec{Device: dev[2]}) }),
			pvID("vg", "2"),
		}},
	}
}
