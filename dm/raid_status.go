package dm

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

// RAIDStatus is the state of a raid target.
type RAIDStatus struct {
	// Layout is what the data have now, or will have after a reshape.
	Layout string
	Legs   []RAIDHealth
	// InSync and Total say how far Action has come, in sectors of a leg; of the
	// array for raid10.
	InSync, Total units.Sectors
	// Action is "" from a kernel that does not tell. What follows is 0 then.
	Action RAIDAction
	// Mismatches counts the sectors that the last check or repair found to differ.
	Mismatches uint64
	// DataOffset is where the data begin on the data devices.
	DataOffset units.Sectors
	// Journal is the state of the device with the journal: RAIDAbsent if there is
	// none, 0 from a kernel that does not tell.
	Journal RAIDHealth
}

// RAIDHealth is the state of a leg. It is the letter that the kernel prints.
type RAIDHealth byte

const (
	// RAIDInSync has what it should have.
	RAIDInSync RAIDHealth = 'A'
	// RAIDOutOfSync is being brought in sync, or waits for that.
	RAIDOutOfSync RAIDHealth = 'a'
	// RAIDDead has failed.
	RAIDDead RAIDHealth = 'D'
	// RAIDAbsent has no device.
	RAIDAbsent RAIDHealth = '-'
)

// raidHealth has every letter of a RAIDHealth.
const raidHealth = "AaD-"

// String returns "in sync", "out of sync", "dead", "absent", or "" for 0.
func (h RAIDHealth) String() string {
	switch h {
	case 0:
		return ""
	case RAIDInSync:
		return "in sync"
	case RAIDOutOfSync:
		return "out of sync"
	case RAIDDead:
		return "dead"
	case RAIDAbsent:
		return "absent"
	default:
		return "RAIDHealth(" + strconv.Itoa(int(h)) + ")"
	}
}

// RAIDAction is what an array does in the background. All but RAIDReshape are
// messages as well, with which Control.Message begins and ends such a thing. The
// error matches ErrBusy if another one is under way.
type RAIDAction string

const (
	// RAIDIdle is nothing. As a message it ends what is under way; what is needed
	// begins again by itself.
	RAIDIdle RAIDAction = "idle"
	// RAIDFrozen is nothing, until there is another message.
	RAIDFrozen RAIDAction = "frozen"
	// RAIDResync brings all legs in sync.
	RAIDResync RAIDAction = "resync"
	// RAIDRecover writes legs anew from the others.
	RAIDRecover RAIDAction = "recover"
	// RAIDCheck reads all legs, and counts what differs.
	RAIDCheck RAIDAction = "check"
	// RAIDRepair does, and corrects it, or brings in sync what the raid grew by.
	RAIDRepair RAIDAction = "repair"
	// RAIDReshape moves data to where another layout has them. Only a table begins
	// that: see RAID.DeltaDisks.
	RAIDReshape RAIDAction = "reshape"
)

// Percent returns how far the action has come, as lvs shows it.
func (s RAIDStatus) Percent() Percent {
	p, _ := knownPercent(uint64(s.InSync), uint64(s.Total))
	return p
}

// Synced says whether the legs that are neither dead nor absent are alike as far as
// the kernel knows. In a check they are, although Percent is how far that has come.
// In a repair they may not be: what a raid grew by is brought in sync under this name.
func (s RAIDStatus) Synced() bool {
	for _, h := range s.Legs {
		if h == RAIDOutOfSync {
			return false
		}
	}
	switch s.Action {
	case RAIDCheck:
		return true
	case RAIDRepair, RAIDResync, RAIDRecover, RAIDReshape:
		return false
	default:
		return s.Total > 0 && s.InSync == s.Total
	}
}

// ParseRAIDStatus reads the status text of a raid target: "raid1 2 AA 65536/65536
// idle 0 0 -". The last four words may be missing, and words may follow that it does
// not know. The error matches ErrInvalid.
//
// Source: linux Documentation/admin-guide/device-mapper/dm-raid.rst.
func ParseRAIDStatus(status string) (RAIDStatus, error) {
	s, err := parseRAIDStatus(strings.Fields(status))
	if err != nil {
		return RAIDStatus{}, errors.WithMessagef(err, "raid status %q", status)
	}
	return s, nil
}

func parseRAIDStatus(word []string) (RAIDStatus, error) {
	if len(word) < 4 {
		return RAIDStatus{}, errors.WithMessagef(ErrInvalid, "%d words", len(word))
	}
	s := RAIDStatus{Layout: word[0]}
	n, err := parseUint(word[1], maxLegs)
	if err != nil {
		return s, errors.WithMessage(err, "number of legs")
	}
	health := word[2] // while legs are taken away, the number is without them, the letters are with them
	if n == 0 || uint64(len(health)) < n || len(health) > maxLegs || strings.Trim(health, raidHealth) != "" {
		return s, errors.WithMessagef(ErrInvalid, "want a letter of %s for each of %d legs", raidHealth, n)
	}
	s.Legs = []RAIDHealth(health)
	inSync, total, err := parseShare(word[3], maxSectors)
	if err != nil {
		return s, errors.WithMessage(err, "sectors in sync")
	}
	s.InSync, s.Total = units.Sectors(inSync), units.Sectors(total)
	if len(word) > 4 {
		s.Action = RAIDAction(word[4])
	}
	if len(word) > 5 {
		if s.Mismatches, err = parseUint(word[5], 1<<64-1); err != nil {
			return s, errors.WithMessage(err, "mismatches")
		}
	}
	if len(word) > 6 {
		offset, err := parseUint(word[6], maxSectors)
		if err != nil {
			return s, errors.WithMessage(err, "data offset")
		}
		s.DataOffset = units.Sectors(offset)
	}
	if len(word) > 7 {
		if len(word[7]) != 1 || !strings.Contains(raidHealth, word[7]) {
			return s, errors.WithMessagef(ErrInvalid, "journal %q", word[7])
		}
		s.Journal = RAIDHealth(word[7][0])
	}
	return s, nil
}
