package lvm

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// Random raids are made and resized by lvm2 and by this package. They must come to
// lie in the same places. It is run as TestKernelAllocatesLikeLVM2 is.
func TestKernelRAIDLiesAsLVM2s(t *testing.T) {
	umltest.NeedKernel(t)
	lvm := umltest.NeedTool(t, "lvm")
	devices := make([]string, maxLVM2PVs)
	for i := range devices {
		devices[i], _ = umltest.Loop(t, 16<<20)
	}
	var script strings.Builder
	for seed := *allocFirst; seed < *allocFirst+(*allocCases+1)/2; seed++ {
		script.WriteString(randomRAIDCase(seed).script(devices))
	}
	cmd := exec.Command(lvm)
	cmd.Stdin = strings.NewReader(script.String())
	output, err := cmd.CombinedOutput()
	require.NotNil(t, cmd.ProcessState, "%v", err)
	var record bytes.Buffer
	lines := bufio.NewScanner(bytes.NewReader(output))
	steps, refused := 0, 0
	for seed := *allocFirst; seed < *allocFirst+(*allocCases+1)/2; seed++ {
		c := randomRAIDCase(seed)
		require.NoError(t, c.read(lines, devices))
		assert.Empty(t, c.replay(t))
		require.NoError(t, json.NewEncoder(&record).Encode(c))
		for _, s := range c.Steps {
			if steps++; s.Result == nil {
				refused++
			}
		}
	}
	if *allocRecord != "" {
		require.NoError(t, os.WriteFile(*allocRecord, record.Bytes(), 0o644))
	}
	t.Logf("%d commands compared, of which lvm2 refused %d", steps, refused)
	require.Less(t, refused, steps*3/4, "lvm2 refuses nearly everything:\n%.2000s", output)
}
