package dm

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

const (
	typeSnapshotOrigin = "snapshot-origin"
	typeSnapshot       = "snapshot"
	typeSnapshotMerge  = "snapshot-merge"
)

// SnapshotOrigin passes I/O on to a device, and has a chunk copied into the COW
// store of each snapshot of that device before it is first written to. It must
// cover the whole device. The snapshots are those whose targets name the very
// same device as their origin. Its status is empty.
//
// Source: linux Documentation/admin-guide/device-mapper/snapshot.rst.
type SnapshotOrigin struct {
	Origin string
}

// Type returns "snapshot-origin".
func (t SnapshotOrigin) Type() string { return typeSnapshotOrigin }

// Params returns "origin".
func (t SnapshotOrigin) Params() string { return t.Origin }

// Devices returns the origin.
func (t SnapshotOrigin) Devices() []string { return []string{t.Origin} }

// WithDevices returns t on another origin.
func (t SnapshotOrigin) WithDevices(devices []string) Target {
	if len(devices) > 0 {
		t.Origin = devices[0]
	}
	return t
}

func parseSnapshotOrigin(params string) (Target, error) {
	word := strings.Fields(params)
	if len(word) != 1 {
		return nil, errors.WithMessagef(ErrInvalid, "snapshot-origin %q: %d words, want the origin", params, len(word))
	}
	return SnapshotOrigin{Origin: word[0]}, nil
}

// Snapshot shows its origin as it was when the snapshot was made, with what was
// written to the snapshot since: chunks that either side has written to are in
// the COW store, all others still in the origin.
//
// At most one live and one inactive table may use a COW store. A second table
// takes the store over when its device is resumed, for which the device of the
// first one must be suspended.
//
// Source: linux Documentation/admin-guide/device-mapper/snapshot.rst.
type Snapshot struct {
	Origin, COW string
	Store       SnapshotStore
	// ChunkSize is a power of two, and at least the logical block size of both
	// devices. The kernel prints 0 for a snapshot that did not get its COW
	// store.
	ChunkSize units.Sectors
	// DiscardZeroesCOW makes a discard of whole chunks of the snapshot zero
	// them in the COW store. Linux 5.3.
	DiscardZeroesCOW bool
	// DiscardPassdownOrigin passes discards of the snapshot on to the origin.
	// The kernel takes it with DiscardZeroesCOW only. Linux 5.3.
	DiscardPassdownOrigin bool
}

// SnapshotStore is the kind of a COW store.
type SnapshotStore uint8

const (
	// StorePersistent survives a deactivation. Its first chunk must be zeroed
	// before the store is first used. It is the only kind that LVM2 makes.
	StorePersistent SnapshotStore = iota
	// StorePersistentOverflow is StorePersistent where a write to the snapshot
	// that finds the store full leaves what it has: SnapshotOverflow instead of
	// SnapshotInvalid. Linux 4.4.
	StorePersistentOverflow
	// StoreTransient has no metadata on the device, and is lost with the table.
	StoreTransient
)

// String returns the word of the table: "P", "PO" or "N".
func (s SnapshotStore) String() string {
	switch s {
	case StorePersistent:
		return "P"
	case StorePersistentOverflow:
		return "PO"
	case StoreTransient:
		return "N"
	default:
		return "SnapshotStore(" + strconv.Itoa(int(s)) + ")"
	}
}

// Names of features.
const (
	featureZeroesCOW      = "discard_zeroes_cow"
	featurePassdownOrigin = "discard_passdown_origin"
)

// Type returns "snapshot".
func (t Snapshot) Type() string { return typeSnapshot }

// Params returns "origin cow store chunk", and the number and names of the
// features if there are any.
func (t Snapshot) Params() string {
	params := t.Origin + " " + t.COW + " " + t.Store.String() + " " + strconv.FormatUint(uint64(t.ChunkSize), 10)
	var features []string
	if t.DiscardZeroesCOW {
		features = append(features, featureZeroesCOW)
	}
	if t.DiscardPassdownOrigin {
		features = append(features, featurePassdownOrigin)
	}
	return params + featureText(features)
}

// Devices returns the origin and the COW store.
func (t Snapshot) Devices() []string { return []string{t.Origin, t.COW} }

// WithDevices returns t with another origin and COW store.
func (t Snapshot) WithDevices(devices []string) Target { return t.withDevices(devices) }

func (t Snapshot) withDevices(devices []string) Snapshot {
	if len(devices) > 0 {
		t.Origin = devices[0]
	}
	if len(devices) > 1 {
		t.COW = devices[1]
	}
	return t
}

// SnapshotMerge moves what a snapshot has in its COW store back to the origin,
// while it shows what the snapshot did. It is loaded in the place of the
// SnapshotOrigin, and begins when it is resumed. Nothing tells that it has come
// to its end but SnapshotStatus.Merged.
//
// Source: linux Documentation/admin-guide/device-mapper/snapshot.rst.
type SnapshotMerge Snapshot

// Type returns "snapshot-merge".
func (t SnapshotMerge) Type() string { return typeSnapshotMerge }

// Params returns what Snapshot.Params does.
func (t SnapshotMerge) Params() string { return Snapshot(t).Params() }

// Devices returns the origin and the COW store.
func (t SnapshotMerge) Devices() []string { return Snapshot(t).Devices() }

// WithDevices returns t with another origin and COW store.
func (t SnapshotMerge) WithDevices(devices []string) Target {
	return SnapshotMerge(Snapshot(t).withDevices(devices))
}

// parseSnapshot reads the parameters of a snapshot or snapshot-merge target. A
// kind of store or a feature with an unknown name leaves the target Unknown.
func parseSnapshot(typ, params string) (Target, error) {
	word := strings.Fields(params)
	if len(word) < 4 {
		return nil, errors.WithMessagef(ErrInvalid, "%s %q: %d words, want origin, cow, store and chunk size", typ, params, len(word))
	}
	chunk, err := parseUint(word[3], 1<<32-1)
	if err != nil {
		return nil, errors.WithMessagef(err, "chunk size in %s %q", typ, params)
	}
	features, err := parseFeatures(word[4:])
	if err != nil {
		return nil, errors.WithMessagef(err, "features in %s %q", typ, params)
	}
	t := Snapshot{Origin: word[0], COW: word[1], ChunkSize: units.Sectors(chunk)}
	switch word[2] {
	case "P":
		t.Store = StorePersistent
	case "PO":
		t.Store = StorePersistentOverflow
	case "N":
		t.Store = StoreTransient
	default:
		return Unknown{Name: typ, Text: params}, nil
	}
	for _, f := range features {
		switch f {
		case featureZeroesCOW:
			t.DiscardZeroesCOW = true
		case featurePassdownOrigin:
			t.DiscardPassdownOrigin = true
		default:
			return Unknown{Name: typ, Text: params}, nil
		}
	}
	if typ == typeSnapshotMerge {
		return SnapshotMerge(t), nil
	}
	return t, nil
}

// featureText prints the optional features at the end of parameters.
func featureText(features []string) string {
	if len(features) == 0 {
		return ""
	}
	return " " + strconv.Itoa(len(features)) + " " + strings.Join(features, " ")
}

// parseFeatures reads what featureText prints. The number may also be 0.
func parseFeatures(word []string) ([]string, error) {
	if len(word) == 0 {
		return nil, nil
	}
	n, err := parseUint(word[0], uint64(len(word)-1))
	if err != nil {
		return nil, err
	}
	if n != uint64(len(word)-1) {
		return nil, errors.WithMessagef(ErrInvalid, "%d announced, %d there", n, len(word)-1)
	}
	return word[1:], nil
}
