package lvm

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

func TestVolumeListSelects(t *testing.T) {
	t.Parallel()
	vg := &metadata.VolumeGroup{Name: "vg", Tags: []string{"gt"}}
	lv := &metadata.LogicalVolume{Name: "lv", Tags: []string{"lt"}}
	lists := VolumeLists{HostTags: []string{"host", "lt"}}
	for entry, want := range map[string]bool{
		"vg": true, "vg/lv": true, "lv": false, "vg/": false, "vg/lv/": false, "vg2": false, "v": false, "vg/l": false,
		"@gt": true, "@lt": true, "@host": false, "@": false, "@*": true, "": false, "*": false,
	} {
		assert.Equal(t, want, lists.selects([]string{"other", entry}, vg, lv), entry)
	}
	lists.HostTags = []string{"gt"}
	assert.True(t, lists.selects([]string{"@*"}, vg, lv))
	lists.HostTags = []string{"host"}
	assert.False(t, lists.selects([]string{"@*"}, vg, lv))
	assert.False(t, lists.selects(nil, vg, lv))
	assert.False(t, (*VolumeLists)(nil).forcesReadOnly(vg, lv))
}

// Which volumes come up, of a, b with the tag t, and c that is read-only.
func TestVolumeListsActivate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		lists    VolumeLists
		all      []string
		auto     []string
		readOnly []string
	}{
		{"none", VolumeLists{}, []string{"a", "b", "c"}, []string{"a", "b", "c"}, []string{"c"}},
		{"another group", VolumeLists{Activate: []string{"vg2"}}, nil, nil, nil},
		{"empty", VolumeLists{Activate: []string{}}, nil, nil, nil},
		{"one", VolumeLists{Activate: []string{"vg0/a"}}, []string{"a"}, []string{"a"}, nil},
		{"tag", VolumeLists{Activate: []string{"@t"}}, []string{"b"}, []string{"b"}, nil},
		{"host without tags", VolumeLists{Activate: []string{"@*"}}, nil, nil, nil},
		{"host's tag", VolumeLists{Activate: []string{"@*"}, HostTags: []string{"t"}}, []string{"b"}, []string{"b"}, nil},
		{"host's tag and no list", VolumeLists{HostTags: []string{"t"}}, []string{"b"}, []string{"b"}, nil},
		{"by themselves", VolumeLists{AutoActivate: []string{"vg0/a"}}, []string{"a", "b", "c"}, []string{"a"}, []string{"c"}},
		{"not by themselves", VolumeLists{AutoActivate: []string{}}, []string{"a", "b", "c"}, nil, []string{"c"}},
		{"both", VolumeLists{Activate: []string{"@t"}, AutoActivate: []string{"vg0/a"}}, []string{"b"}, nil, nil},
		{"read-only", VolumeLists{ReadOnly: []string{"@t"}}, []string{"a", "b", "c"}, []string{"a", "b", "c"}, []string{"b", "c"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(recorder.New(diskSize, "a"))
			sys := m.open(t, 1)
			update(t, sys, "vg0", func(tx *Tx) error {
				if err := tx.CreateVG(VGSpec{PVs: []string{"a"}, PV: firstSpec(OneArea), ExtentSize: 4 * KiB}); err != nil {
					return err
				}
				for _, spec := range []LVSpec{{Name: "a"}, {Name: "b", Tags: []string{"t"}}, {Name: "c", ReadOnly: true}} {
					spec.Size, spec.Inactive = ExtentCount(1), true
					if _, err := tx.CreateLV(spec); err != nil {
						return err
					}
				}
				return nil
			})
			sys.cfg.VolumeLists = test.lists
			active := func(change func(*Tx) error) (names, readOnly []string) {
				update(t, sys, "vg0", change)
				devices, err := sys.kernel.Devices(dm.ListOptions{})
				require.NoError(t, err)
				for _, d := range devices {
					name := d.Name[len("vg0-"):]
					names = append(names, name)
					info, _, err := sys.kernel.Table(dm.ByName(d.Name), dm.QueryOptions{})
					require.NoError(t, err)
					if info.ReadOnly {
						readOnly = append(readOnly, name)
					}
				}
				slices.Sort(names)
				slices.Sort(readOnly)
				update(t, sys, "vg0", func(tx *Tx) error { return tx.DeactivateAll() })
				return names, readOnly
			}
			names, readOnly := active(func(tx *Tx) error { return tx.ActivateAll() })
			assert.Equal(t, test.all, names)
			assert.Equal(t, test.readOnly, readOnly)
			names, _ = active(func(tx *Tx) error { return tx.AutoActivate() })
			assert.Equal(t, test.auto, names)
			for _, name := range []string{"a", "b", "c"} {
				err := sys.Update(context.Background(), "vg0", func(tx *Tx) error { return tx.Activate(name) })
				if slices.Contains(test.all, name) {
					assert.NoError(t, err, name)
					continue
				}
				assert.ErrorIs(t, err, ErrActivationList, name)
			}
			// What is active stays so, and can be refreshed and deactivated.
			sys.cfg.VolumeLists = VolumeLists{Activate: []string{}}
			for _, name := range test.all {
				update(t, sys, "vg0", func(tx *Tx) error { return tx.Activate(name) })
				update(t, sys, "vg0", func(tx *Tx) error { return tx.Refresh(name) })
			}
			update(t, sys, "vg0", func(tx *Tx) error {
				_, err := tx.CreateLV(LVSpec{Name: "new", Size: ExtentCount(1)})
				return err
			})
			names, _ = active(func(tx *Tx) error { return nil })
			assert.Equal(t, test.all, names, "a new one does not come up")
		})
	}
}
