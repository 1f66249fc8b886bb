package lvm

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// diskSize is small, so that hundreds of states are cheap; areaSpec makes the
// smallest metadata areas there are.
const diskSize = 2 * MiB

func areaSpec(areas MetadataAreas) PVSpec {
	return PVSpec{Areas: areas, MetadataSize: 32 * KiB, DataAlignment: 4 * KiB}
}

// tester is a test of the testing package, or one of rapid's.
type tester interface {
	require.TestingT
	Helper()
}

// openDisks returns a System in image mode on devices in memory. Systems with
// the same seed make the same identifiers.
func openDisks(t tester, disks *recorder.Disks, seed byte) *System {
	t.Helper()
	sys, err := Open(Config{
		Devices: disks.Paths(), Kernel: KernelNone, Host: "test", ExtraSystemIDs: []string{"ours"}, ThinCheck: Tool{Off: true}, ThinRepair: Tool{Off: true},
		CacheCheck: Tool{Off: true}, CacheRepair: Tool{Off: true},
		OpenDevice: func(path string, write bool) (Device, error) {
			d, err := disks.Open(path, write)
			if err != nil {
				return nil, err
			}
			return d, nil
		},
		Clock:  func() time.Time { return time.Unix(1_700_000_000, 0).UTC() },
		Random: rand.NewChaCha8([32]byte{seed}),
	})
	require.NoError(t, err)
	return sys
}

// update makes a change that must succeed.
func update(t testing.TB, sys *System, vg string, fn func(*Tx) error) {
	t.Helper()
	require.NoError(t, sys.Update(context.Background(), vg, fn))
}

// recordOf returns the metadata of a group, nil if it does not exist.
func recordOf(t testing.TB, sys *System, vg string) *metadata.VolumeGroup {
	t.Helper()
	v, err := sys.VG(context.Background(), vg)
	if err != nil {
		require.ErrorIs(t, err, ErrVGNotFound)
		return nil
	}
	return v.Metadata()
}

// onlyGroup returns the group on the devices, nil if there is none or several.
func onlyGroup(t testing.TB, sys *System) *VolumeGroup {
	t.Helper()
	inv, err := sys.Scan(context.Background())
	require.NoError(t, err)
	if len(inv.VGs) != 1 {
		return nil
	}
	return inv.VGs[0]
}

// pattern returns bytes that belong to one volume alone.
func pattern(id metadata.ID, n Bytes) []byte {
	p := make([]byte, n)
	_, _ = rand.NewChaCha8([32]byte(id)).Read(p)
	return p
}

// writePatterns fills all volumes of a group.
func writePatterns(t testing.TB, sys *System, vg string) {
	t.Helper()
	v, err := sys.VG(context.Background(), vg)
	require.NoError(t, err)
	for lv := range v.LVs() {
		f, err := lv.Open()
		require.NoError(t, err)
		_, err = f.WriteAt(pattern(lv.ID(), lv.Size()), 0)
		require.NoError(t, err)
		require.NoError(t, f.Sync())
		require.NoError(t, f.Close())
	}
}

// checkPatterns checks that every volume that was in before holds what
// writePatterns wrote, as far as it reaches now.
func checkPatterns(t testing.TB, sys *System, before *metadata.VolumeGroup) {
	t.Helper()
	if before == nil {
		return
	}
	v, err := sys.VG(context.Background(), before.Name)
	if err != nil {
		require.ErrorIs(t, err, ErrVGNotFound)
		if v = onlyGroup(t, sys); v == nil {
			return
		}
	}
	for _, old := range before.LVs {
		lv, err := v.LV(old.ID.String())
		if err != nil {
			require.ErrorIs(t, err, ErrLVNotFound)
			if lv = elsewhere(t, sys, old.ID); lv == nil {
				continue
			}
		}
		if lv.Partial() {
			continue
		}
		want := patternOf(before, v, old)
		if want == nil || lv.IsSnapshot() && lv.Merging() {
			continue
		}
		f, err := lv.Open()
		require.NoError(t, err)
		length, err := f.Size()
		require.NoError(t, err)
		length = min(length, Bytes(len(want)))
		got := make([]byte, 64*KiB)
		for at := int64(0); at < int64(length); at += int64(len(got)) {
			got = got[:min(int64(len(got)), int64(length)-at)]
			_, err = f.ReadAt(got, at)
			require.NoError(t, err)
			require.True(t, bytes.Equal(want[at:][:len(got)], got), "contents of lv %s at %d", lv.Name(), at)
		}
		require.NoError(t, f.Close())
	}
}

// elsewhere looks for an LV in all groups.
func elsewhere(t testing.TB, sys *System, id metadata.ID) *LogicalVolume {
	t.Helper()
	inv, err := sys.Scan(context.Background())
	require.NoError(t, err)
	for _, vg := range inv.VGs {
		if lv, err := vg.LV(id.String()); err == nil {
			return lv
		}
	}
	return nil
}

// problems returns all problems that a reading of the devices finds.
func problems(t testing.TB, sys *System) []string {
	t.Helper()
	return (&alteration{}).problems(t, sys)
}

// alteration is an update that is made to fail, crash or die at every point.
type alteration struct {
	name  string
	setup func(t testing.TB, sys *System, areas MetadataAreas)
	// worked is done after setup while the volumes are active, for what the kernel
	// notes on the devices.
	worked func(tx *Tx) error
	again  bool   // that is done twice
	vg     string // the group of do; vg0 if empty
	pair   string // another group that is changed with vg0
	do     func(tx *Tx, areas MetadataAreas) error
	gone   bool // the group does not exist afterwards
	// renamed: the group, the only one, gets another name or UUID.
	renamed bool
	// forward: what cannot be undone, since a device has died, is finished.
	forward bool
	// inactive: with a kernel, no volume is active before.
	inactive bool
	// twice: that a device cannot be read as well is too much: it may bring a
	// group back that was removed.
	twice bool
	// partial: physical volumes are missing before, and may be afterwards, which
	// is no problem then.
	partial bool
	size    Bytes // of each device, if not diskSize
}

// problems returns the problems that a reading of the devices finds and the
// alteration does not account for.
func (c *alteration) problems(t testing.TB, sys *System) []string {
	t.Helper()
	inv, err := sys.Scan(context.Background())
	require.NoError(t, err)
	return c.unexpected(inv.Problems)
}

func (c *alteration) unexpected(problems []Problem) []string {
	var out []string
	for _, p := range problems {
		if !c.partial || !errors.Is(p.Err, ErrMissingPV) {
			out = append(out, p.String())
		}
	}
	return out
}

func (c *alteration) ref() string {
	switch c.vg {
	case "":
		return "vg0"
	case "-":
		return ""
	}
	return c.vg
}

// record returns the group before or after the change.
func (c *alteration) record(t testing.TB, sys *System) *metadata.VolumeGroup {
	t.Helper()
	if c.pair != "" {
		vg, pair := recordOf(t, sys, "vg0"), recordOf(t, sys, c.pair)
		if pair != nil { // both have to be as before or as after
			vg.Tags = append(vg.Tags, textOf(pair))
		}
		return vg
	}
	if !c.renamed {
		return recordOf(t, sys, "vg0")
	}
	vg := onlyGroup(t, sys)
	require.NotNil(t, vg)
	return vg.Metadata()
}

// spareSpec is the spec of the PVs of a group but the first, which always has
// an area.
func firstSpec(areas MetadataAreas) PVSpec {
	if areas == NoArea {
		return areaSpec(OneArea)
	}
	return areaSpec(areas)
}

// makeGroup makes vg0 on the devices a and b.
func makeGroup(tx *Tx, areas MetadataAreas) error {
	if err := tx.CreateVG(VGSpec{PVs: []string{"a"}, PV: firstSpec(areas), ExtentSize: 4 * KiB}); err != nil {
		return err
	}
	return tx.ExtendVG(areaSpec(areas), "b")
}

// volumes makes vg0 with three volumes that hold patterns.
func volumes(t testing.TB, sys *System, areas MetadataAreas) {
	update(t, sys, "vg0", func(tx *Tx) error {
		return joinErrors(makeGroup(tx, areas),
			tx.addLV("data", 20, 1), tx.addLV("striped", 8, 2), tx.addLV("other", 5, 1))
	})
	writePatterns(t, sys, "vg0")
}

// andSpare makes vg0 with volumes and the physical volume c, which is empty.
func andSpare(t testing.TB, sys *System, areas MetadataAreas) {
	volumes(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ExtendVG(areaSpec(areas), "c") })
}

func (tx *Tx) addLV(name string, extents Extents, stripes int) error {
	_, err := tx.CreateLV(LVSpec{Name: name, Size: ExtentCount(extents), Stripes: stripes, StripeSize: 4 * KiB})
	return err
}

func orphans(devices ...string) func(testing.TB, *System, MetadataAreas) {
	return func(t testing.TB, sys *System, areas MetadataAreas) {
		update(t, sys, "", func(tx *Tx) error {
			for _, d := range devices {
				spec := areaSpec(areas)
				if d == "a" {
					spec = firstSpec(areas)
				}
				spec.Device = d
				if err := tx.CreatePV(spec); err != nil {
					return err
				}
			}
			return nil
		})
	}
}

func then(setups ...func(testing.TB, *System, MetadataAreas)) func(testing.TB, *System, MetadataAreas) {
	return func(t testing.TB, sys *System, areas MetadataAreas) {
		for _, s := range setups {
			s(t, sys, areas)
		}
	}
}

func emptyGroup(t testing.TB, sys *System, areas MetadataAreas) {
	update(t, sys, "vg0", func(tx *Tx) error { return makeGroup(tx, areas) })
}

// missedCommit makes vg0 without volumes and lets the second device miss a commit.
func missedCommit(t testing.TB, sys *System, areas MetadataAreas) {
	emptyGroup(t, sys, areas)
	sys.cfg.OpenDevice = func(open func(string, bool) (Device, error)) func(string, bool) (Device, error) {
		return func(path string, write bool) (Device, error) {
			d, err := open(path, write)
			if path == "b" && err == nil {
				d = &missingCommits{Device: d}
			}
			return d, err
		}
	}(sys.cfg.OpenDevice)
	err := sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.SetTags("missed") })
	if areas == NoArea {
		require.NoError(t, err)
		return
	}
	var failed *ApplyError
	require.ErrorAs(t, err, &failed)
	require.True(t, failed.Committed)
}

// missingCommits fails the second write of the first area's header: that of the
// commit, which comes after that of the precommit.
type missingCommits struct {
	Device
	headers int
}

func (d *missingCommits) WriteAt(p []byte, off int64) (int, error) {
	if off == int64(firstAreaStart) {
		if d.headers++; d.headers == 2 {
			return 0, recorder.ErrInjected
		}
	}
	return d.Device.WriteAt(p, off)
}

// outdatedPV makes vg0 without volumes, and the physical volume c that was taken
// out by somebody who died before he emptied its metadata area.
func outdatedPV(t testing.TB, sys *System, areas MetadataAreas) {
	emptyGroup(t, sys, areas)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ExtendVG(areaSpec(areas), "c") })
	d, err := sys.cfg.OpenDevice("c", true)
	require.NoError(t, err)
	header := make([]byte, metadata.AreaHeaderSize)
	_, err = d.ReadAt(header, int64(firstAreaStart))
	require.NoError(t, err)
	update(t, sys, "vg0", func(tx *Tx) error { return tx.ReduceVG("c") })
	_, err = d.WriteAt(header, int64(firstAreaStart))
	require.NoError(t, err)
}

// alterations is what crash and fault tests are made with.
func alterations() []alteration {
	return slices.Concat(alterBasics(), alterGroups(), alterIdentity(), alterVGChange(), alterPVChange(), alterLVChange(), alterSnapshot(), alterThin(), alterMove(), alterPartial(), alterMirror(), alterRAID(), alterCache(), alterIntegrity())
}

func alterBasics() []alteration {
	return []alteration{
		{name: "create vg with lv on blank devices", do: func(tx *Tx, areas MetadataAreas) error {
			return joinErrors(makeGroup(tx, areas), tx.addLV("new", 8, 2))
		}},
		{name: "create vg on orphans", setup: orphans("a", "b", "c"), do: func(tx *Tx, areas MetadataAreas) error {
			return makeGroup(tx, areas)
		}},
		{name: "create lv", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error { return tx.addLV("new", 600, 1) }},
		{name: "extend lv", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ExtendLV("data", ExtendSpec{By: ExtentCount(600)})
		}},
		{name: "reduce lv", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return tx.ReduceLV("data", ReduceSpec{To: ExtentCount(3)})
		}},
		{name: "rename lv", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error { return tx.RenameLV("data", "renamed") }},
		{name: "remove lv", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveLV("data") }},
		{name: "several in one", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.addLV("new", 4, 2), tx.RemoveLV("other"), tx.RenameLV("data", "other"),
				tx.ExtendLV("other", ExtendSpec{By: ExtentCount(9)}), tx.ReduceLV("striped", ReduceSpec{To: ExtentCount(4)}),
				tx.SetLVTags("new", "t1"), tx.SetTags("t2"))
		}},
		{name: "tag vg", setup: volumes, do: func(tx *Tx, _ MetadataAreas) error { return tx.SetTags("t") }},
		{name: "extend vg by a blank device", setup: volumes, do: func(tx *Tx, areas MetadataAreas) error {
			return tx.ExtendVG(areaSpec(areas), "c")
		}},
		{name: "extend vg by an orphan", setup: then(volumes, orphans("c")), do: func(tx *Tx, areas MetadataAreas) error {
			return tx.ExtendVG(areaSpec(areas), "c")
		}},
		{name: "reduce vg", setup: andSpare, do: func(tx *Tx, _ MetadataAreas) error { return tx.ReduceVG("c") }},
		{name: "reduce vg and remove the pv", setup: andSpare, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.ReduceVG("c"), tx.RemovePV("c"))
		}},
		{name: "remove vg", setup: emptyGroup, do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveVG() }, gone: true},
		{name: "remove vg one of whose areas missed the last commit", setup: missedCommit,
			do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveVG() }, gone: true},
		{name: "tag vg one of whose areas missed the last commit", setup: missedCommit,
			do: func(tx *Tx, _ MetadataAreas) error { return tx.SetTags("t") }},
		{name: "remove vg with an outdated pv", setup: outdatedPV, do: func(tx *Tx, _ MetadataAreas) error { return tx.RemoveVG() },
			gone: true, twice: true},
		{name: "remove vg and pvs", setup: emptyGroup, do: func(tx *Tx, _ MetadataAreas) error {
			return joinErrors(tx.RemoveVG(), tx.RemovePV("a"), tx.RemovePV("b"))
		}, gone: true},
		{name: "create pv", vg: "-", setup: volumes, do: func(tx *Tx, areas MetadataAreas) error {
			spec := areaSpec(areas)
			spec.Device = "c"
			return tx.CreatePV(spec)
		}},
		{name: "create pv anew", vg: "-", setup: then(volumes, orphans("c")), do: func(tx *Tx, areas MetadataAreas) error {
			spec := areaSpec(areas)
			spec.Device = "c"
			return tx.CreatePV(spec)
		}},
		{name: "remove pv", vg: "-", setup: then(volumes, orphans("c")), do: func(tx *Tx, _ MetadataAreas) error {
			return tx.RemovePV("c")
		}},
	}
}

// perform makes the change.
func (c *alteration) perform(sys *System, areas MetadataAreas) error {
	return sys.Update(context.Background(), c.ref(), func(tx *Tx) error { return c.do(tx, areas) })
}

// start returns the devices a, b and c before the change.
func (c *alteration) start(t testing.TB, areas MetadataAreas) *recorder.Disks {
	disks := recorder.New(cmp.Or(c.size, diskSize), "a", "b", "c")
	if c.setup != nil {
		c.setup(t, openDisks(t, disks, 1), areas)
	}
	if c.worked != nil {
		sys := newMachine(disks).open(t, 4)
		update(t, sys, "vg0", func(tx *Tx) error { return tx.ActivateAll() })
		update(t, sys, "vg0", c.worked)
		if c.again {
			update(t, sys, "vg0", c.worked)
		}
		update(t, sys, "vg0", func(tx *Tx) error { return tx.DeactivateAll() })
	}
	disks.Record()
	return disks
}
