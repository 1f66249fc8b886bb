package lvm

import (
	"context"

	"github.com/lvm-go/lvm/metadata"
)

// Inventory is all that one reading of the devices found.
type Inventory struct {
	// VGs are the volume groups that can be read, in the order of the devices.
	VGs []*VolumeGroup
	// Orphans are the physical volumes that no group has.
	Orphans []OrphanPV
	// Blank are the devices without a physical volume.
	Blank []string
	// Problems are the oddities found, those of the groups included.
	Problems []Problem
}

// OrphanPV is a physical volume that no volume group has.
type OrphanPV struct {
	Device string
	ID     metadata.ID
	Size   Bytes
	// InUse is set if the PV is marked as belonging to a group, which was not
	// found.
	InUse bool

	pv  *scannedPV
	sys *System
}

// Scan reads all devices, each once, without taking locks: what it returns may
// be out of date, and is meant for showing and choosing. A group or device that
// cannot be read is a problem in the result, not an error.
func (s *System) Scan(ctx context.Context) (*Inventory, error) {
	if err := s.checkOpen(); err != nil {
		return nil, &OpError{Op: "scan", Err: err}
	}
	h := s.newHandles()
	defer h.close()
	sc, err := s.scanDevices(ctx, h)
	if err != nil {
		return nil, &OpError{Op: "scan", Err: err}
	}
	inv := &Inventory{Problems: sc.problems}
	claimed := map[metadata.ID]bool{}
	for _, g := range sc.groups() {
		st, err := s.state(sc, g)
		if err != nil {
			inv.Problems = append(inv.Problems, Problem{VG: g.name, Err: err})
			continue
		}
		for _, rec := range st.doc.VG.PVs {
			claimed[rec.ID] = true
		}
		view, err := s.newView(st)
		if err != nil {
			return nil, &OpError{Op: "scan", VG: g.name, Err: err}
		}
		inv.VGs = append(inv.VGs, view)
		inv.Problems = append(inv.Problems, st.problems...)
	}
	for _, pv := range sc.pvs {
		if !claimed[pv.label.PVID] {
			inv.Orphans = append(inv.Orphans, OrphanPV{Device: pv.path, ID: pv.label.PVID, Size: pv.size, InUse: pv.label.InUse(), pv: pv, sys: s})
		}
	}
	for _, path := range s.cfg.Devices {
		if sc.blank[path] {
			inv.Blank = append(inv.Blank, path)
		}
	}
	return inv, nil
}
