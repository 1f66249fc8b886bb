package lvm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
)

// soakEnv tells the test binary to be a worker of the soak: its number and how many
// rounds it makes, with the devices as arguments.
const soakEnv = "LVM_TEST_SOAK"

// soakGroups are the groups that all work on.
var soakGroups = [...]string{"soak0", "soak1"}

// soakUser does one thing after the other to two groups that others change as well. It
// has a volume of its own in a group, and now and then takes one that is for all.
type soakUser struct {
	name   string
	create func(vg, lv string) error
	extend func(vg, lv string) error
	snap   func(vg, lv, snap string) error
	rename func(vg, lv, to string) error
	remove func(vg, lv string) error
	// conflict says whether an error means that somebody else was first.
	conflict func(error) bool

	made, removed, operations, conflicts int
}

// work makes so many rounds. At the end of each second one a volume stays, which goes in
// the next.
func (u *soakUser) work(number, rounds int) error {
	for i := range rounds {
		vg, lv := soakGroups[(number+i/2)%len(soakGroups)], fmt.Sprintf("%s_%d", u.name, i/2)
		steps := []func() error{
			func() error { return u.did(&u.made, u.create(vg, lv)) },
			func() error { return u.did(nil, u.extend(vg, lv)) },
			func() error { return u.did(&u.made, u.snap(vg, lv, lv+"_s")) },
		}
		if i%2 == 1 {
			steps = []func() error{
				func() error { return u.did(&u.removed, u.remove(vg, lv+"_s")) },
				func() error { return u.did(nil, u.rename(vg, lv, lv+"_r")) },
				func() error { return u.did(&u.removed, u.remove(vg, lv+"_r")) },
				func() error { return u.tried(&u.made, u.create(vg, "shared")) },
				func() error { return u.tried(&u.removed, u.remove(vg, "shared")) },
			}
		}
		for _, step := range steps {
			if err := step(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (u *soakUser) did(count *int, err error) error {
	u.operations++
	if err == nil && count != nil {
		*count++
	}
	return err
}

// tried is did for what somebody else may have done already.
func (u *soakUser) tried(count *int, err error) error {
	if err != nil && u.conflict(err) {
		u.conflicts++
		return u.did(nil, nil)
	}
	return u.did(count, err)
}

func (u *soakUser) String() string {
	return fmt.Sprintf("%d %d %d %d", u.made, u.removed, u.operations, u.conflicts)
}

// ourSoakUser works with the library.
func ourSoakUser(number int, sys *System) *soakUser {
	update := func(vg string, do func(*Tx) error) error {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
		defer cancel()
		return sys.Update(ctx, vg, do)
	}
	return &soakUser{
		name:   fmt.Sprintf("ours%d", number),
		create: func(vg, lv string) error { return update(vg, create(LVSpec{Name: lv, Size: ExtentCount(1)})) },
		extend: func(vg, lv string) error {
			return update(vg, func(tx *Tx) error { return tx.ExtendLV(lv, ExtendSpec{By: ExtentCount(1)}) })
		},
		snap: func(vg, lv, snap string) error {
			return update(vg, func(tx *Tx) error { return tx.addSnapshot(lv, snap, 1) })
		},
		rename: func(vg, lv, to string) error {
			return update(vg, func(tx *Tx) error { return tx.RenameLV(lv, to) })
		},
		remove: func(vg, lv string) error {
			return update(vg, func(tx *Tx) error { return tx.RemoveLV(lv) })
		},
		conflict: func(err error) bool { return errors.Is(err, ErrExists) || errors.Is(err, ErrLVNotFound) },
	}
}

// theirSoakUser works with lvm2's commands.
func theirSoakUser(number int) *soakUser {
	return &soakUser{
		name:   fmt.Sprintf("theirs%d", number),
		create: func(vg, lv string) error { return tryLVM2("lvcreate", "-qqy", "-l1", "-n", lv, vg) },
		extend: func(vg, lv string) error { return tryLVM2("lvextend", "-qqy", "-l+1", vg+"/"+lv) },
		snap: func(vg, lv, snap string) error {
			return tryLVM2("lvcreate", "-qqy", "-s", "-l1", "-n", snap, vg+"/"+lv)
		},
		rename: func(vg, lv, to string) error { return tryLVM2("lvrename", "-qq", vg, lv, to) },
		remove: func(vg, lv string) error { return tryLVM2("lvremove", "-qqf", vg+"/"+lv) },
		conflict: func(err error) bool {
			return strings.Contains(err.Error(), "already exists") || strings.Contains(err.Error(), "Failed to find logical volume")
		},
	}
}

// soakWorker is a process that works as soakEnv says, and prints what it did.
func soakWorker(order string, devices []string) int {
	var number, rounds int
	_, err := fmt.Sscan(order, &number, &rounds)
	var sys *System
	if err == nil {
		sys, err = Open(Config{Devices: devices, BackupDir: "/etc/lvm/backup", ArchiveDir: "/etc/lvm/archive"})
	}
	if err != nil {
		fmt.Println(err)
		return failed
	}
	user := ourSoakUser(number, sys)
	if err := errors.Join(user.work(number, rounds), sys.Close()); err != nil {
		fmt.Println(err)
		return failed
	}
	fmt.Println(user)
	return 0
}

// Four processes with the library and four users of lvm2's commands work on the same two
// groups. Nobody fails but where another was first, and at the end all is accounted for.
func TestKernelSoak(t *testing.T) {
	ours, theirs := 6, 2
	if everything() {
		ours, theirs = 250, 60
	}
	const workers = 4
	ctx := context.Background()
	sys, devices := kernelSystem(t, 4, 48<<20)
	for i, vg := range soakGroups {
		update(t, sys, vg, func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: devices[2*i:][:2], ExtentSize: 256 * KiB}) })
		t.Cleanup(func() { umltest.Run(t, "vgremove", "-qqff", vg) })
	}
	self, err := os.Executable()
	require.NoError(t, err)
	began := time.Now()
	var wg sync.WaitGroup
	users, errs := make([]soakUser, 2*workers), make([]error, 2*workers)
	for n := range workers {
		wg.Go(func() {
			child := exec.Command(self, devices...)
			child.Env = append(os.Environ(), fmt.Sprintf("%s=%d %d", soakEnv, n, ours))
			out, err := child.CombinedOutput()
			u := &users[n]
			if err == nil {
				_, err = fmt.Sscan(string(out), &u.made, &u.removed, &u.operations, &u.conflicts)
			}
			if err != nil {
				errs[n] = fmt.Errorf("%w: %s", err, out)
			}
		})
		wg.Go(func() {
			u := theirSoakUser(n)
			errs[workers+n] = u.work(n, theirs)
			users[workers+n] = *u
		})
	}
	wg.Wait()
	took := time.Since(began)
	require.NoError(t, errors.Join(errs...))

	var all soakUser
	for _, u := range users {
		all.made += u.made
		all.removed += u.removed
		all.operations += u.operations
		all.conflicts += u.conflicts
	}
	t.Logf("%d operations, %d made, %d removed, %d came too late, %.1f s", all.operations, all.made, all.removed, all.conflicts, took.Seconds())
	inv, err := sys.Scan(ctx)
	require.NoError(t, err)
	assert.Empty(t, inv.Problems)
	left := 0
	for _, vg := range inv.VGs {
		for lv := range vg.LVs() {
			left++
			assert.True(t, lv.Active(), lv.Name())
		}
		lvm2(t, "vgck", vg.Name())
		backups, err := mustOpen(t, Config{Devices: devices, BackupDir: "/etc/lvm/backup"}).Backups(vg.Name())
		require.NoError(t, err)
		require.Len(t, backups, 1)
		assert.Equal(t, vg.Seqno(), backups[0].Seqno, "the backup of %s", vg.Name())
	}
	assert.Equal(t, all.made-all.removed, left)
	assert.Equal(t, strconv.Itoa(len(devices)), strings.TrimSpace(umltest.Run(t, "sh", "-c", "pvs --noheadings -o pv_name | wc -l")))
	list, err := sys.kernel.Devices(dm.ListOptions{})
	require.NoError(t, err)
	for _, d := range list {
		info, _, err := sys.kernel.Table(dm.ByDev(d.Dev), dm.QueryOptions{NoFlush: true})
		require.NoError(t, err)
		assert.False(t, info.Suspended, d.Name)
		assert.False(t, info.InactiveTable, d.Name)
	}
	// Nobody has a lock any more, and no semaphore stayed.
	l := newLocker(lvm2LockDir)
	for _, name := range []string{globalLock, vgLock(soakGroups[0]), vgLock(soakGroups[1])} {
		mustLock(t, l, name, true)
	}
	assert.Equal(t, 1, strings.Count(umltest.Run(t, "cat", "/proc/sysvipc/sem"), "\n"))
}

func mustOpen(t testing.TB, cfg Config) *System {
	t.Helper()
	sys, err := Open(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, sys.Close()) })
	return sys
}
