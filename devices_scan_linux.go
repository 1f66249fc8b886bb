package lvm

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"
	"golang.org/x/sys/unix"

	"github.com/lvm-go/lvm/dm"
)

// maxDeviceNodes bounds how many names of devices are looked at.
const maxDeviceNodes = 1 << 20

// scanSystem looks at the block devices of this system.
func scanSystem(ctx context.Context, o ScanOptions) ([]BlockDevice, error) {
	drivers, err := os.ReadFile(filepath.Join(o.ProcDir, "devices"))
	if err != nil {
		return nil, errors.Wrap(err, "list drivers")
	}
	wwids, err := readSmallFile(o.MultipathWWIDs, maxConfText)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var nodes []deviceNode
	for _, dir := range o.Dirs {
		if nodes, err = listNodes(ctx, dir, nodes); err != nil {
			return nil, err
		}
	}
	scan := &deviceScan{
		options: o, sysfs: os.DirFS(o.SysDir), majors: parseMajors(string(drivers), o.Types),
		wwids:  parseWWIDs(string(wwids)),
		open:   func(path string) (Device, error) { return openFileDevice(path, false) },
		isLink: isSymlink,
	}
	control, err := dm.Open()
	switch {
	case err == nil:
		defer func() { _ = control.Close() }() // nothing was changed
		scan.mapped = func(n deviceNumber) (string, error) { return judgeTable(control, n, o.Mirrors) }
	case !errors.Is(err, dm.ErrNoControl):
		return nil, err
	}
	return scan.run(ctx, nodes)
}

// listNodes adds the names of block devices in dir and the directories in it.
// Symbolic links to directories are not followed. What is gone by the time that
// it is looked at, is not there.
func listNodes(ctx context.Context, dir string, nodes []deviceNode) ([]deviceNode, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nodes, nil
	}
	if err != nil {
		return nil, errors.Wrap(err, "list devices")
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		switch kind := e.Type(); {
		case strings.HasPrefix(e.Name(), "."):
		case kind.IsDir():
			if isSkippedDir(e.Name()) {
				continue
			}
			if nodes, err = listNodes(ctx, path, nodes); err != nil {
				return nil, err
			}
		case isBlockMode(kind), kind&fs.ModeSymlink != 0:
			if number, ok := nodeNumber(path); ok {
				nodes = append(nodes, deviceNode{path, number})
			}
		}
		if len(nodes) > maxDeviceNodes {
			return nil, fault(ErrUnsupported, "%s: more than %d names of block devices", dir, maxDeviceNodes)
		}
	}
	return nodes, nil
}

// nodeNumber returns the number of the block device at path, which may be a
// link to it.
func nodeNumber(path string) (deviceNumber, bool) {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFBLK {
		return deviceNumber{}, false
	}
	return deviceNumber{unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev))}, true
}

func isSymlink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// judgeTable returns why a mapped device is not for use, as far as its table
// says; "" if it is. Source: lvm2's usable filter as observed.
func judgeTable(control *dm.Control, number deviceNumber, mirrors bool) (string, error) {
	ref := dm.ByDev(dm.MakeDev(number.major, number.minor))
	_, lines, err := control.TargetStatus(ref, dm.QueryOptions{NoFlush: true})
	if err != nil {
		return "", err
	}
	data := false
	for _, l := range lines {
		switch fields := strings.Fields(l.Status); l.Type {
		case "error", "zero":
			continue
		case "mirror":
			if !mirrors {
				return "mirror", nil
			}
		case "snapshot":
			if len(fields) > 0 && fields[0] == "Invalid" {
				return "invalid snapshot", nil
			}
		case "thin":
			if len(fields) > 0 && fields[0] == "Fail" {
				return "thin volume of a failed pool", nil
			}
		case "raid":
			const action = 4 // behind type, number of devices, their health, and how much is in sync
			if len(fields) > action && fields[action] == "frozen" {
				return "frozen raid", nil
			}
		}
		data = true
	}
	if !data {
		return "no table with data", nil
	}
	return "", nil
}

// identifyDevices returns what the devices at paths are, by the best of their
// names; without one what is no block device.
func identifyDevices(ctx context.Context, devDir string, paths []string) ([]BlockDevice, error) {
	found := make([]BlockDevice, len(paths))
	var nodes []deviceNode
	for i, path := range paths {
		number, ok := nodeNumber(path)
		if !ok {
			continue
		}
		if nodes == nil {
			var err error
			if nodes, err = listNodes(ctx, devDir, nodes); err != nil {
				return nil, err
			}
		}
		own := slices.DeleteFunc(slices.Clone(nodes), func(n deviceNode) bool { return n.number != number })
		own = append(own, deviceNode{path, number})
		scan := &deviceScan{options: ScanOptions{DevDir: devDir}, sysfs: os.DirFS(sysfsRoot), isLink: isSymlink}
		found[i] = scan.group(own)[0]
		scan.examine(&found[i])
	}
	return found, nil
}
