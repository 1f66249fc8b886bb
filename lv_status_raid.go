package lvm

import (
	"strings"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// RAIDHealth says what happened to a leg of a raid.
type RAIDHealth = dm.RAIDHealth

// What legs of raids may be like.
const (
	RAIDInSync    = dm.RAIDInSync    // it has the data
	RAIDOutOfSync = dm.RAIDOutOfSync // it is there, and is or has to be brought in sync
	RAIDDead      = dm.RAIDDead      // it failed
	RAIDAbsent    = dm.RAIDAbsent    // the raid was activated without it
)

// RAIDAction is what the kernel is doing with a raid beside reading and writing.
type RAIDAction = dm.RAIDAction

// What the kernel may be doing with a raid.
const (
	RAIDIdle    = dm.RAIDIdle    // nothing
	RAIDFrozen  = dm.RAIDFrozen  // nothing, until it is told to
	RAIDResync  = dm.RAIDResync  // it brings all legs in sync
	RAIDRecover = dm.RAIDRecover // it writes legs anew from the others
	RAIDCheck   = dm.RAIDCheck   // it counts what differs
	RAIDRepair  = dm.RAIDRepair  // it makes alike what differs, or what the raid grew by
	RAIDReshape = dm.RAIDReshape // it moves data to where another layout has them
)

// RAIDLegStatus is the state of one leg of a raid.
type RAIDLegStatus struct {
	Name   string // of the image
	Health RAIDHealth
	// Freed says that a reshape to fewer legs is done, and the raid goes on without this
	// one, whatever its health: [Tx.EndReshape] takes it off.
	Freed bool
}

// RAIDStatus is the state of a raid.
type RAIDStatus struct {
	Legs []RAIDLegStatus // in the order of [LogicalVolume.RAIDLegs]
	// Synced is how much is in sync, of Total; of a check or repair, how far it has
	// come.
	Synced, Total Bytes
	Action        RAIDAction
	// Mismatches counts the sectors that the last check found to differ, or that the
	// last repair made alike.
	Mismatches uint64
	// DataOffset is where the data begin in each image while a reshape needs room
	// there.
	DataOffset Bytes

	synced bool
	layout string // as the kernel names it
}

// Percent returns how much is in sync, as lvs shows it.
func (s RAIDStatus) Percent() Percent { return share(s.Synced, s.Total) }

// InSync says whether the legs that there are hold the same, as far as the kernel
// knows. In a repair they may not: what a raid grew by is brought in sync under this
// name.
func (s RAIDStatus) InSync() bool { return s.synced }

// Missing returns the images that failed, or without which the raid was
// activated.
func (s RAIDStatus) Missing() []string {
	var out []string
	for _, l := range s.Legs {
		if !l.Freed && (l.Health == RAIDDead || l.Health == RAIDAbsent) {
			out = append(out, l.Name)
		}
	}
	return out
}

// Healthy says whether all legs are there and in sync, and no check found them to
// differ.
func (s RAIDStatus) Healthy() bool { return s.Err() == nil && s.Mismatches == 0 }

// Err returns what is wrong with the raid, nil if all legs are there and in sync.
// The error matches [ErrDegraded], [ErrNotInSync] or both.
func (s RAIDStatus) Err() error {
	var errs []error
	if missing := s.Missing(); len(missing) > 0 {
		errs = append(errs, fault(ErrDegraded, "it goes on without %s", strings.Join(missing, ", ")))
	}
	if !s.InSync() {
		errs = append(errs, fault(ErrNotInSync, "%s%% of it is in sync", s.Percent()))
	}
	return joinErrors(errs...)
}

// RAIDStatus returns the state of a raid at this moment, as the kernel says.
//
// Returns an error matching [ErrInvalidSpec] if the volume is no raid,
// [ErrNotActive] if the kernel has no device of it, as in image mode, and
// [ErrUnsupported] if what the kernel says is not understood.
func (l *LogicalVolume) RAIDStatus() (RAIDStatus, error) {
	s, err := l.raidStatus()
	return s, l.lookFailed(err)
}

func (l *LogicalVolume) raidStatus() (RAIDStatus, error) {
	if !l.IsRAID() {
		return RAIDStatus{}, fault(ErrInvalidSpec, "it is no raid")
	}
	s, err := askStatus(l, dm.RAID{}.Type(), dm.ParseRAIDStatus)
	if err != nil {
		return RAIDStatus{}, err
	}
	out := RAIDStatus{
		Legs: make([]RAIDLegStatus, len(s.Legs)), Synced: sectorBytes(s.InSync), Total: sectorBytes(s.Total),
		Action: s.Action, Mismatches: s.Mismatches, DataOffset: sectorBytes(s.DataOffset), layout: s.Layout,
	}
	legs := l.RAIDLegs()
	stay := s
	stay.Legs = nil
	for i, health := range s.Legs {
		out.Legs[i].Health = health
		if i < len(legs) && legs[i].Image != nil { // they are as many, unless it is changed just now
			out.Legs[i].Name = legs[i].Image.Name()
			out.Legs[i].Freed = isFreed(legs[i].Image.rec)
			// Source: Linux 6.1 as observed: a raid0 does not tell, whatever its legs are.
			if s.Layout == "raid0" && legs[i].Image.Partial() {
				out.Legs[i].Health = RAIDDead
			}
		}
		if !out.Legs[i].Freed {
			stay.Legs = append(stay.Legs, health)
		}
	}
	// A leg that goes has data until the reshape is done. Source: Linux 6.1 as observed:
	// until then no leg counts as in sync.
	if out.synced = stay.Synced(); !out.synced {
		for i := range out.Legs {
			out.Legs[i].Freed = false
		}
	}
	return out, nil
}

// IntegrityStatus is the state of the checksums of one image of a raid.
type IntegrityStatus struct {
	Name string // of the image
	// Mismatches counts the reads of blocks that did not have their checksum.
	Mismatches uint64
	// Recalculated is how much has checksums, of Total. It is Total once all was
	// written or gone through.
	Recalculated, Total Bytes
}

// Percent returns how much has checksums, as lvs shows it.
func (s IntegrityStatus) Percent() Percent {
	return share(s.Recalculated, s.Total)
}

// IntegrityStatus returns the state of the checksums of a raid at this moment, for
// each of its images that has them. Also a single image can be asked.
//
// Returns an error matching [ErrInvalidSpec] if there are no checksums, and
// otherwise as [LogicalVolume.RAIDStatus] does.
func (l *LogicalVolume) IntegrityStatus() ([]IntegrityStatus, error) {
	images := []*LogicalVolume{l}
	if l.IsRAID() {
		images = nil
		for _, leg := range l.RAIDLegs() {
			images = append(images, leg.Image)
		}
	}
	var out []IntegrityStatus
	for _, image := range images {
		if image == nil || !image.hasIntegrity() {
			continue
		}
		s, err := askStatus(image, dm.Integrity{}.Type(), dm.ParseIntegrityStatus)
		if err != nil {
			return nil, image.lookFailed(err)
		}
		one := IntegrityStatus{Name: image.Name(), Mismatches: s.Mismatches, Recalculated: sectorBytes(s.Provided), Total: sectorBytes(s.Provided)}
		if s.Recalculating {
			one.Recalculated = sectorBytes(s.Recalculated)
		}
		out = append(out, one)
	}
	if out == nil {
		return nil, l.lookFailed(fault(ErrInvalidSpec, "it has no checksums"))
	}
	return out, nil
}

func (l *LogicalVolume) hasIntegrity() bool {
	_, ok := l.body().(*metadata.Integrity)
	return ok
}
