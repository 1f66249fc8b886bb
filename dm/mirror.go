package dm

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

const typeMirror = "mirror"

// Mirror writes to several legs, and reads from one that is in sync. Regions
// that are not in sync are copied from the first leg to the others, in the
// background; a log keeps account of them.
//
// Logs other than core and disk, like those of clusters, are not among its
// logs: ParseTarget leaves their targets Unknown.
//
// Source: linux drivers/md/dm-raid1.c, drivers/md/dm-log.c.
type Mirror struct {
	Log MirrorLog
	// LogDevice is the device of MirrorLogDisk.
	LogDevice string
	// RegionSize is a power of two, of 8 sectors and more, and at most the
	// length of the target. The length need not be a multiple of it.
	RegionSize units.Sectors
	Sync       MirrorSync
	// Legs are at least two for the target to be of use. The kernel takes up
	// to nine.
	Legs []MirrorLeg
	// HandleErrors makes the target hold back a write that fails on a leg,
	// until it is suspended to load a table without that leg. Without it such a
	// write counts as done.
	HandleErrors bool
	// KeepLog makes such a write count as done too, with its region marked as
	// out of sync in the log. The kernel takes it with HandleErrors only.
	KeepLog bool
}

// MirrorLog says where the log of a mirror is.
type MirrorLog uint8

const (
	// MirrorLogCore is in memory: it is lost with the table.
	MirrorLogCore MirrorLog = iota
	// MirrorLogDisk is on a device of its own.
	MirrorLogDisk
)

// String returns the word of the table: "core" or "disk".
func (l MirrorLog) String() string {
	switch l {
	case MirrorLogCore:
		return "core"
	case MirrorLogDisk:
		return "disk"
	default:
		return "MirrorLog(" + strconv.Itoa(int(l)) + ")"
	}
}

// MirrorSync says which regions are in sync when the target begins.
type MirrorSync uint8

const (
	// MirrorSyncLogged are those that the log says are. A core log, and a new
	// one on a disk, says none.
	MirrorSyncLogged MirrorSync = iota
	// MirrorSyncForce are none, whatever the log says.
	MirrorSyncForce
	// MirrorSyncSkip are all, whatever the log says.
	MirrorSyncSkip
)

// String returns the word of the table: "", "sync" or "nosync".
func (s MirrorSync) String() string {
	switch s {
	case MirrorSyncLogged:
		return ""
	case MirrorSyncForce:
		return "sync"
	case MirrorSyncSkip:
		return "nosync"
	default:
		return "MirrorSync(" + strconv.Itoa(int(s)) + ")"
	}
}

// MirrorLeg is the place of one of the copies.
type MirrorLeg struct {
	Device string
	// Offset is the first sector on Device.
	Offset units.Sectors
}

// Names of features.
const (
	featureHandleErrors = "handle_errors"
	featureKeepLog      = "keep_log"
)

// Type returns "mirror".
func (t Mirror) Type() string { return typeMirror }

// Params returns the log and its arguments, the legs, and the number and names
// of the features if there are any: "core 1 1024 2 7:0 0 7:1 0 1 handle_errors".
func (t Mirror) Params() string {
	var args []string
	if t.Log == MirrorLogDisk {
		args = append(args, t.LogDevice)
	}
	args = append(args, strconv.FormatUint(uint64(t.RegionSize), 10))
	if t.Sync != MirrorSyncLogged {
		args = append(args, t.Sync.String())
	}
	word := append([]string{t.Log.String(), strconv.Itoa(len(args))}, args...)
	word = append(word, strconv.Itoa(len(t.Legs)))
	for _, l := range t.Legs {
		word = append(word, l.Device, strconv.FormatUint(uint64(l.Offset), 10))
	}
	var features []string
	if t.HandleErrors {
		features = append(features, featureHandleErrors)
	}
	if t.KeepLog {
		features = append(features, featureKeepLog)
	}
	return strings.Join(word, " ") + featureText(features)
}

// Devices returns the log's device, if it has one, and that of each leg.
func (t Mirror) Devices() []string {
	var devices []string
	if t.Log == MirrorLogDisk {
		devices = append(devices, t.LogDevice)
	}
	for _, l := range t.Legs {
		devices = append(devices, l.Device)
	}
	return devices
}

// WithDevices returns t with other devices for the log, if it has one, and the
// legs.
func (t Mirror) WithDevices(devices []string) Target {
	if t.Log == MirrorLogDisk && len(devices) > 0 {
		t.LogDevice, devices = devices[0], devices[1:]
	}
	t.Legs = slices.Clone(t.Legs)
	for i := range min(len(devices), len(t.Legs)) {
		t.Legs[i].Device = devices[i]
	}
	return t
}

// reports takes what was said of the legs when the table was loaded for what
// counts only then.
func (t Mirror) reports(want Target) bool {
	o, ok := want.(Mirror)
	if !ok || o.Sync != MirrorSyncLogged {
		return false
	}
	t.Sync = MirrorSyncLogged
	return t.Params() == o.Params()
}

// parseMirror reads the parameters of a mirror target. A log, an argument of it
// or a feature with an unknown name leaves the target Unknown.
func parseMirror(params string) (Target, error) {
	word := strings.Fields(params)
	if len(word) < 2 {
		return nil, errors.WithMessagef(ErrInvalid, "mirror %q: %d words, want a log, legs and features", params, len(word))
	}
	n, err := parseUint(word[1], uint64(len(word)-2))
	if err != nil {
		return nil, errors.WithMessagef(err, "number of log arguments in mirror %q", params)
	}
	var t Mirror
	known, err := t.parseLog(word[0], word[2:2+n])
	if err != nil {
		return nil, errors.WithMessagef(err, "log in mirror %q", params)
	}
	rest, err := t.parseLegs(word[2+n:])
	if err != nil {
		return nil, errors.WithMessagef(err, "legs in mirror %q", params)
	}
	features, err := parseFeatures(rest)
	if err != nil {
		return nil, errors.WithMessagef(err, "features in mirror %q", params)
	}
	for _, f := range features {
		switch f {
		case featureHandleErrors:
			t.HandleErrors = true
		case featureKeepLog:
			t.KeepLog = true
		default:
			known = false
		}
	}
	if !known {
		return Unknown{Name: typeMirror, Text: params}, nil
	}
	return t, nil
}

// parseLog reads the arguments of a log; known is false if it does not know the
// log or an argument.
func (t *Mirror) parseLog(log string, arg []string) (known bool, err error) {
	switch log {
	case "core":
		t.Log = MirrorLogCore
	case "disk":
		t.Log = MirrorLogDisk
		if len(arg) == 0 {
			return false, errors.WithMessage(ErrInvalid, "disk without a device")
		}
		t.LogDevice, arg = arg[0], arg[1:]
	default:
		return false, nil
	}
	if len(arg) == 0 {
		return false, errors.WithMessage(ErrInvalid, "no region size")
	}
	region, err := parseUint(arg[0], 1<<32-1)
	if err != nil {
		return false, errors.WithMessage(err, "region size")
	}
	t.RegionSize = units.Sectors(region)
	switch strings.Join(arg[1:], " ") {
	case "":
		t.Sync = MirrorSyncLogged
	case "sync":
		t.Sync = MirrorSyncForce
	case "nosync":
		t.Sync = MirrorSyncSkip
	default:
		return false, nil
	}
	return true, nil
}

// parseLegs reads the number of legs and the legs, and returns the words behind
// them.
func (t *Mirror) parseLegs(word []string) (rest []string, err error) {
	if len(word) == 0 {
		return nil, errors.WithMessage(ErrInvalid, "none")
	}
	n, err := parseUint(word[0], uint64(len(word)-1)/2)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, errors.WithMessage(ErrInvalid, "none")
	}
	t.Legs = make([]MirrorLeg, n)
	for i := range t.Legs {
		offset, err := parseUint(word[2+2*i], maxSectors)
		if err != nil {
			return nil, errors.WithMessagef(err, "offset of leg %d", i)
		}
		t.Legs[i] = MirrorLeg{Device: word[1+2*i], Offset: units.Sectors(offset)}
	}
	return word[1+2*n:], nil
}
