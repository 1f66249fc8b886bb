package lvm

func (tx *Tx) addMirror(name string, extents Extents, legs int, log MirrorLog) error {
	_, err := tx.CreateMirror(MirrorSpec{Name: name, Size: ExtentCount(extents), Legs: legs, Log: log, RegionSize: 4 * KiB})
	return err
}

func alterMirror() []alteration {
	return []alteration{
		{name: "create a mirror", setup: andSpare, do: func(tx *Tx, _ MetadataAreas) error { return tx.addMirror("new", 8, 2, MirrorLogDisk) }},
		{name: "create a mirror of three legs", setup: andSpare, do: func(tx *Tx, _ MetadataAreas) error { return tx.addMirror("new", 8, 3, MirrorLogCore) }},
	}
}
