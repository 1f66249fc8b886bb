package lvm

import (
	"github.com/lvm-go/lvm/metadata"
)

// layoutRestored puts a PV's areas around the places that its record in other
// metadata names, and returns where its extents are.
func layoutRestored(spec PVSpec, label *metadata.Label, align Bytes) (metadata.DiskArea, error) {
	none := metadata.DiskArea{}
	if spec.BootloaderSize != 0 {
		return none, fault(ErrInvalidSpec, "the bootloader area is restored: no size of it can be given")
	}
	rec, end, err := restoredRecord(spec)
	if err != nil {
		return none, err
	}
	size := label.DeviceSize
	if end > size {
		return none, fault(ErrInvalidSpec, "its extents reach to byte %d, the device has %s", uint64(end), size)
	}
	start := sectorBytes(rec.PEStart)
	limit := start // of what is in front of the extents
	if rec.BootloaderSize != 0 {
		boot := metadata.DiskArea{Offset: sectorBytes(rec.BootloaderStart)}
		var ok bool
		if boot.Size, ok = rec.BootloaderSize.Bytes(); !ok || boot.Offset < metadata.LabelScanSize || boot.Offset > start || boot.Size > start-boot.Offset {
			return none, fault(ErrDamaged, "bootloader area at byte %d is not between the label and the extents", uint64(boot.Offset))
		}
		label.BootloaderAreas = []metadata.DiskArea{boot}
		limit = boot.Offset
	}
	if spec.Areas != NoArea {
		last := limit
		if spec.MetadataSize != 0 {
			last = min(limit, alignUp(firstAreaStart+max(spec.MetadataSize, minAreaSize), align))
		}
		if last < firstAreaStart+minAreaSize {
			return none, fault(ErrInvalidSpec, "there is no room for a metadata area of %s in front of byte %d", minAreaSize, uint64(limit))
		}
		label.MetadataAreas = append(label.MetadataAreas, metadata.DiskArea{Offset: firstAreaStart, Size: last - firstAreaStart})
	}
	if spec.Areas == TwoAreas {
		want := spec.MetadataSize
		if want == 0 {
			want = start // as lvm2
		}
		last, err := layoutLastArea(label, want, align)
		if err != nil {
			return none, err
		}
		if last < end {
			return none, fault(ErrInvalidSpec, "there is no room for a metadata area of %s behind the extents, which end at byte %d",
				want, uint64(end))
		}
	}
	label.DataAreas = []metadata.DiskArea{{Offset: start}}
	return metadata.DiskArea{Offset: start, Size: end - start}, nil
}

// restoredRecord returns the record of the PV in the metadata that it is to be
// restored from, and where its extents end.
func restoredRecord(spec PVSpec) (*metadata.PhysicalVolume, Bytes, error) {
	vg := spec.RestoreFrom.VG
	if spec.ID.IsZero() || vg == nil {
		return nil, 0, fault(ErrInvalidSpec, "a pv is restored by its uuid, from metadata of a group")
	}
	rec := pvRecord(vg, spec.ID)
	if rec == nil {
		return nil, 0, fault(ErrPVNotFound, "vg %s of the metadata to restore from has no pv %s", vg.Name, spec.ID)
	}
	end, err := pvEnd(rec, vg.ExtentSize)
	if err != nil {
		return nil, 0, err
	}
	if start, ok := rec.PEStart.Bytes(); !ok || start < metadata.LabelScanSize {
		return nil, 0, fault(ErrDamaged, "its extents begin at byte %d, where labels are", uint64(start))
	}
	return rec, end, nil
}
