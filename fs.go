package lvm

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// FileSystem is what the superblock on a logical volume says. In JSON it has the
// names that lsblk uses where it has the same, and sizes are numbers of bytes.
type FileSystem struct {
	// Type is as blkid names it: "ext4", "xfs", "swap", "crypto_LUKS". The facts
	// below are only known of ext2, ext3, ext4, xfs, btrfs and swap.
	Type  string `json:"fstype"`
	UUID  string `json:"uuid"` // hyphenated; empty if it has none
	Label string `json:"label"`
	// Size is how much of the volume it covers; for btrfs on several devices,
	// this device's part.
	Size      Bytes `json:"fssize"`
	BlockSize Bytes `json:"block_size"` // sizes are multiples of it
	// Mounted says that it is mounted somewhere, MountPoints where this process
	// sees it. Both stay empty in image mode. That a swap area is in use does not
	// show here.
	Mounted     bool     `json:"mounted"`
	MountPoints []string `json:"mountpoints,omitempty"`
}

// FileSystem returns what is on a logical volume, active or not; nil if nothing
// that is known shows itself. Of a snapshot it is what users see of it. Of a file system that is mounted where this process
// sees it the size is what the kernel says, the rest what is on disk.
//
// Returns an error matching [ErrVGNotFound], [ErrLVNotFound], [ErrUnsupported] if
// several formats show themselves, or the superblock is broken; and those of
// [LogicalVolume.Open] for snapshots.
func (s *System) FileSystem(ctx context.Context, vg, lv string) (*FileSystem, error) {
	var out *FileSystem
	err := s.View(ctx, vg, func(v *VolumeGroup) error {
		l, err := v.LV(lv)
		if err != nil {
			return err
		}
		if out, err = s.fileSystemOn(l); err != nil {
			return &OpError{Op: "find file system on", VG: v.Name(), LV: lv, Err: err}
		}
		return nil
	})
	return out, err
}

func (s *System) fileSystemOn(l *LogicalVolume) (*FileSystem, error) {
	f, err := l.peek()
	if err != nil {
		return nil, err
	}
	defer f.Close()
	sb, err := readSuperblock(f, f.size)
	if err != nil || sb == nil {
		return nil, err
	}
	kern, err := s.kernelState(l.vg.rec.ID)
	if err != nil {
		return nil, err
	}
	device := kern.top(l.rec.ID)
	if device == nil || sb.kind == nil || sb.kind.mountType == "" {
		return &sb.FileSystem, nil
	}
	use, err := s.usedFS(sb, device)
	if err != nil {
		return nil, err
	}
	sb.Mounted = use.mounted
	for _, m := range use.mounts {
		sb.MountPoints = append(sb.MountPoints, m.dir)
	}
	return &sb.FileSystem, nil
}

// usedFS finds out how a file system is mounted, and makes its size in sb the
// one that the kernel knows: what is on disk may be old.
func (s *System) usedFS(sb *superblock, device *mapped) (fsUse, error) {
	place := s.fsPlace(sb, device)
	use, err := s.fs.use(place)
	if err != nil || len(use.mounts) == 0 {
		return use, err
	}
	place.dir = use.mounts[0].dir
	size, err := s.fs.size(place)
	if err == nil {
		sb.Size = size
	}
	return use, err
}

// fsPlace returns where a file system is that is on a device.
func (s *System) fsPlace(sb *superblock, device *mapped) fsPlace {
	return fsPlace{
		kind: sb.kind.mountType, dev: device.dev, path: filepath.Join(s.cfg.DevDir, "mapper", device.name),
		block: sb.BlockSize, devid: sb.devid,
	}
}

// superblock is a file system as far as it matters here.
type superblock struct {
	FileSystem
	kind *fsKind // nil: nothing but Type is known

	least   Bytes // it cannot be smaller; resizing may find that it needs more
	most    Bytes // it cannot be larger; 0: no limit that is known here
	errors  bool  // were found in it: it has to be checked first
	unclean bool  // it was in use when its machine died, unless it is mounted now
	// offlineOnly says why it does not grow while it is mounted; empty: it does.
	offlineOnly string
	// refuse says why it is not resized at all; nil if it is.
	refuse error
	// replay: changes that are only in its journal may make it larger than Size.
	// They are made when it is mounted or checked.
	replay bool

	devid uint64           // btrfs: of this device
	order binary.ByteOrder // swap: of the machine that made it
}

// fsKind is what is known of a family of file systems.
type fsKind struct {
	// read reads the superblock behind a signature. It does not believe it.
	read func(r io.ReaderAt, at Signature) (*superblock, error)
	// mountType is what the kernel calls it; empty: it is not mounted.
	mountType string
	shrinks   bool // at all
	// offline: it shrinks only while it is not mounted, by the tool resizer,
	// which also grows it then; checker looks at it before.
	offline          bool
	checker, resizer string
}

// fsKindOf returns the family of a type of signature, nil if it is not known.
func fsKindOf(typ string) *fsKind {
	switch typ {
	case "ext2", "ext3", "ext4":
		return &fsKind{read: readExt, mountType: "ext4", shrinks: true, offline: true, checker: "e2fsck", resizer: "resize2fs"}
	case "xfs":
		return &fsKind{read: readXFS, mountType: "xfs"}
	case "btrfs":
		return &fsKind{read: readBtrfs, mountType: "btrfs", shrinks: true}
	case "swap":
		return &fsKind{read: readSwap, shrinks: true}
	}
	return nil
}

// readSuperblock returns what is on a volume; nil if nothing shows itself.
func readSuperblock(r io.ReaderAt, size Bytes) (*superblock, error) {
	found, err := FindSignatures(r, size)
	if err != nil {
		return nil, err
	}
	var types []string
	for _, s := range found {
		if !slices.Contains(types, s.Type) {
			types = append(types, s.Type)
		}
	}
	// Boot code at the head of a file system looks like a partition table.
	if len(types) > 1 {
		types = slices.DeleteFunc(types, func(t string) bool { return t == "dos" })
	}
	if slices.Contains(types, "gpt") { // which has one of the other kind in front
		types = slices.DeleteFunc(types, func(t string) bool { return t == "PMBR" })
	}
	switch len(types) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, fault(ErrUnsupported, "signatures of %s are on it: it is not clear what it holds", strings.Join(types, " and "))
	}
	kind := fsKindOf(types[0])
	if kind == nil {
		return &superblock{FileSystem: FileSystem{Type: types[0]}}, nil
	}
	first := found[slices.IndexFunc(found, func(s Signature) bool { return s.Type == types[0] })]
	sb, err := kind.read(r, first)
	if err != nil {
		return nil, err
	}
	sb.Type, sb.kind = types[0], kind
	return sb, nil
}

// readAll reads n bytes at off.
func readAll(r io.ReaderAt, off Bytes, n int) ([]byte, error) {
	p := make([]byte, n)
	if got, err := r.ReadAt(p, int64(off)); got < n {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	return p, nil
}

// broken is the error about a superblock whose fields cannot be.
func broken(typ, format string, args ...any) error {
	return fault(ErrUnsupported, "%s superblock is broken: %s", typ, fmt.Sprintf(format, args...))
}

// blocksToBytes multiplies what a superblock says; false if that is too much.
func blocksToBytes(n uint64, block Bytes) (Bytes, bool) {
	if block == 0 || n > uint64(maxFSSize/block) {
		return 0, false
	}
	return Bytes(n) * block, true
}

// maxFSSize is more than any file system has, so that sums do not overflow.
const maxFSSize = Bytes(1) << 62

// isBlockSize says whether n is a power of two in range.
func isBlockSize(n, least, most uint64) bool { return n >= least && n <= most && n&(n-1) == 0 }

// fsUUID prints the 16 bytes of a UUID; empty if all are zero.
func fsUUID(b []byte) string {
	if !slices.ContainsFunc(b, func(c byte) bool { return c != 0 }) {
		return ""
	}
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:16])
}

// fsLabel returns the text up to the first zero.
func fsLabel(b []byte) string {
	if i := slices.Index(b, 0); i >= 0 {
		b = b[:i]
	}
	return strings.ToValidUTF8(string(b), "\uFFFD")
}

// fsChanges are the volumes whose file systems are to be resized with them.
type fsChanges struct {
	order []metadata.ID
	cut   map[metadata.ID]Extents // the smallest size that a volume has on its way
}

// resizeFS notes that the file system goes with the volume.
func (tx *Tx) resizeFS(lv metadata.ID) {
	if !slices.Contains(tx.fs.order, lv) {
		tx.fs.order = append(tx.fs.order, lv)
	}
}

// noteCut notes that a volume keeps no more than its first n extents, even if it
// grows again.
func (tx *Tx) noteCut(lv metadata.ID, n Extents) {
	if tx.fs.cut == nil {
		tx.fs.cut = map[metadata.ID]Extents{}
	}
	if old, cut := tx.fs.cut[lv]; !cut || n < old {
		tx.fs.cut[lv] = n
	}
}

// GrowFS makes the file system on a logical volume as large as the volume: for
// one that was extended without, or when that is what failed. Nothing happens if
// it covers the volume already. fsadm: resize.
//
// Errors are those of ResizeFS in [ExtendSpec].
func (tx *Tx) GrowFS(lv string) error {
	rec, _, err := tx.lvToChange(lv)
	if err == nil {
		err = tx.snapshotLinks().plain(rec)
	}
	if err == nil {
		tx.resizeFS(rec.ID)
	}
	return tx.fail("grow file system", lv, err)
}
