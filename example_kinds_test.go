package lvm_test

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/lvm-go/lvm"
)

// recorded is the beginning of a disk of 256 MiB, as lvm2 has written it.
type recorded struct{ memory }

func (r *recorded) Size() (lvm.Bytes, error) { return 256 * lvm.MiB, nil }

// openRecorded opens a group called vg that lvm2 made.
func openRecorded(name string) (*lvm.System, *lvm.VolumeGroup) {
	disks := map[string]*recorded{}
	cfg := lvm.Config{
		Kernel:     lvm.KernelNone,
		OpenDevice: func(path string, write bool) (lvm.Device, error) { return disks[path], nil },
	}
	heads, err := filepath.Glob(filepath.Join("testdata", "corpus", name, "pv*.head.gz"))
	if err != nil || len(heads) == 0 {
		log.Fatal(name, " is not there: ", err)
	}
	for _, path := range heads {
		f, err := os.Open(path)
		if err != nil {
			log.Fatal(err)
		}
		head, err := gzip.NewReader(f)
		if err != nil {
			log.Fatal(err)
		}
		disk := &recorded{}
		if disk.data, err = io.ReadAll(head); err != nil {
			log.Fatal(err)
		}
		f.Close()
		disks[path] = disk
		cfg.Devices = append(cfg.Devices, path)
	}
	sys, err := lvm.Open(cfg)
	if err != nil {
		log.Fatal(err)
	}
	vg, err := sys.VG(context.Background(), "vg")
	if err != nil {
		log.Fatal(err)
	}
	return sys, vg
}

// lvOf returns a volume of a group.
func lvOf(vg *lvm.VolumeGroup, name string) *lvm.LogicalVolume {
	lv, err := vg.LV(name)
	if err != nil {
		log.Fatal(err)
	}
	return lv
}

// Thin volumes and their snapshots are alike: each has a number in its pool, and a
// snapshot remembers what it was of.
func ExampleLogicalVolume_ThinVolumes() {
	sys, vg := openRecorded("thin-snapshots")
	defer sys.Close()
	pool := lvOf(vg, "pool")
	id, _ := pool.TransactionID()
	fmt.Println(pool.Name(), pool.Size(), "after", id, "changes")
	for thin := range pool.ThinVolumes() {
		id, _ := thin.DeviceID()
		fmt.Print("  ", id, ": ", thin.Name(), " in ", thin.Pool().Name())
		if origin := thin.ThinOrigin(); origin != nil {
			fmt.Print(", a snapshot of ", origin.Name())
		}
		fmt.Println()
	}
	for part := range pool.Parts() {
		fmt.Println(part.Name(), "is a part of", part.PartOf().Name())
	}
	// Output:
	// pool 64 MiB after 4 changes
	//   1: t in pool
	//   2: s1 in pool, a snapshot of t
	//   3: s2 in pool, a snapshot of t
	//   4: s2s in pool, a snapshot of s2
	// pool_tdata is a part of pool
	// pool_tmeta is a part of pool
}

// A raid is made of images, and of volumes that say how far these are in sync.
func ExampleLogicalVolume_RAIDLegs() {
	sys, vg := openRecorded("raid1-3")
	defer sys.Close()
	raid := lvOf(vg, "r")
	for s := range raid.Segments() {
		fmt.Println(s.Type(), raid.Size(), "in regions of", s.RegionSize())
	}
	for _, leg := range raid.RAIDLegs() {
		fmt.Println(leg.Image.Name(), leg.Image.Size(), leg.Meta.Name(), leg.Meta.Size())
	}
	// Output:
	// raid1 32 MiB in regions of 1 MiB
	// r_rimage_0 32 MiB r_rmeta_0 4 MiB
	// r_rimage_1 32 MiB r_rmeta_1 4 MiB
	// r_rimage_2 32 MiB r_rmeta_2 4 MiB
}

// What a cached volume was before is hidden beneath it, and so is its cache.
func ExampleLogicalVolume_CachePool() {
	sys, vg := openRecorded("cache-pool")
	defer sys.Close()
	lv := lvOf(vg, "org")
	cache := lv.CachePool()
	fmt.Println(lv.Name(), "is", lv.CacheOrigin().Name()+", cached by", cache.Name())
	fmt.Println("data in", cache.PoolData().Name()+", metadata in", cache.PoolMetadata().Name())
	// Output:
	// org is org_corig, cached by cp_cpool
	// data in cp_cpool_cdata, metadata in cp_cpool_cmeta
}

// What may be wrong with a pool is known by its errors.
func ExampleLogicalVolume_ThinPoolUsage() {
	sys, err := lvm.Open(lvm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sys.Close()
	vg, err := sys.VG(context.Background(), "vg")
	if err != nil {
		log.Fatal(err)
	}
	usage, err := lvOf(vg, "pool").ThinPoolUsage()
	if err != nil {
		log.Fatal(err) // it is not active, for example
	}
	fmt.Println("data", usage.DataPercent(), "metadata", usage.MetadataPercent())
	switch err := usage.Err(); {
	case errors.Is(err, lvm.ErrPoolFull):
		fmt.Println("writes wait or fail until the pool is extended")
	case errors.Is(err, lvm.ErrTransactionID), errors.Is(err, lvm.ErrNeedsCheck), errors.Is(err, lvm.ErrPoolFailed):
		fmt.Println("to be repaired:", err)
	}
}

// A raid without one of its legs still works, and says so.
func ExampleLogicalVolume_RAIDStatus() {
	sys, err := lvm.Open(lvm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	defer sys.Close()
	vg, err := sys.VG(context.Background(), "vg")
	if err != nil {
		log.Fatal(err)
	}
	status, err := lvOf(vg, "data").RAIDStatus()
	if err != nil {
		log.Fatal(err)
	}
	for _, leg := range status.Legs {
		fmt.Println(leg.Name, leg.Health)
	}
	if errors.Is(status.Err(), lvm.ErrDegraded) {
		fmt.Println("replace", status.Missing())
	}
	if errors.Is(status.Err(), lvm.ErrNotInSync) {
		fmt.Println(status.Action, status.Percent())
	}
}
