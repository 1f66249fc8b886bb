package lvm_test

import (
	"context"
	"fmt"
	"log"

	"github.com/lvm-go/lvm"
)

// A System that looks at the devices that lvm2 looks at, and leaves its locks,
// backups and lists where lvm2 has its own.
func ExampleFindDevices() {
	conf, err := lvm.ReadLVMConf("/etc/lvm")
	if err != nil {
		log.Fatal(err)
	}
	options, err := conf.ScanOptions()
	if err != nil {
		log.Fatal(err)
	}
	var cfg lvm.Config
	if cfg.Devices, err = lvm.FindDevices(context.Background(), options); err != nil {
		log.Fatal(err)
	}
	if err := conf.Apply(&cfg); err != nil {
		log.Fatal(err)
	}
	sys, err := lvm.Open(cfg)
	if err != nil {
		log.Fatal(err)
	}
	defer sys.Close()
	inv, err := sys.Scan(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	for _, vg := range inv.VGs {
		fmt.Println(vg.Name(), vg.Free())
	}
}
