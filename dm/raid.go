package dm

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

const typeRAID = "raid"

// RAID spreads data over several legs so that it outlives the loss of some of
// them. A leg is a data device, and mostly a metadata device with a superblock and
// a bitmap that says which regions may differ. It takes messages: see RAIDIdle. Its
// status is read by ParseRAIDStatus.
//
// Sync, Rebuild, DeltaDisks and DataOffset tell the kernel something once, when the
// table is first resumed. The kernel goes on reporting them until another table is
// loaded, and does what they say once more if they are in that one, too.
//
// A journal is not among its parameters: ParseTarget leaves targets with one
// Unknown.
//
// Source: linux Documentation/admin-guide/device-mapper/dm-raid.rst.
type RAID struct {
	// Layout is "raid0", "raid1", "raid4", "raid5_n", "raid6_zr", "raid10", ...
	Layout string
	// ChunkSize is 0 for raid1, elsewhere a power of two, of 8 sectors and more.
	// The length is a multiple of it and of the number of legs with data.
	ChunkSize units.Sectors
	Sync      RAIDSync
	// Rebuild and WriteMostly are indexes of legs. What the former have is
	// written anew from the others. The latter, of raid1, are read only if no
	// other leg can be; they cannot be all.
	Rebuild, WriteMostly []int
	// RegionSize is what a bit of the bitmap stands for, a power of two; 0 lets
	// the kernel choose.
	RegionSize units.Sectors
	// MinRate and MaxRate limit how much of a leg is brought in sync, in KiB/s;
	// 0 leaves that to the kernel.
	MinRate, MaxRate uint32
	// WriteBehind, of raid1, is how many writes to legs that are WriteMostly may
	// lag behind; 0 is none. The kernel keeps half of it in a new bitmap, and from
	// then on reports what it finds there, be it 0: HasWriteBehind is true then.
	WriteBehind    uint32
	HasWriteBehind bool
	// StripeCache is the size of the cache of raid4, raid5 and raid6; 0 leaves
	// that to the kernel.
	StripeCache units.Sectors
	// DaemonSleep is how long bits stay set in the bitmap after the last write, in
	// milliseconds; 0 leaves that to the kernel.
	DaemonSleep uint32
	// Copies and Format, "near", "far" or "offset", are of raid10; 0 and "" mean
	// 2 and "near".
	Copies int
	Format string
	// DeltaDisks is how many legs a reshape adds, or takes away if it is negative.
	DeltaDisks int
	// DataOffset is where the data begin on the data devices, in sectors, while a
	// reshape needs room there. It counts if HasDataOffset.
	DataOffset    units.Sectors
	HasDataOffset bool
	Legs          []RAIDLeg
}

// RAIDLeg is one of the places for data. A device that is "" is missing: a leg
// without Metadata has no bitmap, and one without both is not there.
type RAIDLeg struct {
	Metadata, Data string
}

// RAIDSync says whether the legs of a new array are brought in sync.
type RAIDSync uint8

const (
	// RAIDSyncAuto does what the superblocks say; a new array is brought in sync.
	RAIDSyncAuto RAIDSync = iota
	// RAIDSyncForce brings all in sync.
	RAIDSyncForce
	// RAIDSyncSkip takes all legs of a new array for being in sync. The kernel does
	// not take it for raid6.
	RAIDSyncSkip
)

// String returns the word of the table: "", "sync" or "nosync".
func (s RAIDSync) String() string {
	switch s {
	case RAIDSyncAuto:
		return ""
	case RAIDSyncForce:
		return "sync"
	case RAIDSyncSkip:
		return "nosync"
	default:
		return "RAIDSync(" + strconv.Itoa(int(s)) + ")"
	}
}

// noDevice stands in a table for the device that a leg does not have.
const noDevice = "-"

// Type returns "raid".
func (t RAID) Type() string { return typeRAID }

// Params returns the layout, the number of parameters and the parameters, the
// number of legs and the legs: "raid1 3 0 region_size 4096 2 254:0 254:1 - -".
func (t RAID) Params() string {
	param := []string{strconv.FormatUint(uint64(t.ChunkSize), 10)}
	add := func(name string, value int64) { param = append(param, name, strconv.FormatInt(value, 10)) }
	addIf := func(name string, value uint64) {
		if value != 0 {
			param = append(param, name, strconv.FormatUint(value, 10))
		}
	}
	if t.Sync != RAIDSyncAuto {
		param = append(param, t.Sync.String())
	}
	for _, i := range t.Rebuild {
		add("rebuild", int64(i))
	}
	addIf("daemon_sleep", uint64(t.DaemonSleep))
	addIf("min_recovery_rate", uint64(t.MinRate))
	addIf("max_recovery_rate", uint64(t.MaxRate))
	for _, i := range t.WriteMostly {
		add("write_mostly", int64(i))
	}
	if t.HasWriteBehind || t.WriteBehind != 0 {
		add("max_write_behind", int64(t.WriteBehind))
	}
	addIf("stripe_cache", uint64(t.StripeCache))
	addIf("region_size", uint64(t.RegionSize))
	if t.Copies != 0 {
		add("raid10_copies", int64(t.Copies))
	}
	if t.Format != "" {
		param = append(param, "raid10_format", t.Format)
	}
	if t.DeltaDisks != 0 {
		add("delta_disks", int64(t.DeltaDisks))
	}
	if t.HasDataOffset {
		param = append(param, "data_offset", strconv.FormatUint(uint64(t.DataOffset), 10))
	}
	word := append([]string{t.Layout, strconv.Itoa(len(param))}, param...)
	word = append(word, strconv.Itoa(len(t.Legs)))
	for _, l := range t.Legs {
		word = append(word, orNone(l.Metadata), orNone(l.Data))
	}
	return strings.Join(word, " ")
}

func orNone(device string) string {
	if device == "" {
		return noDevice
	}
	return device
}

// Devices returns the metadata device and the data device of each leg, those of
// them that there are.
func (t RAID) Devices() []string {
	var devices []string
	for _, l := range t.Legs {
		for _, d := range []string{l.Metadata, l.Data} {
			if d != "" {
				devices = append(devices, d)
			}
		}
	}
	return devices
}

// WithDevices returns t with other devices in the place of those that Devices
// returns.
func (t RAID) WithDevices(devices []string) Target {
	t.Legs = slices.Clone(t.Legs)
	var place []*string
	for i := range t.Legs {
		for _, d := range []*string{&t.Legs[i].Metadata, &t.Legs[i].Data} {
			if *d != "" {
				place = append(place, d)
			}
		}
	}
	replace(devices, place...)
	return t
}

func (t RAID) words() []string {
	if t.Format == "" {
		return []string{t.Layout}
	}
	return []string{t.Layout, t.Format}
}

// maxLegs is the number of legs that the kernel takes.
//
// Source: linux drivers/md/dm-raid.c.
const maxLegs = 253

// parseRAID reads the parameters of a raid target. A parameter with an unknown name
// leaves the target Unknown.
func parseRAID(params string) (Target, error) {
	word := strings.Fields(params)
	if len(word) < 4 {
		return nil, errors.WithMessagef(ErrInvalid, "raid %q: %d words, want a layout, parameters and legs", params, len(word))
	}
	n, err := parseUint(word[1], uint64(len(word)-3))
	if err != nil {
		return nil, errors.WithMessagef(err, "number of parameters in raid %q", params)
	}
	t := RAID{Layout: word[0]}
	known, err := t.parseParams(word[2 : 2+n])
	if err != nil {
		return nil, errors.WithMessagef(err, "parameters in raid %q", params)
	}
	if err := t.parseLegs(word[2+n:]); err != nil {
		return nil, errors.WithMessagef(err, "legs in raid %q", params)
	}
	if !known {
		return Unknown{Name: typeRAID, Text: params}, nil
	}
	return t, nil
}

// parseParams reads the chunk size and what follows it; known is false if a name
// among them is not.
func (t *RAID) parseParams(word []string) (known bool, err error) {
	if len(word) == 0 {
		return false, errors.WithMessage(ErrInvalid, "no chunk size")
	}
	chunk, err := parseUint(word[0], 1<<32-1)
	if err != nil {
		return false, errors.WithMessage(err, "chunk size")
	}
	t.ChunkSize = units.Sectors(chunk)
	for word = word[1:]; len(word) > 0; {
		switch word[0] {
		case RAIDSyncForce.String():
			t.Sync, word = RAIDSyncForce, word[1:]
			continue
		case RAIDSyncSkip.String():
			t.Sync, word = RAIDSyncSkip, word[1:]
			continue
		}
		if len(word) == 1 {
			return false, errors.WithMessagef(ErrInvalid, "%q without a value", word[0])
		}
		if known, err := t.parseParam(word[0], word[1]); !known || err != nil {
			return false, errors.WithMessage(err, word[0])
		}
		word = word[2:]
	}
	return true, nil
}

func (t *RAID) parseParam(name, value string) (known bool, err error) {
	limit := uint64(1<<32 - 1)
	switch name {
	case "raid10_format":
		t.Format = value
		return true, nil
	case "delta_disks":
		t.DeltaDisks, err = strconv.Atoi(value)
		if err != nil || t.DeltaDisks < -maxLegs || t.DeltaDisks > maxLegs {
			return false, errors.WithMessagef(ErrInvalid, "%q", value)
		}
		return true, nil
	case "rebuild", "write_mostly", "raid10_copies":
		limit = maxLegs
	case "region_size", "stripe_cache", "data_offset":
		limit = maxSectors
	case "min_recovery_rate", "max_recovery_rate", "max_write_behind", "daemon_sleep":
	default:
		return false, nil
	}
	n, err := parseUint(value, limit)
	if err != nil {
		return false, err
	}
	switch name {
	case "rebuild":
		t.Rebuild = append(t.Rebuild, int(n))
	case "write_mostly":
		t.WriteMostly = append(t.WriteMostly, int(n))
	case "raid10_copies":
		t.Copies = int(n)
	case "region_size":
		t.RegionSize = units.Sectors(n)
	case "stripe_cache":
		t.StripeCache = units.Sectors(n)
	case "data_offset":
		t.DataOffset, t.HasDataOffset = units.Sectors(n), true
	case "min_recovery_rate":
		t.MinRate = uint32(n)
	case "max_recovery_rate":
		t.MaxRate = uint32(n)
	case "max_write_behind":
		t.WriteBehind, t.HasWriteBehind = uint32(n), n == 0
	case "daemon_sleep":
		t.DaemonSleep = uint32(n)
	}
	return true, nil
}

// parseLegs reads the number of legs and the legs.
func (t *RAID) parseLegs(word []string) error {
	n, err := parseUint(word[0], uint64(len(word)-1)/2)
	if err != nil {
		return err
	}
	if n == 0 || n != uint64(len(word)-1)/2 || len(word)%2 == 0 {
		return errors.WithMessagef(ErrInvalid, "%d announced, %d words there", n, len(word)-1)
	}
	t.Legs = make([]RAIDLeg, n)
	for i := range t.Legs {
		for j, d := range []*string{&t.Legs[i].Metadata, &t.Legs[i].Data} {
			if name := word[1+2*i+j]; name != noDevice {
				*d = name
			}
		}
	}
	return nil
}

// reports says whether a kernel that was given want may report t. A Sync of t that
// want does not have was done when t was resumed: LVM2 lets it stand in the table of
// a new array, too. All else that tells the kernel something once counts: LVM2 loads
// a table without it when it is done, so that the same can be told again.
//
// The number of a WriteBehind does not count, since the kernel reports another one.
func (t RAID) reports(want Target) bool {
	o, ok := want.(RAID)
	if !ok || (t.HasWriteBehind || t.WriteBehind != 0) != (o.HasWriteBehind || o.WriteBehind != 0) {
		return false
	}
	if o.Sync == RAIDSyncAuto {
		t.Sync = RAIDSyncAuto
	}
	return t.plain().Params() == o.plain().Params()
}

// plain returns t with what is said in several ways said in one.
func (t RAID) plain() RAID {
	t.WriteBehind, t.HasWriteBehind = 0, false
	t.Rebuild, t.WriteMostly = indexes(t.Rebuild), indexes(t.WriteMostly)
	switch t.Layout {
	case "raid10_near":
		t.Layout, t.Format = "raid10", "near"
	case "raid10_far":
		t.Layout, t.Format = "raid10", "far"
	case "raid10_offset":
		t.Layout, t.Format = "raid10", "offset"
	}
	if t.Layout == "raid10" {
		t.Copies = max(t.Copies, 2)
		if t.Format == "" {
			t.Format = "near"
		}
	}
	return t
}

// indexes returns a set of indexes in order, each once.
func indexes(list []int) []int { return slices.Compact(slices.Sorted(slices.Values(list))) }
