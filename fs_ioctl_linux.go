package lvm

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"unsafe"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// ownGroup starts a process in a process group of its own.
func ownGroup() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// use asks the sysfs, which knows of mounts in all namespaces, whether the file
// system is mounted, and mountinfo where.
func (realFS) use(p fsPlace) (fsUse, error) {
	var use fsUse
	dir, err := blockDir(sysfsRoot, deviceNumber{p.dev.Major(), p.dev.Minor()})
	if err != nil {
		return use, errors.Wrapf(err, "find device %s", p.dev)
	}
	pattern := filepath.Join(sysfsRoot, "fs", p.kind, filepath.Base(dir))
	if p.kind == "btrfs" {
		pattern = filepath.Join(sysfsRoot, "fs/btrfs/*/devices", filepath.Base(dir))
	}
	found, err := filepath.Glob(pattern)
	if err != nil {
		return use, errors.Wrap(err, "look for mounted file systems")
	}
	use.mounted = len(found) > 0
	text, err := os.ReadFile(filepath.Join(procRoot, "self/mountinfo"))
	if err != nil {
		return use, errors.Wrap(err, "list mounts")
	}
	for line := range strings.Lines(string(text)) {
		m, ok := parseMount(line)
		if !ok || p.kind == "btrfs" && m.kind != "btrfs" || p.kind != "btrfs" && m.number != p.dev.String() {
			continue
		}
		p.dir = m.dir
		f, err := p.open()
		if err != nil {
			continue // below another mount, or of another file system
		}
		_ = f.Close() // nothing was written
		if !use.mounted {
			use.mounted = true
			use.fixed = fmt.Sprintf("the driver %s, which has it mounted, cannot resize it", m.kind)
		}
		use.mounts = append(use.mounts, m.fsMount)
	}
	return use, nil
}

// mountLine is a line of mountinfo.
type mountLine struct {
	fsMount
	number, kind string
}

// parseMount reads a line of mountinfo.
// Source: linux Documentation/filesystems/proc.rst, 3.5.
func parseMount(line string) (mountLine, bool) {
	mount, source, found := strings.Cut(line, " - ")
	fields, origin := strings.Fields(mount), strings.Fields(source)
	if !found || len(fields) < 6 || len(origin) < 3 {
		return mountLine{}, false
	}
	readOnly := func(options string) bool { return slices.Contains(strings.Split(options, ","), "ro") }
	return mountLine{
		fsMount: fsMount{dir: unescapeMount(fields[4]), readOnly: readOnly(fields[5]) || readOnly(origin[2])},
		number:  fields[2], kind: origin[0],
	}, true
}

// open opens the directory that the file system is mounted on, or mounts it. It
// makes sure that it is the right one.
func (p *fsPlace) open() (*os.File, error) {
	if p.dir == "" {
		return p.mount()
	}
	fd, err := unix.Open(p.dir, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, errors.Wrapf(err, "open %s", p.dir)
	}
	f := os.NewFile(uintptr(fd), p.dir)
	if err := p.verify(f); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

// verify checks that f is of the file system on the device.
func (p *fsPlace) verify(f *os.File) error {
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		return errors.Wrapf(err, "stat %s", f.Name())
	}
	other := fault(ErrBusy, "%s is not of the file system on %s", f.Name(), p.path)
	if kind := st.Mode & unix.S_IFMT; kind != unix.S_IFDIR && kind != unix.S_IFREG {
		return other
	}
	if p.kind != "btrfs" {
		if dev := uint64(st.Dev); unix.Major(dev) != p.dev.Major() || unix.Minor(dev) != p.dev.Minor() {
			return other
		}
		return nil
	}
	info, err := btrfsDevice(f, p.devid)
	if err != nil {
		return err
	}
	id := fsUUID(info.fsid)
	dir, err := blockDir(sysfsRoot, deviceNumber{p.dev.Major(), p.dev.Minor()})
	if err != nil {
		return errors.Wrapf(err, "find device %s", p.dev)
	}
	if _, err := os.Stat(filepath.Join(sysfsRoot, "fs/btrfs", id, "devices", filepath.Base(dir))); err != nil {
		return other
	}
	return nil
}

// mount mounts the file system without a place in any directory, so that nobody
// sees it, and it is unmounted when the file that mount returns is closed or the
// process dies. If it is mounted already, it becomes visible here.
func (p *fsPlace) mount() (*os.File, error) {
	fail := func(err error) (*os.File, error) { return nil, errors.Wrapf(err, "mount %s as %s", p.path, p.kind) }
	ctx, err := unix.Fsopen(p.kind, unix.FSOPEN_CLOEXEC)
	switch {
	case err == unix.ENOSYS:
		return nil, fault(ErrUnsupported, "this kernel has no private mounts: mount %s and try again", p.path)
	case err == unix.ENODEV:
		return nil, fault(ErrUnsupported, "this kernel does not know %s", p.kind)
	case err != nil:
		return fail(err)
	}
	defer unix.Close(ctx)
	if err := unix.FsconfigSetString(ctx, "source", p.path); err != nil {
		return fail(err)
	}
	if p.kind == "xfs" { // a copy of it, such as a snapshot, may be mounted
		if err := unix.FsconfigSetFlag(ctx, "nouuid"); err != nil {
			return fail(err)
		}
	}
	if err := unix.FsconfigCreate(ctx); err != nil {
		return fail(err)
	}
	attributes := unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	mnt, err := unix.Fsmount(ctx, unix.FSMOUNT_CLOEXEC, attributes)
	if err != nil {
		return fail(err)
	}
	defer unix.Close(mnt)
	root, err := unix.Openat(mnt, ".", unix.O_RDONLY|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fail(err)
	}
	f := os.NewFile(uintptr(root), p.path)
	if err := p.verify(f); err != nil {
		_ = f.Close() // nothing was written
		return nil, err
	}
	return f, nil
}

func (realFS) try(p fsPlace) error {
	p.dir = ""
	f, err := p.open()
	if err != nil {
		return err
	}
	return errors.Wrapf(f.Close(), "unmount %s", p.path)
}

// Directions, groups and numbers of ioctls. Sources: linux
// include/uapi/asm-generic/ioctl.h, fs/ext4/ext4.h, fs/xfs/libxfs/xfs_fs.h,
// include/uapi/linux/btrfs.h.
const (
	ioWrite, ioRead = 1, 2

	extGroup, extResize = 'f', 16

	xfsGroup, xfsGeometry, xfsGrowData = 'X', 124, 110

	btrfsGroup, btrfsResize, btrfsDeviceInfo, btrfsFSInfo = 0x94, 3, 30, 31
)

// Sizes of the arguments.
const (
	xfsGeometrySize = 112 // struct xfs_fsop_geom_v4
	btrfsArgsSize   = 4096
	btrfsInfoSize   = 1024
)

// ioctl calls the kernel with arg as argument, whose length is a part of the
// request's number.
func ioctl(f *os.File, name string, direction, kind, number uint, arg []byte) error {
	shift := uint(30)
	switch runtime.GOARCH {
	case "mips", "mipsle", "mips64", "mips64le", "ppc64", "ppc64le":
		shift = 29
		direction = direction&ioRead | direction&ioWrite<<2
	}
	request := direction<<shift | uint(len(arg))<<16 | kind<<8 | number
	for {
		r, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), uintptr(request), uintptr(unsafe.Pointer(&arg[0])))
		switch {
		case errno == unix.EINTR:
			continue
		case errno != 0:
			return errors.Wrapf(errno, "%s of %s", name, f.Name())
		case r != 0:
			return fault(ErrBusy, "%s of %s: the file system is busy with something else (%d)", name, f.Name(), r)
		}
		return nil
	}
}

// xfsSizes are facts of a mounted xfs.
type xfsSizes struct {
	block    Bytes
	blocks   uint64
	maxInode uint32 // percent of the space that inodes may take
}

func xfsGeometryOf(f *os.File) (xfsSizes, error) {
	b := make([]byte, xfsGeometrySize)
	err := ioctl(f, "XFS_IOC_FSGEOMETRY", ioRead, xfsGroup, xfsGeometry, b)
	ne := binary.NativeEndian
	return xfsSizes{Bytes(ne.Uint32(b)), ne.Uint64(b[32:]), ne.Uint32(b[28:])}, err
}

// btrfsFacts are facts of a mounted btrfs and one of its devices.
type btrfsFacts struct {
	fsid []byte
	size Bytes
}

func btrfsDevice(f *os.File, devid uint64) (btrfsFacts, error) {
	ne := binary.NativeEndian
	fs := make([]byte, btrfsInfoSize)
	if err := ioctl(f, "BTRFS_IOC_FS_INFO", ioRead, btrfsGroup, btrfsFSInfo, fs); err != nil {
		return btrfsFacts{}, err
	}
	dev := make([]byte, btrfsArgsSize)
	ne.PutUint64(dev, devid)
	err := ioctl(f, "BTRFS_IOC_DEV_INFO", ioRead|ioWrite, btrfsGroup, btrfsDeviceInfo, dev)
	return btrfsFacts{fsid: fs[16:32], size: Bytes(ne.Uint64(dev[32:]))}, err
}

// size asks the kernel; what is on disk may be older.
func (realFS) size(p fsPlace) (Bytes, error) {
	f, err := p.open()
	if err != nil {
		return 0, err
	}
	defer f.Close()
	switch p.kind {
	case "xfs":
		g, err := xfsGeometryOf(f)
		if err != nil {
			return 0, err
		}
		size, ok := blocksToBytes(g.blocks, g.block)
		if !ok {
			return 0, broken(p.kind, "%d blocks of %d bytes", g.blocks, uint64(g.block))
		}
		return size, nil
	case "btrfs":
		facts, err := btrfsDevice(f, p.devid)
		return facts.size, err
	}
	// ext4 keeps its superblock in the page cache of the device.
	device, err := os.OpenFile(p.path, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return 0, errors.Wrapf(err, "open %s", p.path)
	}
	defer device.Close()
	if number, err := blockNumber(device); err != nil || number != (deviceNumber{p.dev.Major(), p.dev.Minor()}) {
		return 0, joinErrors(err, fault(ErrBusy, "%s is not the node of device %s", p.path, p.dev))
	}
	sb, err := readExt(device, Signature{})
	if err != nil {
		return 0, err
	}
	return sb.Size, nil
}

// resize gives the file system another size through the directory that it is
// mounted on, or through a mount of its own.
func (realFS) resize(p fsPlace, to Bytes) error {
	f, err := p.open()
	if err != nil {
		return err
	}
	err = p.resize(f, to)
	return joinErrors(err, errors.Wrapf(f.Close(), "close %s", f.Name()))
}

func (p *fsPlace) resize(f *os.File, to Bytes) error {
	ne := binary.NativeEndian
	blocks := uint64(to / p.block)
	switch p.kind {
	case "ext4":
		arg := make([]byte, 8)
		ne.PutUint64(arg, blocks)
		return ioctl(f, "EXT4_IOC_RESIZE_FS", ioWrite, extGroup, extResize, arg)
	case "xfs":
		g, err := xfsGeometryOf(f)
		if err != nil {
			return err
		}
		arg := make([]byte, 16)
		if runtime.GOARCH == "386" { // where 64 bits are aligned to 32
			arg = arg[:12]
		}
		ne.PutUint64(arg, blocks)
		ne.PutUint32(arg[8:], g.maxInode)
		return ioctl(f, "XFS_IOC_FSGROWFSDATA", ioWrite, xfsGroup, xfsGrowData, arg)
	}
	arg := make([]byte, btrfsArgsSize)
	copy(arg[8:], fmt.Sprintf("%d:%d", p.devid, uint64(to)))
	if err := ioctl(f, "BTRFS_IOC_RESIZE", ioWrite, btrfsGroup, btrfsResize, arg); err != nil {
		return err
	}
	return errors.Wrapf(unix.Syncfs(int(f.Fd())), "sync %s", f.Name())
}
