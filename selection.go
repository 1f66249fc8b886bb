package lvm

import "github.com/lvm-go/lvm/metadata"

// PVSelection names physical volumes, and the extents of them, that an
// operation may use.
type PVSelection struct {
	PV     string    // path, UUID or @tag
	Ranges []PERange // none: all extents
}

// PERange is a range of physical extents.
type PERange struct {
	Start, Count Extents
}

// ParsePVSelection reads lvm2's notation: "/dev/sdb", "/dev/sdb:0-99:200-",
// "@tag". See lvmsystem... An error matches [ErrInvalidSelection].
func ParsePVSelection(s string) (PVSelection, error) { return PVSelection{}, nil }

// resolveSelections returns the physical volumes that selections stand for, in
// their order. find gives the PV of a path or UUID. An error matches
// [ErrInvalidSelection].
func resolveSelections(vg *metadata.VolumeGroup, sel []PVSelection, find func(string) (metadata.ID, bool)) ([]allocPV, error) {
	return nil, nil
}
