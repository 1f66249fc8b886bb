package metadata_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/metadata"
)

const printedID = "U5yvld-wkFZ-xeAM-8u9g-f1CH-P1k8-VUhIbA"

func TestID(t *testing.T) {
	t.Parallel()
	id, err := metadata.ParseID(printedID)
	require.NoError(t, err)
	assert.Equal(t, printedID, id.String())
	assert.Equal(t, strings.ReplaceAll(printedID, "-", ""), id.Compact())
	assert.False(t, id.IsZero())

	var none metadata.ID
	assert.True(t, none.IsZero())
	assert.Empty(t, none.String())
	assert.Empty(t, none.Compact())
}

func TestParseID(t *testing.T) {
	t.Parallel()
	compact := strings.ReplaceAll(printedID, "-", "")
	for _, good := range []string{
		compact, printedID, "--" + compact + "-", strings.Join(strings.Split(compact, ""), "-"),
		strings.Repeat("!", 16) + strings.Repeat("#", 16),
	} {
		id, err := metadata.ParseID(good)
		require.NoError(t, err, good)
		assert.Equal(t, strings.ReplaceAll(good, "-", ""), id.Compact())
	}
	for _, bad := range []string{
		"", "-", compact[1:], compact + "a", compact[1:] + " ", compact[1:] + "\x00", compact[1:] + "é", compact[1:] + "/",
	} {
		id, err := metadata.ParseID(bad)
		require.ErrorIs(t, err, metadata.ErrInvalid, "%q", bad)
		assert.True(t, id.IsZero())
	}
}

func TestParseIDReadsWhatStringPrints(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[0-9a-zA-Z!#]{32}`).Draw(t, "id")
		id, err := metadata.ParseID(s)
		require.NoError(t, err)
		again, err := metadata.ParseID(id.String())
		require.NoError(t, err)
		require.Equal(t, id, again)
		require.Equal(t, s, again.Compact())
	})
}

func TestNewID(t *testing.T) {
	t.Parallel()
	// 248 and above would favour some characters.
	random := append(bytes.Repeat([]byte{248, 255}, 100), bytes.Repeat([]byte{0, 61, 62, 247}, 20)...)
	id, err := metadata.NewID(bytes.NewReader(random))
	require.NoError(t, err)
	for i := range id {
		assert.Equal(t, "0Z0Z"[i%4], id[i], i)
	}

	_, err = metadata.NewID(bytes.NewReader(make([]byte, 31)))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)

	var count [256]int
	source := randomBytes(3)
	const n = 2000
	for range n {
		id, err := metadata.NewID(source)
		require.NoError(t, err)
		for _, c := range id {
			count[c]++
		}
	}
	kinds := 0
	for c, times := range count {
		if times == 0 {
			continue
		}
		kinds++
		assert.Regexp(t, "[0-9a-zA-Z]", string(rune(c)))
		assert.InDelta(t, n*32/62, times, 200)
	}
	assert.Equal(t, 62, kinds)
}
