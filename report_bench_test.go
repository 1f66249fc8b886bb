package lvm

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkAttr makes the attribute characters of all volumes of a group.
func BenchmarkAttr(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("lvs=%d", n), func(b *testing.B) {
			vg, err := benchSystem(b, n, MiB).VG(context.Background(), "vg")
			require.NoError(b, err)
			for b.Loop() {
				for lv := range vg.LVs() {
					_ = lv.Attr()
				}
			}
		})
	}
}

// BenchmarkJSON marshals a group with all its volumes and segments.
func BenchmarkJSON(b *testing.B) {
	for _, n := range benchSizes {
		b.Run(fmt.Sprintf("lvs=%d", n), func(b *testing.B) {
			vg, err := benchSystem(b, n, MiB).VG(context.Background(), "vg")
			require.NoError(b, err)
			for b.Loop() {
				text, err := json.Marshal(vg)
				require.NoError(b, err)
				b.SetBytes(int64(len(text)))
			}
		})
	}
}
