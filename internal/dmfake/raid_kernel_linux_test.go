package dmfake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/stretchr/testify/require"
)

// What the fake writes to the metadata of arrays is what the kernel reads, and
// the other way round.
func TestKernelRAIDMetadata(t *testing.T) {
	umltest.NeedKernel(t)
	path, _ := umltest.Loop(t, int64(diskSize))
	for _, c := range []struct {
		params string
		length int
	}{{"raid1 3 0 region_size 64", 512}, {"raid5_rs 3 16 region_size 64", 1536}, {"raid6_nc 3 16 region_size 64", 1024},
		{"raid10 7 16 region_size 64 raid10_copies 2 raid10_format offset", 1024}, {"raid0 1 16", 2048}} {
		table := func(absent ...int) string { return arrayTable(c.params, c.length, 4, absent...) }
		// The array comes in sync, or half of it, with one of the two.
		for i, real := range []bool{false, true} {
			letters := func(p *player) {
				for at := range int64(26) {
					p.read("r", at, at+1)
				}
			}
			noFailure(t, onLoop(t, path, diskSize, real, func(p *player) {
				p.legs(4)
				p.make("r", table())
				for at := range int64(26) {
					p.write("r", at, string(rune('a'+at)))
				}
				if i == 1 {
					p.await("r", "AAAA")
				}
				p.remove("r", false)
				p.removeLegs(4)
			}))
			noFailure(t, onLoop(t, path, diskSize, !real, func(p *player) {
				p.setLegs(4)
				p.make("r", table())
				p.await("r", "AAAA")
				letters(p)
				if c.params[:5] != "raid0" {
					p.message("r", 0, "check")
					p.settle(1, "idle 0")
					p.load("data1", "0 512 error", dm.LoadOptions{})
					p.resume("data1")
					p.write("r", 3, "D")
					p.write("r", 5, "F")
				}
				p.remove("r", false)
				p.removeLegs(4)
			}))
			looks := func(p *player) {
				p.setLegs(4)
				p.make("r", table())
				p.await("r", "AAAA")
				p.look("r")
				letters(p)
				for i := range 4 {
					p.read(fmt.Sprint("data", i), 0, 26)
				}
				p.remove("r", false)
				p.removeLegs(4)
			}
			seen := onLoop(t, path, diskSize, real, looks)
			noFailure(t, seen)
			require.Contains(t, seen, "idle")

			again := onLoop(t, path, diskSize, !real, looks)
			// Events depend on who came first.
			_, wanted, _ := strings.Cut(seen, "read r")
			_, got, _ := strings.Cut(again, "read r")
			require.Equal(t, wanted, got, "%s %v\n%s\n%s", c.params, real, seen, again)
		}
	}
}
