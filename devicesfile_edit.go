package lvm

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pkg/errors"
)

const (
	devicesLockPrefix = "D_" // of the lock of a devices file
	devicesTempSuffix = "_new"
	maxDevicesBackups = 50
)

// EditDevicesFile changes the devices file at path, under lvm2's lock for it in
// lockDir, /run/lock/lvm if empty. If there is no file, change gets an empty one.
// If change returns an error, or leaves the file as it is, nothing is written;
// that error is returned as it is. A copy of the new file is kept in the
// directory backup beside it, as newer lvm2 does.
//
// change must not wait for a volume group: whoever holds one may be waiting for
// the devices file. Returns an error matching [ErrLocked] if ctx ends while
// others hold the lock.
func EditDevicesFile(ctx context.Context, path, lockDir string, change func(*DevicesFile) error) (err error) {
	if lockDir == "" {
		lockDir = "/run/lock/lvm"
	}
	lock, err := lockDevicesFile(ctx, filepath.Join(lockDir, devicesLockPrefix+filepath.Base(path)))
	if err != nil {
		return err
	}
	defer func() { // also when change panics
		if unlockErr := lock.unlock(); err == nil {
			err = unlockErr
		}
	}()
	return editDevicesFile(path, change)
}

// lockDevicesFile takes the lock file at path. It stays when it is released.
// Source: lvm2's locks as observed.
func lockDevicesFile(ctx context.Context, path string) (*heldLock, error) {
	if !haveFlock {
		return new(heldLock), nil
	}
	if err := makeLockDir(filepath.Dir(path)); err != nil {
		return nil, &LockError{Path: path, Err: err}
	}
	f, err := acquireFile(ctx, path, true, func() (*os.File, error) {
		return openOwn(path, os.O_RDWR|os.O_CREATE, 0o600)
	})
	if err != nil {
		return nil, err
	}
	return &heldLock{[]func() error{func() error { return closeLocked(f, path) }}}, nil
}

func editDevicesFile(path string, change func(*DevicesFile) error) error {
	file, err := ReadDevicesFile(path)
	if errors.Is(err, ErrNotFound) {
		file, err = new(DevicesFile), nil
	}
	if err != nil {
		return err
	}
	before, err := file.Text("", time.Time{})
	if err != nil {
		return err
	}
	version := file.version
	if err := change(file); err != nil {
		return err
	}
	file.version = version
	after, err := file.Text("", time.Time{})
	if err != nil || string(before) == string(after) {
		return err
	}
	if file.version[0] != 0 {
		file.version[2]++
	}
	now := time.Now()
	text, err := file.Text("lvm-go", now)
	if err != nil {
		return err
	}
	if err := writeDevicesFile(path, text); err != nil {
		return err
	}
	return backupDevicesFile(path, text, max(file.version[2], 1), now)
}

// writeDevicesFile puts text in place of the file at path. At every moment there
// is a whole one, the old or the new.
func writeDevicesFile(path string, text []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return errors.Wrap(err, "make directory of devices files")
	}
	temp := path + devicesTempSuffix
	// What an editor left behind that died is nobody's: we hold the lock.
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Wrap(err, "write devices file")
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.Wrap(err, "write devices file")
	}
	err = writeWhole(f, inMemory(text))
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		_ = os.Remove(temp) // if it is still there
		return errors.Wrap(err, "write devices file")
	}
	return nil
}

// backupDevicesFile keeps a copy of a devices file as it was written, and removes
// the oldest of too many.
func backupDevicesFile(path string, text []byte, counter uint64, now time.Time) error {
	dir, base := filepath.Join(filepath.Dir(path), "backup"), filepath.Base(path)
	name := fmt.Sprintf("%s-%s.%04d", base, now.Format("20060102.150405"), counter)
	err := writeText(dir, inMemory(text), func(temp string) error { return os.Rename(temp, filepath.Join(dir, name)) })
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir) // by rising name, and so by time
	if err != nil {
		return errors.Wrap(err, "list backups of the devices file")
	}
	var have []string
	for _, e := range entries {
		if ok, _ := filepath.Match("-????????.??????.*", strings.TrimPrefix(e.Name(), base)); ok && strings.HasPrefix(e.Name(), base) {
			have = append(have, filepath.Join(dir, e.Name()))
		}
	}
	for len(have) > maxDevicesBackups {
		if err := os.Remove(have[0]); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Wrap(err, "remove old backup of the devices file")
		}
		have = have[1:]
	}
	return nil
}
