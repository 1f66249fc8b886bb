package dmfake_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/dmfake"
	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write what the kernel does to testdata")

const diskSize = 2 * units.MiB

// scenarios are played with the real kernel and with the fake. Each is recorded
// in testdata.
var scenarios = []struct {
	name string
	play func(p *player)
}{
	{"scenario", play},
	{"snapshots", playSnapshots},
	{"snapshot-rules", playSnapshotRules},
	{"mirrors", playMirrors},
	{"mirror-log", playMirrorLog},
	{"thin", playThin},
	{"thin-space", playThinSpace},
	{"thin-external", playThinExternal},
	{"raid1", playRAID1},
	{"raid", playRAID},
	{"reshape", playReshape},
	{"caches", playCaches},
	{"writecache", playWriteCache},
	{"integrity", playIntegrity},
}

func recorded(name string) string { return "testdata/" + name + ".txt" }

// player goes through the scenario with a device-mapper, real or not, and writes
// down what that says. Numbers of devices, which differ, become names.
type player struct {
	m    dmfake.Mapper
	disk dm.Dev
	io   func(name string, dev dm.Dev, p []byte, off int64, write bool) error
	devs map[dm.Dev]string
	// anyEvent says that events are not counted, as there is no telling how many
	// there will be.
	anyEvent bool
	out      strings.Builder
}

func newPlayer(m dmfake.Mapper, disk dm.Dev) *player {
	return &player{m: m, disk: disk, devs: map[dm.Dev]string{disk: "disk"}}
}

func (p *player) name(dev dm.Dev) string {
	if name, ok := p.devs[dev]; ok {
		return name
	}
	return "?" + dev.String()
}

func (p *player) note(format string, args ...any) { fmt.Fprintf(&p.out, format+"\n", args...) }

func (p *player) info(what string, info dm.Info, err error) {
	if err != nil {
		p.failed(what, err)
		return
	}
	var flags []string
	add := func(on bool, name string) {
		if on {
			flags = append(flags, name)
		}
	}
	add(info.Suspended, "suspended")
	add(info.ReadOnly, "ro")
	add(info.LiveTable, "live")
	add(info.InactiveTable, "inactive")
	add(info.DeferredRemove, "deferred")
	add(info.InternalSuspend, "internal")
	add(info.UeventGenerated, "uevent")
	event := info.EventNr
	if p.anyEvent {
		event = 0
	}
	p.note("%s: %s uuid=%q dev=%s open=%d targets=%d event=%d [%s]", what, info.Name, info.UUID, p.name(info.Dev),
		info.OpenCount, info.TargetCount, event, strings.Join(flags, " "))
}

func (p *player) failed(what string, err error) {
	var e *dm.Error
	if !errors.As(err, &e) {
		p.note("%s: %v", what, err)
		return
	}
	errno := map[syscall.Errno]string{
		0: "-", syscall.ENXIO: "ENXIO", syscall.EBUSY: "EBUSY", syscall.EINVAL: "EINVAL", syscall.ENODEV: "ENODEV", syscall.EIO: "EIO",
		syscall.ENODATA: "ENODATA", syscall.EEXIST: "EEXIST", syscall.EOPNOTSUPP: "EOPNOTSUPP", syscall.EILSEQ: "EILSEQ", syscall.ENOTBLK: "ENOTBLK", syscall.EPERM: "EPERM",
	}[e.Errno]
	kind := "-"
	for name, k := range map[string]error{
		"ErrNotFound": dm.ErrNotFound, "ErrExists": dm.ErrExists, "ErrBusy": dm.ErrBusy, "ErrInvalid": dm.ErrInvalid,
	} {
		if errors.Is(err, k) {
			kind = name
		}
	}
	p.note("%s: fails with %s, %s", what, errno, kind)
}

// look writes down all that there is to know about the device.
func (p *player) look(name string) {
	r := dm.ByName(name)
	info, err := p.m.Status(r)
	p.info("  status", info, err)
	if err != nil {
		return
	}
	for _, inactive := range []bool{false, true} {
		o := dm.QueryOptions{Inactive: inactive}
		info, table, err := p.m.Table(r, o)
		p.info(fmt.Sprintf("  inactive=%v", inactive), info, err)
		p.text(table.String())
		_, lines, err := p.m.TargetStatus(r, o)
		if err != nil {
			p.failed("  target status", err)
		}
		for _, l := range lines {
			p.text("status " + l.String() + "\n")
		}
		_, devs, err := p.m.Deps(r, o)
		if err != nil {
			p.failed("  deps", err)
		}
		for _, d := range devs {
			p.note("    on %s", p.name(d))
		}
	}
}

func (p *player) text(lines string) {
	for line := range strings.Lines(lines) {
		words := strings.Split(strings.TrimSuffix(line, "\n"), " ")
		for i, w := range words {
			key, device := "", w
			if rest, ok := strings.CutPrefix(w, "meta_device:"); ok {
				key, device = "meta_device:", rest
			}
			if d, err := dm.ParseDev(device); err == nil {
				words[i] = key + p.name(d)
			}
		}
		p.note("    %s", strings.TrimRight(strings.Join(words, " "), " "))
	}
}

func (p *player) list() {
	devices, err := p.m.Devices(dm.ListOptions{})
	if err != nil {
		p.failed("list", err)
	}
	p.note("list:")
	for _, d := range devices {
		p.note("    %s uuid=%q dev=%s event=%d", d.Name, d.UUID, p.name(d.Dev), d.EventNr)
	}
}

func (p *player) create(name, uuid string) {
	info, err := p.m.Create(name, uuid, dm.CreateOptions{})
	if err == nil {
		p.devs[info.Dev] = name
	}
	p.info("create "+name, info, err)
}

func (p *player) load(name, text string, o dm.LoadOptions) {
	p.note("load %s %s", name, strings.ReplaceAll(text, "\n", "; "))
	for d, n := range p.devs {
		text = strings.ReplaceAll(text, "<"+n+">", d.String())
	}
	table, err := dm.ParseTable(text)
	if err != nil {
		p.note("  %v", err)
		return
	}
	info, err := p.m.Load(dm.ByName(name), table, o)
	p.info("  gives", info, err)
}

func (p *player) suspend(name string) {
	info, err := p.m.Suspend(dm.ByName(name), dm.SuspendOptions{})
	p.info("suspend "+name, info, err)
}

func (p *player) resume(name string) {
	info, err := p.m.Resume(dm.ByName(name), dm.ResumeOptions{Cookie: 0x400001})
	p.info("resume "+name, info, err)
}

func (p *player) clear(name string) {
	info, err := p.m.Clear(dm.ByName(name))
	p.info("clear "+name, info, err)
}

func (p *player) rename(name, newName string) {
	info, err := p.m.Rename(name, newName, dm.RenameOptions{Cookie: 0x400001})
	p.info("rename "+name+" "+newName, info, err)
}

func (p *player) setUUID(name, uuid string) {
	info, err := p.m.SetUUID(name, uuid)
	p.info("set uuid "+name+" "+uuid, info, err)
}

func (p *player) remove(name string, deferred bool) {
	info, err := p.m.Remove(dm.ByName(name), dm.RemoveOptions{Deferred: deferred, Cookie: 0x400001})
	p.info(fmt.Sprintf("remove %s deferred=%v", name, deferred), info, err)
}

func (p *player) message(name string, sector units.Sectors, text string) {
	reply, replied, err := p.m.Message(dm.ByName(name), sector, text)
	if err != nil {
		p.failed("message", err)
		return
	}
	p.note("message: %q %v", reply, replied)
}

func play(p *player) {
	m := p.m
	rw, ro := dm.LoadOptions{}, dm.LoadOptions{ReadOnly: true}

	p.note("# A device without a table.")
	p.list()
	p.create("a", "u-a")
	p.look("a")
	p.create("a", "")
	p.create("b", "u-a")
	p.resume("a")
	p.clear("a")
	p.message("a", 0, "x")
	if err := m.SetGeometry(dm.ByName("a"), dm.Geometry{Cylinders: 1, Heads: 1, SectorsPerTrack: 1}); err != nil {
		p.failed("geometry a", err)
	}
	p.rename("a", "a2")
	p.rename("a2", "a")
	p.suspend("a")
	p.look("a")
	p.resume("a")
	p.look("a")
	p.remove("a", false)

	p.note("# The first table.")
	p.create("a", "")
	p.load("a", "0 8 no-such-target", rw)
	p.load("a", "0 8 linear 1000:0 0", rw)
	p.load("a", "0 8 linear /dev/mapper/none 0", rw)
	p.load("a", "0 8 linear <disk> 4096", rw)
	p.load("a", "0 8 linear <disk> 4095\n8 8 zero", rw)
	p.look("a")
	p.load("a", "0 8 linear <disk> 0\n8 8 zero\n16 64 striped 2 16 <disk> 64 <disk> 128", rw)
	p.look("a")
	p.setUUID("a", "u-a")
	p.setUUID("a", "u-b")
	p.rename("a", "a2")
	p.rename("a2", "a")
	p.resume("a")
	p.look("a")
	p.setUUID("a", "u-a")

	p.note("# Other tables.")
	p.resume("a")
	p.load("a", "0 16 zero", ro)
	p.look("a")
	p.clear("a")
	p.clear("a")
	p.load("a", "0 16 zero", ro)
	p.load("a", "0 24 zero", ro)
	p.suspend("a")
	p.suspend("a")
	p.look("a")
	p.resume("a")
	p.look("a")
	p.load("a", "0 8 linear <disk> 0", rw)
	p.resume("a")
	p.look("a")
	p.message("a", 8, "x")

	p.note("# A table that does not fit.")
	p.load("a", "0 8 linear <disk> 4096", rw)
	p.resume("a")
	p.look("a")
	p.resume("a")
	p.look("a")

	p.note("# Rename.")
	p.create("b", "u-b")
	p.rename("a", "b")
	p.rename("a", "a")
	p.rename("none", "x")
	p.rename("a", "a2")
	p.look("a2")
	p.suspend("a2")
	p.rename("a2", "a")
	p.setUUID("b", "u-c")
	p.setUUID("a", "u-b")
	p.resume("a")
	p.list()

	p.note("# A device on another.")
	p.load("b", "0 8 linear <a> 0", rw)
	p.look("a")
	p.remove("a", false)
	p.resume("b")
	p.look("a")
	p.load("b", "0 8 linear <a> 0", rw)
	p.look("a")
	p.load("b", "0 4 linear <a> 0\n4 4 linear <a> 4", ro)
	p.look("a")
	p.resume("b")
	p.look("a")
	p.load("b", "0 8 zero", rw)
	p.look("a")
	p.resume("b")
	p.look("a")
	p.load("b", "0 8 linear <a> 4", rw)
	p.resume("b")
	p.look("b")
	p.load("b", "0 8 linear <a> 0", rw)
	p.resume("b")
	p.load("a", "0 4 linear <disk> 0", rw)
	p.resume("a")
	p.look("b")
	p.create("c", "")
	p.load("b", "0 8 linear <c> 0", rw)
	p.load("c", "0 8 zero", rw)
	p.load("b", "0 8 linear <c> 0", rw)
	p.look("c")
	p.clear("b")
	p.look("c")

	p.note("# Removal.")
	p.remove("none", false)
	p.remove("c", false)
	p.remove("a", false)
	p.suspend("a")
	p.remove("a", true)
	p.look("a")
	p.remove("b", true)
	for range 100 { // at the last close, in the background
		if _, err := m.Status(dm.ByName("a")); err != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	p.look("a")
	p.look("b")
	p.list()
}

// fakeIO reads or writes a device of the fake.
func fakeIO(k *dmfake.Kernel) func(string, dm.Dev, []byte, int64, bool) error {
	return func(name string, _ dm.Dev, b []byte, off int64, write bool) error {
		if write {
			return k.WriteDevice(name, b, off)
		}
		return k.ReadDevice(name, b, off)
	}
}

func TestScenario(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(recorded(s.name))
			require.NoError(t, err)
			k := dmfake.New()
			disk := dm.MakeDev(7, 0)
			k.AddDisk(disk, diskSize.Sectors())
			p := newPlayer(k, disk)
			p.io = fakeIO(k)
			s.play(p)
			require.Equal(t, string(want), p.out.String())
			require.Empty(t, k.State())
		})
	}
}
