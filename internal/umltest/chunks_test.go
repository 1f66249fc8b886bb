package umltest

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
)

// Each guest skips all tests but its own, and together they run each once.
func TestChunks(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, chunkSize, chunkSize + 1, 5*chunkSize + 3} {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("TestKernel%03d", i))
		}
		ran := map[string]int{}
		for _, chunk := range chunks(names) {
			assert.LessOrEqual(t, len(chunk), chunkSize)
			for _, name := range names {
				if n == len(chunk) || !matches(others(names, chunk), name, false) {
					ran[name]++
				}
			}
		}
		assert.Len(t, ran, n)
		for name, times := range ran {
			assert.Equal(t, 1, times, name)
		}
	}
}
