package index_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lvm-go/lvm/internal/index"
)

// An index finds what a map does, also when it is given more than it has room for.
func TestIndex(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOf(rapid.StringMatching("[ab]{0,5}")).Draw(t, "keys")
		x := index.New(rapid.IntRange(0, 40).Draw(t, "room"), func(i int) string { return keys[i] })
		known := map[string]int{}
		for i, key := range keys {
			_, there := known[key]
			require.Equal(t, !there, x.Add(i))
			if !there {
				known[key] = i
			}
		}
		for _, key := range append(keys, "", "other") {
			i, ok := x.Find(key)
			want, there := known[key]
			require.Equal(t, there, ok)
			if ok {
				require.Equal(t, want, i)
			}
		}
	})
}

// Memory is that of the records that there are, whoever chose their keys.
func TestIndexGrows(t *testing.T) {
	t.Parallel()
	x := index.New(0, func(i int) [32]byte { return [32]byte{byte(i), byte(i >> 8)} })
	for i := range 10_000 {
		require.True(t, x.Add(i))
		require.False(t, x.Add(i))
	}
	for i := range 10_000 {
		got, ok := x.Find([32]byte{byte(i), byte(i >> 8)})
		require.True(t, ok)
		require.Equal(t, i, got)
	}
}

func TestIndexOfNothing(t *testing.T) {
	t.Parallel()
	var x *index.Index[string]
	_, ok := x.Find("")
	require.False(t, ok)
}
