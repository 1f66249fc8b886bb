package metadata_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
)

func TestMarshalText(t *testing.T) {
	t.Parallel()
	type both struct {
		ID     metadata.ID
		Policy metadata.Allocation
	}
	id, err := metadata.ParseID("4dznlJ-fKcd-Q7cs-Zoxo-yTJv-Vz3P-7KSgCO")
	require.NoError(t, err)
	for want, value := range map[string]both{
		`{"ID":"4dznlJ-fKcd-Q7cs-Zoxo-yTJv-Vz3P-7KSgCO","Policy":"cling_by_tags"}`: {id, metadata.AllocClingByTags},
		`{"ID":"","Policy":"inherit"}`:                                             {},
	} {
		text, err := json.Marshal(value)
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
		var back both
		require.NoError(t, json.Unmarshal(text, &back))
		assert.Equal(t, value, back)
	}
	assert.ErrorIs(t, json.Unmarshal([]byte(`{"ID":"short"}`), &both{}), metadata.ErrInvalid)
	assert.ErrorIs(t, json.Unmarshal([]byte(`{"Policy":"any"}`), &both{}), metadata.ErrInvalid)
}
