package lvm

import (
	"bufio"
	"bytes"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// To compare more, or to record testdata/alloc anew:
//
//	go test -run TestKernelAllocatesLikeLVM2 . -alloc-cases 400 -alloc-record /tmp/lvm2.txt
var (
	allocCases  = flag.Uint64("alloc-cases", 25, "volume groups to compare with lvm2")
	allocFirst  = flag.Uint64("alloc-first", 100000, "seed of the first")
	allocRecord = flag.String("alloc-record", "", "file for what lvm2 did")
)

// Random requests are given to lvm2 and to the allocator. They must get the same
// extents.
func TestKernelAllocatesLikeLVM2(t *testing.T) {
	umltest.NeedKernel(t)
	lvm := umltest.NeedTool(t, "lvm")
	devices := make([]string, maxLVM2PVs)
	for i := range devices {
		devices[i], _ = umltest.Loop(t, 256<<20)
	}
	var script strings.Builder
	for seed := *allocFirst; seed < *allocFirst+*allocCases; seed++ {
		script.WriteString(randomLVM2Case(seed).script(devices))
	}
	cmd := exec.Command(lvm)
	cmd.Stdin = strings.NewReader(script.String())
	// The status is that of the last command, which may be one that fails.
	output, err := cmd.CombinedOutput()
	require.NotNil(t, cmd.ProcessState, "%v", err)

	lines := bufio.NewScanner(bytes.NewReader(output))
	var record strings.Builder
	steps, refused := 0, 0
	for seed := *allocFirst; seed < *allocFirst+*allocCases; seed++ {
		c := randomLVM2Case(seed)
		require.NoError(t, c.read(lines, devices))
		assert.Empty(t, c.replay(), "the whole case:\n%s", c)
		record.WriteString(c.String())
		for _, s := range c.Steps {
			if s.Op != "remove" && !s.Skipped {
				steps++
			}
			if s.Failed {
				refused++
			}
		}
	}
	t.Logf("%d requests compared, of which lvm2 refused %d", steps, refused)
	require.Less(t, refused, steps, "lvm2 refuses everything:\n%.2000s", output)
	if *allocRecord != "" {
		require.NoError(t, os.WriteFile(*allocRecord, []byte(record.String()), 0o644))
	}
}
