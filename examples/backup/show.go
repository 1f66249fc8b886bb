package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lvm-go/lvm"
)

// show makes a group on two files, runs a database on it, backs that up twice
// while it runs, restores the last backup and compares.
func show(ctx context.Context, out io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "lvm-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	sys, err := makeGroup(ctx, out, dir)
	if err != nil {
		return err
	}
	defer sys.Close()
	db, err := openDatabase(ctx, sys)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(ctx)
	var database sync.WaitGroup
	database.Go(func() { db.run(running) })

	b := backup{out: out, sys: sys, vg: "vg0", to: filepath.Join(dir, "backups"), space: 50, hooks: db.hooks()}
	for range 2 {
		if err = db.wait(ctx); err == nil {
			err = b.run(ctx)
		}
		if err != nil {
			break
		}
		fmt.Fprintln(out)
	}
	stop()
	database.Wait()
	if err := errors.Join(err, db.log.Close(), db.data.Close()); err != nil {
		return err
	}
	if err := restore(ctx, out, b.to, dir, 0); err != nil {
		return err
	}
	if err := compare(ctx, sys, dir); err != nil {
		return err
	}
	fmt.Fprintln(out, "The contents are the same, and of one instant: the log ends where the data does.")
	return nil
}

// makeGroup makes a group with a volume that is full of data, in part, and one
// that is blank.
func makeGroup(ctx context.Context, out io.Writer, dir string) (*lvm.System, error) {
	disks := []string{filepath.Join(dir, "disk1.img"), filepath.Join(dir, "disk2.img")}
	for _, path := range disks {
		if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, int64(161*lvm.MiB))); err != nil {
			return nil, err
		}
	}
	sys, err := lvm.Open(lvm.Config{Devices: disks, Kernel: lvm.KernelNone})
	if err != nil {
		return nil, err
	}
	err = sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		if err := tx.CreateVG(lvm.VGSpec{PVs: disks}); err != nil {
			return err
		}
		if _, err := tx.CreateLV(lvm.LVSpec{Name: "log", Size: lvm.ExactSize(32 * lvm.MiB)}); err != nil {
			return err
		}
		_, err := tx.CreateLV(lvm.LVSpec{Name: "data", Size: lvm.ExactSize(64 * lvm.MiB)})
		return err
	})
	if err != nil {
		sys.Close()
		return nil, err
	}
	fmt.Fprint(out, "vg0 with log of 32 MiB and data of 64 MiB. A database writes to both.\n\n")
	return sys, nil
}

// database writes each record to its log first, and then to its data, one after
// the other.
type database struct {
	log, data *lvm.LVFile

	mu      sync.Mutex // held while a record is written; guards what follows
	records uint64
	err     error // why there will be no more
}

const (
	recordSize = 4 << 10
	maxRecords = 256 // then the first is written over
)

func openDatabase(ctx context.Context, sys *lvm.System) (*database, error) {
	db := &database{}
	for name, f := range map[string]**lvm.LVFile{"log": &db.log, "data": &db.data} {
		lv, err := find(ctx, sys, name)
		if err != nil {
			return nil, err
		}
		if *f, err = lv.Open(); err != nil {
			return nil, err
		}
	}
	// What never changes is in the first backup only.
	noise := rand.NewChaCha8([32]byte{})
	_, err := io.CopyN(io.NewOffsetWriter(db.data, int64(16*lvm.MiB)), noise, int64(9*lvm.MiB))
	return db, err
}

func find(ctx context.Context, sys *lvm.System, name string) (*lvm.LogicalVolume, error) {
	vg, err := sys.VG(ctx, "vg0")
	if err != nil {
		return nil, err
	}
	return vg.LV(name)
}

func (db *database) run(ctx context.Context) {
	for ctx.Err() == nil {
		if err := db.put(); err != nil {
			return
		}
	}
}

func (db *database) put() error {
	db.mu.Lock()
	defer db.mu.Unlock()
	record := bytes.Repeat(binary.BigEndian.AppendUint64(nil, db.records), recordSize/8)
	at := int64(db.records%maxRecords) * recordSize
	if _, db.err = db.log.WriteAt(record, at); db.err == nil {
		_, db.err = db.data.WriteAt(record, at)
	}
	db.records++
	return db.err
}

// hooks hold the database between two records.
func (db *database) hooks() lvm.FreezeHooks {
	return lvm.FreezeHooks{
		Freeze: func(context.Context) error {
			db.mu.Lock()
			return errors.Join(db.log.Sync(), db.data.Sync())
		},
		Thaw: func(time.Duration, bool) { db.mu.Unlock() },
	}
}

// wait waits until all records were written once more.
func (db *database) wait(ctx context.Context) error {
	state := func() (uint64, error) {
		db.mu.Lock()
		defer db.mu.Unlock()
		return db.records, db.err
	}
	start, err := state()
	for n := start; err == nil && n < start+maxRecords; n, err = state() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Millisecond):
		}
	}
	return err
}

// compare compares what was restored with the snapshots, and log with data.
func compare(ctx context.Context, sys *lvm.System, dir string) error {
	var records [][]byte
	for _, name := range []string{"log", "data"} {
		lv, err := find(ctx, sys, name+".backup2")
		if err != nil {
			return err
		}
		f, err := lv.Open()
		if err != nil {
			return err
		}
		defer f.Close()
		want := make([]byte, lv.Origin().Size())
		if _, err := f.ReadAt(want, 0); err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(dir, name+".img"))
		if err != nil {
			return err
		}
		if !bytes.Equal(got, want) {
			return fmt.Errorf("the contents of %s are not the same", name)
		}
		records = append(records, got[:maxRecords*recordSize])
	}
	if !bytes.Equal(records[0], records[1]) {
		return errors.New("log and data are not of one instant")
	}
	return nil
}
