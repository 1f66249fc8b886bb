package lvm

import (
	"cmp"
	"context"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// minPVSize is the size that a physical volume has at least, lvm2's pv_min_size.
const minPVSize = 2 * units.MiB

// ScanOptions says where [FindDevices] looks, and what it leaves out. The zero
// value is what lvm2 does without a configuration; [LVMConf.ScanOptions] gives
// what it does with one.
type ScanOptions struct {
	// DevDir is the directory of device nodes, /dev if empty. Dirs are the
	// directories that are searched, DevDir if there are none.
	DevDir string
	Dirs   []string

	// SysDir and ProcDir are where the kernel shows what it knows, /sys and
	// /proc if empty.
	SysDir, ProcDir string

	// GlobalFilter and Filter leave out devices by their names. They do not count
	// if there is a DevicesFile.
	GlobalFilter, Filter *DeviceFilter

	// DevicesFile, unless nil, lists the devices that are looked at.
	DevicesFile *DevicesFile
	// SearchNames says on which devices a physical volume is looked for that the
	// devices file knows by the name of a device, when it is not on that one.
	SearchNames NameSearch

	// PreferredNames are regular expressions of the kind that a [DeviceFilter] has
	// between delimiters. Of several names that a device has, the first counts
	// that one of them matches.
	PreferredNames []string

	// Types are further drivers, by how their names in /proc/devices begin, and
	// how many minor numbers a disk of theirs has, partitions included.
	Types map[string]int

	// MinSize leaves out smaller devices; 2 MiB if 0.
	MinSize Bytes

	// LVs does not leave out logical volumes: there may be physical volumes on
	// them.
	LVs bool
	// Mirrors does not leave out mapped devices with a target of type mirror,
	// which block when a leg fails.
	Mirrors bool
	// SkipSuspended leaves out suspended devices. Otherwise they are waited for,
	// since they cannot be read.
	SkipSuspended bool
	// FirmwareRAID leaves out members of all kinds of RAID of firmware, not only
	// of those that MD serves.
	FirmwareRAID bool
	// MultipathMembers does not leave out paths of multipath devices, and
	// MDMembers not the members of MD arrays. Whoever writes to one of them makes
	// the copies differ. The ends of all devices are searched for what MD writes
	// there; lvm2 by default only when it has a reason to.
	MultipathMembers, MDMembers bool
	// MultipathWWIDs is multipath's file of the disks that it serves,
	// /etc/multipath/wwids if empty.
	MultipathWWIDs string
}

// NameSearch says which devices are searched for physical volumes of which only
// the name of a device is known.
type NameSearch uint8

const (
	// SearchUnidentified searches those that have nothing better than a name to
	// be told by.
	SearchUnidentified NameSearch = iota
	SearchAll
	SearchNone
)

// Exclusion says why a block device is not looked at.
type Exclusion string

// Why block devices are not looked at; ExcludedNot is that one is.
const (
	ExcludedNot          Exclusion = ""
	ExcludedByFilter     Exclusion = "rejected by a filter"
	ExcludedType         Exclusion = "not of a type that may be a physical volume"
	ExcludedNotListed    Exclusion = "not in the devices file"
	ExcludedUnknown      Exclusion = "not known to sysfs"
	ExcludedTooSmall     Exclusion = "too small"
	ExcludedBlockSize    Exclusion = "logical block size not supported"
	ExcludedLV           Exclusion = "logical volume"
	ExcludedMapped       Exclusion = "mapped device that is not for use"
	ExcludedSuspended    Exclusion = "suspended"
	ExcludedMultipath    Exclusion = "path of a multipath device"
	ExcludedPartitioned  Exclusion = "partitioned"
	ExcludedLVM1         Exclusion = "physical volume of LVM1"
	ExcludedMD           Exclusion = "member of an MD array"
	ExcludedFirmwareRAID Exclusion = "member of a RAID of firmware"
	ExcludedUnreadable   Exclusion = "not readable"
)

// BlockDevice is a block device of this system.
type BlockDevice struct {
	Path   string   // the name that it is called by
	Names  []string // all of them, the ones that say most first
	Number string   // major:minor
	Size   Bytes

	// IDs tell the device, the best first. Partitions have those of the disk, and
	// Partition is their number then; 0 is a whole device.
	IDs       []DeviceID
	Partition int

	// PVID is the UUID of the physical volume on the device, zero if there is
	// none or nobody looked.
	PVID metadata.ID

	// Excluded says why the device is not looked at, and Err what went wrong if
	// it could not be.
	Excluded Exclusion
	Err      error

	number deviceNumber
	sysfs  blockSysfs
}

// FindDevices returns the paths of the block devices that lvm2 would look for
// physical volumes on, for [Config].Devices, ordered by number. Members of MD
// arrays and paths of multipath devices are left out, partitioned disks too, and
// what else options say; [ScanBlockDevices] gives the reasons.
//
// It reads both ends of the devices that are left. Root may do that. Returns an
// error matching [ErrUnsupported] on other systems than Linux, and [ErrBusy] if
// ctx ends while a suspended device is waited for. Source: lvm2 as observed.
func FindDevices(ctx context.Context, options ScanOptions) ([]string, error) {
	all, err := ScanBlockDevices(ctx, options)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, d := range all {
		if d.Excluded == ExcludedNot {
			paths = append(paths, d.Path)
		}
	}
	return paths, nil
}

// ScanBlockDevices returns all block devices, ordered by number, and says which
// [FindDevices] leaves out and why.
func ScanBlockDevices(ctx context.Context, options ScanOptions) ([]BlockDevice, error) {
	fail := func(err error) ([]BlockDevice, error) { return nil, &OpError{Op: "scan devices", Err: err} }
	if options.DevDir == "" {
		options.DevDir = "/dev"
	}
	if len(options.Dirs) == 0 {
		options.Dirs = []string{options.DevDir}
	}
	if options.SysDir == "" {
		options.SysDir = "/sys"
	}
	if options.ProcDir == "" {
		options.ProcDir = "/proc"
	}
	if options.MinSize == 0 {
		options.MinSize = minPVSize
	}
	if options.MultipathWWIDs == "" {
		options.MultipathWWIDs = "/etc/multipath/wwids"
	}
	found, err := scanSystem(ctx, options)
	if err != nil {
		return fail(err)
	}
	return found, nil
}

// deviceNode is a name of a block device.
type deviceNode struct {
	path   string
	number deviceNumber
}

// deviceScan looks at the block devices of a system, or of a test.
type deviceScan struct {
	options   ScanOptions
	preferred []*regexp.Regexp
	sysfs     fs.FS
	majors    map[uint32]majorType
	wwids     map[string]bool // that multipath serves, without the type
	open      func(path string) (Device, error)
	isLink    func(path string) bool
	// mapped says why the table of a mapped device is not for use.
	mapped func(number deviceNumber) (string, error)
}

// run returns the devices that the nodes are names of.
func (s *deviceScan) run(ctx context.Context, nodes []deviceNode) ([]BlockDevice, error) {
	for _, p := range s.options.PreferredNames {
		re, err := compileDeviceRegex(p)
		if err != nil {
			return nil, err
		}
		s.preferred = append(s.preferred, re)
	}
	devices := s.group(nodes)
	for i := range devices {
		s.examine(&devices[i])
	}
	match := newDeviceMatch(s.options.DevicesFile, devices)
	match.byID()
	inParallel(len(devices), func(i int) {
		if match.mayBe(i, s.options.SearchNames) && devices[i].Excluded == ExcludedNot {
			s.read(ctx, &devices[i])
		}
	})
	if err := ctx.Err(); err != nil {
		for _, d := range devices {
			if d.Excluded == ExcludedNot && d.sysfs.dir != "" && d.sysfs.isSuspended() {
				return nil, fault(ErrBusy, "device %s is suspended: %v", d.Path, err)
			}
		}
		return nil, err
	}
	match.byPVID(s.options.SearchNames)
	for i := range devices {
		if d := &devices[i]; !match.has(i) && d.Excluded != ExcludedType {
			d.Excluded, d.Err = ExcludedNotListed, nil
		}
	}
	return devices, nil
}

// group makes devices of names.
func (s *deviceScan) group(nodes []deviceNode) []BlockDevice {
	names := map[deviceNumber][]string{}
	for _, n := range nodes {
		if !slices.Contains(names[n.number], n.path) {
			names[n.number] = append(names[n.number], n.path)
		}
	}
	devices := make([]BlockDevice, 0, len(names))
	for number, all := range names {
		sortNames(s.options.DevDir, all, s.preferred, s.isLink)
		devices = append(devices, BlockDevice{Path: all[0], Names: all, Number: number.String(), number: number})
	}
	slices.SortFunc(devices, func(a, b BlockDevice) int {
		return cmp.Or(cmp.Compare(a.number.major, b.number.major), cmp.Compare(a.number.minor, b.number.minor))
	})
	return devices
}

// examine finds out what there is to know of a device without reading it.
func (s *deviceScan) examine(d *BlockDevice) {
	var known bool
	d.sysfs, known = openBlockSysfs(s.sysfs, d.number)
	if known {
		d.Size = d.sysfs.size()
		d.Partition = int(min(d.sysfs.number(d.sysfs.dir, "partition"), 1<<20))
		d.IDs = deviceIDs(d.sysfs, d.Path)
	}
	d.Excluded, d.Err = s.unread(d, known)
}

// unread returns why a device is not even read.
func (s *deviceScan) unread(d *BlockDevice, known bool) (Exclusion, error) {
	o := &s.options
	for _, filter := range []*DeviceFilter{o.GlobalFilter, o.Filter} {
		i, ok := filter.choose(d.Names)
		switch {
		case o.DevicesFile != nil: // that says it all
		case !ok:
			return ExcludedByFilter, nil
		case i > 0: // it is called by a name that was accepted
			d.Path = d.Names[i]
			d.Names = slices.Concat([]string{d.Path}, d.Names[:i], d.Names[i+1:])
		}
	}
	if _, ok := s.majors[d.number.major]; !ok {
		return ExcludedType, nil
	}
	if !known {
		return ExcludedUnknown, nil
	}
	if d.sysfs.isDM() {
		if why, err := s.unusable(d); why != ExcludedNot {
			return why, err
		}
	}
	if d.Size < o.MinSize {
		return ExcludedTooSmall, nil
	}
	if b := d.sysfs.blockSize(); b != 0 && (b < units.SectorSize || b > maxBlockSize || b&(b-1) != 0) {
		return ExcludedBlockSize, nil
	}
	if !o.MultipathMembers && (d.sysfs.isMultipathMember() || s.isMultipathDisk(d)) {
		return ExcludedMultipath, nil
	}
	return ExcludedNot, nil
}

// unusable returns why a mapped device is left alone. Source: lvm2's usable
// filter as observed.
func (s *deviceScan) unusable(d *BlockDevice) (Exclusion, error) {
	const lvUUID = 68 // of a volume itself, "LVM-" and two ids; the rest of a longer one says what else it is
	uuid := d.sysfs.dmUUID()
	switch {
	case strings.HasPrefix(uuid, "LVM-") && (!s.options.LVs || len(uuid) > lvUUID):
		return ExcludedLV, nil
	case strings.HasPrefix(uuid, "CRYPT-TEMP"), strings.HasPrefix(uuid, "CRYPT-SUBDEV"), strings.HasPrefix(uuid, "stratis-"):
		return ExcludedMapped, nil
	case d.sysfs.isSuspended() && s.options.SkipSuspended:
		return ExcludedSuspended, nil
	case s.mapped == nil:
		return ExcludedNot, nil
	}
	why, err := s.mapped(d.number)
	switch {
	case err != nil:
		return ExcludedUnreadable, err
	case why != "":
		return ExcludedMapped, nil
	}
	return ExcludedNot, nil
}

// isMultipathDisk reports whether multipath serves the disk, or did before.
func (s *deviceScan) isMultipathDisk(d *BlockDevice) bool {
	wwid := d.sysfs.wwid()
	if wwid == "" || len(s.wwids) == 0 {
		return false
	}
	for _, prefix := range []string{"naa.", "eui.", "t10."} {
		wwid = strings.TrimPrefix(wwid, prefix)
	}
	return s.wwids[idName(wwid)] || s.wwids[strings.Join(strings.Fields(wwid), "_")]
}

// parseWWIDs reads multipath's file of the disks that it serves: each between
// slashes, behind the digit of its type.
func parseWWIDs(text string) map[string]bool {
	wwids := map[string]bool{}
	for line := range strings.Lines(text) {
		line, ok := strings.CutPrefix(strings.TrimSpace(line), "/")
		id, _, closed := strings.Cut(line, "/")
		if ok && closed && len(id) > 1 {
			wwids[idName(id[1:])] = true
		}
	}
	return wwids
}

// pauses while a suspended device is waited for.
const suspendedPause = 10 * time.Millisecond

// read looks at the contents of a device.
func (s *deviceScan) read(ctx context.Context, d *BlockDevice) {
	for d.sysfs.isSuspended() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(suspendedPause):
		}
	}
	if ctx.Err() != nil {
		return
	}
	d.Excluded, d.Err = s.judge(d)
}

// judge returns why the contents of a device exclude it.
func (s *deviceScan) judge(d *BlockDevice) (Exclusion, error) {
	dev, err := s.open(d.Path)
	if err != nil {
		return ExcludedUnreadable, err
	}
	defer func() { _ = dev.Close() }() // nothing was written
	if f := factsOf(dev); f.block && f.number != d.number {
		return ExcludedUnreadable, fault(ErrBusy, "%s is device %s now, not %s", d.Path, f.number, d.number)
	}
	size, err := dev.Size()
	if err != nil {
		return ExcludedUnreadable, err
	}
	c, err := newContent(dev, size)
	if err != nil {
		return ExcludedUnreadable, errors.WithMessage(err, d.Path)
	}
	d.PVID, _ = c.pvid()
	switch {
	case s.mayBePartitioned(d) && c.isPartitioned(d.sysfs.blockSize()):
		return ExcludedPartitioned, nil
	case c.isLVM1():
		return ExcludedLVM1, nil
	case !s.options.MDMembers && c.isMDMember():
		return ExcludedMD, nil
	case s.options.FirmwareRAID && c.isFirmwareRAID():
		return ExcludedFirmwareRAID, nil
	}
	return ExcludedNot, nil
}

// mayBePartitioned reports whether a partition table on the device would be one
// and not just data: partitions have none. Source: lvm2's partitioned filter as
// observed.
func (s *deviceScan) mayBePartitioned(d *BlockDevice) bool {
	if d.sysfs.isPartition() {
		return false
	}
	t := s.majors[d.number.major]
	switch name := d.sysfs.name(); {
	case d.sysfs.isDM(), d.sysfs.has("md"), strings.HasPrefix(name, "nvme"):
		return true
	case d.sysfs.has("loop"):
		return d.sysfs.number(d.sysfs.dir, "loop/partscan") != 0
	}
	return t.minors > 1 && int(d.number.minor)%t.minors == 0
}

// isSkippedDir reports whether lvm2 does not look into the directory of that
// name, since no block devices are there.
func isSkippedDir(name string) bool {
	switch name {
	case "bsg", "bus", "char", "cpu", "dma_heap", "dri", "input", "snd", "usb":
		return true
	}
	return strings.HasPrefix(name, ".")
}
