package lvm_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/lvm-go/lvm"
)

// A pool, a volume in it that seems larger than that, and a snapshot. All of it is one
// commit. Without a kernel the volumes are there as soon as one is told of them.
func ExampleTx_CreateThinPool() {
	ctx := context.Background()
	sys := openMemory("sda")
	defer sys.Close()
	createVG(sys, "vg0", "sda")
	err := sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		if _, err := tx.CreateThinPool(lvm.ThinPoolSpec{Name: "pool", Size: lvm.ExactSize(32 * lvm.MiB)}); err != nil {
			return err
		}
		if _, err := tx.CreateThin(lvm.ThinSpec{Name: "root", Pool: "pool", VirtualSize: lvm.ExactSize(40 * lvm.MiB)}); err != nil {
			return err
		}
		_, err := tx.CreateThinSnapshot("root", lvm.ThinSnapshotSpec{Name: "monday"})
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	tell := func() {
		vg, err := sys.VG(ctx, "vg0")
		if err != nil {
			log.Fatal(err)
		}
		promised, err := lvOf(vg, "pool").PoolCommitment()
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d volumes seem to have %s, which is %d%% of %s\n", promised.Volumes, promised.Virtual, promised.Percent(), promised.Size)
	}
	tell()

	err = sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		_, err := tx.CreateThin(lvm.ThinSpec{Name: "home", Pool: "pool", VirtualSize: lvm.ExactSize(lvm.GiB), MaxOvercommit: 300})
		return err
	})
	fmt.Println("too much:", errors.Is(err, lvm.ErrNoSpace))
	err = sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		return tx.ExtendLV("pool", lvm.ExtendSpec{By: lvm.PercentLV(25)})
	})
	if err != nil {
		log.Fatal(err)
	}
	tell()
	// Output:
	// 2 volumes seem to have 80 MiB, which is 250% of 32 MiB
	// too much: true
	// 2 volumes seem to have 80 MiB, which is 200% of 40 MiB
}

// Pools get a fifth more when they are more than 70% full. Somebody is told when that
// is not enough, or one is in trouble.
func ExampleSystem_Monitor() {
	ctx := context.Background()
	devices, err := lvm.FindDevices(ctx, lvm.ScanOptions{})
	if err != nil {
		log.Fatal(err)
	}
	sys, err := lvm.Open(lvm.Config{Devices: devices})
	if err != nil {
		log.Fatal(err)
	}
	defer sys.Close()
	when := lvm.AutoExtend{Threshold: 70, By: 20}
	err = sys.Monitor(ctx, lvm.MonitorOptions{
		AutoExtendPools: lvm.PoolAutoExtend{Data: when, Metadata: when},
		PoolEvent: func(e lvm.PoolEvent) {
			switch {
			case errors.Is(e.Err, lvm.ErrPoolFull):
				log.Printf("%s/%s is full: free something, or add a disk", e.VG, e.Pool)
			case errors.Is(e.Err, lvm.ErrNeedsCheck):
				log.Printf("%s/%s: stop what uses it, deactivate and activate it", e.VG, e.Pool)
			default:
				log.Printf("%s/%s %s: data %s%%, metadata %s%% %v", e.VG, e.Pool, e.Kind, e.Usage.DataPercent(), e.Usage.MetadataPercent(), e.Err)
			}
		},
	})
	log.Println("no longer looked after:", err)
}
