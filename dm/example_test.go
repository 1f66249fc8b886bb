package dm_test

import (
	"fmt"

	"github.com/lvm-go/lvm/dm"
)

// A table names its devices as suits the caller, until it is loaded.
func ExampleTable_MapDevices() {
	table := dm.Table{
		{Start: 0, Length: 8192, Target: dm.Linear{Device: "first disk", Offset: 2048}},
		{Start: 8192, Length: 8192, Target: dm.Striped{ChunkSize: 128, Stripes: []dm.StripeArea{
			{Device: "first disk", Offset: 10240}, {Device: "second disk", Offset: 2048},
		}}},
	}
	number := map[string]dm.Dev{"first disk": dm.MakeDev(8, 0), "second disk": dm.MakeDev(8, 16)}
	resolved, err := table.MapDevices(func(device string) (string, error) { return number[device].String(), nil })
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(resolved)
	fmt.Println(resolved.Validate(), resolved.Length())
	// Output:
	// 0 8192 linear 8:0 2048
	// 8192 8192 striped 2 128 8:0 10240 8:16 2048
	// <nil> 16384
}

func ExampleParseTable() {
	table, err := dm.ParseTable("0 8192 linear 8:0 2048\n8192 2048 zero\n")
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, line := range table {
		fmt.Println(line.Start, line.Length, line.Target.Type(), line.Target.Devices())
	}
	// Output:
	// 0 8192 linear [8:0]
	// 8192 2048 zero []
}
