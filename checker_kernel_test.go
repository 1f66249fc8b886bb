package lvm

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/iocheck"
)

// startChecker writes to a volume and reads it back from now on. The function that it
// returns ends that: nothing must have been wrong. It may be called again.
func startChecker(t *testing.T, path string) (c *iocheck.Checker, stop func()) {
	t.Helper()
	c, err := iocheck.Start(iocheck.Options{Seed: 1, Pause: time.Millisecond}, path)
	require.NoError(t, err)
	stopped := false
	t.Cleanup(func() {
		if !stopped {
			_, _ = c.Stop()
		}
	})
	return c, func() {
		t.Helper()
		if stopped {
			return
		}
		stopped = true
		result, err := c.Stop()
		require.NoError(t, err)
		t.Logf("%s", result)
		assert.Zero(t, result.Wrong)
	}
}
