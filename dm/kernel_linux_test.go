package dm_test

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// kernel opens the control device. Mapped devices that the test leaves behind
// are removed, and are an error.
func kernel(t *testing.T) *dm.Control {
	t.Helper()
	umltest.NeedKernel(t)
	c, err := dm.Open()
	require.NoError(t, err)
	t.Cleanup(func() {
		left, err := c.Devices(dm.ListOptions{})
		assert.NoError(t, err)
		for _, d := range left {
			info, err := c.Status(dm.ByDev(d.Dev))
			if err == nil && (info.Suspended || !t.Failed()) {
				t.Errorf("left behind: %+v", info)
			}
			if info.Suspended {
				_, _ = c.Resume(dm.ByDev(d.Dev), dm.ResumeOptions{})
			}
		}
		assert.NoError(t, c.RemoveAll())
		assert.NoError(t, c.Close())
	})
	return c
}

// loop makes a loop device and returns its number.
func loop(t *testing.T, size units.Bytes) dm.Dev {
	t.Helper()
	path, _ := umltest.Loop(t, int64(size))
	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	rdev := uint64(st.Rdev) // 32 bits on some systems
	return dm.MakeDev(unix.Major(rdev), unix.Minor(rdev))
}

func parse(t *testing.T, format string, args ...any) dm.Table {
	t.Helper()
	table, err := dm.ParseTable(fmt.Sprintf(format, args...))
	require.NoError(t, err)
	return table
}

// active creates a device with a live table, and removes it at the end.
func active(t *testing.T, c *dm.Control, name string, table dm.Table) dm.Info {
	t.Helper()
	info, err := c.Create(name, "", dm.CreateOptions{})
	require.NoError(t, err)
	t.Cleanup(func() {
		// A test that has removed it itself gets ErrNotFound here.
		if _, err := c.Remove(dm.ByDev(info.Dev), dm.RemoveOptions{}); err != nil {
			assert.ErrorIs(t, err, dm.ErrNotFound)
		}
	})
	_, err = c.Load(dm.ByName(name), table, dm.LoadOptions{})
	require.NoError(t, err)
	info, err = c.Resume(dm.ByName(name), dm.ResumeOptions{})
	require.NoError(t, err)
	return info
}

func TestKernelLifeCycle(t *testing.T) {
	c := kernel(t)
	disk := loop(t, 4*units.MiB)

	created, err := c.Create("vg-lv", "LVM-cycle", dm.CreateOptions{})
	require.NoError(t, err)
	assert.Equal(t, dm.Info{Name: "vg-lv", UUID: "LVM-cycle", Dev: created.Dev}, created)
	lv := dm.ByDev(created.Dev)
	for _, r := range []dm.Ref{lv, dm.ByName("vg-lv"), dm.ByUUID("LVM-cycle")} {
		info, err := c.Status(r)
		require.NoError(t, err, r)
		assert.Equal(t, created, info, r)
	}
	info, table, err := c.Table(lv, dm.QueryOptions{})
	require.NoError(t, err)
	assert.Nil(t, table)
	assert.Equal(t, created, info)
	_, devs, err := c.Deps(lv, dm.QueryOptions{})
	require.NoError(t, err)
	assert.Empty(t, devs)

	a := parse(t, "0 2048 linear %s 0\n2048 2048 linear %s 4096\n", disk, disk)
	info, err = c.Load(lv, a, dm.LoadOptions{})
	require.NoError(t, err)
	assert.True(t, info.InactiveTable)
	assert.False(t, info.LiveTable)
	_, table, err = c.Table(lv, dm.QueryOptions{})
	require.NoError(t, err)
	assert.Nil(t, table, "not live yet")
	info, table, err = c.Table(lv, dm.QueryOptions{Inactive: true})
	require.NoError(t, err)
	assert.Equal(t, a, table)
	assert.Equal(t, uint32(2), info.TargetCount)
	_, devs, err = c.Deps(lv, dm.QueryOptions{Inactive: true})
	require.NoError(t, err)
	assert.Equal(t, []dm.Dev{disk}, devs)

	info, err = c.Resume(lv, dm.ResumeOptions{})
	require.NoError(t, err)
	assert.Equal(t, dm.Info{Name: "vg-lv", UUID: "LVM-cycle", Dev: created.Dev, TargetCount: 2, LiveTable: true, UeventGenerated: true}, info)
	_, table, err = c.Table(lv, dm.QueryOptions{})
	require.NoError(t, err)
	assert.Equal(t, a, table)
	assert.Equal(t, umltest.Run(t, "dmsetup", "table", "vg-lv"), table.String())
	assert.Contains(t, umltest.Run(t, "dmsetup", "deps", "vg-lv"), fmt.Sprintf("(%d, %d)", disk.Major(), disk.Minor()))
	_, lines, err := c.TargetStatus(lv, dm.QueryOptions{})
	require.NoError(t, err)
	var status strings.Builder
	for _, l := range lines {
		status.WriteString(l.String() + "\n")
	}
	assert.Equal(t, umltest.Run(t, "dmsetup", "status", "vg-lv"), status.String())

	b := parse(t, "0 4096 striped 2 8 %s 0 %s 4096\n", disk, disk)
	_, err = c.Load(lv, b, dm.LoadOptions{})
	require.NoError(t, err)
	info, err = c.Clear(lv)
	require.NoError(t, err)
	assert.False(t, info.InactiveTable)
	_, err = c.Clear(lv)
	require.NoError(t, err, "nothing to clear")
	_, err = c.Load(lv, b, dm.LoadOptions{})
	require.NoError(t, err)
	info, err = c.Suspend(lv, dm.SuspendOptions{SkipLockFS: true, NoFlush: true})
	require.NoError(t, err)
	assert.True(t, info.Suspended && info.LiveTable && info.InactiveTable)
	assert.Contains(t, umltest.Run(t, "dmsetup", "info", "vg-lv"), "SUSPENDED")
	_, err = c.Suspend(lv, dm.SuspendOptions{})
	require.NoError(t, err, "suspended already")
	info, err = c.Resume(lv, dm.ResumeOptions{})
	require.NoError(t, err)
	assert.False(t, info.Suspended || info.InactiveTable)
	assert.True(t, info.UeventGenerated)
	info, err = c.Resume(lv, dm.ResumeOptions{})
	require.NoError(t, err)
	assert.False(t, info.UeventGenerated, "nothing to resume")
	_, table, err = c.Table(lv, dm.QueryOptions{})
	require.NoError(t, err)
	assert.Equal(t, b, table)
	_, lines, err = c.TargetStatus(lv, dm.QueryOptions{NoFlush: true})
	require.NoError(t, err)
	require.Len(t, lines, 1)
	striped, err := dm.ParseStripedStatus(lines[0].Status)
	require.NoError(t, err)
	assert.Equal(t, []dm.StripeStatus{{Device: disk.String()}, {Device: disk.String()}}, striped.Stripes)

	removed, err := c.Remove(lv, dm.RemoveOptions{Cookie: dm.NoUdevFlags(0)})
	require.NoError(t, err)
	assert.True(t, removed.UeventGenerated)
	assert.Zero(t, removed.EventNr)
	_, err = c.Status(lv)
	assert.ErrorIs(t, err, dm.ErrNotFound)
	assert.ErrorIs(t, err, syscall.ENXIO)
}

// The data gets where the table says.
func TestKernelData(t *testing.T) {
	c := kernel(t)
	path, _ := umltest.Loop(t, int64(units.MiB))
	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	active(t, c, "swapped", parse(t, "0 8 linear %s 8\n8 8 linear %[1]s 0\n16 8 zero\n24 8 error\n",
		dm.MakeDev(unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev)))))
	info, err := c.Status(dm.ByName("swapped"))
	require.NoError(t, err)
	nodes := dm.Nodes{}
	require.NoError(t, nodes.Add("swapped", info.Dev))
	defer func() { assert.NoError(t, nodes.Remove("swapped")) }()

	f, err := os.OpenFile("/dev/mapper/swapped", os.O_RDWR|unix.O_SYNC, 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("first"), 0)
	require.NoError(t, err)
	_, err = f.WriteAt([]byte("second"), 4096)
	require.NoError(t, err)
	zero := []byte("not zero")
	_, err = f.ReadAt(zero, 8192)
	require.NoError(t, err)
	assert.Equal(t, make([]byte, 8), zero)
	_, err = f.ReadAt(zero, 12288)
	assert.ErrorIs(t, err, unix.EIO)
	require.NoError(t, f.Close())

	disk, err := os.Open(path)
	require.NoError(t, err)
	defer disk.Close()
	head := make([]byte, 8192)
	_, err = disk.ReadAt(head, 0)
	require.NoError(t, err)
	assert.Equal(t, "second", string(head[:6]))
	assert.Equal(t, "first", string(head[4096:4101]))
}

func TestKernelErrors(t *testing.T) {
	c := kernel(t)
	disk := loop(t, units.MiB)
	info := active(t, c, "a", parse(t, "0 8 zero\n"))
	a := dm.ByName("a")
	_, err := c.SetUUID("a", "u-a")
	require.NoError(t, err)
	active(t, c, "b", parse(t, "0 8 linear %s 0\n", info.Dev))
	load := func(format string, args ...any) func() error {
		return func() error { _, err := c.Load(a, parse(t, format, args...), dm.LoadOptions{}); return err }
	}
	for name, x := range map[string]struct {
		call func() error
		want error
	}{
		"create twice":       {func() error { _, err := c.Create("a", "", dm.CreateOptions{}); return err }, dm.ErrExists},
		"create uuid twice":  {func() error { _, err := c.Create("c", "u-a", dm.CreateOptions{}); return err }, dm.ErrExists},
		"create minor twice": {func() error { _, err := c.Create("c", "", dm.CreateOptions{Dev: info.Dev}); return err }, dm.ErrExists},
		"remove nothing":     {func() error { _, err := c.Remove(dm.ByName("none"), dm.RemoveOptions{}); return err }, dm.ErrNotFound},
		"remove used":        {func() error { _, err := c.Remove(a, dm.RemoveOptions{}); return err }, dm.ErrBusy},
		"rename nothing":     {func() error { _, err := c.Rename("none", "c", dm.RenameOptions{}); return err }, dm.ErrNotFound},
		"rename to other":    {func() error { _, err := c.Rename("a", "b", dm.RenameOptions{}); return err }, dm.ErrExists},
		"rename to itself":   {func() error { _, err := c.Rename("a", "a", dm.RenameOptions{}); return err }, dm.ErrExists},
		"another uuid":       {func() error { _, err := c.SetUUID("a", "u-2"); return err }, dm.ErrInvalid},
		"taken uuid":         {func() error { _, err := c.SetUUID("b", "u-a"); return err }, dm.ErrExists},
		"suspend nothing":    {func() error { _, err := c.Suspend(dm.ByUUID("none"), dm.SuspendOptions{}); return err }, dm.ErrNotFound},
		"resume nothing":     {func() error { _, err := c.Resume(dm.ByDev(1), dm.ResumeOptions{}); return err }, dm.ErrNotFound},
		"status of nothing":  {func() error { _, err := c.Status(dm.ByUUID("none")); return err }, dm.ErrNotFound},
		"clear nothing":      {func() error { _, err := c.Clear(dm.ByName("none")); return err }, dm.ErrNotFound},
		"table of nothing":   {func() error { _, _, err := c.Table(dm.ByName("none"), dm.QueryOptions{}); return err }, dm.ErrNotFound},
		"deps of nothing":    {func() error { _, _, err := c.Deps(dm.ByName("none"), dm.QueryOptions{}); return err }, dm.ErrNotFound},
		"load to nothing": {func() error {
			_, err := c.Load(dm.ByName("none"), parse(t, "0 8 zero"), dm.LoadOptions{})
			return err
		}, dm.ErrNotFound},
		"unknown type":       {load("0 8 no-such-target\n"), dm.ErrInvalid},
		"bad parameters":     {load("0 7 striped 2 8 %s 0 %[1]s 8\n", disk), dm.ErrInvalid},
		"no such number":     {load("0 8 linear 1000:0 0\n"), dm.ErrNotFound},
		"no such path":       {load("0 8 linear /dev/none 0\n"), dm.ErrNotFound},
		"message to nothing": {func() error { _, _, err := c.Message(dm.ByName("none"), 0, "x"); return err }, dm.ErrNotFound},
		"unknown message":    {func() error { _, _, err := c.Message(a, 0, "x"); return err }, dm.ErrInvalid},
		"message outside":    {func() error { _, _, err := c.Message(a, 9, "x"); return err }, dm.ErrInvalid},
		"no such target":     {func() error { _, err := c.TargetVersion("no-such-target"); return err }, dm.ErrUnsupported},
		"bad geometry": {func() error {
			return c.SetGeometry(a, dm.Geometry{Cylinders: 1 << 20, Heads: 1, SectorsPerTrack: 1})
		}, dm.ErrInvalid},
	} {
		err := x.call()
		assert.ErrorIs(t, err, x.want, name)
		var e *dm.Error
		if assert.ErrorAs(t, err, &e, name) {
			assert.NotZero(t, e.Errno, name)
		}
	}
	// A device must not be without its user at the end.
	_, err = c.Remove(dm.ByName("b"), dm.RemoveOptions{})
	require.NoError(t, err)
}

// A table that does not fit costs a later resume the inactive table, and leaves
// the old one suspended.
func TestKernelResumeFails(t *testing.T) {
	c := kernel(t)
	disk := loop(t, units.MiB)
	good := parse(t, "0 8 linear %s 0\n", disk)
	bad := parse(t, "0 8 linear %s 2048\n", disk)
	_, err := c.Create("fresh", "", dm.CreateOptions{})
	require.NoError(t, err)
	_, err = c.Load(dm.ByName("fresh"), bad, dm.LoadOptions{})
	assert.ErrorIs(t, err, dm.ErrInvalid, "the first table is looked at when it is loaded")
	_, err = c.Remove(dm.ByName("fresh"), dm.RemoveOptions{})
	require.NoError(t, err)

	active(t, c, "a", good)
	a := dm.ByName("a")
	_, err = c.Load(a, bad, dm.LoadOptions{})
	require.NoError(t, err)
	_, err = c.Resume(a, dm.ResumeOptions{})
	assert.ErrorIs(t, err, dm.ErrInvalid)
	info, table, err := c.Table(a, dm.QueryOptions{})
	require.NoError(t, err)
	assert.True(t, info.Suspended && info.LiveTable && !info.InactiveTable)
	assert.Equal(t, good, table)
	info, err = c.Resume(a, dm.ResumeOptions{})
	require.NoError(t, err)
	assert.False(t, info.Suspended)
}

func TestKernelDeferredRemove(t *testing.T) {
	c := kernel(t)
	below := active(t, c, "below", parse(t, "0 8 zero\n"))
	active(t, c, "above", parse(t, "0 8 linear %s 0\n", below.Dev))
	info, err := c.Status(dm.ByName("below"))
	require.NoError(t, err)
	assert.Equal(t, int32(1), info.OpenCount)

	info, err = c.Remove(dm.ByName("below"), dm.RemoveOptions{Deferred: true})
	require.NoError(t, err)
	assert.True(t, info.DeferredRemove)
	assert.False(t, info.UeventGenerated)
	info, err = c.Status(dm.ByName("below"))
	require.NoError(t, err)
	assert.True(t, info.DeferredRemove)
	_, _, err = c.Message(dm.ByName("below"), 0, "@cancel_deferred_remove")
	require.NoError(t, err)
	info, err = c.Status(dm.ByName("below"))
	require.NoError(t, err)
	assert.False(t, info.DeferredRemove)

	_, err = c.Remove(dm.ByName("below"), dm.RemoveOptions{Deferred: true})
	require.NoError(t, err)
	_, err = c.Remove(dm.ByName("above"), dm.RemoveOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, err := c.Status(dm.ByName("below"))
		return errors.Is(err, dm.ErrNotFound)
	}, 10*time.Second, 10*time.Millisecond)
}

func TestKernelRename(t *testing.T) {
	c := kernel(t)
	info := active(t, c, "old", parse(t, "0 8 zero\n"))
	renamed, err := c.Rename("old", "new name%\n", dm.RenameOptions{})
	require.NoError(t, err)
	assert.Equal(t, "new name%\n", renamed.Name)
	assert.Equal(t, info.Dev, renamed.Dev)
	assert.True(t, renamed.UeventGenerated)
	found, err := c.Status(dm.ByName("new name%\n"))
	require.NoError(t, err)
	assert.Equal(t, info.EventNr+1, found.EventNr)
	_, err = c.Suspend(dm.ByDev(info.Dev), dm.SuspendOptions{})
	require.NoError(t, err)
	long := strings.Repeat("n", 127)
	_, err = c.Rename("new name%\n", long, dm.RenameOptions{})
	require.NoError(t, err)
	uuid := strings.Repeat("u", 128)
	set, err := c.SetUUID(long, uuid)
	require.NoError(t, err)
	assert.Equal(t, uuid, set.UUID)
	found, err = c.Status(dm.ByUUID(uuid))
	require.NoError(t, err)
	assert.Equal(t, long, found.Name)
	assert.Equal(t, uuid, found.UUID)
	list, err := c.Devices(dm.ListOptions{NamePrefix: "nnn", UUIDPrefix: "uuu"})
	require.NoError(t, err)
	assert.Equal(t, []dm.Device{{Dev: info.Dev, Name: long, UUID: uuid, EventNr: found.EventNr}}, list)
	_, err = c.Resume(dm.ByDev(info.Dev), dm.ResumeOptions{})
	require.NoError(t, err)
}

func TestKernelReadOnly(t *testing.T) {
	c := kernel(t)
	disk := loop(t, units.MiB)
	_, err := c.Create("ro", "", dm.CreateOptions{})
	require.NoError(t, err)
	ro := dm.ByName("ro")
	defer func() { _, err := c.Remove(ro, dm.RemoveOptions{}); assert.NoError(t, err) }()
	_, err = c.Load(ro, parse(t, "0 8 linear %s 0\n", disk), dm.LoadOptions{ReadOnly: true})
	require.NoError(t, err)
	info, _, err := c.Table(ro, dm.QueryOptions{Inactive: true})
	require.NoError(t, err)
	assert.True(t, info.ReadOnly)
	info, err = c.Resume(ro, dm.ResumeOptions{})
	require.NoError(t, err)
	assert.True(t, info.ReadOnly)
	assert.Contains(t, umltest.Run(t, "dmsetup", "info", "ro"), "READ-ONLY")
	_, err = c.Load(ro, parse(t, "0 8 linear %s 0\n", disk), dm.LoadOptions{})
	require.NoError(t, err)
	info, _, err = c.Table(ro, dm.QueryOptions{Inactive: true})
	require.NoError(t, err)
	assert.False(t, info.ReadOnly)
	info, err = c.Resume(ro, dm.ResumeOptions{})
	require.NoError(t, err)
	assert.False(t, info.ReadOnly)
}

func TestKernelPersistentNumber(t *testing.T) {
	c := kernel(t)
	info, err := c.Create("p", "", dm.CreateOptions{Dev: dm.MakeDev(0, 1000)})
	require.NoError(t, err)
	assert.Equal(t, uint32(1000), info.Dev.Minor())
	assert.NotZero(t, info.Dev.Major(), "the kernel's choice")
	_, err = c.Remove(dm.ByDev(info.Dev), dm.RemoveOptions{})
	require.NoError(t, err)
}

func TestKernelTargets(t *testing.T) {
	c := kernel(t)
	v, err := c.Version()
	require.NoError(t, err)
	assert.True(t, v.AtLeast(4, 0))
	versions := umltest.Run(t, "dmsetup", "targets")
	targets, err := c.Targets()
	require.NoError(t, err)
	assert.Len(t, targets, strings.Count(versions, "\n"))
	for _, x := range targets {
		assert.Regexp(t, `(?m)^`+x.Name+` +v`+x.Version.String()+`$`, versions)
		got, err := c.TargetVersion(x.Name)
		require.NoError(t, err)
		assert.Equal(t, x.Version, got, x.Name)
	}
}

func TestKernelMessage(t *testing.T) {
	c := kernel(t)
	active(t, c, "a", parse(t, "0 2048 zero\n"))
	a := dm.ByName("a")
	text, replied, err := c.Message(a, 0, "@stats_create - 64 program aux")
	require.NoError(t, err)
	assert.True(t, replied)
	assert.Equal(t, "0", text)
	text, replied, err = c.Message(a, 0, "@stats_list")
	require.NoError(t, err)
	assert.True(t, replied)
	assert.Equal(t, "0: 0+2048 64 program aux\n", text)
	text, _, err = c.Message(a, 0, "@stats_print 0")
	require.NoError(t, err)
	assert.Equal(t, 32, strings.Count(text, "\n"))
	_, replied, err = c.Message(a, 0, "@stats_delete 0")
	require.NoError(t, err)
	assert.False(t, replied)

	// 2048 areas have more text than the first buffer holds.
	_, _, err = c.Message(a, 0, "@stats_create - 1 program aux")
	require.NoError(t, err)
	tries := 0
	for ; ; tries++ {
		text, _, err = c.Message(a, 0, "@stats_print 0")
		if tries > 10 || err == nil {
			break
		}
		require.ErrorIs(t, err, dm.ErrTooLarge)
	}
	require.NoError(t, err)
	assert.Positive(t, tries)
	assert.Equal(t, 2048, strings.Count(text, "\n"))
	_, _, err = c.Message(a, 0, "@stats_delete 0")
	require.NoError(t, err)
}

func TestKernelGeometry(t *testing.T) {
	c := kernel(t)
	info := active(t, c, "g", parse(t, "0 204800 zero\n"))
	require.NoError(t, c.SetGeometry(dm.ByName("g"), dm.Geometry{Cylinders: 203, Heads: 16, SectorsPerTrack: 63}))
	f, err := os.Open(fmt.Sprintf("/dev/dm-%d", info.Dev.Minor()))
	require.NoError(t, err)
	defer f.Close()
	// struct hd_geometry: heads, sectors, cylinders.
	raw, err := unix.IoctlGetUint32(int(f.Fd()), 0x301)
	require.NoError(t, err)
	assert.Equal(t, uint32(16|63<<8|203<<16), raw)
}

func TestKernelLargeReplies(t *testing.T) {
	c := kernel(t)
	var lines strings.Builder
	const n = 2000
	for i := range n {
		fmt.Fprintf(&lines, "%d 8 %s\n", 8*i, []string{"zero", "error"}[i%2])
	}
	table := parse(t, "%s", lines.String())
	active(t, c, "many", table)
	info, got, err := c.Table(dm.ByName("many"), dm.QueryOptions{})
	require.NoError(t, err)
	assert.Equal(t, uint32(n), info.TargetCount)
	assert.Equal(t, table, got)
	_, status, err := c.TargetStatus(dm.ByName("many"), dm.QueryOptions{})
	require.NoError(t, err)
	assert.Len(t, status, n)

	fresh, err := dm.Open()
	require.NoError(t, err)
	defer fresh.Close()
	const devices = 400
	for i := range devices {
		name := fmt.Sprintf("dev-%03d", i)
		uuid := ""
		if i%3 > 0 {
			uuid = fmt.Sprintf("TEST-%03d", i)
		}
		_, err := c.Create(name, uuid, dm.CreateOptions{})
		require.NoError(t, err)
	}
	list, err := fresh.Devices(dm.ListOptions{NamePrefix: "dev-"})
	require.NoError(t, err)
	require.Len(t, list, devices)
	for i, d := range list {
		assert.Equal(t, fmt.Sprintf("dev-%03d", i), d.Name)
		if i%3 > 0 {
			assert.Equal(t, fmt.Sprintf("TEST-%03d", i), d.UUID)
		} else {
			assert.Empty(t, d.UUID)
		}
	}
	all, err := c.Devices(dm.ListOptions{})
	require.NoError(t, err)
	assert.Len(t, all, devices+1)
	some, err := c.Devices(dm.ListOptions{NamePrefix: "dev-1", UUIDPrefix: "TEST-1"})
	require.NoError(t, err)
	assert.Len(t, some, 67)
	none, err := c.Devices(dm.ListOptions{UUIDPrefix: "none"})
	require.NoError(t, err)
	assert.Empty(t, none)
	for _, d := range list {
		_, err := c.Remove(dm.ByDev(d.Dev), dm.RemoveOptions{})
		require.NoError(t, err)
	}
}

func TestKernelEmptyList(t *testing.T) {
	c := kernel(t)
	list, err := c.Devices(dm.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, list)
	assert.Equal(t, "No devices found\n", umltest.Run(t, "dmsetup", "ls"))
}

func TestKernelRemoveAll(t *testing.T) {
	c := kernel(t)
	for _, name := range []string{"a", "b", "c"} {
		_, err := c.Create(name, "", dm.CreateOptions{})
		require.NoError(t, err)
	}
	require.NoError(t, c.RemoveAll())
	list, err := c.Devices(dm.ListOptions{})
	require.NoError(t, err)
	assert.Empty(t, list)
}

func TestKernelDepsOrder(t *testing.T) {
	c := kernel(t)
	x, y := loop(t, units.MiB), loop(t, units.MiB)
	active(t, c, "d", parse(t, "0 8 linear %s 0\n8 8 linear %s 0\n16 8 linear %[1]s 8\n", x, y))
	_, devs, err := c.Deps(dm.ByName("d"), dm.QueryOptions{})
	require.NoError(t, err)
	assert.Equal(t, []dm.Dev{y, x}, devs, "the last one first")
}

func TestKernelWait(t *testing.T) {
	c := kernel(t)
	info := active(t, c, "w", parse(t, "0 8 zero\n"))
	w := dm.ByDev(info.Dev)

	now, _, err := c.Wait(context.Background(), w, info.EventNr+1)
	require.NoError(t, err, "a number that it is not")
	assert.Equal(t, info.EventNr, now.EventNr)

	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_, _, err = c.Wait(ctx, w, info.EventNr)
	assert.ErrorIs(t, err, context.DeadlineExceeded)
	_, _, err = c.Wait(ctx, w, info.EventNr)
	assert.ErrorIs(t, err, context.DeadlineExceeded, "done before")

	type result struct {
		info  dm.Info
		lines []dm.StatusLine
		err   error
	}
	wait := func() chan result {
		ch := make(chan result, 1)
		go func() {
			info, lines, err := c.Wait(context.Background(), w, info.EventNr)
			ch <- result{info, lines, err}
		}()
		select {
		case r := <-ch:
			t.Errorf("did not wait: %+v", r)
		case <-time.After(50 * time.Millisecond):
		}
		return ch
	}
	ch := wait()
	// Events of others do not end it.
	active(t, c, "other", parse(t, "0 8 zero\n"))
	select {
	case r := <-ch:
		t.Errorf("woken by another device: %+v", r)
	case <-time.After(50 * time.Millisecond):
	}
	_, err = c.Rename("w", "w2", dm.RenameOptions{})
	require.NoError(t, err)
	r := <-ch
	require.NoError(t, r.err)
	assert.Equal(t, info.EventNr+1, r.info.EventNr)
	assert.Equal(t, "w2", r.info.Name)
	assert.Len(t, r.lines, 1)

	info = r.info
	ch = wait()
	_, err = c.Remove(w, dm.RemoveOptions{})
	require.NoError(t, err)
	r = <-ch
	assert.ErrorIs(t, r.err, dm.ErrNotFound)
}

func TestKernelEvents(t *testing.T) {
	c := kernel(t)
	e, err := c.Events()
	require.NoError(t, err)
	defer e.Close()
	quiet := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
		defer cancel()
		assert.ErrorIs(t, e.Wait(ctx), context.DeadlineExceeded)
	}
	happens := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		assert.NoError(t, e.Wait(ctx))
		assert.NoError(t, e.Wait(ctx), "still so until armed again")
		assert.NoError(t, e.Arm())
		quiet()
	}
	require.NoError(t, e.Arm())
	quiet()
	_, err = c.Create("e", "", dm.CreateOptions{})
	require.NoError(t, err)
	happens()
	_, err = c.Load(dm.ByName("e"), parse(t, "0 8 zero\n"), dm.LoadOptions{})
	require.NoError(t, err)
	quiet()
	_, err = c.Resume(dm.ByName("e"), dm.ResumeOptions{})
	require.NoError(t, err)
	happens()
	_, err = c.Rename("e", "e2", dm.RenameOptions{})
	require.NoError(t, err)
	happens()
	_, err = c.Remove(dm.ByName("e2"), dm.RemoveOptions{})
	require.NoError(t, err)
	happens()

	done := make(chan error, 1)
	go func() { done <- e.Wait(context.Background()) }()
	time.Sleep(20 * time.Millisecond)
	require.NoError(t, e.Close())
	select {
	case err := <-done:
		assert.ErrorIs(t, err, os.ErrClosed)
	case <-time.After(10 * time.Second):
		t.Error("close does not end a wait")
	}
	assert.ErrorIs(t, e.Arm(), os.ErrClosed)
	assert.ErrorIs(t, e.Wait(context.Background()), os.ErrClosed)
}

func TestKernelConcurrent(t *testing.T) {
	c := kernel(t)
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			name := fmt.Sprintf("c%d", i)
			for range 20 {
				_, err := c.Create(name, "", dm.CreateOptions{})
				assert.NoError(t, err)
				_, err = c.Load(dm.ByName(name), dm.Table{{Length: 8, Target: dm.Zero{}}}, dm.LoadOptions{})
				assert.NoError(t, err)
				_, err = c.Resume(dm.ByName(name), dm.ResumeOptions{})
				assert.NoError(t, err)
				_, err = c.Devices(dm.ListOptions{})
				assert.NoError(t, err)
				_, err = c.Remove(dm.ByName(name), dm.RemoveOptions{})
				assert.NoError(t, err)
			}
		})
	}
	wg.Wait()
}

func TestKernelClose(t *testing.T) {
	umltest.NeedKernel(t)
	c, err := dm.Open()
	require.NoError(t, err)
	require.NoError(t, c.Close())
	require.NoError(t, c.Close())
	_, err = c.Version()
	assert.ErrorIs(t, err, os.ErrClosed)
	_, err = c.Devices(dm.ListOptions{})
	assert.ErrorIs(t, err, os.ErrClosed)
}

func TestKernelControlNode(t *testing.T) {
	umltest.NeedKernel(t)
	const path = "/dev/mapper/control"
	opens := func() {
		t.Helper()
		c, err := dm.Open()
		require.NoError(t, err)
		_, err = c.Version()
		assert.NoError(t, err)
		require.NoError(t, c.Close())
	}
	opens()
	var before, after unix.Stat_t
	require.NoError(t, unix.Stat(path, &before))
	require.NoError(t, os.Remove(path))
	opens()
	require.NoError(t, unix.Stat(path, &after))
	assert.Equal(t, before.Rdev, after.Rdev)
	assert.Equal(t, uint32(unix.S_IFCHR|0o600), after.Mode)

	require.NoError(t, os.Remove(path))
	require.NoError(t, unix.Mknod(path, unix.S_IFCHR|0o600, int(unix.Mkdev(1, 3))))
	opens()
	require.NoError(t, unix.Stat(path, &after))
	assert.Equal(t, before.Rdev, after.Rdev, "the node of another device is replaced")

	require.NoError(t, os.Remove(path))
	require.NoError(t, os.WriteFile(path, []byte("mine"), 0o600))
	_, err := dm.Open()
	assert.ErrorIs(t, err, dm.ErrNoControl)
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "mine", string(kept), "a file is not replaced")
	require.NoError(t, os.Remove(path))
	opens()
}

func TestKernelPermission(t *testing.T) {
	umltest.NeedKernel(t)
	result := make(chan error, 1)
	go func() {
		// The thread has lost its rights, and ends with the goroutine.
		runtime.LockOSThread()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			result <- err
			return
		}
		_, err := dm.Open()
		result <- err
	}()
	err := <-result
	assert.ErrorIs(t, err, dm.ErrPermission)
	assert.ErrorIs(t, err, syscall.EACCES)
}
