package lvm

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// killScenario is an operation in the midst of which a process dies, at each of
// its calls and steps.
type killScenario struct {
	name string
	// setup makes what there is before of the group vg0, which has the volumes
	// data, striped and other, and of three physical volumes an empty one.
	setup func(r *killRun)
	do    func(ctx context.Context, sys *System, devices []string) error
	// long: it takes so many calls that not all of them are tried each time.
	long bool
	// slow: bringing it in order takes so long that few of them are.
	slow bool
	// check checks what is particular to the operation, once all has been brought
	// in order. It may go on to the operation's end.
	check func(r *killRun, vg *VolumeGroup)
}

// killScenarios are those of all topics.
func killScenarios() []killScenario {
	return slices.Concat(killBasics(), killSnapshots(), killThin(), killMoves(), killCache(), killRAID(), killStacks())
}

func killBasics() []killScenario {
	return []killScenario{
		{name: "create, extend and rename", do: func(ctx context.Context, sys *System, _ []string) error {
			return sys.Update(ctx, "vg0", func(tx *Tx) error {
				return joinErrors(tx.addLV("new", 3, 1), tx.ExtendLV("data", ExtendSpec{By: ExtentCount(9)}), tx.RenameLV("other", "another"))
			})
		}},
	}
}

// killDiskSize is small, as it is read again for each end.
const killDiskSize = 4 << 20

// killRun is a scenario that is gone through again and again from the same
// start.
type killRun struct {
	*testing.T
	killScenario
	devices []string
	sys     *System
	control *dm.Control
	saved   [][]byte               // of the devices
	want    map[metadata.ID][]byte // what volumes hold
	where   string
	// merged and unmerged are what data holds after a merge and before.
	merged, unmerged []byte
	ends             int // of moves
}

func newKillRun(t *testing.T, s killScenario) *killRun {
	r := &killRun{T: t, killScenario: s, want: map[metadata.ID][]byte{}, where: "setup"}
	r.sys, r.devices = kernelSystem(t, 3, killDiskSize)
	var err error
	r.control, err = dm.Open()
	require.NoError(t, err)
	t.Cleanup(func() {
		r.clear()
		assert.NoError(t, r.control.Close())
	})
	r.update(func(tx *Tx) error {
		return joinErrors(
			tx.CreateVG(VGSpec{PVs: r.devices, ExtentSize: 16 * KiB, PV: areaSpec(OneArea)}),
			tx.addLV("data", 20, 1), tx.addLV("striped", 8, 2), tx.addLV("other", 5, 1))
	})
	for _, name := range []string{"data", "striped", "other"} {
		r.fill(name)
	}
	if s.setup != nil {
		s.setup(r)
	}
	for _, path := range r.devices {
		d, err := openFileDevice(path, false)
		require.NoError(t, err)
		b := make([]byte, killDiskSize)
		_, err = d.ReadAt(b, 0)
		require.NoError(t, err)
		require.NoError(t, d.Close())
		r.saved = append(r.saved, b)
	}
	return r
}

func (r *killRun) update(fn func(*Tx) error) {
	r.Helper()
	require.NoError(r, r.sys.Update(context.Background(), "vg0", fn), r.where)
}

// volume returns a volume as it is now.
func (r *killRun) volume(name string) *LogicalVolume {
	r.Helper()
	vg, err := r.sys.VG(context.Background(), "vg0")
	require.NoError(r, err, r.where)
	lv, err := vg.LV(name)
	require.NoError(r, err, r.where)
	return lv
}

// fill writes a pattern over a volume, which has to stay there.
func (r *killRun) fill(name string) {
	r.Helper()
	lv := r.volume(name)
	p := pattern(lv.ID(), lv.Size())
	r.write(lv.Path(), p, 0)
	r.want[lv.ID()] = p
}

// write writes to a device, all the way down.
func (r *killRun) write(path string, p []byte, off int64) {
	r.Helper()
	d, err := openFileDevice(path, true)
	require.NoError(r, err, r.where)
	_, err = d.WriteAt(p, off)
	require.NoError(r, err, r.where)
	require.NoError(r, d.Sync(), r.where)
	require.NoError(r, d.Close(), r.where)
}

// holds checks what a device holds.
func (r *killRun) holds(path string, want []byte) {
	r.Helper()
	d, err := openFileDevice(path, false)
	require.NoError(r, err, r.where)
	got := make([]byte, len(want))
	_, err = d.ReadAt(got, 0)
	require.NoError(r, err, "%s: %s", r.where, path)
	require.NoError(r, d.Close())
	for at := 0; at < len(got); at += 4096 {
		end := min(at+4096, len(got))
		require.True(r, bytes.Equal(want[at:end], got[at:end]), "%s: %s differs at byte %d", r.where, path, at)
	}
}

// holdsAll checks what the volumes hold that are there, as far as they reach.
func (r *killRun) holdsAll(vg *VolumeGroup) {
	r.Helper()
	for id, want := range r.want {
		if lv, err := vg.LV(id.String()); err == nil && lv.Active() {
			r.holds(lv.Path(), want[:min(len(want), int(lv.Size()))])
		}
	}
}

// clear removes all mapped devices and their nodes, whatever became of them.
func (r *killRun) clear() {
	list, err := r.control.Devices(dm.ListOptions{})
	require.NoError(r, err)
	for _, d := range list { // a suspended one would make blkid and its like wait
		if info, err := r.control.Status(dm.ByDev(d.Dev)); err == nil && info.InactiveTable {
			_, err = r.control.Clear(dm.ByDev(d.Dev))
			require.NoError(r, err)
		}
	}
	require.NoError(r, r.control.RemoveAll())
	nodes, err := filepath.Glob("/dev/mapper/vg0-*")
	require.NoError(r, err)
	for _, n := range nodes {
		require.NoError(r, os.Remove(n))
	}
	require.NoError(r, os.RemoveAll("/dev/vg0"))
}

// restore goes back to the start.
func (r *killRun) restore() {
	r.Helper()
	r.rewind()
	r.reopen()
	r.update((*Tx).ActivateAll)
}

// reopen does what a new process would begin with.
func (r *killRun) reopen() {
	r.Helper()
	sys, err := Open(Config{Devices: r.devices})
	require.NoError(r, err)
	require.NoError(r, r.sys.Close())
	r.sys = sys
}

// rewind puts on the devices what was on them at the start.
func (r *killRun) rewind() {
	r.Helper()
	r.clear()
	const piece = 64 << 10
	got := make([]byte, piece)
	for i, path := range r.devices {
		d, err := openFileDevice(path, true)
		require.NoError(r, err)
		for at := 0; at < len(r.saved[i]); at += piece {
			want := r.saved[i][at : at+piece]
			_, err := d.ReadAt(got, int64(at))
			require.NoError(r, err)
			if !bytes.Equal(got, want) {
				_, err = d.WriteAt(want, int64(at))
				require.NoError(r, err)
			}
		}
		require.NoError(r, d.Sync())
		require.NoError(r, d.Close())
	}
}

// vanish makes the operation in this process up to one of its calls. The result
// is whether it was ended.
func (r *killRun) vanish(at int) bool {
	m := &reaper{when: atCalls, at: at, die: vanish}
	sys, err := Open(Config{Devices: r.devices})
	require.NoError(r, err)
	m.on(sys)
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = r.do(context.Background(), sys, r.devices)
	}()
	<-done
	require.NoError(r, sys.Close())
	r.where = m.where()
	if !m.dead {
		require.NoError(r, err)
	}
	return m.dead
}

// dieEnv tells the test binary to make the operation of a scenario and to die
// ahead of one of its steps: "2 create snapshot", with the devices as arguments.
const dieEnv = "LVM_TEST_DIE"

// doAndDie does what dieEnv says.
func doAndDie(order string, devices []string) int {
	number, name, _ := strings.Cut(order, " ")
	at, err := strconv.Atoi(number)
	i := slices.IndexFunc(killScenarios(), func(s killScenario) bool { return s.name == name })
	if err != nil || i < 0 {
		return failed
	}
	sys, err := Open(Config{Devices: devices})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return failed
	}
	m := &reaper{when: atSteps, at: at, die: kill}
	m.on(sys)
	if err := killScenarios()[i].do(context.Background(), sys, devices); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return failed
	}
	return livedOn
}

// kill makes the operation in another process that gets SIGKILL ahead of a step.
// The result is whether it came so far.
func (r *killRun) kill(at int) bool {
	self, err := os.Executable()
	require.NoError(r, err)
	child := exec.Command(self, r.devices...)
	child.Env = append(os.Environ(), fmt.Sprintf("%s=%d %s", dieEnv, at, r.name))
	out, err := child.CombinedOutput()
	require.Error(r, err)
	r.where = fmt.Sprintf("killed ahead of step %d", at)
	if child.ProcessState.ExitCode() == livedOn {
		return false
	}
	require.Equal(r, -1, child.ProcessState.ExitCode(), "%s: %s", r.where, out)
	return true
}

var killAll = flag.Bool("killall", false, "end operations at all their calls and steps, also where there are many")

// TestKernelKillScenarios ends each operation at each of its ioctls, writes,
// nodes and links, and kills a process that makes it ahead of each step of its
// plans. Then there is nothing left of it that Recover does not bring in order.
func TestKernelKillScenarios(t *testing.T) {
	for _, s := range killScenarios() {
		t.Run(s.name, func(t *testing.T) {
			r := newKillRun(t, s)
			everyCall, everyStep := 1, 1
			switch {
			case *killAll, everything():
			case s.slow:
				everyCall, everyStep = 13, 17
			case s.long, testing.Short():
				everyCall, everyStep = 9, 13
			default:
				everyCall, everyStep = 7, 9
			}
			calls, steps := 0, 0
			for at := 1; ; at += everyCall {
				r.restore()
				ended := r.vanish(at)
				r.verify(at%lvm2Every == 0 || !ended)
				if !ended {
					break
				}
				calls = at
			}
			for at := 1; ; at += everyStep {
				r.restore()
				if !r.kill(at) {
					break
				}
				r.verify(false)
				steps = at
			}
			t.Logf("%d calls, of which every %d, and %d steps, of which every %d", calls, everyCall, steps, everyStep)
			require.Positive(t, steps)
		})
	}
}

// lvm2Every is how many ends go by until lvm2 is asked again. Asking it takes
// long.
const lvm2Every = 8

// verify brings in order what was left and checks that it is.
func (r *killRun) verify(askLVM2 bool) {
	r.Helper()
	ctx := context.Background()
	r.reopen()
	rec, err := r.sys.Recover(ctx)
	require.NoError(r, err, r.where)
	require.Empty(r, rec.Problems, r.where)
	r.inOrder()
	vg, err := r.sys.VG(ctx, "vg0")
	require.NoError(r, err, r.where)
	r.holdsAll(vg)
	if askLVM2 {
		r.lvm2Agrees()
	}
	if r.check != nil {
		r.check(r, vg)
		r.inOrder()
	}
	r.update(func(tx *Tx) error { return tx.SetTags("next") })
	if askLVM2 {
		r.lvm2Agrees()
	}
}

// inOrder checks that the kernel holds what the metadata says, nothing is
// suspended, and there is no trace of an update that was not finished.
func (r *killRun) inOrder() {
	r.Helper()
	inv, err := r.sys.Scan(context.Background())
	require.NoError(r, err, r.where)
	require.Empty(r, inv.Problems, r.where)
	require.Len(r, inv.VGs, 1, r.where)
	vg := inv.VGs[0]
	nodes := renderAll(r, r.control, r.sys, vg)
	list, err := r.control.Devices(dm.ListOptions{})
	require.NoError(r, err)
	numbers := map[string]string{}
	for _, d := range list {
		numbers[d.UUID] = d.Dev.String()
	}
	links := map[string]bool{}
	for _, d := range list {
		info, table, err := liveTable(r.control, dm.ByDev(d.Dev))
		require.NoError(r, err)
		require.False(r, info.Suspended, "%s: %s is suspended", r.where, d.Name)
		require.False(r, info.InactiveTable, "%s: %s has an inactive table", r.where, d.Name)
		n, ok := nodes[d.UUID]
		require.True(r, ok, "%s: %s is of no volume", r.where, d.Name)
		want, err := n.table.MapDevices(func(device string) (string, error) {
			if number := numbers[device]; number != "" {
				return number, nil
			}
			return device, nil
		})
		require.NoError(r, err)
		if !table.Equal(want) { // the kernel says some in other words
			require.Equal(r, want.String(), table.String(), "%s: %s", r.where, d.Name)
		}
		require.Equal(r, n.name, d.Name, r.where)
		if n.layer == "" && !n.hidden {
			links[n.lvName] = true
		}
		number, _ := blockDeviceNumber("/dev/mapper/" + d.Name)
		require.Equal(r, d.Dev.String(), number, "%s: node of %s", r.where, d.Name)
	}
	found, err := os.ReadDir("/dev/vg0")
	require.NoError(r, err, r.where)
	for _, link := range found {
		require.True(r, links[link.Name()], "%s: link %s", r.where, link.Name())
	}
	require.Len(r, found, len(links), r.where)
	all, err := os.ReadDir("/dev/mapper")
	require.NoError(r, err)
	require.Len(r, all, len(list)+1, "%s: %v", r.where, all) // and control
	for _, path := range r.devices {
		r.nothingPrecommitted(path)
	}
}

func (r *killRun) nothingPrecommitted(path string) {
	r.Helper()
	d, err := openFileDevice(path, false)
	require.NoError(r, err)
	defer func() { require.NoError(r, d.Close()) }()
	label, _, err := metadata.ReadLabel(d)
	require.NoError(r, err, r.where)
	for _, a := range label.MetadataAreas {
		h, err := metadata.ReadAreaHeader(d, a.Offset)
		require.NoError(r, err, r.where)
		require.False(r, h.Slots[metadata.SlotPrecommitted].InUse(), "%s: precommitted text on %s", r.where, path)
	}
}

// lvm2Agrees checks that lvm2 has nothing to complain of.
func (r *killRun) lvm2Agrees() {
	r.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command("lvm")
	cmd.Stdin = strings.NewReader("vgck vg0\nlvs -a vg0\n")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(r, cmd.Run(), "%s: %s", r.where, &stderr)
	require.Empty(r, stderr.String(), r.where)
	require.NotContains(r, stdout.String(), "unknown", r.where)
}
