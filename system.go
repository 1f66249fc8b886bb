package lvm

import (
	"context"
	"crypto/rand"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// Kernel says what a [System] does with the kernel's device mapper.
type Kernel int

const (
	// KernelDM activates logical volumes as device-mapper devices. It needs
	// Linux and root.
	KernelDM Kernel = iota
	// KernelNone is image mode: volume groups are read and changed on any kind
	// of [Device], on any system and without privileges, and logical volumes
	// are read and written with [LogicalVolume.Open]. A block device that the
	// kernel uses, as it does while a volume on it is active, is only read:
	// writing to it gives an error matching [ErrBusy].
	KernelNone
)

// Config says what a [System] works on. Only Devices is required.
type Config struct {
	// Devices are the paths of the block devices or image files that may hold
	// physical volumes. No other device is ever opened, but that of a volume
	// whose file system is resized with it. In image mode all files have to be
	// there, since they are locked: leave out what is lost.
	Devices []string

	// Kernel is KernelDM unless set to KernelNone.
	Kernel Kernel

	// OpenDevice opens one of Devices. If nil, they are paths of regular files
	// and block devices.
	OpenDevice func(path string, write bool) (Device, error)

	// LockDir is where the lock files are that lvm2 uses as well. Empty means
	// /run/lock/lvm with KernelDM; with KernelNone the image files themselves
	// are locked, and no other file is touched.
	LockDir string

	// NoLocks leaves the lock files alone: for who reads where none can be made, as
	// early at boot, or knows that nobody else is there. Nothing keeps others from
	// changing a group at the same time. lvm2: --nolocking.
	NoLocks bool

	// DevDir is the directory of device nodes, /dev if empty.
	DevDir string

	// RunDir is lvm2's directory for hints, /run/lvm if empty. Only KernelDM
	// uses it.
	RunDir string

	// DevicesFile is lvm2's list of the devices that it looks at, if it has one:
	// see [LVMConf.Apply]. Physical volumes are entered when they are made, and
	// their entries kept right. If there is no file at this path, none is made.
	DevicesFile string

	// BackupDir and ArchiveDir get a copy of the metadata after and before each
	// change, in lvm2's naming. Empty: none is written.
	BackupDir, ArchiveDir string

	// ArchiveMin archives of a group stay however old they are, and so do those
	// that are younger than ArchiveDays days. 0 is lvm2's 10 and 30; a negative
	// number is 0.
	ArchiveMin, ArchiveDays int

	// HistoryLifetime is how long a group remembers volumes that were removed; see
	// [VolumeGroup.History]. The next change of a group forgets older ones. Zero is
	// for ever. lvm2: metadata/lvs_history_retention_time.
	HistoryLifetime time.Duration

	// SystemID is this host's. Groups of another host's are not changed or
	// activated; new groups get it.
	SystemID string

	// ExtraSystemIDs are accepted besides SystemID.
	ExtraSystemIDs []string

	// VolumeLists say which logical volumes this host activates, and how.
	VolumeLists VolumeLists

	// ThinCheck is run on the metadata of a thin pool that is to be activated, and
	// again once it is not active any more, as lvm2 does; ThinRepair by
	// [Tx.RepairThinPool]. The usual ones are thin_check -q --clear-needs-check-flag, and
	// thin_repair, of thin-provisioning-tools. What is not there is not run: then the
	// kernel finds by itself what is wrong.
	ThinCheck, ThinRepair Tool

	// CacheCheck and CacheRepair are the same for the metadata of caches, but not of
	// writecaches: cache_check -q --clear-needs-check-flag, and cache_repair, by
	// [Tx.RepairCachePool].
	CacheCheck, CacheRepair Tool

	// Program is noted in the metadata as the writer; "lvm-go" if empty.
	Program string
	// Command is noted as what the text was written for: "Write from COMMAND.", and
	// "Created *before* executing 'COMMAND'" in archives. Program if empty.
	Command string

	// Host is noted in the metadata as the creating host; the system's host
	// name if empty.
	Host string

	// Clock gives the times noted in metadata; time.Now if nil.
	Clock func() time.Time

	// Random is the source of identifiers; the system's if nil. With it, Clock
	// and Host given, the same calls make the same image byte for byte.
	Random io.Reader

	// LockMemory keeps the pages of the process in memory while devices are
	// suspended: needed if the program or its swap may lie on one of them.
	LockMemory bool

	// Logger gets each step of a plan at debug level; nil is silent.
	Logger *slog.Logger
}

// System is a set of devices, a kernel or none, and the locks that guard them.
// It is safe for concurrent use. It keeps no device open between calls.
type System struct {
	cfg    Config
	custom bool // the devices are opened by the caller's function
	images bool // the devices are image files, which are locked themselves
	locks  *locker
	kernel kernel // nil in image mode
	random *lockedReader
	host   host
	fs     fsHost
	minPV  Bytes // the least that a physical volume uses of its device
	// identify tells what devices are, for the devices file.
	identify func(ctx context.Context, devDir string, paths []string) ([]BlockDevice, error)
	// before is called ahead of each step of a plan. Tests end a process there.
	before func(Step)
	only   map[string]bool // the devices that are looked at; nil: all. See restricted

	opened openVolumes

	mu     sync.Mutex // guards what follows
	closed bool
	cache  map[metadata.ID]*vgState // the group as this process last read or wrote it
}

// Open returns a System. Nothing is read from the devices yet. Returns an error
// matching [ErrUnsupported] if there is no device mapper to drive, and
// [ErrInvalidSpec] if a device is given twice.
func Open(cfg Config) (*System, error) {
	seen := make(map[string]bool, len(cfg.Devices))
	for _, d := range cfg.Devices {
		if d == "" || seen[d] {
			return nil, &OpError{Op: "open", PV: d, Err: fault(ErrInvalidSpec, "device %q is empty or given twice", d)}
		}
		seen[d] = true
	}
	if cfg.DevDir == "" {
		cfg.DevDir = "/dev"
	}
	if cfg.RunDir == "" {
		cfg.RunDir = "/run/lvm"
	}
	if cfg.LockDir == "" && cfg.Kernel == KernelDM {
		cfg.LockDir = "/run/lock/lvm"
	}
	custom := cfg.OpenDevice != nil
	images := !custom && cfg.Kernel == KernelNone && cfg.LockDir == "" && !cfg.NoLocks
	lockDir := cfg.LockDir
	if cfg.NoLocks {
		lockDir = ""
	}
	if !custom {
		cfg.OpenDevice = openFileDevice
		if cfg.Kernel == KernelNone {
			cfg.OpenDevice = openImage
		}
	}
	if cfg.Program == "" {
		cfg.Program = "lvm-go"
	}
	if cfg.Command == "" {
		cfg.Command = cfg.Program
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.Host == "" {
		cfg.Host, _ = os.Hostname()
	}
	s := &System{
		cfg:    cfg,
		custom: custom,
		images: images,
		locks:  newLocker(lockDir),
		random: &lockedReader{r: cfg.Random},
		host:   realHost{cfg.DevDir},
		fs:     newRealFS(),
		minPV:  minDeviceSize,
		before: func(Step) {},

		identify: identifyDevices,
		cache:    make(map[metadata.ID]*vgState),
	}
	if cfg.Kernel == KernelDM {
		control, err := dm.Open()
		if err != nil {
			return nil, &OpError{Op: "open", Err: err}
		}
		s.kernel = control
	}
	return s, nil
}

// Close releases the device mapper. Calls that are under way finish; later ones
// return os.ErrClosed. Closing twice, or a nil System, does nothing.
func (s *System) Close() error {
	if s == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	if s.kernel != nil {
		return s.kernel.Close()
	}
	return nil
}

func (s *System) checkOpen() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return os.ErrClosed
	}
	return nil
}

// View calls fn with the volume group of that name or UUID as it is. The group
// is locked against changes while fn runs, so fn should be short; what fn gets
// stays valid and unchanged after it.
//
// A group that the System has read before and finds as it was is not looked for
// on other devices again: a second one of its name, or a clone of a disk of it,
// that turned up meanwhile shows in [System.Scan].
//
// Returns an error matching [ErrVGNotFound] or [ErrAmbiguous], metadata errors
// if the group cannot be read, or what fn returns.
func (s *System) View(ctx context.Context, vg string, fn func(*VolumeGroup) error) error {
	const op = "view"
	if err := s.checkOpen(); err != nil {
		return &OpError{Op: op, VG: vg, Err: err}
	}
	held, st, err := s.lockAndLoad(ctx, vg, lockShared)
	if err != nil {
		return &OpError{Op: op, VG: vg, Err: err}
	}
	defer held.release()
	view, err := s.newView(st)
	if err != nil {
		return &OpError{Op: op, VG: vg, Err: err}
	}
	return fn(view)
}

// VG returns the volume group of that name or UUID as it is now. Errors are as
// with [System.View].
func (s *System) VG(ctx context.Context, vg string) (*VolumeGroup, error) {
	var out *VolumeGroup
	err := s.View(ctx, vg, func(v *VolumeGroup) error { out = v; return nil })
	return out, err
}

// Update makes the changes that fn asks for in one transaction: they are all
// made, or none is. vg is a name or UUID; the group need not exist if fn
// creates it, and may be "" if fn only makes or removes physical volumes.
//
// fn runs under the group's lock and works in memory, so what it checks still
// holds when its changes are made. It may be called more than once and must not
// keep tx. If it returns an error, nothing is changed and Update returns that
// error as it is.
//
// ctx is obeyed until the metadata is committed; from there Update finishes.
// See [ApplyError] for what it returns when a step fails.
func (s *System) Update(ctx context.Context, vg string, fn func(*Tx) error) error {
	if err := s.checkOpen(); err != nil {
		return &OpError{Op: "update", VG: vg, Err: err}
	}
	t, err := s.begin(ctx, vg, fn)
	if err != nil {
		return err
	}
	defer t.end()
	return t.apply(ctx)
}

// Plan returns what Update would do, and does nothing. The group is not locked
// afterwards: [System.Apply] checks that the plan still holds.
func (s *System) Plan(ctx context.Context, vg string, fn func(*Tx) error) (*Plan, error) {
	if err := s.checkOpen(); err != nil {
		return nil, &OpError{Op: "plan", VG: vg, Err: err}
	}
	t, err := s.begin(ctx, vg, fn)
	if err != nil {
		return nil, err
	}
	t.end()
	return t.plan, nil
}

// Apply does what plan says. Returns an error matching [ErrPlanStale] if the
// group, one of its devices or the kernel's tables are not as they were when
// the plan was made; otherwise as [System.Update].
func (s *System) Apply(ctx context.Context, plan *Plan) error {
	if plan == nil {
		return &OpError{Op: "apply", Err: fault(ErrInvalidSpec, "there is no plan")}
	}
	if err := s.checkOpen(); err != nil {
		return &OpError{Op: "apply", VG: plan.VG, Err: err}
	}
	t, err := s.resume(ctx, plan)
	if err != nil {
		return err
	}
	defer t.end()
	return t.apply(ctx)
}

// lockedReader makes a source of randomness safe for concurrent use.
type lockedReader struct {
	mu sync.Mutex
	r  io.Reader
}

func (l *lockedReader) Read(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return io.ReadFull(l.r, p)
}
