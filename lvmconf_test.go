package lvm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pkg/errors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/units"
)

// writeConf makes a configuration of files, given as name and text.
func writeConf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

func readConf(t *testing.T, text string) *LVMConf {
	t.Helper()
	c, err := readLVMConf(writeConf(t, map[string]string{"lvm.conf": text}), "host")
	require.NoError(t, err)
	return c
}

// As lvm2 2.03.16 was seen to read the same files.
func TestReadLVMConf(t *testing.T) {
	t.Parallel()
	c, err := readLVMConf(writeConf(t, map[string]string{
		"lvm.conf": `
# a comment
backup { retain_days = 10 retain_min=20 archive=0 }
devices/pv_min_size = 4096
devices { filter = "r|a|" }
devices { # again
	filter = [ "r|x|", "a|.*|", ]
}
tags { hosttags = 1
 @one { host_list = ["(none)", "uml"] }
 two { host_list = ["other"] }
 three { }
}
global { system_id_source = "uname" nosuch = [ 1, 2 ] }
`,
		"lvmlocal.conf":      `local { system_id = "localid" } backup { retain_days = 11 retain_min=21 } tags/fromlocal { }`,
		"lvm_uml.conf":       `backup { retain_days = 12 archive_dir="/uml" } tags { byuml {} }`,
		"lvm_byuml.conf":     `backup/retain_days = 13`,
		"lvm_fromlocal.conf": `backup/archive_dir = "/fromlocal"`,
		"lvm_two.conf":       `not even the language`,
	}), "uml")
	require.NoError(t, err)
	assert.Equal(t, []string{"uml", "one", "three", "fromlocal", "byuml"}, c.HostTags())
	for path, want := range map[string]int64{
		"backup/retain_days": 13, "backup/retain_min": 21, "backup/archive": 0, "devices/pv_min_size": 4096, "none/none": 7,
	} {
		n, err := c.Int(path, 7)
		require.NoError(t, err)
		assert.Equal(t, want, n, path)
	}
	dir, err := c.Text("backup/archive_dir", "")
	require.NoError(t, err)
	assert.Equal(t, "/fromlocal", dir)
	filter, err := c.Texts("devices/filter")
	require.NoError(t, err)
	assert.Equal(t, []string{"r|x|", "a|.*|"}, filter)
	assert.True(t, c.Has("global/nosuch"))
	assert.False(t, c.Has("devices/nosuch"))
}

func TestLVMConfTypes(t *testing.T) {
	t.Parallel()
	c := readConf(t, `a { yes=1 no=0 on="on" off="n" text="x" empty="" list=["x","y"] mixed=["x",1] none=[] float=1.5 }`)
	for path, want := range map[string]any{
		"a/yes": true, "a/no": false, "a/on": true, "a/off": false, "a/text": nil, "a/list": nil, "a/float": nil, "a/z": true,
	} {
		b, err := c.Bool(path, true)
		if want == nil {
			assert.ErrorIs(t, err, ErrInvalidSpec, path)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, want, b, path)
	}
	for path, want := range map[string]any{"a/text": "x", "a/empty": "else", "a/list": nil, "a/yes": nil, "a/z": "else"} {
		s, err := c.Text(path, "else")
		if want == nil {
			assert.ErrorIs(t, err, ErrInvalidSpec, path)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, want, s, path)
	}
	for path, want := range map[string][]string{
		"a/text": {"x"}, "a/list": {"x", "y"}, "a/none": nil, "a/z": {"e"}, "a/mixed": {"error"}, "a/yes": {"error"},
	} {
		s, err := c.Texts(path, "e")
		if len(want) == 1 && want[0] == "error" {
			assert.ErrorIs(t, err, ErrInvalidSpec, path)
			continue
		}
		require.NoError(t, err)
		assert.Equal(t, want, s, path)
	}
	_, err := c.Int("a/text", 1)
	assert.ErrorIs(t, err, ErrInvalidSpec)
}

func TestReadLVMConfRefused(t *testing.T) {
	t.Parallel()
	_, err := ReadLVMConf(filepath.Join(t.TempDir(), "none"))
	require.NoError(t, err, "no files are no settings")
	for _, files := range []map[string]string{
		{"lvm.conf": "a {"},
		{"lvmlocal.conf": "= 1"},
		{"lvm.conf": "tags { a { } }", "lvm_a.conf": "]"},
		{"lvm.conf": "tags { *a { } }"},
		{"lvm.conf": `tags { "../a" { } }`},
	} {
		c, err := readLVMConf(writeConf(t, files), "host")
		assert.ErrorIs(t, err, ErrInvalidSpec, files)
		assert.Nil(t, c)
	}
	_, err = readLVMConf(writeConf(t, map[string]string{"lvm.conf": strings.Repeat("#", maxConfText+1)}), "host")
	assert.ErrorIs(t, err, ErrUnsupported)
	dir := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "lvm.conf"), 0o700))
	_, err = readLVMConf(dir, "host")
	assert.ErrorIs(t, err, ErrUnsupported)
	c, err := readLVMConf(writeConf(t, map[string]string{"lvm.conf": "tags { hosttags = 1 }"}), "no tag/")
	require.NoError(t, err)
	assert.Empty(t, c.HostTags())
}

func TestLVMConfApply(t *testing.T) {
	t.Parallel()
	const all = `activation { volume_list = [ "a" ] auto_activation_volume_list = [] read_only_volume_list = "b" } tags/t { }
		devices { dir = "/d" use_devicesfile = 1 devicesfile = "f" } global { locking_dir = "/l" system_id_source = "lvmlocal"
			thin_check_executable = "" thin_repair_executable = "/r" thin_repair_options = [ "" ]
			cache_check_executable = "/c" cache_check_options = [ "-q", "x" ] cache_repair_executable = "" }
		local { system_id = "me" extra_system_ids = [ "you" ] }
		backup { backup_dir = "/b" archive_dir = "/a" retain_min = 0 retain_days = 5 }`
	var cfg Config
	c := readConf(t, all)
	require.NoError(t, c.Apply(&cfg))
	assert.Equal(t, Config{
		DevicesFile: filepath.Join(c.dir, "devices", "f"),
		VolumeLists: VolumeLists{HostTags: []string{"t"}, Activate: []string{"a"}, AutoActivate: []string{}, ReadOnly: []string{"b"}},
		DevDir:      "/d", LockDir: "/l", BackupDir: "/b", ArchiveDir: "/a", ArchiveMin: -1, ArchiveDays: 5,
		SystemID: "me", ExtraSystemIDs: []string{"you"},
		ThinCheck: Tool{Off: true}, ThinRepair: Tool{Path: "/r", Options: []string{}},
		CacheCheck: Tool{Path: "/c", Options: []string{"-q", "x"}}, CacheRepair: Tool{Off: true},
	}, cfg)

	// What the caller says goes before it.
	given := Config{
		DevDir: "x", LockDir: "x", BackupDir: "x", ArchiveDir: "x", ArchiveMin: 1, ArchiveDays: 1,
		SystemID: "x", ExtraSystemIDs: []string{}, DevicesFile: "x",
		VolumeLists: VolumeLists{HostTags: []string{}, Activate: []string{}, AutoActivate: []string{"x"}, ReadOnly: []string{}},
		ThinCheck:   Tool{Options: []string{"x"}}, ThinRepair: Tool{Off: true},
		CacheCheck: Tool{Options: []string{"y"}}, CacheRepair: Tool{Path: "x"},
	}
	cfg = given
	require.NoError(t, readConf(t, all).Apply(&cfg))
	assert.Equal(t, given, cfg)

	// lvm2's defaults.
	empty := readConf(t, "")
	cfg = Config{}
	require.NoError(t, empty.Apply(&cfg))
	assert.Equal(t, Config{
		DevDir: "/dev", LockDir: "/run/lock/lvm", BackupDir: filepath.Join(empty.dir, "backup"),
		ArchiveDir: filepath.Join(empty.dir, "archive"), ArchiveMin: 10, ArchiveDays: 30,
	}, cfg)
	cfg = Config{Kernel: KernelNone}
	require.NoError(t, readConf(t, "backup { backup = 0 archive = 0 } global/activation = 0").Apply(&cfg))
	assert.Equal(t, Config{Kernel: KernelNone, DevDir: "/dev", ArchiveMin: 10, ArchiveDays: 30}, cfg, "images lock themselves")

	for text, want := range map[string]error{
		"global/metadata_read_only = 1":          ErrUnsupported,
		"global/activation = 0":                  ErrUnsupported,
		`devices/dir = 1`:                        ErrInvalidSpec,
		`devices/devicesfile = "a/b"`:            ErrInvalidSpec,
		`backup/backup = "perhaps"`:              ErrInvalidSpec,
		`backup/retain_min = "x"`:                ErrInvalidSpec,
		`local/extra_system_ids = 1`:             ErrInvalidSpec,
		`activation/volume_list = [ 1 ]`:         ErrInvalidSpec,
		`global/system_id_source = "bogus"`:      ErrInvalidSpec,
		`global/system_id_source = "lvmlocal"`:   ErrInvalidSpec,
		`global/system_id_source = "file"`:       ErrInvalidSpec,
		`global/system_id_source = ["lvmlocal"]`: ErrInvalidSpec,
		`global/thin_check_options = 1`:          ErrInvalidSpec,
	} {
		cfg := Config{}
		assert.ErrorIs(t, readConf(t, text).Apply(&cfg), want, text)
		assert.Equal(t, Config{}, cfg, text)
	}
}

func TestLVMConfScanOptions(t *testing.T) {
	t.Parallel()
	c := readConf(t, `devices { dir = "/d" scan = [ "/d", "/e" ] preferred_names = "^/d" types = [ "fd", 16, "x", 1 ]
		pv_min_size = 4096 scan_lvs = 1 ignore_lvm_mirrors = 0 ignore_suspended_devices = 1 fw_raid_component_detection = 1
		multipath_component_detection = 0 multipath_wwids_file = "/w" md_component_detection = 0 search_for_devnames = "all"
		filter = [ "r|a|" ] global_filter = "r|b|" }`)
	o, err := c.ScanOptions()
	require.NoError(t, err)
	assert.False(t, o.Filter.Accepts("/dev/a"))
	assert.False(t, o.GlobalFilter.Accepts("/dev/b"))
	o.Filter, o.GlobalFilter = nil, nil
	assert.Equal(t, ScanOptions{
		DevDir: "/d", Dirs: []string{"/d", "/e"}, PreferredNames: []string{"^/d"}, Types: map[string]int{"fd": 16, "x": 1},
		MinSize: 4 * units.MiB, LVs: true, Mirrors: true, SkipSuspended: true, FirmwareRAID: true, MultipathMembers: true,
		MDMembers: true, MultipathWWIDs: "/w", SearchNames: SearchAll,
	}, o)

	o, err = readConf(t, "").ScanOptions()
	require.NoError(t, err)
	assert.Equal(t, ScanOptions{DevDir: "/dev", MinSize: minPVSize, MultipathWWIDs: "/etc/multipath/wwids"}, o)

	for _, text := range []string{
		`filter = [ "x" ]`, `global_filter = [ "a|(|" ]`, `filter = 1`, `types = [ "fd" ]`, `types = [ "fd", 0 ]`, `types = [ "fd", "x" ]`,
		`types = [ "fd", 99999999999999999999 ]`, `pv_min_size = 0`, `pv_min_size = -1`, `pv_min_size = 9223372036854775807`,
		`pv_min_size = "2m"`, `search_for_devnames = "some"`, `devicesfile = "../x"`, `devicesfile = ".."`, `scan_lvs = "x"`,
	} {
		_, err := readConf(t, "devices { "+text+" }").ScanOptions()
		assert.ErrorIs(t, err, ErrInvalidSpec, text)
	}
}

func TestLVMConfDevicesFile(t *testing.T) {
	t.Parallel()
	c := readConf(t, `devices { use_devicesfile = 1 devicesfile = "my.devices" search_for_devnames = "none" }`)
	path, err := c.DevicesFilePath()
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(c.dir, "devices", "my.devices"), path)
	o, err := c.ScanOptions()
	require.NoError(t, err)
	assert.Nil(t, o.DevicesFile, "not there: not used")
	assert.Equal(t, SearchNone, o.SearchNames)
	require.NoError(t, os.Mkdir(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(devicesText), 0o600))
	o, err = c.ScanOptions()
	require.NoError(t, err)
	require.NotNil(t, o.DevicesFile)
	assert.Len(t, o.DevicesFile.Entries, 4)
	require.NoError(t, os.WriteFile(path, []byte("?"), 0o600))
	_, err = c.ScanOptions()
	assert.ErrorIs(t, err, ErrInvalidSpec)
}

// The values are what lvm2 2.03.16 makes of the same.
func TestSystemID(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	machine := write("machine-id", "0123456789abcdef0123456789abcdef\n")
	file := write("file", "# c\n\n  file id$ here # more\nsecond\n")
	failed := errors.New("no name")
	for _, test := range []struct {
		source, host, machine, more, want string
	}{
		{source: "none", host: "h"},
		{source: "uname", host: "my host!_1", want: "myhost_1"},
		{source: "uname", host: "-.x-y", want: "x-y"},
		{source: "uname", host: "localhost.foo", want: "error"},
		{source: "uname", host: "-_", want: "error"},
		{source: "uname", want: "error"},
		{source: "uname", host: strings.Repeat("x", 200), want: strings.Repeat("x", 128)},
		{source: "machineid", machine: machine, want: "0123456789abcdef0123456789abcdef"},
		{source: "appmachineid", machine: machine, want: "e04dc1622fd546c992a77a2d2421761f"},
		{source: "machineid", machine: file, want: "error"},
		{source: "machineid", machine: dir, want: "error"},
		{source: "machineid", machine: filepath.Join(dir, "none"), want: "error"},
		{source: "lvmlocal", more: `local/system_id = "localid"`, want: "localid"},
		{source: "lvmlocal", more: `local/system_id = 1`, want: "error"},
		{source: "file", more: `global/system_id_file = '` + file + `'`, want: "fileidhere"},
		{source: "file", more: `global/system_id_file = '` + write("empty", "# c\n") + `'`, want: "error"},
		{source: "file", more: `global/system_id_file = '` + filepath.Join(dir, "none") + `'`, want: "error"},
		{source: "file", want: "error"},
		{source: "bogus", want: "error"},
	} {
		c := readConf(t, `global/system_id_source = "`+test.source+`" `+test.more)
		id, err := c.systemID(func() (string, error) {
			if test.host == "" {
				return "", failed
			}
			return test.host, nil
		}, test.machine)
		if test.want == "error" {
			assert.ErrorIs(t, err, ErrInvalidSpec, test)
			assert.Empty(t, id)
			continue
		}
		require.NoError(t, err, test)
		assert.Equal(t, test.want, id, test)
	}
	id, err := readConf(t, "").SystemID()
	require.NoError(t, err)
	assert.Empty(t, id)
}

func TestLVMConfOverride(t *testing.T) {
	t.Parallel()
	c := readConf(t, `devices { dir = "/one" } backup { backup = 1 }`)
	require.NoError(t, c.Override(`devices/dir="/two" backup { backup = 0 } new/setting = 3`))
	dir, err := c.Text("devices/dir", "")
	require.NoError(t, err)
	backup, err := c.Bool("backup/backup", true)
	require.NoError(t, err)
	assert.Equal(t, []any{"/two", false, true}, []any{dir, backup, c.Has("new/setting")})
	require.ErrorIs(t, c.Override("devices {"), ErrInvalidSpec)
}

func TestLVMConfSettings(t *testing.T) {
	t.Parallel()
	dir := writeConf(t, map[string]string{
		"lvm.conf":      "devices { dir = \"/dev\" scan = [ \"/dev\" ] }\nlog/verbose = 0\n",
		"lvmlocal.conf": "log { verbose = 1 }\nlocal { extra_system_ids = [] }\n",
	})
	c, err := readLVMConf(dir, "host")
	require.NoError(t, err)
	require.NoError(t, c.Override(`global/units = 'b' devices/dir = "/x"`))
	main, local, line := filepath.Join(dir, "lvm.conf"), filepath.Join(dir, "lvmlocal.conf"), "settings of the command line"
	assert.Equal(t, []LVMSetting{
		{Path: "devices/dir", Values: []string{`"/x"`}, File: line},
		{Path: "devices/scan", Values: []string{`"/dev"`}, List: true, File: main},
		{Path: "log/verbose", Values: []string{"1"}, File: local},
		{Path: "local/extra_system_ids", List: true, File: local},
		{Path: "global/units", Values: []string{`'b'`}, File: line},
	}, c.Settings())
}
