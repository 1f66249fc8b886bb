package lvm

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	lockHolderArg = "hold-lock"    // an argument of the test binary
	noTests       = "-test.run=^$" // should TestMain not ask for lockHolderArgs, that is all that happens
	lockPatience  = 20 * time.Second
	lockHaste     = 60 * time.Millisecond
)

// lockHolderArgs returns what startHolder gave this process, nil if it is not
// its child.
func lockHolderArgs() []string {
	if len(os.Args) == 6 && os.Args[1] == noTests && os.Args[2] == lockHolderArg {
		return os.Args[3:]
	}
	return nil
}

// lockHolder is another process with a lock: it takes the lock, says so, and
// gives it back at the end of its input.
func lockHolder(args []string) int {
	dir, name, mode := args[0], args[1], args[2]
	held, err := newLocker(dir).lock(context.Background(), name, mode == "exclusive")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("held")
	_, _ = io.Copy(io.Discard, os.Stdin)
	if held.unlock() != nil {
		return 1
	}
	return 0
}

// startHolder returns once another process has the lock.
func startHolder(t *testing.T, dir, name string, exclusive bool) (cmd *exec.Cmd, end func()) {
	t.Helper()
	mode := "shared"
	if exclusive {
		mode = "exclusive"
	}
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd = exec.Command(exe, noTests, lockHolderArg, dir, name, mode)
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var once sync.Once
	end = func() {
		once.Do(func() {
			_ = in.Close()
			_ = cmd.Wait()
		})
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		end()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "held\n", line)
	return cmd, end
}

// needFlock ends a test of locks between Systems where there are none.
func needFlock(t *testing.T) {
	t.Helper()
	if !haveFlock {
		t.Skip("no flock on " + runtime.GOOS)
	}
}

func within(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	t.Cleanup(cancel)
	return ctx
}

// mustLock takes a lock that is expected to be free, soon.
func mustLock(t *testing.T, l *locker, name string, exclusive bool) *heldLock {
	t.Helper()
	held, err := l.lock(within(t, lockPatience), name, exclusive)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, held.unlock()) })
	return held
}

// requireLocked expects that somebody else has the lock.
func requireLocked(t *testing.T, l *locker, name string, exclusive bool) {
	t.Helper()
	_, err := l.lock(within(t, lockHaste), name, exclusive)
	require.ErrorIs(t, err, ErrLocked)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	var locked *LockError
	require.ErrorAs(t, err, &locked)
	require.True(t, strings.HasPrefix(filepath.Base(locked.Path), name))
}

func TestLockModes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                string
		theirs, ours, wants bool // exclusive, exclusive, let in
	}{
		{"both shared", false, false, true},
		{"shared, then exclusive", false, true, false},
		{"exclusive, then shared", true, false, false},
		{"both exclusive", true, true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			check := func(t *testing.T, ours *locker, end func()) {
				if tt.wants {
					mustLock(t, ours, "V_vg", tt.ours)
				} else {
					requireLocked(t, ours, "V_vg", tt.ours)
				}
				mustLock(t, ours, "V_other", true)
				end()
				mustLock(t, newLocker(ours.dir), "V_other2", true)
				if !tt.wants {
					mustLock(t, ours, "V_vg", tt.ours)
				}
			}
			t.Run("in one System", func(t *testing.T) {
				t.Parallel()
				for _, dir := range []string{"", t.TempDir()} {
					l := newLocker(dir)
					held := mustLock(t, l, "V_vg", tt.theirs)
					check(t, l, func() { require.NoError(t, held.unlock()) })
				}
			})
			t.Run("between Systems", func(t *testing.T) {
				t.Parallel()
				needFlock(t)
				dir := t.TempDir()
				held := mustLock(t, newLocker(dir), "V_vg", tt.theirs)
				check(t, newLocker(dir), func() { require.NoError(t, held.unlock()) })
			})
			t.Run("between processes", func(t *testing.T) {
				t.Parallel()
				needFlock(t)
				dir := t.TempDir()
				_, end := startHolder(t, dir, "V_vg", tt.theirs)
				check(t, newLocker(dir), end)
			})
		})
	}
}

func TestLockOfKilledProcess(t *testing.T) {
	t.Parallel()
	needFlock(t)
	dir := t.TempDir()
	holder, end := startHolder(t, dir, "P_global", true)
	l := newLocker(dir)
	requireLocked(t, l, "P_global", true)
	require.NoError(t, holder.Process.Kill())
	end()
	require.FileExists(t, filepath.Join(dir, "P_global"), "a process that is killed cannot clean up")
	require.NoError(t, mustLock(t, l, "P_global", true).unlock())
	assertEmptyDir(t, dir)
}

func TestLockFilesComeAndGo(t *testing.T) {
	t.Parallel()
	needFlock(t)
	dir := filepath.Join(t.TempDir(), "run", "lvm")
	first := mustLock(t, newLocker(dir), "V_vg", false)
	info, err := os.Stat(dir)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	second := mustLock(t, newLocker(dir), "V_vg", false)
	require.NoError(t, first.unlock())
	require.FileExists(t, filepath.Join(dir, "V_vg"), "still in use")
	require.NoError(t, first.unlock(), "a second time")
	require.NoError(t, second.unlock())
	assertEmptyDir(t, dir)
	require.NoError(t, (*heldLock)(nil).unlock())
}

// Each who releases the lock removes the file that others are just opening.
func TestLockFileRace(t *testing.T) {
	t.Parallel()
	needFlock(t)
	const workers, rounds = 8, 60
	dir := t.TempDir()
	var inside, entered atomic.Int32 // the race detector knows nothing of flock
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			l := newLocker(dir)
			for range rounds {
				held, err := l.lock(within(t, lockPatience), "V_vg", true)
				if !assert.NoError(t, err) {
					return
				}
				assert.EqualValues(t, 1, inside.Add(1))
				runtime.Gosched()
				inside.Add(-1)
				entered.Add(1)
				assert.NoError(t, held.unlock())
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, workers*rounds, entered.Load())
	assertEmptyDir(t, dir)
}

func TestLockFileReplacedWhileWaiting(t *testing.T) {
	t.Parallel()
	needFlock(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "V_vg")
	old, err := acquireLockFile(within(t, lockPatience), path, true)
	require.NoError(t, err)
	got := make(chan *os.File, 1)
	go func() {
		f, err := acquireLockFile(within(t, lockPatience), path, true)
		assert.NoError(t, err)
		got <- f
	}()
	time.Sleep(20 * time.Millisecond) // let it open the file that goes now
	require.NoError(t, os.Remove(path))
	require.NoError(t, closeLocked(old, path))
	f := <-got
	require.True(t, isFileAt(f, path), "the lock is on a file that nobody else would find")
	require.NoError(t, releaseLockFile(f, path))
}

func TestWaitingWriterGoesFirst(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		lockers func(t *testing.T) (reader, writer, late *locker)
	}{
		{"in one System", func(t *testing.T) (_, _, _ *locker) {
			l := newLocker("")
			return l, l, l
		}},
		{"between Systems", func(t *testing.T) (_, _, _ *locker) {
			needFlock(t)
			dir := t.TempDir()
			return newLocker(dir), newLocker(dir), newLocker(dir)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			reader, writer, late := tt.lockers(t)
			first := mustLock(t, reader, "V_vg", false)
			wrote := make(chan *heldLock, 1)
			go func() {
				held, err := writer.lock(within(t, lockPatience), "V_vg", true)
				assert.NoError(t, err)
				wrote <- held
			}()
			require.Eventually(t, func() bool {
				held, err := late.lock(within(t, lockHaste), "V_vg", false)
				if err == nil {
					require.NoError(t, held.unlock()) // the writer does not wait yet
				}
				return err != nil
			}, lockPatience, time.Millisecond)
			require.Empty(t, wrote)
			requireLocked(t, late, "V_vg", false)
			require.NoError(t, first.unlock())
			held := <-wrote
			requireLocked(t, late, "V_vg", false)
			require.NoError(t, held.unlock())
			mustLock(t, late, "V_vg", false)
		})
	}
}

// A writer that gives up must not keep out readers for good.
func TestWriterGivesUp(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"", t.TempDir()} {
		l := newLocker(dir)
		first := mustLock(t, l, "V_vg", false)
		requireLocked(t, l, "V_vg", true)
		second := mustLock(t, l, "V_vg", false)
		require.NoError(t, first.unlock())
		require.NoError(t, second.unlock())
		require.NoError(t, mustLock(t, l, "V_vg", true).unlock())
		require.Empty(t, l.gates, "nothing is remembered of a lock that is free")
	}
}

func TestLockOfEndedContext(t *testing.T) {
	t.Parallel()
	for _, dir := range []string{"", t.TempDir()} {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		_, err := newLocker(dir).lock(ctx, "V_vg", false)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, ErrLocked)
	}
}

func TestLockNames(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"", ".", "..", "../V_vg", "V_a/b", "V_a\x00", "V_a:aux", "V_a b"} {
		_, err := newLocker(dir).lock(within(t, lockPatience), name, true)
		assert.ErrorIs(t, err, ErrInvalidName, name)
		assert.NotErrorIs(t, err, ErrLocked, name)
	}
	assertEmptyDir(t, dir)
}

func TestLockDirectoryUnusable(t *testing.T) {
	t.Parallel()
	needFlock(t)
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	l := newLocker(filepath.Join(file, "dir"))
	_, err := l.lock(within(t, lockPatience), "V_vg", true)
	var locked *LockError
	require.ErrorAs(t, err, &locked)
	require.NotErrorIs(t, err, ErrLocked)
	require.Empty(t, l.gates)
}

func TestLockImages(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, b, link := filepath.Join(dir, "a"), filepath.Join(dir, "b"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(a, []byte("data"), 0o600))
	require.NoError(t, os.WriteFile(b, nil, 0o600))
	require.NoError(t, os.Link(a, link))

	l := newLocker("")
	other := l // goroutines of one System
	if haveFlock {
		other = newLocker("") // another System
	}
	held, err := l.lockImages(within(t, lockPatience), []string{b, a, link, a}, true)
	require.NoError(t, err)
	for _, exclusive := range []bool{false, true} {
		_, err = other.lockImages(within(t, lockHaste), []string{a}, exclusive)
		require.ErrorIs(t, err, ErrLocked)
	}
	require.NoError(t, held.unlock())

	shared, err := l.lockImages(within(t, lockPatience), []string{a, b}, false)
	require.NoError(t, err)
	both, err := other.lockImages(within(t, lockPatience), []string{b, a}, false)
	require.NoError(t, err)
	_, err = other.lockImages(within(t, lockHaste), []string{b}, true)
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, both.unlock())
	require.NoError(t, shared.unlock())
	require.Empty(t, l.gates)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 3, "no file but the images is touched")
	text, err := os.ReadFile(a)
	require.NoError(t, err)
	require.Equal(t, "data", string(text))

	_, err = l.lockImages(within(t, lockPatience), []string{a, filepath.Join(dir, "none")}, false)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = l.lockImages(within(t, lockPatience), []string{dir}, false)
	require.ErrorIs(t, err, ErrUnsupported)
	held, err = l.lockImages(within(t, lockPatience), nil, true)
	require.NoError(t, err)
	require.NoError(t, held.unlock())
}

func assertEmptyDir(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

// Without locks nobody is waited for, and no file is touched.
func TestNoLocks(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	image := filepath.Join(dir, "pv")
	require.NoError(t, os.WriteFile(image, make([]byte, 8<<20), 0o600))
	held, err := newLocker("").lockImages(within(t, lockPatience), []string{image}, true)
	require.NoError(t, err)
	sys, err := Open(Config{Devices: []string{image}, Kernel: KernelNone, LockDir: filepath.Join(dir, "locks"), NoLocks: true})
	require.NoError(t, err)
	require.NoError(t, sys.Update(within(t, lockPatience), "vg", func(tx *Tx) error { return tx.CreateVG(VGSpec{PVs: []string{image}}) }))
	require.NoError(t, sys.Close())
	require.NoError(t, held.unlock())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}
