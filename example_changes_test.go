package lvm_test

import (
	"context"
	"fmt"
	"log"

	"github.com/lvm-go/lvm"
)

// Between two snapshots of a volume only some of it has changed: all that an
// incremental backup has to copy.
func ExampleLogicalVolume_Changes() {
	ctx := context.Background()
	sys := openMemory("sda")
	defer sys.Close()
	createVG(sys, "vg0", "sda")
	createLV(sys, "data")
	snapshot := func(name string) {
		err := sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
			_, err := tx.CreateSnapshot("data", lvm.SnapshotSpec{Name: name, Size: lvm.PercentOrigin(20)})
			return err
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	data := openLV(sys, "data")
	defer data.Close()
	snapshot("monday")
	for _, off := range []int64{5000, 9000, 1 << 20} {
		if _, err := data.WriteAt([]byte("something new"), off); err != nil {
			log.Fatal(err)
		}
	}
	snapshot("tuesday")

	vg, err := sys.VG(ctx, "vg0")
	if err != nil {
		log.Fatal(err)
	}
	monday, err := vg.LV("monday")
	if err != nil {
		log.Fatal(err)
	}
	tuesday, err := vg.LV("tuesday")
	if err != nil {
		log.Fatal(err)
	}
	for r, err := range tuesday.Changes(ctx, monday) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%d bytes at byte %d\n", uint64(r.Length), uint64(r.Offset))
	}
	// Output:
	// 8192 bytes at byte 4096
	// 4096 bytes at byte 1048576
}
