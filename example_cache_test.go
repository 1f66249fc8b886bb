package lvm_test

import (
	"context"
	"fmt"
	"log"

	"github.com/lvm-go/lvm"
)

// A volume gets a cache on a fast physical volume, and loses it again.
func ExampleTx_AttachCache() {
	ctx := context.Background()
	sys := openMemory("slow", "fast")
	defer sys.Close()
	err := sys.Update(ctx, "vg", func(tx *lvm.Tx) error {
		if err := tx.CreateVG(lvm.VGSpec{PVs: []string{"slow", "fast"}}); err != nil {
			return err
		}
		on := func(pv string) []lvm.PVSelection { return []lvm.PVSelection{{PV: pv}} }
		if _, err := tx.CreateLV(lvm.LVSpec{Name: "data", Size: lvm.ExactSize(40 * lvm.MiB), PVs: on("slow")}); err != nil {
			return err
		}
		if _, err := tx.CreateCachePool(lvm.CachePoolSpec{Name: "pool", Size: lvm.ExactSize(16 * lvm.MiB), PVs: on("fast")}); err != nil {
			return err
		}
		return tx.AttachCache("data", lvm.AttachCacheSpec{Pool: "pool", Mode: lvm.CacheWriteback})
	})
	if err != nil {
		log.Fatal(err)
	}
	show := func() {
		vg, err := sys.VG(ctx, "vg")
		if err != nil {
			log.Fatal(err)
		}
		for lv := range vg.LVs() {
			if !lv.Hidden() {
				fmt.Println(lv.Name(), lv.Size())
			}
			for part := range lv.Parts() {
				fmt.Println("  has", part.Name())
			}
		}
	}
	show()
	if err := sys.DetachCache(ctx, "vg", "data", lvm.DetachSpec{RemovePool: true}, lvm.FlushOptions{}); err != nil {
		log.Fatal(err)
	}
	show()
	// Output:
	// data 40 MiB
	//   has data_corig
	//   has pool_cpool
	//   has pool_cpool_cdata
	//   has pool_cpool_cmeta
	// data 40 MiB
}
