package lvm

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Source: lvm2 2.03.16 as observed, with extents of 512 KiB.
func TestIntegritySize(t *testing.T) {
	t.Parallel()
	for image, want := range map[Bytes]Bytes{
		1: 8, 499: 8, 500: 12, 512: 12, 513: 16, 600: 16, 1000: 20, 1024: 20, 1025: 44, 2048: 52, 4096: 68, 4097: 100, 8193: 132, 20480: 228, 102400: 884,
	} {
		assert.Equal(t, want*MiB, integritySize(image*MiB), "%d MiB", image)
	}
}
