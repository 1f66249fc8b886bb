package metadata_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvm-go/lvm/metadata"
)

func TestChecksum(t *testing.T) {
	t.Parallel()
	assert.Equal(t, uint32(0xf597a6cf), metadata.Checksum(), "of nothing: the start value")

	// Bit by bit, as the polynomial says.
	slow := func(data []byte) uint32 {
		crc := uint32(0xf597a6cf)
		for _, b := range data {
			crc ^= uint32(b)
			for range 8 {
				crc = crc>>1 ^ 0xedb88320*(crc&1)
			}
		}
		return crc
	}
	data := make([]byte, 300)
	randomBytes(2).Read(data)
	for n := range len(data) {
		assert.Equal(t, slow(data[:n]), metadata.Checksum(data[:n]))
		assert.Equal(t, slow(data), metadata.Checksum(data[:n], data[n:]), "split at %d", n)
	}
}
