package lvm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"

	"github.com/lvm-go/lvm"
)

// All that lvm2 reports is there as values, and as JSON under lvm2's names.
func ExampleLogicalVolume_Report() {
	ctx := context.Background()
	sys := openMemory("sda", "sdb")
	defer sys.Close()
	createVG(sys, "vg0", "sda", "sdb")
	err := sys.Update(ctx, "vg0", func(tx *lvm.Tx) error {
		_, err := tx.CreateLV(lvm.LVSpec{Name: "root", Size: lvm.ExactSize(40 * lvm.MiB), Stripes: 2})
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	vg, err := sys.VG(ctx, "vg0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(vg.Name(), vg.Attr(), vg.Report().FreeCount)
	lv, err := vg.LV("root")
	if err != nil {
		log.Fatal(err)
	}
	report, err := lv.Report()
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.FullName, report.Attr, report.Layout, report.Segments[0].Devices)

	text, err := json.Marshal(vg)
	if err != nil {
		log.Fatal(err)
	}
	var back struct {
		Free lvm.Bytes `json:"vg_free"`
		LVs  []struct {
			Name string    `json:"lv_name"`
			Size lvm.Bytes `json:"lv_size"`
		} `json:"lvs"`
	}
	if err := json.Unmarshal(text, &back); err != nil {
		log.Fatal(err)
	}
	fmt.Println(back.Free, back.LVs)
	// Output:
	// vg0 wz--n- 22
	// vg0/root -wi------- [striped] [sda(0) sdb(0)]
	// 88 MiB [{root 40 MiB}]
}
