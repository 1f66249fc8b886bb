package lvm

import (
	"os"
	"path/filepath"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"
)

// addLink makes devDir/vg/lv point to the node of the mapped device dmName. It
// replaces nothing but links that lead nowhere, or to mapped devices.
func addLink(devDir, vg, lv, dmName string) error {
	if err := joinErrors(checkVGName(vg), checkLVName(vg, lv)); err != nil {
		return err
	}
	target := filepath.Join(devDir, nodesDir, dmName)
	return withLinkDir("add link", devDir, vg, true, func(dir linkDir) error {
		if same(filepath.Join(dir.path, lv), target) {
			return nil
		}
		switch is, err := dir.look(lv); {
		case err != nil:
			return err
		case is == linkForeign:
			return fault(ErrExists, "%s/%s is there and no link to a mapped device", dir.path, lv)
		case is == linkOurs:
			if err := dir.unlink(lv); err != nil {
				return err
			}
		}
		if err := unix.Symlinkat(target, dir.fd, lv); !errors.Is(err, unix.EEXIST) {
			return err
		}
		return nil // udev was faster
	})
}

// same says whether both paths lead to the same device.
func same(link, target string) bool {
	a, ok := blockDeviceNumber(link)
	b, ok2 := blockDeviceNumber(target)
	return ok && ok2 && a == b
}

// removeLink removes devDir/vg/lv if it is a link that addLink would replace, and the
// directory if that leaves it empty.
func removeLink(devDir, vg, lv string) error {
	if err := joinErrors(checkVGName(vg), checkLVName(vg, lv)); err != nil {
		return err
	}
	return withLinkDir("remove link", devDir, vg, false, func(dir linkDir) error {
		is, err := dir.look(lv)
		if err != nil || is != linkOurs {
			return err
		}
		if err := dir.unlink(lv); err != nil {
			return err
		}
		_ = unix.Rmdir(dir.path) // fails while other links are in it
		return nil
	})
}

// linkDir is the directory of a group's links, open. Links are made and removed
// through it, so that nothing happens elsewhere if the path becomes another's.
type linkDir struct {
	fd   int
	path string
}

// withLinkDir opens devDir/vg for do. Where there is none, nothing is to be removed. A
// link in its place, or something else, is not followed: groups on disks that somebody
// brought along may have any name.
func withLinkDir(op, devDir, vg string, add bool, do func(linkDir) error) error {
	if !hasLinks(vg) {
		return nil
	}
	path := filepath.Join(devDir, vg)
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	fd, err := unix.Open(path, flags, 0)
	if errors.Is(err, unix.ENOENT) && add {
		fd, err = makeLinkDir(devDir, path, flags)
	}
	switch {
	case err == nil:
	case !add && (errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR)):
		return nil
	case errors.Is(err, unix.ENOTDIR):
		return errors.WithMessage(fault(ErrExists, "%s is there and no directory", path), op)
	default:
		return errors.Wrap(&os.PathError{Op: "open", Path: path, Err: err}, op)
	}
	defer unix.Close(fd)
	return errors.Wrap(do(linkDir{fd, path}), op)
}

func makeLinkDir(devDir, path string, flags int) (fd int, err error) {
	if err := os.MkdirAll(devDir, 0o755); err != nil {
		return -1, err
	}
	if err := unix.Mkdir(path, 0o755); err != nil {
		if !errors.Is(err, unix.EEXIST) {
			return -1, err
		}
		return unix.Open(path, flags, 0) // udev was faster
	}
	if fd, err = unix.Open(path, flags, 0); err != nil {
		return -1, err
	}
	// The mode again, without what the process masks off: links are for all.
	if err := unix.Fchmod(fd, 0o755); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// linkKind is what a name in the directory of a group's links is.
type linkKind uint8

const (
	linkNone    linkKind = iota
	linkOurs             // or udev's, or one that leads nowhere
	linkForeign          // no link, or one to what no volume is
)

func (d linkDir) look(name string) (linkKind, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		if errors.Is(err, unix.ENOENT) {
			return linkNone, nil
		}
		return linkNone, err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		return linkForeign, nil
	}
	if unix.Fstatat(d.fd, name, &st, 0) != nil {
		return linkOurs, nil // to a volume that is gone
	}
	major := mappedMajor()
	if st.Mode&unix.S_IFMT != unix.S_IFBLK || major != 0 && unix.Major(uint64(st.Rdev)) != major {
		return linkForeign, nil
	}
	return linkOurs, nil
}

func (d linkDir) unlink(name string) error {
	if err := unix.Unlinkat(d.fd, name, 0); err != nil && !errors.Is(err, unix.ENOENT) {
		return err
	}
	return nil
}
