package exception_test

import (
	"fmt"

	"github.com/lvm-go/lvm/exception"
	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/units"
)

// A snapshot without a kernel: the devices may be files, or logical volumes
// that are opened in image mode.
func Example() {
	disks := recorder.New(units.MiB, "origin", "cow")
	origin, _ := disks.Open("origin", true)
	cow, _ := disks.Open("cow", true)
	_, _ = origin.WriteAt([]byte("as it was"), 5000)

	if err := exception.Init(cow, units.MiB, 8); err != nil {
		fmt.Println(err)
		return
	}
	store, err := exception.Open(cow, units.MiB)
	if err != nil {
		fmt.Println(err)
		return
	}
	snapshot, err := exception.NewSnapshot(origin, units.MiB, store)
	if err != nil {
		fmt.Println(err)
		return
	}
	o, err := exception.NewOrigin(origin, units.MiB, snapshot)
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := o.WriteAt([]byte("something"), 5000); err != nil {
		fmt.Println(err)
		return
	}
	b := make([]byte, 9)
	_, _ = o.ReadAt(b, 5000)
	fmt.Printf("origin:   %s\n", b)
	_, _ = snapshot.ReadAt(b, 5000)
	fmt.Printf("snapshot: %s\n", b)
	fmt.Println("used:    ", store.Usage())
	for e := range store.Exceptions() {
		fmt.Printf("chunk %d of the origin has changed\n", e.Old)
	}
	// Output:
	// origin:   something
	// snapshot: as it was
	// used:     24/2048 16
	// chunk 1 of the origin has changed
}
