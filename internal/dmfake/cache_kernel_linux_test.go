package dmfake_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/stretchr/testify/require"
)

// What the fake writes to caches and their metadata is what the kernel reads, and
// the other way round.
func TestKernelCacheMetadata(t *testing.T) {
	umltest.NeedKernel(t)
	path, _ := umltest.Loop(t, int64(diskSize))
	devices := func(p *player) {
		p.make("meta", "0 256 linear <disk> 0")
		p.make("fast", "0 512 linear <disk> 256")
		p.make("slow", "0 1024 linear <disk> 1024")
	}
	for _, table := range []string{cacheTable + "writeback smq 0", "0 1024 cache <meta> <fast> <slow> 64 1 writeback smq 0", writeCacheTable} {
		t.Run(strings.Join(strings.Fields(table)[2:], " "), func(t *testing.T) {
			noFailure(t, onLoop(t, path, diskSize, true, func(p *player) {
				devices(p)
				p.wipe("meta", 1)
				p.wipe("fast", 1)
				for at := range int64(128) {
					p.write("slow", at, string(rune('a'+at%26)))
				}
				p.removeAll("slow", "fast", "meta")
			}))
			want := ""
			for i, real := range []bool{false, true, true, false, false, true} {
				seen := ""
				noFailure(t, onLoop(t, path, diskSize, real, func(p *player) {
					devices(p)
					if strings.Contains(table, " cache ") && i > 0 && real {
						umltest.Run(t, "cache_check", fmt.Sprintf("/dev/dm-%d", p.numberOf("meta").Minor()))
					}
					p.make("c", table)
					p.out.Reset()
					for at := range int64(128) {
						p.read("c", at, at+1)
					}
					seen = p.out.String()
					for n := range 3 {
						for at := int64(i); at < 128; at += 9 {
							p.write("c", at, string(rune('A'+(int(at)+n+i)%26)))
						}
					}
					p.out.Reset()
					for at := range int64(128) {
						p.read("c", at, at+1)
					}
					if want != "" {
						require.Equal(t, want, seen)
					}
					want = p.out.String()
					p.removeAll("c", "slow", "fast", "meta")
				}))
			}
		})
	}
}
