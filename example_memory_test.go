package lvm_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/lvm-go/lvm"
)

// memory is a device in memory: anything that can do this can hold a physical
// volume.
type memory struct {
	mu   sync.RWMutex // guards data
	data []byte
}

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if off >= int64(len(m.data)) {
		return 0, io.EOF
	}
	n := copy(p, m.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if off+int64(len(p)) > int64(len(m.data)) {
		return 0, io.ErrShortWrite
	}
	return copy(m.data[off:], p), nil
}

func (m *memory) Size() (lvm.Bytes, error) { return lvm.Bytes(len(m.data)), nil }
func (m *memory) Sync() error              { return nil }
func (m *memory) Close() error             { return nil }

// openMemory returns a System on disks of 65 MiB in memory. With its clock, its
// host name and its source of identifiers, the same calls make the same bytes.
func openMemory(names ...string) *lvm.System {
	disks := map[string]*memory{}
	for _, name := range names {
		disks[name] = &memory{data: make([]byte, 65<<20)}
	}
	sys, err := lvm.Open(lvm.Config{
		Devices:    names,
		Kernel:     lvm.KernelNone,
		OpenDevice: func(name string, write bool) (lvm.Device, error) { return disks[name], nil },
		Host:       "example",
		Clock:      func() time.Time { return time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC) },
		Random:     rand.NewChaCha8([32]byte{}),
	})
	if err != nil {
		log.Fatal(err)
	}
	return sys
}

// createVG makes a volume group of devices.
func createVG(sys *lvm.System, name string, devices ...string) {
	err := sys.Update(context.Background(), name, func(tx *lvm.Tx) error {
		return tx.CreateVG(lvm.VGSpec{PVs: devices})
	})
	if err != nil {
		log.Fatal(err)
	}
}

// Any number of changes are one transaction: all are made, or none.
func ExampleSystem_Update() {
	ctx := context.Background()
	sys := openMemory("sda", "sdb")
	defer sys.Close()
	createVG(sys, "vg0", "sda")

	err := sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		if err := tx.ExtendVG(lvm.PVSpec{}, "sdb"); err != nil {
			return err
		}
		for _, name := range []string{"root", "home", "swap"} {
			if _, err := tx.CreateLV(lvm.LVSpec{Name: name, Size: lvm.ExactSize(20 * lvm.MiB)}); err != nil {
				return err
			}
		}
		return tx.ExtendLV("home", lvm.ExtendSpec{By: lvm.PercentFree(100)})
	})
	if err != nil {
		log.Fatal(err)
	}
	vg, err := sys.VG(ctx, "vg0")
	if err != nil {
		log.Fatal(err)
	}
	for lv := range vg.LVs() {
		fmt.Println(lv.Name(), lv.Size())
	}
	// Output:
	// root 20 MiB
	// home 88 MiB
	// swap 20 MiB
}

// Errors say what is wrong in values: here, how much space there is.
func ExampleSpaceError() {
	sys := openMemory("sda", "sdb")
	defer sys.Close()
	createVG(sys, "vg0", "sda", "sdb")

	err := sys.Update(context.Background(), "vg0", func(tx *lvm.Tx) error {
		_, err := tx.CreateLV(lvm.LVSpec{Name: "big", Size: lvm.ExactSize(lvm.GiB)})
		return err
	})
	fmt.Println(errors.Is(err, lvm.ErrNoSpace))
	var space *lvm.SpaceError
	if errors.As(err, &space) {
		fmt.Println(space.Need, "extents needed,", space.Free, "free")
	}
	// Output:
	// true
	// 256 extents needed, 32 free
}

// A plan shows what would be done. It can be applied as long as nothing else
// has changed the group.
func ExampleSystem_Plan() {
	ctx := context.Background()
	sys := openMemory("sda", "sdb")
	defer sys.Close()
	createVG(sys, "vg0", "sda", "sdb")

	create := func(name string) func(*lvm.Tx) error {
		return func(tx *lvm.Tx) error {
			_, err := tx.CreateLV(lvm.LVSpec{Name: name, Size: lvm.ExactSize(20 * lvm.MiB), Stripes: 2})
			return err
		}
	}
	plan, err := sys.Plan(ctx, "vg0", create("data"))
	if err != nil {
		log.Fatal(err)
	}
	for _, step := range plan.Steps {
		fmt.Println(step)
	}
	if err := sys.Update(ctx, "vg0", create("other")); err != nil {
		log.Fatal(err)
	}
	fmt.Println(errors.Is(sys.Apply(ctx, plan), lvm.ErrPlanStale))
	// Output:
	// write zeroes at the start of vg0/data: 4096 bytes at byte 1048576 of sda
	// write 1086 bytes of metadata to 2 areas on [sda sdb]
	// precommit seqno 2 on [sda sdb]
	// commit seqno 2 on [sda sdb]
	// true
}

// At its start a program clears up what one that died may have left behind.
func ExampleSystem_Recover() {
	sys := openMemory("sda")
	defer sys.Close()
	createVG(sys, "vg0", "sda")

	found, err := sys.Recover(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(found.Done), "steps were needed")
	for _, problem := range found.Problems {
		fmt.Println("left as it is:", problem)
	}
	// Output:
	// 0 steps were needed
}

// Where a byte of a volume is.
func ExampleExtentMap_Map() {
	ctx := context.Background()
	sys := openMemory("sda", "sdb")
	defer sys.Close()
	createVG(sys, "vg0", "sda", "sdb")
	err := sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		_, err := tx.CreateLV(lvm.LVSpec{Name: "data", Size: lvm.PercentFree(100), Stripes: 2})
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	vg, err := sys.VG(ctx, "vg0")
	if err != nil {
		log.Fatal(err)
	}
	lv, err := vg.LV("data")
	if err != nil {
		log.Fatal(err)
	}
	for piece, err := range vg.ExtentMap().Map(lv.ID(), 32*lvm.KiB, 64*lvm.KiB) {
		if err != nil {
			log.Fatal(err)
		}
		pv, err := vg.PV(piece.PV.String())
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s at byte %d of %s\n", piece.Length, piece.Offset, pv.Device())
	}
	// Output:
	// 32 KiB at byte 1081344 of sda
	// 32 KiB at byte 1048576 of sdb
}

// The picture of a group's extents.
func ExampleExtentMap_WriteText() {
	ctx := context.Background()
	sys := openMemory("sda", "sdb", "sdc")
	defer sys.Close()
	createVG(sys, "vg0", "sda", "sdb", "sdc")
	err := sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		if _, err := tx.CreateLV(lvm.LVSpec{Name: "data", Size: lvm.ExactSize(64 * lvm.MiB), Stripes: 2}); err != nil {
			return err
		}
		_, err := tx.CreateLV(lvm.LVSpec{Name: "home", Size: lvm.ExactSize(32 * lvm.MiB)})
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	vg, err := sys.VG(ctx, "vg0")
	if err != nil {
		log.Fatal(err)
	}
	if err := vg.ExtentMap().WriteText(os.Stdout, lvm.DrawOptions{}); err != nil {
		log.Fatal(err)
	}
	// Output:
	// sda [a1aaaaaabbbbbbbb] 0 of 16 free
	// sdb [a2aaaaaa........] 8 of 16 free
	// sdc [................] 16 of 16 free
	//
	// a data  16 extents, 64 MiB, stripes a1-a2
	// b home  8 extents, 32 MiB
	// . free  24 extents, 96 MiB
}

// The logical volumes that lie, in part or wholly, on one physical volume.
func ExampleExtentMap_Runs() {
	ctx := context.Background()
	sys := openMemory("sda", "sdb")
	defer sys.Close()
	createVG(sys, "vg0", "sda", "sdb")
	err := sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		for _, name := range []string{"root", "home"} {
			if _, err := tx.CreateLV(lvm.LVSpec{Name: name, Size: lvm.ExactSize(40 * lvm.MiB)}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	vg, err := sys.VG(ctx, "vg0")
	if err != nil {
		log.Fatal(err)
	}
	for pv := range vg.PVs() {
		runs := slices.Collect(vg.ExtentMap().Runs(pv.ID()))
		for _, run := range runs {
			name := run.LVName
			if run.Free() {
				name = "free"
			}
			fmt.Printf("%s %d-%d %s\n", pv.Device(), run.Start, run.Start+run.Count-1, name)
		}
	}
	// Output:
	// sda 0-9 root
	// sda 10-15 free
	// sdb 0-9 home
	// sdb 10-15 free
}
