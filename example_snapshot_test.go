package lvm_test

import (
	"context"
	"fmt"
	"log"
	"sync"
	"time"

	"github.com/lvm-go/lvm"
)

// createLV makes a volume in the group vg0.
func createLV(sys *lvm.System, name string) {
	err := sys.Update(context.Background(), "vg0", func(tx *lvm.Tx) error {
		_, err := tx.CreateLV(lvm.LVSpec{Name: name, Size: lvm.ExactSize(20 * lvm.MiB)})
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
}

// openLV opens a volume of the group vg0.
func openLV(sys *lvm.System, name string) *lvm.LVFile {
	vg, err := sys.VG(context.Background(), "vg0")
	if err != nil {
		log.Fatal(err)
	}
	lv, err := vg.LV(name)
	if err != nil {
		log.Fatal(err)
	}
	f, err := lv.Open()
	if err != nil {
		log.Fatal(err)
	}
	return f
}

// write writes to the start of a volume.
func write(sys *lvm.System, name, text string) {
	f := openLV(sys, name)
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), 0); err != nil {
		log.Fatal(err)
	}
}

// read reads from the start of a volume.
func read(sys *lvm.System, name string) string {
	f := openLV(sys, name)
	defer f.Close()
	text := make([]byte, len("version 1"))
	if _, err := f.ReadAt(text, 0); err != nil {
		log.Fatal(err)
	}
	return string(text)
}

// A snapshot keeps what its origin held. It takes the space of what was changed
// since, and can be written by itself.
func ExampleTx_CreateSnapshot() {
	sys := openMemory("sda")
	defer sys.Close()
	createVG(sys, "vg0", "sda")
	createLV(sys, "data")
	write(sys, "data", "version 1")

	err := sys.Update(context.Background(), "vg0", func(tx *lvm.Tx) error {
		_, err := tx.CreateSnapshot("data", lvm.SnapshotSpec{Name: "yesterday", Size: lvm.PercentOrigin(20)})
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	write(sys, "data", "version 2")
	fmt.Println("data:", read(sys, "data"))
	fmt.Println("yesterday:", read(sys, "yesterday"))
	// Output:
	// data: version 2
	// yesterday: version 1
}

// A program that writes to two volumes holds still while both get a snapshot, so
// that they fit together.
func ExampleTx_OnFreeze() {
	sys := openMemory("sda")
	defer sys.Close()
	createVG(sys, "vg0", "sda")
	createLV(sys, "journal")
	createLV(sys, "data")
	var writing sync.Mutex // whoever writes holds it

	err := sys.Update(context.Background(), "vg0", func(tx *lvm.Tx) error {
		tx.OnFreeze(lvm.FreezeHooks{
			Freeze: func(context.Context) error {
				writing.Lock()
				fmt.Println("nobody writes")
				return nil
			},
			Thaw: func(window time.Duration, committed bool) {
				writing.Unlock()
				fmt.Println("go on; snapshots were made:", committed)
			},
		})
		for _, name := range []string{"journal", "data"} {
			if _, err := tx.CreateSnapshot(name, lvm.SnapshotSpec{Name: name + ".old", Size: lvm.ExtentCount(1)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// nobody writes
	// go on; snapshots were made: true
}

// A snapshot that is merged makes its origin what it was, and is no more.
func ExampleSystem_Merge() {
	ctx := context.Background()
	sys := openMemory("sda")
	defer sys.Close()
	createVG(sys, "vg0", "sda")
	createLV(sys, "root")
	write(sys, "root", "version 1")
	err := sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		_, err := tx.CreateSnapshot("root", lvm.SnapshotSpec{Name: "before-upgrade", Size: lvm.PercentOrigin(50)})
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	write(sys, "root", "version 2")

	merge, err := sys.Merge(ctx, "vg0", "before-upgrade", lvm.MergeOptions{})
	if err != nil {
		log.Fatal(err)
	}
	if merge.Deferred {
		fmt.Println("root is in use: it will be merged when root is next activated")
	}
	fmt.Println("root:", read(sys, "root"))
	// Output:
	// root: version 1
}
