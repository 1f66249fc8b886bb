package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/partition/gpt"

	"github.com/lvm-go/lvm"
)

const (
	sector    = 512
	alignment = lvm.MiB
	efiSize   = 64 * lvm.MiB
	// What is behind the last partition: the second table, and what is left of
	// a MiB, so that the partition ends on one.
	tail = lvm.MiB
)

// imageFile is the image of a disk.
type imageFile struct{ *os.File }

// openDisk opens an image, which is made or made larger if need be.
func openDisk(path string, size lvm.Bytes) (imageFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return imageFile{}, err
	}
	disk := imageFile{f}
	now, err := disk.Size()
	if err == nil && now < size {
		err = f.Truncate(int64(size))
	}
	if err != nil {
		f.Close()
		return imageFile{}, err
	}
	return disk, nil
}

// Size returns the length of the image.
func (d imageFile) Size() (lvm.Bytes, error) {
	st, err := d.Stat()
	if err != nil {
		return 0, err
	}
	if !st.Mode().IsRegular() {
		return 0, fmt.Errorf("%s is not a regular file", d.Name())
	}
	return lvm.Bytes(st.Size()), nil
}

// section is a partition of a disk, as lvm wants a device to be.
type section struct {
	*io.SectionReader
	w     *io.OffsetWriter
	disk  imageFile
	start lvm.Bytes
	size  lvm.Bytes
}

func newSection(disk imageFile, p *gpt.Partition) *section {
	start := lvm.Bytes(p.Start) * sector
	size := lvm.Bytes(p.End-p.Start+1) * sector
	return &section{
		SectionReader: io.NewSectionReader(disk, int64(start), int64(size)),
		w:             io.NewOffsetWriter(disk, int64(start)), disk: disk, start: start, size: size,
	}
}

// WriteAt writes to the partition, and never beyond its end.
func (s *section) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(s.size) || int64(len(p)) > int64(s.size)-off {
		return 0, fmt.Errorf("write %d bytes at byte %d of a partition of %s", len(p), off, s.size)
	}
	return s.w.WriteAt(p, off)
}

// Sync waits until all that was written is safe.
func (s *section) Sync() error { return s.disk.Sync() }

// Size returns the length of the partition.
func (s *section) Size() (lvm.Bytes, error) { return s.size, nil }

// Close does nothing: the disk stays open as long as it is worked on.
func (s *section) Close() error { return nil }

// partition returns the LVM partition of a disk, which is made on a blank disk,
// and grown on one that has become larger. Disks that hold something else are
// refused.
func partition(disk imageFile) (*section, error) {
	size, err := disk.Size()
	if err != nil {
		return nil, err
	}
	end := uint64((size-tail)/alignment*alignment)/sector - 1
	storage := file.New(disk.File, false)
	table, err := gpt.Read(storage, sector, sector)
	if err != nil {
		found, ferr := lvm.FindSignatures(disk, size)
		if ferr != nil {
			return nil, ferr
		}
		if len(found) > 0 {
			return nil, errors.Join(fmt.Errorf("%s holds %s, and no partition table that can be read", disk.Name(), found[0].Type), err)
		}
		return create(disk, storage, size, end)
	}
	for _, p := range table.Partitions {
		if p.Type != gpt.LinuxLVM {
			continue
		}
		if end > p.End && last(table, p) {
			table.Resize(uint64(size))
			p.End, p.Size = end, (end-p.Start+1)*sector
			if err := write(disk, table, size); err != nil {
				return nil, err
			}
		}
		return newSection(disk, p), nil
	}
	return nil, fmt.Errorf("%s has a partition table without an LVM partition: %w", disk.Name(), fs.ErrInvalid)
}

// create makes the partition table of a blank disk.
func create(disk imageFile, storage fs.File, size lvm.Bytes, end uint64) (*section, error) {
	first := uint64(alignment / sector)
	behind := uint64((alignment + efiSize) / sector)
	if end <= behind {
		return nil, fmt.Errorf("%s of %s has no room for the partitions", disk.Name(), size)
	}
	table := &gpt.Table{
		LogicalSectorSize: sector, PhysicalSectorSize: sector, ProtectiveMBR: true,
		Partitions: []*gpt.Partition{
			{Index: 1, Start: first, End: behind - 1, Type: gpt.EFISystemPartition, Name: "EFI"},
			{Index: 2, Start: behind, End: end, Type: gpt.LinuxLVM, Name: "LVM"},
		},
	}
	if err := write(disk, table, size); err != nil {
		return nil, err
	}
	return newSection(disk, table.Partitions[1]), nil
}

// write writes both copies of a partition table.
func write(disk imageFile, table *gpt.Table, size lvm.Bytes) error {
	w, err := file.New(disk.File, false).Writable()
	if err != nil {
		return err
	}
	if err := table.Write(w, int64(size)); err != nil {
		return err
	}
	return disk.Sync()
}

// last says whether no partition begins behind p.
func last(table *gpt.Table, p *gpt.Partition) bool {
	for _, other := range table.Partitions {
		if other.Start > p.Start {
			return false
		}
	}
	return true
}
