package lvm

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/units"
)

// Apply fills the fields of cfg that are empty with what the configuration says,
// so that a [System] finds and leaves things where lvm2 does:
//
//   - DevDir: devices/dir
//   - LockDir: global/locking_dir
//   - DevicesFile: devices/use_devicesfile and devicesfile
//   - BackupDir: backup/backup and backup_dir
//   - ArchiveDir, ArchiveMin, ArchiveDays: backup/archive, archive_dir,
//     retain_min and retain_days
//   - SystemID, ExtraSystemIDs: global/system_id_source and system_id_file,
//     local/system_id and extra_system_ids
//   - VolumeLists: activation/volume_list, auto_activation_volume_list and
//     read_only_volume_list, and the host's tags
//   - ThinCheck, ThinRepair: global/thin_check_executable, thin_check_options,
//     thin_repair_executable and thin_repair_options; CacheCheck, CacheRepair likewise
//
// Devices are not filled in: see [LVMConf.ScanOptions] and [FindDevices]. Other
// settings have no effect here.
//
// Returns an error matching [ErrUnsupported] if the configuration forbids what a
// System does: to write metadata, or with [KernelDM], to activate. A system ID
// source that gives none is an error too, since groups could go to the wrong
// host; a SystemID in cfg goes before it.
func (c *LVMConf) Apply(cfg *Config) error {
	r := confReader{conf: c}
	out := *cfg
	text := func(field *string, path, otherwise string) {
		if value := r.text(path, otherwise); *field == "" {
			*field = value
		}
	}
	text(&out.DevDir, "devices/dir", "/dev")
	if out.Kernel == KernelDM {
		text(&out.LockDir, "global/locking_dir", "/run/lock/lvm")
	}
	if path := r.devicesFile(); out.DevicesFile == "" && r.bool("devices/use_devicesfile", false) {
		out.DevicesFile = path
	}
	if r.bool("backup/backup", true) {
		text(&out.BackupDir, "backup/backup_dir", filepath.Join(c.dir, "backup"))
	}
	if r.bool("backup/archive", true) {
		text(&out.ArchiveDir, "backup/archive_dir", filepath.Join(c.dir, "archive"))
	}
	if out.ArchiveMin == 0 {
		out.ArchiveMin = r.count("backup/retain_min", defaultArchiveMin)
	}
	if out.ArchiveDays == 0 {
		out.ArchiveDays = r.count("backup/retain_days", defaultArchiveDays)
	}
	if extra := r.texts("local/extra_system_ids"); out.ExtraSystemIDs == nil {
		out.ExtraSystemIDs = extra
	}
	lists := &out.VolumeLists
	for _, list := range []struct {
		field *[]string
		path  string
	}{
		{&lists.Activate, "activation/volume_list"},
		{&lists.AutoActivate, "activation/auto_activation_volume_list"},
		{&lists.ReadOnly, "activation/read_only_volume_list"},
	} {
		if volumes := r.texts(list.path); *list.field == nil && c.Has(list.path) {
			*list.field = append([]string{}, volumes...) // an empty one is one
		}
	}
	if lists.HostTags == nil {
		lists.HostTags = c.HostTags()
	}
	r.tool(&out.ThinCheck, "global/thin_check")
	r.tool(&out.ThinRepair, "global/thin_repair")
	r.tool(&out.CacheCheck, "global/cache_check")
	r.tool(&out.CacheRepair, "global/cache_repair")
	readOnly := r.bool("global/metadata_read_only", false)
	activation := r.bool("global/activation", true)
	switch {
	case r.err != nil:
		return r.err
	case readOnly:
		return fault(ErrUnsupported, "global/metadata_read_only is set: metadata must not be written")
	case !activation && out.Kernel == KernelDM:
		return fault(ErrUnsupported, "global/activation is 0: the device mapper must not be used")
	}
	if out.SystemID == "" {
		id, err := c.SystemID()
		if err != nil {
			return err
		}
		out.SystemID = id
	}
	*cfg = out
	return nil
}

// ScanOptions returns where lvm2 looks for devices by this configuration. The
// devices file is read if one is in use: use_devicesfile is set, and the file is
// there.
func (c *LVMConf) ScanOptions() (ScanOptions, error) {
	r := confReader{conf: c}
	o := ScanOptions{
		DevDir:           r.text("devices/dir", "/dev"),
		Dirs:             r.texts("devices/scan"),
		GlobalFilter:     r.filter("devices/global_filter"),
		Filter:           r.filter("devices/filter"),
		PreferredNames:   r.texts("devices/preferred_names"),
		Types:            r.types("devices/types"),
		MinSize:          r.kib("devices/pv_min_size", minPVSize),
		LVs:              r.bool("devices/scan_lvs", false),
		Mirrors:          !r.bool("devices/ignore_lvm_mirrors", true),
		SkipSuspended:    r.bool("devices/ignore_suspended_devices", false),
		FirmwareRAID:     r.bool("devices/fw_raid_component_detection", false),
		MultipathMembers: !r.bool("devices/multipath_component_detection", true),
		MultipathWWIDs:   r.text("devices/multipath_wwids_file", "/etc/multipath/wwids"),
		MDMembers:        !r.bool("devices/md_component_detection", true),
	}
	switch search := r.text("devices/search_for_devnames", "auto"); search {
	case "auto":
	case "all":
		o.SearchNames = SearchAll
	case "none":
		o.SearchNames = SearchNone
	default:
		r.fail(fault(ErrInvalidSpec, "devices/search_for_devnames: %q is not known", search))
	}
	use := r.bool("devices/use_devicesfile", false)
	path := r.devicesFile()
	if r.err != nil || !use {
		return o, r.err
	}
	file, err := ReadDevicesFile(path)
	if errors.Is(err, ErrNotFound) {
		return o, nil
	}
	o.DevicesFile = file
	return o, err
}

// DevicesFilePath returns the path of the devices file that lvm2 uses if
// use_devicesfile is set, whether or not there is one.
func (c *LVMConf) DevicesFilePath() (string, error) {
	r := confReader{conf: c}
	path := r.devicesFile()
	return path, r.err
}

// confReader reads settings one after the other, and keeps the first error.
type confReader struct {
	conf *LVMConf
	err  error
}

func (r *confReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *confReader) text(path, otherwise string) string {
	s, err := r.conf.Text(path, otherwise)
	r.fail(err)
	return s
}

func (r *confReader) texts(path string) []string {
	s, err := r.conf.Texts(path)
	r.fail(err)
	return s
}

// tool fills in a program about which nothing is said yet. One whose path is empty is
// not run. Source: lvm.conf(5).
func (r *confReader) tool(t *Tool, path string) {
	executable := r.text(path+"_executable", "")
	options := slices.DeleteFunc(r.texts(path+"_options"), func(o string) bool { return o == "" })
	if t.Off || t.Path != "" || t.Options != nil {
		return
	}
	t.Path, t.Off = executable, executable == "" && r.conf.Has(path+"_executable")
	if r.conf.Has(path + "_options") {
		t.Options = append([]string{}, options...) // none are a choice, too
	}
}

func (r *confReader) bool(path string, otherwise bool) bool {
	b, err := r.conf.Bool(path, otherwise)
	r.fail(err)
	return b
}

// count returns a number, for which a Config has 0 as "not given".
func (r *confReader) count(path string, otherwise int64) int {
	const most = 1 << 30
	n, err := r.conf.Int(path, otherwise)
	r.fail(err)
	if n <= 0 {
		return -1
	}
	return int(min(n, most))
}

// kib returns a size that is set in KiB.
func (r *confReader) kib(path string, otherwise units.Bytes) units.Bytes {
	n, err := r.conf.Int(path, int64(otherwise/units.KiB))
	r.fail(err)
	if err == nil && (n < 1 || n > int64(units.EiB/units.KiB)) {
		r.fail(fault(ErrInvalidSpec, "%s: %d is out of range", path, n))
		return otherwise
	}
	return units.Bytes(n) * units.KiB
}

func (r *confReader) filter(path string) *DeviceFilter {
	patterns := r.texts(path)
	if !r.conf.Has(path) || r.err != nil {
		return nil
	}
	f, err := ParseDeviceFilter(patterns)
	if err != nil {
		r.fail(errors.WithMessage(err, path))
	}
	return f
}

// types returns pairs of a driver and its number of minors.
func (r *confReader) types(path string) map[string]int {
	s, ok := r.conf.settings[path]
	if !ok {
		return nil
	}
	values := s.entry.Values()
	types := map[string]int{}
	for i := 0; i+1 < len(values); i += 2 {
		n, ok := parsePositive(values[i+1])
		if !ok || values[i] == "" {
			break
		}
		types[values[i]] = n
	}
	if len(values)%2 != 0 || len(types) != len(values)/2 {
		r.fail(s.fault(path, "pairs of a driver and its number of minors"))
	}
	return types
}

// devicesFile returns the path of the devices file.
func (r *confReader) devicesFile() string {
	name := r.text("devices/devicesfile", "system.devices")
	if strings.Contains(name, "/") || name == "." || name == ".." {
		r.fail(fault(ErrInvalidSpec, "devices/devicesfile: %q is not the name of a file", name))
	}
	return filepath.Join(r.conf.dir, "devices", name)
}

// parsePositive reads a number from 1 to what a disk can have minors.
func parsePositive(s string) (int, bool) {
	const most = 1 << 20
	n := 0
	for _, c := range s {
		if c < '0' || c > '9' || n > most {
			return 0, false
		}
		n = n*10 + int(c-'0')
	}
	return n, n >= 1 && n <= most
}
