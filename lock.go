package lvm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// Names of lock files. Source: lvm2's lock directory as observed.
const (
	globalLock   = "P_global"
	vgLockPrefix = "V_"
	auxSuffix    = ":aux" // of the file that gives waiting writers priority
)

// Waiting for a lock asks again after pauses that double between these.
const (
	lockPauseMin = time.Millisecond
	lockPauseMax = 32 * time.Millisecond
)

// vgLock returns the name of the lock of the volume group vg.
func vgLock(vg string) string { return vgLockPrefix + vg }

// LockError reports a lock that was not had. If the context ended before, the
// error matches ErrLocked and the context's error.
type LockError struct {
	Path string // of the lock file or image; in-process locks have only a name
	Err  error
	// Holders are the processes that had the lock when waiting for it ended, as far
	// as the operating system tells.
	Holders []LockHolder
}

// LockHolder is a process that has a lock.
type LockHolder struct {
	PID     int
	Command string // its name; empty if it was not told
}

// Error names the lock, the reason, and who has it.
func (e *LockError) Error() string {
	text := "lock " + e.Path + ": " + e.Err.Error()
	for i, h := range e.Holders {
		if text += ", "; i == 0 {
			text += "held by "
		}
		if text += fmt.Sprintf("process %d", h.PID); h.Command != "" {
			text += fmt.Sprintf(" (%s)", h.Command)
		}
	}
	return text
}

// Unwrap returns the reason.
func (e *LockError) Unwrap() error { return e.Err }

// locker takes the locks of one System: within it by gates, against other
// processes, lvm2 among them, by flock on files. Locks of one System are not
// re-entrant. Source: lvm2's use of flock as observed.
//
// An empty dir keeps the locks within the System, and so does an operating
// system without flock.
type locker struct {
	dir string

	mu    sync.Mutex // protects gates and what is in them
	gates map[string]*gate
}

// newLocker returns a locker on the directory dir, which is made when needed.
func newLocker(dir string) *locker { return &locker{dir: dir} }

// heldLock is a lock that was taken.
type heldLock struct{ release []func() error }

// unlock releases the lock. It is released even if an error is returned. A
// second call, or one on nil, does nothing.
func (h *heldLock) unlock() error {
	if h == nil {
		return nil
	}
	var first error
	for _, f := range slices.Backward(h.release) {
		if err := f(); first == nil {
			first = err
		}
	}
	h.release = nil
	return first
}

// lock takes the lock called name, shared or exclusive, and waits for it until
// ctx ends. Who needs several takes the global lock first and then those of
// volume groups in the order of their names.
func (l *locker) lock(ctx context.Context, name string, exclusive bool) (*heldLock, error) {
	if err := checkName(lockName, name); err != nil {
		return nil, &LockError{Path: name, Err: err}
	}
	path := name
	if l.dir != "" {
		path = filepath.Join(l.dir, name)
	}
	held, err := l.enter(ctx, path, exclusive)
	if err != nil || l.dir == "" || !haveFlock {
		return held, err
	}
	f, err := l.lockFile(ctx, path, exclusive)
	if err != nil {
		_ = held.unlock() // a gate alone, which cannot fail
		return nil, err
	}
	held.release = append(held.release, func() error { return releaseLockFile(f, path) })
	return held, nil
}

// lockFile takes the lock file at path by way of its aux file. A writer keeps
// that until it has the lock, so that readers who come later queue behind it.
func (l *locker) lockFile(ctx context.Context, path string, exclusive bool) (*os.File, error) {
	if err := makeLockDir(l.dir); err != nil {
		return nil, &LockError{Path: path, Err: err}
	}
	aux, err := acquireLockFile(ctx, path+auxSuffix, true)
	if err != nil {
		return nil, err
	}
	if !exclusive {
		if err := releaseLockFile(aux, path+auxSuffix); err != nil {
			return nil, err
		}
		return acquireLockFile(ctx, path, false)
	}
	f, err := acquireLockFile(ctx, path, true)
	if auxErr := releaseLockFile(aux, path+auxSuffix); err == nil && auxErr != nil {
		_ = closeLocked(f, path) // what went wrong with aux is worse
		return nil, auxErr
	}
	return f, err
}

// makeLockDir makes the directory of lock files, unless it is there, and refuses one in
// which others could take a lock from who has it.
func makeLockDir(dir string) error {
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		err = checkOwnDir(dir)
	}
	return pathCause(err)
}

// lockImages locks the image files at paths themselves: no other file is
// touched. A path that is given twice, or two paths of one file, count once.
func (l *locker) lockImages(ctx context.Context, paths []string, exclusive bool) (*heldLock, error) {
	images, err := distinctImages(paths)
	if err != nil {
		return nil, err
	}
	held := new(heldLock)
	for _, path := range images {
		h, err := l.lockImage(ctx, path, exclusive)
		if err != nil {
			_ = held.unlock() // the error at hand says more
			return nil, err
		}
		held.release = append(held.release, h.unlock)
	}
	return held, nil
}

func (l *locker) lockImage(ctx context.Context, path string, exclusive bool) (*heldLock, error) {
	held, err := l.enter(ctx, path, exclusive)
	if err != nil || !haveFlock {
		return held, err
	}
	// Over some network file systems only a file open for writing can be locked
	// exclusively.
	flag := os.O_RDONLY
	if exclusive {
		flag = os.O_RDWR
	}
	f, err := acquireFile(ctx, path, exclusive, func() (*os.File, error) { return os.OpenFile(path, flag, 0) })
	if err != nil {
		_ = held.unlock() // a gate alone, which cannot fail
		return nil, err
	}
	held.release = append(held.release, func() error { return closeLocked(f, path) })
	return held, nil
}

// distinctImages resolves paths and returns them sorted, each file once. Every
// process has to lock in the same order, whatever names it uses.
func distinctImages(paths []string) ([]string, error) {
	var (
		images []string
		seen   []os.FileInfo
	)
	for _, path := range paths {
		real, err := filepath.EvalSymlinks(path)
		if err == nil {
			real, err = filepath.Abs(real)
		}
		if err != nil {
			return nil, &LockError{Path: path, Err: pathCause(err)}
		}
		info, err := os.Stat(real)
		if err != nil {
			return nil, &LockError{Path: path, Err: pathCause(err)}
		}
		if !isDeviceMode(info.Mode()) {
			return nil, &LockError{Path: path, Err: errNotDevice}
		}
		if slices.ContainsFunc(seen, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
			continue
		}
		seen = append(seen, info)
		images = append(images, real)
	}
	slices.Sort(images)
	return images, nil
}

// acquireLockFile opens, or makes, the lock file at path and locks it.
func acquireLockFile(ctx context.Context, path string, exclusive bool) (*os.File, error) {
	return acquireFile(ctx, path, exclusive, func() (*os.File, error) {
		return openOwn(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o700)
	})
}

// acquireFile locks what open opens at path. Who releases a lock file removes
// it: a file that is no longer the one at path when it is locked protects
// nothing, and all starts again.
func acquireFile(ctx context.Context, path string, exclusive bool, open func() (*os.File, error)) (*os.File, error) {
	for ctx.Err() == nil {
		f, err := open()
		if err != nil {
			return nil, &LockError{Path: path, Err: pathCause(err)}
		}
		if err := waitFlock(ctx, f, exclusive); err != nil {
			holders := lockHolders(f)
			_ = f.Close() // the lock was not had
			return nil, &LockError{Path: path, Err: err, Holders: holders}
		}
		if isFileAt(f, path) {
			return f, nil
		}
		_ = f.Close() // nobody knows this file any more
	}
	return nil, &LockError{Path: path, Err: fmt.Errorf("%w: %w", ErrLocked, ctx.Err())}
}

// releaseLockFile releases the lock on f and removes the file at path, unless
// others use it by now. One that stays behind means nothing.
func releaseLockFile(f *os.File, path string) error {
	if err := unflock(f); err != nil {
		_ = f.Close() // that releases it, too
		return &LockError{Path: path, Err: err}
	}
	if got, err := tryFlock(f, true); err == nil && got && isFileAt(f, path) {
		_ = os.Remove(path)
	}
	return closeLocked(f, path)
}

// closeLocked releases the lock on f, which stays where it is. Closing alone
// would not do while a process that is being started shares the open file.
func closeLocked(f *os.File, path string) error {
	err := unflock(f)
	if closeErr := f.Close(); err == nil {
		err = pathCause(closeErr)
	}
	if err != nil {
		return &LockError{Path: path, Err: err}
	}
	return nil
}

// waitFlock asks for the lock on f until it is had or ctx ends. A flock that
// waits in the kernel would hold a thread, and know nothing of ctx.
func waitFlock(ctx context.Context, f *os.File, exclusive bool) error {
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	for next := lockPauseMin; ; next = min(2*next, lockPauseMax) {
		got, err := tryFlock(f, exclusive)
		if err != nil {
			return err
		}
		// Who comes with a context that has ended does not get even a free lock.
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("%w: %w", ErrLocked, err)
		}
		if got {
			return nil
		}
		pause.Reset(next)
		select {
		case <-pause.C:
		case <-ctx.Done():
		}
	}
}

// isFileAt reports whether f is the file that path names now.
func isFileAt(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

// gate is a reader-writer lock within a locker whose waiters obey a context. A
// waiting writer keeps out readers who come later.
type gate struct {
	readers        int
	writer         bool
	writersWaiting int
	users          int           // who holds it or waits for it
	changed        chan struct{} // closed when it pays to look again
}

func (g *gate) isFree(exclusive bool) bool {
	if exclusive {
		return g.readers == 0 && !g.writer
	}
	return !g.writer && g.writersWaiting == 0
}

func (g *gate) wake() {
	close(g.changed)
	g.changed = make(chan struct{})
}

// enter passes the gate called key, or returns a *LockError when ctx ends.
func (l *locker) enter(ctx context.Context, key string, exclusive bool) (*heldLock, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.gates[key]
	if g == nil {
		g = &gate{changed: make(chan struct{})}
		if l.gates == nil {
			l.gates = make(map[string]*gate)
		}
		l.gates[key] = g
	}
	g.users++
	if exclusive {
		g.writersWaiting++
		defer func() { g.writersWaiting-- }()
	}
	for ctx.Err() == nil && !g.isFree(exclusive) {
		changed := g.changed
		l.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
		}
		l.mu.Lock()
	}
	if err := ctx.Err(); err != nil {
		refusal := &LockError{Path: key, Err: fmt.Errorf("%w: %w", ErrLocked, err)}
		if g.writer || g.readers > 0 {
			refusal.Holders = []LockHolder{{PID: os.Getpid()}}
		}
		l.abandon(key, g)
		return nil, refusal
	}
	if exclusive {
		g.writer = true
	} else {
		g.readers++
	}
	return &heldLock{[]func() error{func() error { return l.leave(key, g, exclusive) }}}, nil
}

// leave gives back what enter gave. It does not fail.
func (l *locker) leave(key string, g *gate, exclusive bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if exclusive {
		g.writer = false
	} else {
		g.readers--
	}
	l.abandon(key, g)
	return nil
}

// abandon counts out one user of the gate; l.mu is held. The others look again
// once it is free, and find out whether they are let in.
func (l *locker) abandon(key string, g *gate) {
	g.users--
	g.wake()
	if g.users == 0 {
		delete(l.gates, key)
	}
}
