package lvm

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pkg/errors"
)

const (
	archiveSuffix = ".vg"
	// What is retained of archives unless Config says something else: lvm2's
	// retain_min and retain_days.
	defaultArchiveMin, defaultArchiveDays = 10, 30
	// maxBackupText bounds how much of a file is read: many times what fits
	// into a metadata area.
	maxBackupText = 256 << 20
	// archiveTries bounds the search for an index that no other process takes.
	archiveTries = 100
)

// textWriter writes a text.
type textWriter func(io.Writer) error

// inMemory returns the writer of a text that is in memory.
func inMemory(text []byte) textWriter {
	return func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}
}

// backupStore keeps copies of metadata text in files, as lvm2 does: of each VG
// one backup, the text that holds, and archives, the texts that held before.
// An empty directory keeps none of its kind. Who writes holds the VG's lock
// exclusively. Source: lvm2's backup and archive files as observed.
type backupStore struct {
	backupDir  string
	archiveDir string
	retainMin  int // as many archives of a VG stay, however old they are
	retainDays int // archives that are younger stay, however many there are
}

// retained returns what a number of Config stands for.
func retained(n, otherwise int) int {
	if n == 0 {
		return otherwise
	}
	return max(n, 0)
}

// archivedText is an archive file of a VG.
type archivedText struct {
	path  string
	index uint64
	time  time.Time // of the file
}

// writeBackup makes text the backup of vg, in place of the one before.
func (s *backupStore) writeBackup(vg string, text textWriter) error {
	if s.backupDir == "" {
		return nil
	}
	if err := checkVGName(vg); err != nil {
		return err
	}
	return writeText(s.backupDir, text, func(temp string) error {
		return os.Rename(temp, filepath.Join(s.backupDir, vg))
	})
}

// removeBackup removes the backup of vg, if there is one: its name is no more.
func (s *backupStore) removeBackup(vg string) error {
	if s.backupDir == "" {
		return nil
	}
	if err := checkVGName(vg); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(s.backupDir, vg)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.Wrap(err, "remove backup")
	}
	return nil
}

// readBackup returns the backup of vg. The error matches ErrNotFound if there
// is none.
func (s *backupStore) readBackup(vg string) ([]byte, error) {
	if err := checkVGName(vg); err != nil {
		return nil, err
	}
	if s.backupDir == "" {
		return nil, fmt.Errorf("backup of vg %s: %w", vg, ErrNotFound)
	}
	return readText(filepath.Join(s.backupDir, vg))
}

// writeArchive adds text to the archives of vg and removes those that are
// beyond what is to be retained at the time now.
func (s *backupStore) writeArchive(vg string, text textWriter, now time.Time) error {
	if s.archiveDir == "" {
		return nil
	}
	have, err := s.list(vg)
	if err != nil {
		return err
	}
	next := uint64(0)
	if len(have) > 0 {
		next = have[len(have)-1].index + 1
	}
	err = writeText(s.archiveDir, text, func(temp string) error {
		var err error
		for range archiveTries {
			if err = linkNew(temp, s.archivePath(vg, next, now)); !errors.Is(err, fs.ErrExist) {
				return err
			}
			next++
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.prune(have, now)
}

// archivePath returns the path of an archive. What lvm2 makes random, so that
// two files are never one, is here taken from the time, so that the same calls
// make the same files.
func (s *backupStore) archivePath(vg string, index uint64, now time.Time) string {
	return filepath.Join(s.archiveDir, fmt.Sprintf("%s_%05d-%d%s", vg, index, uint32(now.UnixNano()), archiveSuffix))
}

// prune removes the oldest of the archives before the newest, which have does
// not hold, as long as there are too many and they are too old.
func (s *backupStore) prune(have []archivedText, now time.Time) error {
	keepSince := now.AddDate(0, 0, -s.retainDays)
	for len(have)+1 > max(s.retainMin, 1) && have[0].time.Before(keepSince) {
		if err := os.Remove(have[0].path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return errors.Wrap(err, "remove old archive")
		}
		have = have[1:]
	}
	return nil
}

// list returns the archives of vg, by rising index. There are none where there
// is no directory.
func (s *backupStore) list(vg string) ([]archivedText, error) {
	if err := checkVGName(vg); err != nil {
		return nil, err
	}
	if s.archiveDir == "" {
		return nil, nil
	}
	entries, err := os.ReadDir(s.archiveDir)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil, nil
		}
		return nil, errors.Wrap(err, "list archives")
	}
	var found []archivedText
	for _, e := range entries {
		index, ok := archiveIndex(vg, e.Name())
		if !ok || !e.Type().IsRegular() {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // just pruned
		}
		if err != nil {
			return nil, errors.Wrap(err, "list archives")
		}
		found = append(found, archivedText{filepath.Join(s.archiveDir, e.Name()), index, info.ModTime()})
	}
	slices.SortStableFunc(found, func(a, b archivedText) int { return cmp.Compare(a.index, b.index) })
	return found, nil
}

// archiveIndex returns the index in the name of an archive of vg. ok is false
// for other names, among them those of a VG whose name begins with this one's.
func archiveIndex(vg, file string) (index uint64, ok bool) {
	rest, found := strings.CutPrefix(file, vg+"_")
	rest, isArchive := strings.CutSuffix(rest, archiveSuffix)
	digits, random, dashed := strings.Cut(rest, "-")
	if !found || !isArchive || !dashed || len(digits) < 5 || !isDigits(digits) || !isDigits(random) {
		return 0, false
	}
	index, err := strconv.ParseUint(digits, 10, 32)
	return index, err == nil
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// readText returns the text of a backup or archive file. The error matches
// ErrNotFound if there is no such file.
func readText(path string) ([]byte, error) {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("metadata file %s: %w", path, ErrNotFound)
	case err != nil:
		return nil, errors.Wrap(err, "read metadata file")
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("metadata file %s: not a regular file: %w", path, ErrUnsupported)
	case info.Size() > maxBackupText:
		return nil, fmt.Errorf("metadata file %s: %d bytes are too many: %w", path, info.Size(), ErrUnsupported)
	}
	f, err := openOwn(path, os.O_RDONLY, 0)
	if err != nil {
		return nil, errors.Wrap(err, "read metadata file")
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxBackupText))
	if err != nil {
		return nil, errors.Wrap(err, "read metadata file")
	}
	return text, nil
}

// writeWhole writes text to f, waits until it is safe, and closes f.
func writeWhole(f *os.File, text textWriter) error {
	err := text(f)
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// writeText writes text to a new file in dir, which place then gives its name.
// At every moment the name stands for a whole text, the old or the new one.
func writeText(dir string, text textWriter, place func(temp string) error) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return errors.Wrap(err, "make directory of metadata files")
	}
	f, err := os.CreateTemp(dir, ".lvm_*") // of mode 0600
	if err != nil {
		return errors.Wrap(err, "write metadata file")
	}
	temp := f.Name()
	err = writeWhole(f, text)
	if err == nil {
		err = place(temp)
	}
	if err == nil {
		err = syncDir(dir)
	}
	// After a rename it is gone. One that stays is in nobody's way.
	_ = os.Remove(temp)
	if err != nil {
		return errors.Wrap(err, "write metadata file")
	}
	return nil
}

// linkNew gives the file at temp the name path, unless that is taken.
func linkNew(temp, path string) error {
	err := os.Link(temp, path)
	if err == nil || errors.Is(err, fs.ErrExist) {
		return err
	}
	// No hard links here. Nobody else adds archives while we hold the VG's lock.
	if _, statErr := os.Lstat(path); statErr == nil {
		return &fs.PathError{Op: "link", Path: path, Err: fs.ErrExist}
	}
	return os.Rename(temp, path)
}
