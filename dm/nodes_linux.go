package dm

import (
	"os"
	"path/filepath"
	"strconv"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// Add makes the node name of the device dev. A node that is right stays; one of
// another device is replaced. Returns an error matching ErrExists if the name is
// taken by something that is neither a link nor a block device.
func (n Nodes) Add(name string, dev Dev) error {
	return n.with(opAddNode, name, true, func(dir nodeDir) error {
		switch is, err := dir.look(name); {
		case err != nil:
			return err
		case is.dev(dev):
			return nil
		case is.foreign:
			return occupied(opAddNode, name)
		case is.there:
			if err := dir.unlink(name); err != nil {
				return err
			}
		}
		err := dir.create(name, dev, n.kernelNode(dev))
		if !errors.Is(err, unix.EEXIST) {
			return err
		}
		// Somebody was faster, udev perhaps: good if it is the same device.
		is, err := dir.look(name)
		if err == nil && !is.dev(dev) {
			return occupied(opAddNode, name)
		}
		return err
	})
}

// Remove removes the node name. Nothing happens if there is none. Returns an
// error matching ErrExists if it is neither a link nor a block device.
func (n Nodes) Remove(name string) error {
	return n.with(opRemoveNode, name, false, func(dir nodeDir) error {
		is, err := dir.look(name)
		switch {
		case err != nil:
			return err
		case is.foreign:
			return occupied(opRemoveNode, name)
		case !is.there:
			return nil
		}
		return dir.unlink(name)
	})
}

// Rename renames a node, and replaces one that has the new name. Nothing
// happens if there is no node of the old name.
func (n Nodes) Rename(oldName, newName string) error {
	if err := checkNode(opRenameNode, newName); err != nil {
		return err
	}
	return n.with(opRenameNode, oldName, false, func(dir nodeDir) error {
		for _, name := range []string{oldName, newName} {
			is, err := dir.look(name)
			switch {
			case err != nil:
				return err
			case is.foreign:
				return occupied(opRenameNode, name)
			case !is.there && name == oldName:
				return nil
			}
		}
		err := unix.Renameat(dir.fd, oldName, dir.fd, newName)
		if errors.Is(err, unix.ENOENT) {
			return nil
		}
		return err
	})
}

// SetReadAhead sets how far a device reads ahead, rounded up to whole KiB.
func (n Nodes) SetReadAhead(dev Dev, ahead units.Sectors) error {
	fail := func(err error) error { return nodeErrorOf(opReadAhead, dev.String(), err) }
	kib := ahead/2 + ahead%2
	path := "/sys/dev/block/" + dev.String() + "/bdi/read_ahead_kb"
	err := os.WriteFile(path, strconv.AppendUint(nil, uint64(kib), 10), 0)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return fail(err)
	}
	// Without /sys: by the device itself, which has to be opened for it.
	if int64(int(ahead)) != int64(ahead) || int(ahead) < 0 {
		return fail(errors.WithMessagef(ErrInvalid, "%d sectors", ahead))
	}
	fd, err := unix.Open(n.kernelNode(dev), unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return fail(err)
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return fail(err)
	}
	if !isDev(&st, dev) {
		return fail(errors.WithMessagef(ErrNotFound, "%s is another device", n.kernelNode(dev)))
	}
	return fail(unix.IoctlSetInt(fd, unix.BLKRASET, int(ahead)))
}

// kernelNode is the path of the node that the kernel itself makes.
func (n Nodes) kernelNode(dev Dev) string {
	return filepath.Join(n.devDir(), "dm-"+strconv.FormatUint(uint64(dev.Minor()), 10))
}

// nodeDir is the directory of nodes, open. Everything goes through it and names
// without a slash, so that nothing happens outside.
type nodeDir struct{ fd int }

// with opens the directory for f. Without it there are no nodes, and without
// make nothing to do.
func (n Nodes) with(op, name string, make bool, f func(nodeDir) error) error {
	if err := checkNode(op, name); err != nil {
		return err
	}
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC
	fd, err := unix.Open(n.dir(), flags, 0)
	if errors.Is(err, unix.ENOENT) {
		if !make {
			return nil
		}
		if err := makeNodeDir(n.dir()); err != nil {
			return nodeErrorOf(op, name, err)
		}
		fd, err = unix.Open(n.dir(), flags, 0)
	}
	if err != nil {
		return nodeErrorOf(op, name, err)
	}
	defer unix.Close(fd)
	return nodeErrorOf(op, name, f(nodeDir{fd}))
}

// makeNodeDir makes a directory of nodes, which all may look into whatever the process
// masks off, unless it is there.
func makeNodeDir(path string) error {
	err := unix.Mkdir(path, 0o755)
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	if err != nil {
		return err
	}
	return unix.Chmod(path, 0o755)
}

// nodeErrorOf makes an *Error of one that is none.
func nodeErrorOf(op, name string, err error) error {
	if e := (*Error)(nil); err == nil || errors.As(err, &e) {
		return err
	}
	e := &Error{Op: op, Device: name}
	if !errors.As(err, &e.Errno) {
		e.Kind = err
		return e
	}
	switch e.Errno {
	case unix.EPERM, unix.EACCES, unix.EROFS:
		e.Kind = ErrPermission
	case unix.ENOENT, unix.ENXIO, unix.ENODEV:
		e.Kind = ErrNotFound
	}
	return e
}

// nodeIs is what a name is.
type nodeIs struct {
	// there: it is a link or a block device.
	there bool
	// foreign: it is, or leads to, something that is no block device.
	foreign bool
	// block is the device that it is, or leads to; valid if blockOK.
	block   Dev
	blockOK bool
}

func (is nodeIs) dev(dev Dev) bool { return is.blockOK && is.block == dev }

// look says what name is. A link that leads nowhere is one that may be replaced.
func (d nodeDir) look(name string) (nodeIs, error) {
	var st unix.Stat_t
	err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW)
	if errors.Is(err, unix.ENOENT) {
		return nodeIs{}, nil
	}
	if err != nil {
		return nodeIs{}, err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFLNK {
		err := unix.Fstatat(d.fd, name, &st, 0)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ELOOP) {
			return nodeIs{there: true}, nil
		}
		if err != nil {
			return nodeIs{}, err
		}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return nodeIs{foreign: true}, nil
	}
	return nodeIs{there: true, block: devOf(&st), blockOK: true}, nil
}

func devOf(st *unix.Stat_t) Dev {
	rdev := uint64(st.Rdev)
	return MakeDev(unix.Major(rdev), unix.Minor(rdev))
}

func isDev(st *unix.Stat_t, dev Dev) bool {
	return st.Mode&unix.S_IFMT == unix.S_IFBLK && devOf(st) == dev
}

func (d nodeDir) unlink(name string) error {
	if err := unix.Unlinkat(d.fd, name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}

// create makes the node, or where that is not allowed a link to the kernel's own
// one, if that is right.
func (d nodeDir) create(name string, dev Dev, kernelNode string) error {
	number := unix.Mkdev(dev.Major(), dev.Minor())
	if err := unix.Mknodat(d.fd, name, unix.S_IFBLK|nodeMode, int(number)); err != nil {
		var st unix.Stat_t
		if errors.Is(err, unix.EPERM) && unix.Stat(kernelNode, &st) == nil && isDev(&st, dev) {
			return unix.Symlinkat(kernelNode, d.fd, name)
		}
		return err
	}
	// The mode again, without what the process masks off.
	if err := unix.Fchmodat(d.fd, name, nodeMode, 0); err != nil {
		return err
	}
	return unix.Fchownat(d.fd, name, nodeUser, nodeGroup, unix.AT_SYMLINK_NOFOLLOW)
}
