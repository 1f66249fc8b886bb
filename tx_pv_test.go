package lvm

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// layoutCase is a spec and what lvm2's pvcreate makes of the same.
// Source: lvm2 2.03.16 as observed, which TestKernelPVCreate repeats.
type layoutCase struct {
	lvm2 string // options of pvcreate
	spec PVSpec
}

// layoutCases are for a device of 64 MiB.
func layoutCases() []layoutCase {
	const sector = units.SectorSize
	return []layoutCase{
		{"", PVSpec{}},
		{"--metadatasize 3m", PVSpec{MetadataSize: 3 * MiB}},
		{"--metadatasize 60m", PVSpec{MetadataSize: 60 * MiB}},
		{"--metadatasize 100k", PVSpec{MetadataSize: 100 * KiB}},
		{"--dataalignment 64k --metadatasize 32k", PVSpec{DataAlignment: 64 * KiB, MetadataSize: 32 * KiB}},
		{"--dataalignment 3000k", PVSpec{DataAlignment: 3000 * KiB}},
		{"--dataalignment 5k", PVSpec{DataAlignment: 5 * KiB}},
		{"--dataalignment 512b", PVSpec{DataAlignment: sector}},
		{"--dataalignment 7s", PVSpec{DataAlignment: 7 * sector}},
		{"--dataalignmentoffset 7s", PVSpec{DataAlignmentOffset: 7 * sector}},
		{"--dataalignmentoffset 1m", PVSpec{DataAlignmentOffset: MiB}},
		{"--dataalignment 64k --dataalignmentoffset 3k", PVSpec{DataAlignment: 64 * KiB, DataAlignmentOffset: 3 * KiB}},
		{"--pvmetadatacopies 2", PVSpec{Areas: TwoAreas}},
		{"--pvmetadatacopies 2 --metadatasize 3m", PVSpec{Areas: TwoAreas, MetadataSize: 3 * MiB}},
		{"--pvmetadatacopies 2 --metadatasize 31m", PVSpec{Areas: TwoAreas, MetadataSize: 31 * MiB}},
		{"--pvmetadatacopies 2 --metadatasize 100k --dataalignment 64k --dataalignmentoffset 3k",
			PVSpec{Areas: TwoAreas, MetadataSize: 100 * KiB, DataAlignment: 64 * KiB, DataAlignmentOffset: 3 * KiB}},
		{"--pvmetadatacopies 2 --dataalignment 3000k", PVSpec{Areas: TwoAreas, DataAlignment: 3000 * KiB}},
		{"--pvmetadatacopies 2 --dataalignment 7s --bootloaderareasize 100k",
			PVSpec{Areas: TwoAreas, DataAlignment: 7 * sector, BootloaderSize: 100 * KiB}},
		{"--pvmetadatacopies 0", PVSpec{Areas: NoArea}},
		{"--pvmetadatacopies 0 --dataalignment 64k --dataalignmentoffset 7s",
			PVSpec{Areas: NoArea, DataAlignment: 64 * KiB, DataAlignmentOffset: 7 * sector}},
		{"--pvmetadatacopies 0 --bootloaderareasize 1m", PVSpec{Areas: NoArea, BootloaderSize: MiB}},
		{"--bootloaderareasize 2m", PVSpec{BootloaderSize: 2 * MiB}},
		{"--bootloaderareasize 2m --dataalignment 256k --dataalignmentoffset 7s",
			PVSpec{BootloaderSize: 2 * MiB, DataAlignment: 256 * KiB, DataAlignmentOffset: 7 * sector}},
		{"--labelsector 0", PVSpec{LabelSector: new(0)}},
		{"--labelsector 3 --pvmetadatacopies 2", PVSpec{LabelSector: new(3), Areas: TwoAreas}},
		{"--metadataignore y --pvmetadatacopies 2", PVSpec{IgnoreAreas: true, Areas: TwoAreas}},
		{"--setphysicalvolumesize 32m", PVSpec{Size: 32 * MiB}},
		{"--setphysicalvolumesize 33333k --pvmetadatacopies 2", PVSpec{Size: 33333 * KiB, Areas: TwoAreas}},
		{"--zero n", PVSpec{KeepHead: true}},
	}
}

func TestPVLayout(t *testing.T) {
	t.Parallel()
	area := func(pairs ...Bytes) []metadata.DiskArea {
		var out []metadata.DiskArea
		for i := 0; i < len(pairs); i += 2 {
			out = append(out, metadata.DiskArea{Offset: pairs[i], Size: pairs[i+1]})
		}
		return out
	}
	want := map[string]metadata.Label{
		"":                     {MetadataAreas: area(4096, 1044480), DataAreas: area(1048576, 0)},
		"--metadatasize 60m":   {MetadataAreas: area(4096, 63959040), DataAreas: area(63963136, 0)},
		"--dataalignment 7s":   {MetadataAreas: area(4096, 1046016), DataAreas: area(1050112, 0)},
		"--pvmetadatacopies 2": {MetadataAreas: area(4096, 1044480, 66060288, 1048576), DataAreas: area(1048576, 0)},
		"--pvmetadatacopies 2 --metadatasize 100k --dataalignment 64k --dataalignmentoffset 3k": {
			MetadataAreas: area(4096, 130048, 66977792, 131072), DataAreas: area(134144, 0)},
		"--pvmetadatacopies 2 --dataalignment 3000k": {MetadataAreas: area(4096, 3067904, 64512000, 2596864), DataAreas: area(3072000, 0)},
		"--pvmetadatacopies 2 --dataalignment 7s --bootloaderareasize 100k": {
			MetadataAreas: area(4096, 1046016, 66063872, 1044992), BootloaderAreas: area(1050112, 103936), DataAreas: area(1154048, 0)},
		"--pvmetadatacopies 0 --bootloaderareasize 1m": {BootloaderAreas: area(1048576, 1048576), DataAreas: area(2097152, 0)},
		"--bootloaderareasize 2m --dataalignment 256k --dataalignmentoffset 7s": {
			MetadataAreas: area(4096, 1048064), BootloaderAreas: area(1052160, 2097152), DataAreas: area(3149312, 0)},
		"--labelsector 3 --pvmetadatacopies 2": {Sector: 3, MetadataAreas: area(4096, 1044480, 66060288, 1048576), DataAreas: area(1048576, 0)},
		"--setphysicalvolumesize 33333k --pvmetadatacopies 2": {DeviceSize: 34132992,
			MetadataAreas: area(4096, 1044480, 32505856, 1627136), DataAreas: area(1048576, 0)},
	}
	for _, c := range layoutCases() {
		label, _, err := layoutPV(c.spec, 64*MiB, minDeviceSize, deviceFacts{})
		require.NoError(t, err, c.lvm2)
		for _, a := range label.MetadataAreas {
			require.GreaterOrEqual(t, a.Size, minAreaSize, c.lvm2)
			require.LessOrEqual(t, a.Offset+a.Size, label.DeviceSize, c.lvm2)
		}
		expected, ok := want[c.lvm2]
		if !ok {
			continue
		}
		delete(want, c.lvm2)
		expected.ExtensionVersion = 2
		if expected.Sector == 0 {
			expected.Sector = 1
		}
		if expected.DeviceSize == 0 {
			expected.DeviceSize = 64 * MiB
		}
		require.Equal(t, &expected, label, c.lvm2)
	}
	require.Empty(t, want)
}

func TestPVLayoutRefusals(t *testing.T) {
	t.Parallel()
	const most = ^Bytes(0)
	doc, id := lost()
	for name, spec := range map[string]PVSpec{
		"alignment beyond the device":            {DataAlignment: 70 * MiB},
		"alignment of all":                       {DataAlignment: most - 511},
		"alignment of no sectors":                {DataAlignment: 1000},
		"offset of no sectors":                   {DataAlignmentOffset: 1000},
		"offset larger than the alignment":       {DataAlignment: MiB, DataAlignmentOffset: 2 * MiB},
		"offset of all":                          {DataAlignmentOffset: most - 511},
		"metadata beyond the device":             {MetadataSize: 70 * MiB},
		"metadata of all":                        {MetadataSize: most},
		"metadata that leaves nothing":           {MetadataSize: 64*MiB - 4*KiB},
		"two areas that leave nothing":           {MetadataSize: 40 * MiB, Areas: TwoAreas},
		"bootloader area beyond the device":      {BootloaderSize: 70 * MiB},
		"bootloader area of all":                 {BootloaderSize: most},
		"bootloader area that leaves nothing":    {BootloaderSize: 63 * MiB},
		"sector 4":                               {LabelSector: new(4)},
		"sector -1":                              {LabelSector: new(-1)},
		"areas":                                  {Areas: 3},
		"size beyond the device":                 {Size: 65 * MiB},
		"size of too little":                     {Size: MiB},
		"size of no sectors":                     {Size: 3*MiB + 1},
		"restored without uuid":                  {RestoreFrom: doc},
		"restored from nothing":                  {RestoreFrom: &metadata.Document{}, ID: id},
		"restored with a bootloader area":        {RestoreFrom: doc, ID: id, BootloaderSize: MiB},
		"restored without room for a last area":  {RestoreFrom: doc, ID: id, Areas: TwoAreas, Size: 2 * MiB, MetadataSize: MiB},
		"restored without room for a first area": {RestoreFrom: withPV(func(pv *metadata.PhysicalVolume) { pv.BootloaderStart = 64 }), ID: id},
		"restored beyond the device":             {RestoreFrom: withPV(func(pv *metadata.PhysicalVolume) { pv.PECount = 1 << 20 }), ID: id},
	} {
		_, _, err := layoutPV(spec, 64*MiB, minDeviceSize, deviceFacts{})
		assert.ErrorIs(t, err, ErrInvalidSpec, name)
	}
	for name, change := range map[string]func(*metadata.PhysicalVolume){
		"extents among the labels":         func(pv *metadata.PhysicalVolume) { pv.PEStart = 2 },
		"extents beyond any device":        func(pv *metadata.PhysicalVolume) { pv.PEStart = 1 << 62 },
		"too many extents":                 func(pv *metadata.PhysicalVolume) { pv.PECount = 1 << 63 },
		"bootloader area among the labels": func(pv *metadata.PhysicalVolume) { pv.BootloaderStart = 1 },
		"bootloader area in the extents":   func(pv *metadata.PhysicalVolume) { pv.BootloaderStart = 500 },
		"bootloader area of all":           func(pv *metadata.PhysicalVolume) { pv.BootloaderSize = 1 << 62 },
	} {
		_, _, err := layoutPV(PVSpec{RestoreFrom: withPV(change), ID: id}, 64*MiB, minDeviceSize, deviceFacts{})
		assert.ErrorIs(t, err, ErrDamaged, name)
	}
	_, _, err := layoutPV(PVSpec{RestoreFrom: doc, ID: metadata.ID{}}, 64*MiB, minDeviceSize, deviceFacts{})
	assert.ErrorIs(t, err, ErrInvalidSpec)
	other, err := metadata.ParseID("other0-0000-0000-0000-0000-0000-000000")
	require.NoError(t, err)
	_, _, err = layoutPV(PVSpec{RestoreFrom: doc, ID: other}, 64*MiB, minDeviceSize, deviceFacts{})
	assert.ErrorIs(t, err, ErrPVNotFound)
}

// withPV returns the metadata of lost with a change.
func withPV(change func(*metadata.PhysicalVolume)) *metadata.Document {
	doc, _ := lost()
	change(doc.VG.PVs[0])
	return doc
}

// TestAlignmentByTopology has what lvm2 does with such hints.
func TestAlignmentByTopology(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		topology      topology
		spec          PVSpec
		align, offset Bytes
	}{
		{topology{minimumIO: 512}, PVSpec{}, MiB, 0},
		{topology{minimumIO: 64 * KiB, optimalIO: 128 * KiB}, PVSpec{}, MiB, 0},
		{topology{minimumIO: 192 * KiB, optimalIO: 576 * KiB}, PVSpec{}, 576 * KiB, 0},
		{topology{minimumIO: 4 * MiB, optimalIO: 8 * MiB}, PVSpec{}, 8 * MiB, 0},
		{topology{optimalIO: 33553920}, PVSpec{}, MiB, 0},
		{topology{mdStripeWidth: 384 * KiB, minimumIO: 64 * KiB, optimalIO: 384 * KiB}, PVSpec{}, 384 * KiB, 0},
		{topology{alignmentOffset: 3584}, PVSpec{}, MiB, 3584},
		{topology{alignmentOffset: 3584, optimalIO: 576 * KiB}, PVSpec{DataAlignment: 64 * KiB}, 64 * KiB, 3584},
		{topology{alignmentOffset: 3584}, PVSpec{DataAlignmentOffset: 512}, MiB, 512},
	} {
		align, offset := alignment(c.spec, deviceFacts{topology: c.topology})
		assert.Equal(t, []Bytes{c.align, c.offset}, []Bytes{align, offset}, "%+v", c)
	}
}

// refusal is a change that must be refused, and leave everything as it is.
type refusal struct {
	name  string
	setup func(t testing.TB, sys *System, areas MetadataAreas)
	spoil func(f *forger)
	vg    string // "" stands for no group
	do    func(tx *Tx) error
	err   error
}

func (c *refusal) run(t *testing.T) {
	disks := recorder.New(diskSize, "a", "b", "c")
	if c.setup != nil {
		c.setup(t, openDisks(t, disks, 1), OneArea)
	}
	if c.spoil != nil {
		c.spoil(&forger{t, disks})
	}
	disks.Record()
	err := openDisks(t, disks, 2).Update(context.Background(), c.vg, c.do)
	require.ErrorIs(t, err, c.err)
	require.Empty(t, written(disks))
}

// inUse marks c as used by a group.
func inUse(f *forger) {
	f.label("c", func(l *metadata.Label) { l.ExtensionFlags |= metadata.PVInUse })
}

func TestPVRefusals(t *testing.T) {
	t.Parallel()
	idOf := func(tx *Tx, device string) (id ID) {
		for _, pv := range tx.scan.pvs {
			if pv.path == device {
				id = pv.label.PVID
			}
		}
		return id
	}
	create := func(spec PVSpec) func(*Tx) error {
		return func(tx *Tx) error {
			if spec.Device == "" {
				spec.Device = "c"
			}
			return tx.CreatePV(spec)
		}
	}
	withID := func(of string, spec PVSpec) func(*Tx) error {
		return func(tx *Tx) error {
			if err := tx.global(); err != nil {
				return err
			}
			spec.Device, spec.ID = "c", idOf(tx, of)
			return tx.CreatePV(spec)
		}
	}
	// missing wipes the label of b and gives c its UUID.
	missing := func(spec func(*metadata.VolumeGroup) PVSpec) func(*Tx) error {
		return func(tx *Tx) error {
			if err := tx.global(); err != nil {
				return err
			}
			doc, err := tx.scan.groups()[0].best.decode()
			if err != nil {
				return err
			}
			s := spec(doc.VG)
			s.Device, s.ID = "c", doc.VG.PVs[1].ID
			return tx.CreatePV(s)
		}
	}
	unlabel := func(f *forger) { f.disks.Change("b", firstLabel, make([]byte, 512)) }
	for _, c := range []refusal{
		{name: "create: in a group", setup: volumes, do: create(PVSpec{Device: "a"}), err: ErrExists},
		{name: "create: in a group, by force", setup: volumes, do: create(PVSpec{Device: "a", Force: true}), err: ErrExists},
		{name: "create: not given", do: create(PVSpec{Device: "x"}), err: ErrPVNotFound},
		{name: "create: marked as in use", setup: orphans("c"), spoil: inUse, do: create(PVSpec{}), err: ErrBusy},
		{name: "create: uuid of another", setup: volumes, do: withID("a", PVSpec{}), err: ErrExists},
		{name: "create: uuid of another, restored", setup: volumes,
			do: withID("a", PVSpec{RestoreFrom: &metadata.Document{VG: &metadata.VolumeGroup{}}}), err: ErrPVNotFound},
		{name: "create: uuid twice", do: func(tx *Tx) error {
			_, id := lost()
			return joinErrors(tx.CreatePV(PVSpec{Device: "a", MetadataSize: 32 * KiB, ID: id}), tx.CreatePV(PVSpec{Device: "b", ID: id}))
		}, err: ErrExists},
		{name: "create: uuid of a missing one", setup: volumes, spoil: unlabel,
			do: missing(func(*metadata.VolumeGroup) PVSpec { return PVSpec{} }), err: ErrExists},
		{name: "restore: over the extents that the group has", setup: volumes, spoil: unlabel,
			do: missing(func(vg *metadata.VolumeGroup) PVSpec {
				pv := *vg.PVs[1]
				pv.PEStart, pv.PECount = pv.PEStart+128, 10
				return PVSpec{RestoreFrom: &metadata.Document{VG: &metadata.VolumeGroup{Name: "old", ExtentSize: 8, PVs: []*metadata.PhysicalVolume{&pv}}}}
			}), err: ErrInvalidSpec},
		{name: "remove: in a group", setup: volumes, do: func(tx *Tx) error { return tx.RemovePV("a") }, err: ErrExists},
		{name: "remove: in a group, as lost", setup: volumes, do: func(tx *Tx) error { return tx.RemoveLostPV("a") }, err: ErrExists},
		{name: "remove: in the group", vg: "vg0", setup: volumes, do: func(tx *Tx) error { return tx.RemovePV("a") }, err: ErrExists},
		{name: "remove: marked as in use", setup: orphans("c"), spoil: inUse, do: func(tx *Tx) error { return tx.RemovePV("c") }, err: ErrBusy},
		{name: "remove: blank", do: func(tx *Tx) error { return tx.RemovePV("c") }, err: ErrPVNotFound},
		{name: "remove: blank, as lost", do: func(tx *Tx) error { return tx.RemoveLostPV("c") }, err: ErrPVNotFound},

		{name: "resize: below its extents in use", vg: "vg0", setup: volumes, do: func(tx *Tx) error { return tx.resize("a", 128*KiB) }, err: ErrBusy},
		{name: "resize: extents freed in the update", vg: "vg0", setup: volumes, do: func(tx *Tx) error {
			return joinErrors(tx.RemoveLV("data"), tx.RemoveLV("striped"), tx.RemoveLV("other"), tx.resize("a", 128*KiB))
		}, err: ErrBusy},
		{name: "resize: beyond the device", vg: "vg0", setup: volumes, do: func(tx *Tx) error { return tx.resize("a", 3*MiB) }, err: ErrInvalidSpec},
		{name: "resize: to no extent", vg: "vg0", setup: emptyGroup, do: func(tx *Tx) error {
			tx.sys.minPV = KiB
			return tx.ResizePV("b", 38*KiB)
		}, err: ErrInvalidSpec},
		{name: "resize: below the least", vg: "vg0", setup: emptyGroup, do: func(tx *Tx) error { return tx.ResizePV("b", MiB) }, err: ErrInvalidSpec},
		{name: "resize: to no sectors", vg: "vg0", setup: emptyGroup, do: func(tx *Tx) error { return tx.resize("b", MiB+1) }, err: ErrInvalidSpec},
		{name: "resize: blank", vg: "vg0", setup: volumes, do: func(tx *Tx) error { return tx.ResizePV("c", 0) }, err: ErrPVNotFound},
		{name: "resize: another group's", vg: "vg1", setup: volumes, do: func(tx *Tx) error { return tx.ResizePV("a", 0) }, err: ErrExists},
		{name: "resize: missing", vg: "vg0", setup: volumes, spoil: unlabel, do: func(tx *Tx) error {
			return tx.ResizePV(tx.vg.PVs[1].ID.String(), 0)
		}, err: ErrMissingPV},
		{name: "resize: exported", vg: "vg0", setup: volumes, spoil: func(f *forger) { f.swap(`"RESIZEABLE"`, `"RESIZEABLE", "EXPORTED"`) },
			do: func(tx *Tx) error { return tx.ResizePV("a", 0) }, err: ErrExported},
		{name: "resize: joins", vg: "vg0", setup: volumes, do: func(tx *Tx) error {
			return joinErrors(tx.ExtendVG(areaSpec(OneArea), "c"), tx.resize("c", MiB))
		}, err: ErrUnsupported},
		{name: "resize: orphan in use", setup: orphans("c"), spoil: inUse, do: func(tx *Tx) error { return tx.resize("c", MiB) }, err: ErrBusy},
		{name: "resize: orphan twice", setup: orphans("c"), do: func(tx *Tx) error {
			return joinErrors(tx.resize("c", MiB), tx.resize("c", MiB+512*KiB))
		}, err: ErrUnsupported},
		{name: "resize: orphan that is made", do: func(tx *Tx) error {
			return joinErrors(tx.CreatePV(areaSpecOf("c")), tx.resize("c", MiB))
		}, err: ErrUnsupported},
		{name: "resize: orphan that joins", vg: "vg0", setup: then(volumes, orphans("c")), do: func(tx *Tx) error {
			return joinErrors(tx.resize("c", MiB), tx.ExtendVG(PVSpec{}, "c"))
		}, err: ErrUnsupported},

		{name: "allocatable: orphan", vg: "vg0", setup: then(volumes, orphans("c")), do: func(tx *Tx) error { return tx.SetPVAllocatable("c", false) }, err: ErrPVNotFound},
		{name: "allocatable: no group", setup: orphans("c"), do: func(tx *Tx) error { return tx.SetPVAllocatable("c", false) }, err: ErrVGNotFound},
		{name: "allocatable: foreign", vg: "vg0", setup: volumes, spoil: func(f *forger) { f.swap(flagsLine, "flags = []\nsystem_id = \"other\"\nextent_size") },
			do: func(tx *Tx) error { return tx.SetPVAllocatable("a", false) }, err: ErrForeign},
		{name: "tags: invalid", vg: "vg0", setup: volumes, do: func(tx *Tx) error { return tx.SetPVTags("a", "a b") }, err: ErrInvalidName},
		{name: "tags: orphan", vg: "vg0", setup: then(volumes, orphans("c")), do: func(tx *Tx) error { return tx.SetPVTags("c", "t") }, err: ErrPVNotFound},

		{name: "ignore: the last ones", vg: "vg0", setup: volumes, do: func(tx *Tx) error {
			return joinErrors(tx.SetPVMetadataIgnored("a", true), tx.SetPVMetadataIgnored("b", true))
		}, err: ErrBusy},
		{name: "ignore: none there", setup: func(t testing.TB, sys *System, _ MetadataAreas) {
			orphans("c")(t, sys, NoArea)
		}, do: func(tx *Tx) error { return tx.SetPVMetadataIgnored("c", true) }, err: ErrInvalidSpec},
		{name: "ignore: blank", do: func(tx *Tx) error { return tx.SetPVMetadataIgnored("c", true) }, err: ErrPVNotFound},
		{name: "ignore: orphan in use", setup: orphans("c"), spoil: inUse, do: func(tx *Tx) error { return tx.SetPVMetadataIgnored("c", true) }, err: ErrBusy},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t)
		})
	}
}

func areaSpecOf(device string) PVSpec {
	spec := areaSpec(OneArea)
	spec.Device = device
	return spec
}

// TestPVNothingToChange checks that what is so already makes no step.
func TestPVNothingToChange(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b", "c")
	sys := openDisks(t, disks, 1)
	then(volumes, orphans("c"))(t, sys, TwoAreas)
	update(t, sys, "vg0", func(tx *Tx) error { return joinErrors(tx.SetPVTags("a", "t"), tx.SetPVAllocatable("b", false)) })
	plan, err := sys.Plan(context.Background(), "vg0", func(tx *Tx) error {
		return joinErrors(tx.SetPVTags("a", "@t"), tx.SetPVAllocatable("b", false), tx.SetPVAllocatable("a", true),
			tx.SetPVMetadataIgnored("a", false), tx.SetPVMetadataIgnored("c", false), tx.ResizePV("a", 0), tx.ResizePV("c", 0))
	})
	require.NoError(t, err)
	require.Empty(t, plan.Steps)
}

// TestLostPV takes what a group may have had: only by force.
func TestLostPV(t *testing.T) {
	t.Parallel()
	damaged := func(f *forger) { f.both(f.flipText) }
	for name, c := range map[string]struct {
		setup func(testing.TB, *System, MetadataAreas)
		spoil func(*forger)
		on    string
		err   error
	}{
		"metadata not found": {orphans("c"), inUse, "c", ErrBusy},
		"metadata broken":    {volumes, damaged, "b", nil},
	} {
		for what, do := range map[string]func(tx *Tx, force bool) error{
			"create": func(tx *Tx, force bool) error { return tx.CreatePV(PVSpec{Device: c.on, Force: force}) },
			"remove": func(tx *Tx, force bool) error {
				if force {
					return tx.RemoveLostPV(c.on)
				}
				return tx.RemovePV(c.on)
			},
			"create vg": func(tx *Tx, force bool) error {
				return tx.CreateVG(VGSpec{PVs: []string{c.on}, PV: PVSpec{Force: force}, ExtentSize: 4 * KiB})
			},
		} {
			if name == "metadata broken" && what == "create vg" {
				continue // nobody can tell whether its name is free
			}
			t.Run(name+"/"+what, func(t *testing.T) {
				t.Parallel()
				disks := recorder.New(diskSize, "a", "b", "c")
				c.setup(t, openDisks(t, disks, 1), OneArea)
				c.spoil(&forger{t, disks})
				disks.Record()
				vg := ""
				if what == "create vg" {
					vg = "vg7"
				}
				try := func(force bool) error {
					return openDisks(t, disks, 2).Update(context.Background(), vg, func(tx *Tx) error { return do(tx, force) })
				}
				err := try(false)
				require.Error(t, err)
				if c.err != nil {
					require.ErrorIs(t, err, c.err)
				}
				require.Empty(t, written(disks))
				require.NoError(t, try(true))
			})
		}
	}
}

// TestRestoredPV loses the label of a member, and restores it from a backup.
func TestRestoredPV(t *testing.T) {
	t.Parallel()
	for areas, name := range areaNames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := recorder.New(diskSize, "a", "b", "c")
			sys := openDisks(t, disks, 1)
			volumes(t, sys, areas)
			before := recordOf(t, sys, "vg0")
			doc := &metadata.Document{VG: before}
			// What looks like swap among the extents belongs to a volume.
			start := int64(sectorBytes(before.PVs[1].PEStart))
			label := disks.Contents("b", firstLabel, 512)
			disks.Change("b", 0, bytes.Repeat([]byte{0x11}, int(start)))
			spec := PVSpec{Device: "b", Areas: areas, MetadataSize: 32 * KiB, DataAlignment: 4 * KiB, ID: before.PVs[1].ID, RestoreFrom: doc}
			data := disks.Contents("b", start, 64*1024)
			update(t, openDisks(t, disks, 2), "", func(tx *Tx) error { return tx.CreatePV(spec) })
			require.Equal(t, data, disks.Contents("b", start, 64*1024))
			was, err := metadata.DecodeLabel(label, 1)
			require.NoError(t, err)
			now, err := metadata.DecodeLabel(disks.Contents("b", firstLabel, 512), 1)
			require.NoError(t, err)
			require.Equal(t, was.DataAreas, now.DataAreas)
			require.Equal(t, was.MetadataAreas, now.MetadataAreas)
			sys = openDisks(t, disks, 3)
			require.Equal(t, before, recordOf(t, sys, "vg0"))
			checkPatterns(t, sys, before)
			update(t, sys, "vg0", func(tx *Tx) error { return tx.SetTags("again") })
			require.Empty(t, problems(t, openDisks(t, disks, 4)))
		})
	}
}

// TestRestoredPVKeepsSignatures checks that what looks like a file system among
// the extents is neither in the way of a PV that is restored, nor wiped.
func TestRestoredPVKeepsSignatures(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "c")
	doc, id := lost()
	superblock := int64(256*KiB) + 100*1024
	md := int64(diskSize-64*KiB) &^ (64<<10 - 1) // version 0.90, at the end of a device
	for _, at := range []int64{superblock, md} {
		disks.Change("c", at, []byte("\xfc\x4e\x2b\xa9\x00\x00\x00\x00"))
	}
	doc.VG.PVs[0].PECount = 448 // up to the end
	sys := openDisks(t, disks, 1)
	spec := PVSpec{Device: "c"}
	err := sys.Update(context.Background(), "", func(tx *Tx) error { return tx.CreatePV(spec) })
	require.ErrorIs(t, err, ErrSignature)
	spec.ID, spec.RestoreFrom, spec.WipeSignatures = id, doc, true
	update(t, sys, "", func(tx *Tx) error { return tx.CreatePV(spec) })
	for _, at := range []int64{superblock, md} {
		require.Equal(t, "\xfc\x4e\x2b\xa9", string(disks.Contents("c", at, 4)))
	}
}

func TestKeptHead(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "c")
	sys := openDisks(t, disks, 1)
	spec := areaSpec(OneArea)
	spec.Device, spec.LabelSector = "c", new(2)
	update(t, sys, "", func(tx *Tx) error { return tx.CreatePV(spec) })
	disks.Change("c", 100, []byte("boot"))
	spec.LabelSector, spec.KeepHead = new(3), true
	update(t, sys, "", func(tx *Tx) error { return tx.CreatePV(spec) })
	require.Equal(t, "boot", string(disks.Contents("c", 100, 4)))
	require.Equal(t, make([]byte, 512), disks.Contents("c", 1024, 512))
	inv, err := openDisks(t, disks, 2).Scan(context.Background())
	require.NoError(t, err)
	require.Len(t, inv.Orphans, 1)
	require.Empty(t, inv.Problems)
	spec.KeepHead = false
	update(t, sys, "", func(tx *Tx) error { return tx.CreatePV(spec) })
	require.Equal(t, make([]byte, 1536), disks.Contents("c", 0, 1536))
}

// TestDevicesThatChangeSize lets a device grow and shrink under a PV.
func TestDevicesThatChangeSize(t *testing.T) {
	t.Parallel()
	for areas, name := range areaNames {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			disks := recorder.New(diskSize, "a", "b")
			sys := openDisks(t, disks, 1)
			volumes(t, sys, areas)
			before := recordOf(t, sys, "vg0")
			adopt := func(tx *Tx) error { return tx.resize("b", 0) }
			growth := func() Extents {
				vg, err := sys.VG(context.Background(), "vg0")
				require.NoError(t, err)
				pv, err := vg.PV("b")
				require.NoError(t, err)
				return pv.Growth()
			}
			require.Zero(t, growth())

			disks.Truncate("b", 3*MiB)
			sys = openDisks(t, disks, 2)
			require.Equal(t, Extents(256), growth())
			update(t, sys, "vg0", adopt)
			sys = openDisks(t, disks, 3)
			grown := recordOf(t, sys, "vg0")
			require.Equal(t, before.PVs[1].PECount+256, grown.PVs[1].PECount)
			require.Zero(t, growth())
			require.Empty(t, problems(t, sys))

			disks.Truncate("b", MiB)
			sys = openDisks(t, disks, 4)
			require.NotEmpty(t, problems(t, sys))
			update(t, sys, "vg0", adopt)
			sys = openDisks(t, disks, 5)
			require.Equal(t, before.PVs[1].PECount-256, recordOf(t, sys, "vg0").PVs[1].PECount)
			require.Empty(t, problems(t, sys))
			checkPatterns(t, sys, before)
		})
	}
}

// TestShrunkDeviceIsAProblem has a device that is smaller than the metadata says,
// though not too small for the extents.
func TestShrunkDeviceIsAProblem(t *testing.T) {
	t.Parallel()
	disks := recorder.New(diskSize, "a", "b")
	sys := openDisks(t, disks, 1)
	volumes(t, sys, OneArea)
	f := &forger{t, disks}
	f.swap("dev_size = 4096", "dev_size = 4104")
	sys = openDisks(t, disks, 2)
	vg, err := sys.VG(context.Background(), "vg0")
	require.NoError(t, err)
	require.Len(t, vg.Problems(), 1)
	require.ErrorIs(t, vg.Problems()[0].Err, ErrDamaged)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ResizePV("a", 0) })
	require.Empty(t, problems(t, openDisks(t, disks, 3)))
}

// TestResizedPVBalancesAreas takes ignored areas into use as one of them moves.
func TestResizedPVBalancesAreas(t *testing.T) {
	t.Parallel()
	for what, to := range map[string][2]Bytes{"grow": {3 * MiB, 0}, "shrink": {diskSize, MiB}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			disks := recorder.New(diskSize, "a", "b")
			volumes(t, openDisks(t, disks, 1), TwoAreas)
			used := func(seed byte) (n int) {
				sys := openDisks(t, disks, seed)
				require.Empty(t, problems(t, sys))
				vg, err := sys.VG(context.Background(), "vg0")
				require.NoError(t, err)
				for pv := range vg.PVs() {
					label, _, err := metadata.ReadLabel(bytes.NewReader(disks.Contents(pv.Device(), 0, 4096)))
					require.NoError(t, err)
					for _, a := range label.MetadataAreas {
						h, err := metadata.DecodeAreaHeader(disks.Contents(pv.Device(), int64(a.Offset), 512), a.Offset)
						require.NoError(t, err)
						if !h.Slots[metadata.SlotCommitted].Ignored() {
							n++
						}
					}
				}
				return n
			}
			update(t, openDisks(t, disks, 2), "vg0", func(tx *Tx) error { return tx.SetMetadataCopies(2) })
			require.Equal(t, 2, used(3))
			disks.Truncate("b", to[0])
			resize := func(tx *Tx) error { return tx.resize("b", to[1]) }
			update(t, openDisks(t, disks, 4), "vg0", func(tx *Tx) error { return joinErrors(resize(tx), tx.SetMetadataCopies(4)) })
			require.Equal(t, 4, used(5))
			update(t, openDisks(t, disks, 6), "vg0", func(tx *Tx) error { return tx.SetMetadataCopies(1) })
			require.Equal(t, 1, used(7))
		})
	}
}

// TestOneDeviceTwoNames: no device becomes two physical volumes, or is taken for
// the clone of itself.
func TestOneDeviceTwoNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b, c := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "c")
	blank := make([]byte, 4*MiB)
	require.NoError(t, os.WriteFile(a, blank, 0o600))
	require.NoError(t, os.Link(a, b))
	require.NoError(t, os.WriteFile(c, blank, 0o600))
	sys, err := Open(Config{Devices: []string{a, b, c}, Kernel: KernelNone})
	require.NoError(t, err)
	ctx := context.Background()
	require.ErrorIs(t, sys.Update(ctx, "vg0", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: []string{a, b}}) }), ErrDuplicatePV)
	require.ErrorIs(t, sys.Update(ctx, "", func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: b}) }), ErrDuplicatePV)
	got, err := os.ReadFile(a)
	require.NoError(t, err)
	require.Equal(t, blank, got)
	update(t, sys, "", func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: c}) })

	one, err := Open(Config{Devices: []string{a}, Kernel: KernelNone})
	require.NoError(t, err)
	update(t, one, "vg0", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: []string{a}, ExtentSize: MiB}) })
	before, err := os.ReadFile(a)
	require.NoError(t, err)
	_, err = sys.ImportClones(ctx, []string{b}, CloneSpec{})
	require.ErrorIs(t, err, ErrDuplicatePV)
	got, err = os.ReadFile(a)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, got))
}
