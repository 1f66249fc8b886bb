package lvm

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/lvm-go/lvm/metadata"
)

// Backup is a file with the metadata of a group as it once was: the backup of
// what holds, or an archive of what held before.
type Backup struct {
	Path        string
	Archive     bool
	VG          string
	ID          ID // of the group
	Seqno       uint32
	Description string    // why it was written
	Time        time.Time // when
	// Err says why the file cannot be read; the fields but Path and Archive are
	// not set then.
	Err error

	text []byte
}

// Text returns what the file said when it was listed: what [Tx.RestoreVG] takes.
func (b *Backup) Text() []byte { return bytes.Clone(b.text) }

// Backup writes the metadata of a group to its file in [Config.BackupDir], as
// every change does. lvm2: vgcfgbackup. Errors are as with [System.View], or
// match [ErrUnsupported] if there is no such directory.
func (s *System) Backup(ctx context.Context, vg string) error {
	const op = "back up vg"
	if s.cfg.BackupDir == "" {
		return &OpError{Op: op, VG: vg, Err: fault(ErrUnsupported, "no backup directory is configured")}
	}
	return s.backup(ctx, op, vg, "Created *after* executing '"+s.cfg.Command+"'", func(doc *metadata.Document) error {
		return s.backups().writeBackup(doc.VG.Name, doc.WriteBackup)
	})
}

// BackupText returns the metadata of a group as a backup file has it. lvm2:
// vgcfgbackup -f. Errors are as with [System.View].
func (s *System) BackupText(ctx context.Context, vg string) ([]byte, error) {
	var out []byte
	err := s.backup(ctx, "back up vg", vg, s.cfg.Command, func(doc *metadata.Document) (err error) {
		out, err = doc.EncodeBackup()
		return err
	})
	return out, err
}

// backup calls write with what a backup of a group says, under its lock.
func (s *System) backup(ctx context.Context, op, vg, description string, write func(*metadata.Document) error) error {
	fail := func(err error) error {
		if err == nil {
			return nil
		}
		return &OpError{Op: op, VG: vg, Err: err}
	}
	if err := s.checkOpen(); err != nil {
		return fail(err)
	}
	held, st, err := s.lockAndLoad(ctx, vg, lockShared)
	if err != nil {
		return fail(err)
	}
	defer held.release()
	rec := *st.doc.VG
	rec.PVs = hinted(rec.PVs, st.members)
	return fail(write(&metadata.Document{Header: s.textHeader(description, s.cfg.Clock()), VG: &rec}))
}

// hinted returns the records with the paths that the devices now have.
func hinted(pvs []*metadata.PhysicalVolume, members map[metadata.ID]*member) []*metadata.PhysicalVolume {
	out := slices.Clone(pvs)
	for i, pv := range out {
		if m := members[pv.ID]; m != nil && m.path != pv.Device {
			moved := *pv
			moved.Device = m.path
			out[i] = &moved
		}
	}
	return out
}

// textHeader returns the header of a metadata text that is written at that time.
func (s *System) textHeader(description string, at time.Time) metadata.Header {
	return metadata.Header{
		Generator: s.cfg.Program, Description: description,
		CreationHost: s.cfg.Host, HostDetails: s.cfg.Host, SystemID: s.cfg.SystemID, CreationTime: at,
	}
}

// Backups lists the files in [Config.ArchiveDir] and [Config.BackupDir] that are
// of the group of that name, which need not exist any more: the archives from
// the oldest to the newest, then the backup. lvm2: vgcfgrestore --list.
func (s *System) Backups(vg string) ([]Backup, error) {
	store := s.backups()
	archives, err := store.list(vg)
	if err != nil {
		return nil, &OpError{Op: "list backups", VG: vg, Err: err}
	}
	var out []Backup
	for _, a := range archives {
		b := Backup{Path: a.path, Archive: true}
		if b.read(vg); !errors.Is(b.Err, ErrNotFound) { // just pruned
			out = append(out, b)
		}
	}
	if store.backupDir == "" {
		return out, nil
	}
	b := Backup{Path: filepath.Join(store.backupDir, vg)}
	if _, err := os.Lstat(b.Path); errors.Is(err, fs.ErrNotExist) {
		return out, nil
	}
	b.read(vg)
	return append(out, b), nil
}

func (b *Backup) read(vg string) {
	var doc *metadata.Document
	if b.text, b.Err = readText(b.Path); b.Err != nil {
		return
	}
	if doc, b.Err = metadata.DecodeDocument(b.text); b.Err != nil {
		return
	}
	if doc.VG.Name != vg {
		b.Err = fault(ErrInvalidSpec, "%s describes vg %s", b.Path, doc.VG.Name)
		return
	}
	b.VG, b.ID, b.Seqno = doc.VG.Name, doc.VG.ID, doc.VG.Seqno
	b.Description, b.Time = doc.Header.Description, doc.Header.CreationTime
}
