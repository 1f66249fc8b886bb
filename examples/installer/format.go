package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/diskfs/go-diskfs/backend"
	"github.com/diskfs/go-diskfs/filesystem/ext4"
	"github.com/google/uuid"

	"github.com/lvm-go/lvm"
)

// format makes the file systems of volumes that are blank, and tells what
// became of each volume.
func format(out io.Writer, vg *lvm.VolumeGroup, layout Layout) error {
	for _, v := range layout.Volumes {
		lv, err := vg.LV(v.Name)
		if err != nil {
			return err
		}
		f, err := lv.Open()
		if err != nil {
			return err
		}
		defer f.Close()
		what, err := formatVolume(f, lv, v)
		if err != nil {
			return fmt.Errorf("format %s: %w", v.Name, err)
		}
		if err := f.Sync(); err != nil {
			return err
		}
		fmt.Fprintln(out, what)
	}
	return nil
}

func formatVolume(f *lvm.LVFile, lv *lvm.LogicalVolume, v Volume) (string, error) {
	found, err := lvm.FindSignatures(f, lv.Size())
	if err != nil {
		return "", err
	}
	has := func(kind Use) bool {
		return slices.ContainsFunc(found, func(s lvm.Signature) bool { return s.Type == string(kind) })
	}
	switch {
	case len(found) == 0 && v.Use == Ext4:
		if err := makeExt4(f, lv.Size(), v.Name); err != nil {
			return "", err
		}
		return fmt.Sprintf("created %s of %s: ext4", v.Name, lv.Size()), nil
	case len(found) == 0 && v.Use == Swap:
		if err := makeSwap(f, lv.Size(), uuid.New()); err != nil {
			return "", err
		}
		return fmt.Sprintf("created %s of %s: swap", v.Name, lv.Size()), nil
	case has(v.Use) && v.Use == Ext4:
		size, err := ext4Size(f)
		if err != nil {
			return "", err
		}
		if size < lv.Size() {
			return fmt.Sprintf("grown   %s of %s: its file system grows at boot", v.Name, lv.Size()), nil
		}
	case has(v.Use) && v.Use == Swap:
		size, id, err := swapSize(f)
		if err != nil {
			return "", err
		}
		if size < lv.Size() {
			if err := makeSwap(f, lv.Size(), id); err != nil {
				return "", err
			}
			return fmt.Sprintf("grown   %s of %s: swap", v.Name, lv.Size()), nil
		}
	case len(found) > 0:
		return "", fmt.Errorf("it holds %s, not %s", found[0].Type, v.Use)
	}
	return fmt.Sprintf("kept    %s of %s", v.Name, lv.Size()), nil
}

func makeExt4(f *lvm.LVFile, size lvm.Bytes, label string) error {
	_, err := ext4.Create(&storage{LVFile: f, size: size}, int64(size), 0, sector, &ext4.Params{VolumeName: label})
	return err
}

// ext4Size returns the size of an ext4 file system. Source: the kernel's
// documentation of ext4, "Super Block".
func ext4Size(f io.ReaderAt) (lvm.Bytes, error) {
	sb := make([]byte, 1024)
	if _, err := f.ReadAt(sb, 1024); err != nil {
		return 0, err
	}
	blocks := uint64(binary.LittleEndian.Uint32(sb[0x4:]))
	if binary.LittleEndian.Uint32(sb[0x60:])&0x80 != 0 { // 64bit
		blocks |= uint64(binary.LittleEndian.Uint32(sb[0x150:])) << 32
	}
	shift := binary.LittleEndian.Uint32(sb[0x18:])
	if shift > 6 || blocks > 1<<50 {
		return 0, fmt.Errorf("broken ext4 superblock: %w", fs.ErrInvalid)
	}
	return lvm.Bytes(blocks << (10 + shift)), nil
}

// Swap areas have pages of 4 KiB here; the first one is the header. Source:
// mkswap(8) and the kernel's include/linux/swap.h.
const (
	swapPage  = 4 * lvm.KiB
	swapMagic = "SWAPSPACE2"
)

func makeSwap(f *lvm.LVFile, size lvm.Bytes, id uuid.UUID) error {
	page := make([]byte, swapPage)
	binary.LittleEndian.PutUint32(page[1024:], 1)
	binary.LittleEndian.PutUint32(page[1028:], uint32(size/swapPage-1))
	copy(page[1036:], id[:])
	copy(page[swapPage-lvm.Bytes(len(swapMagic)):], swapMagic)
	_, err := f.WriteAt(page, 0)
	return err
}

// swapSize returns the size and the UUID of a swap area.
func swapSize(f io.ReaderAt) (lvm.Bytes, uuid.UUID, error) {
	page := make([]byte, swapPage)
	if _, err := f.ReadAt(page, 0); err != nil {
		return 0, uuid.Nil, err
	}
	id, err := uuid.FromBytes(page[1036:1052])
	return (lvm.Bytes(binary.LittleEndian.Uint32(page[1028:])) + 1) * swapPage, id, err
}

// storage is a volume as go-diskfs wants it.
type storage struct {
	*lvm.LVFile
	size lvm.Bytes
	at   int64
}

var _ backend.Storage = (*storage)(nil)

func (s *storage) Read(p []byte) (int, error) {
	n, err := s.ReadAt(p, s.at)
	s.at += int64(n)
	return n, err
}

func (s *storage) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += s.at
	case io.SeekEnd:
		offset += int64(s.size)
	}
	if offset < 0 {
		return 0, fs.ErrInvalid
	}
	s.at = offset
	return offset, nil
}

// Close leaves the volume open: it is the caller's.
func (s *storage) Close() error                            { return nil }
func (s *storage) Stat() (fs.FileInfo, error)              { return volumeInfo{s.size}, nil }
func (s *storage) Sys() (*os.File, error)                  { return nil, backend.ErrNotSuitable }
func (s *storage) Writable() (backend.WritableFile, error) { return s, nil }
func (s *storage) Path() string                            { return "" }

// volumeInfo is what there is to know of a volume as a file.
type volumeInfo struct{ size lvm.Bytes }

func (v volumeInfo) Name() string       { return "volume" }
func (v volumeInfo) Size() int64        { return int64(v.size) }
func (v volumeInfo) Mode() fs.FileMode  { return 0o600 }
func (v volumeInfo) ModTime() time.Time { return time.Time{} }
func (v volumeInfo) IsDir() bool        { return false }
func (v volumeInfo) Sys() any           { return nil }
