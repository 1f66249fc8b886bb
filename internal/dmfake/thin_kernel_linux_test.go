package dmfake_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/internal/dmfake"
	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// onLoop plays with the real kernel, or with the fake, on the same loop device.
func onLoop(t *testing.T, path string, size units.Bytes, real bool, play func(p *player)) string {
	t.Helper()
	var st unix.Stat_t
	require.NoError(t, unix.Stat(path, &st))
	dev := dm.MakeDev(unix.Major(uint64(st.Rdev)), unix.Minor(uint64(st.Rdev)))
	var p *player
	if real {
		c, err := dm.Open()
		require.NoError(t, err)
		defer c.Close()
		p = newPlayer(c, dev)
		p.io = deviceIO
	} else {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		require.NoError(t, err)
		defer f.Close()
		k := dmfake.New()
		k.AddDisk(dev, size.Sectors())
		k.SetDisk(dev, f)
		p = newPlayer(k, dev)
		p.io = fakeIO(k)
		defer func() { require.NoError(t, f.Sync()) }()
	}
	play(p)
	return p.out.String()
}

// noFailure checks that nothing was refused.
func noFailure(t *testing.T, out string) {
	t.Helper()
	for line := range strings.Lines(out) {
		assert.False(t, strings.Contains(line, "fails") || strings.Contains(line, "!"), line)
	}
}

// What the fake writes to the metadata of a pool is what the kernel reads, and
// the other way round.
func TestKernelThinMetadata(t *testing.T) {
	umltest.NeedKernel(t)
	const size, chunks = 32 * units.MiB, 300
	path, _ := umltest.Loop(t, int64(size))
	base := func(p *player) {
		p.make("meta", "0 4096 linear <disk> 0")
		p.make("data", "0 51200 linear <disk> 8192")
	}
	pool := func(p *player) {
		base(p)
		p.make("pool", "0 51200 thin-pool <meta> <data> 128 0")
	}
	thins := func(p *player) {
		pool(p)
		p.make("one", "0 65536 thin <pool> 1")
		p.make("two", "0 65536 thin <pool> 2")
	}
	look := func(p *player) {
		thins(p)
		for _, name := range []string{"pool", "one", "two"} {
			// What the fake needs of metadata is less than what grew.
			words := strings.Fields(p.status(name))
			if name == "pool" {
				words[1] = ""
			}
			p.note("%s: %v", name, words)
		}
		for at := int64(0); at < chunks*chunkBlocks; at += chunkBlocks {
			p.read("one", at, at+2)
			p.read("two", at, at+2)
		}
		p.removeAll("two", "one", "pool", "data", "meta")
	}
	check := func() {
		noFailure(t, onLoop(t, path, size, true, func(p *player) {
			base(p)
			umltest.Run(t, "thin_check", fmt.Sprintf("/dev/dm-%d", p.numberOf("meta").Minor()))
			p.removeAll("data", "meta")
		}))
	}
	for i, real := range []bool{false, true, false} {
		letter := string(rune('a' + 2*i))
		later := string(rune('b' + 2*i))
		noFailure(t, onLoop(t, path, size, real, func(p *player) {
			pool(p)
			if i == 0 {
				p.message("pool", 0, "create_thin 1")
			} else {
				p.message("pool", 0, "delete 2")
			}
			p.make("one", "0 65536 thin <pool> 1")
			for at := int64(i); at < chunks; at += 2 {
				p.write("one", at*chunkBlocks, letter)
			}
			p.suspend("one")
			p.message("pool", 0, "create_snap 2 1")
			p.resume("one")
			p.make("two", "0 65536 thin <pool> 2")
			for at := int64(0); at < chunks; at += 50 {
				p.write("two", at*chunkBlocks+1, later)
			}
			p.removeAll("two", "one", "pool", "data", "meta")
		}))
		check()
		seen := onLoop(t, path, size, false, look)
		noFailure(t, seen)
		require.Equal(t, seen, onLoop(t, path, size, true, look))
		check()
	}
}
