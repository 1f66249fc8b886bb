package lvm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// toCachePool has less metadata than lvm2 makes, since the devices are small.
func (tx *Tx) toCachePool(lv string, spec ConvertToCachePoolSpec) error {
	if spec.ChunkSize == 0 {
		spec.ChunkSize = smallChunk
	}
	_, err := tx.convertToCachePool(lv, spec, func(Sectors, Bytes) Bytes { return 64 * KiB })
	return tx.fail("convert to cache pool", lv, err)
}

// What cannot be a cache pool, or a part of one, stays as it is.
func TestCachePoolConversionRefusals(t *testing.T) {
	t.Parallel()
	start := (&alteration{setup: poolParts}).start(t, OneArea)
	for _, c := range []struct {
		name, lv, active string
		spec             ConvertToCachePoolSpec
		first            func(*Tx) error
		want             error
	}{
		{name: "no such lv", lv: "none", want: ErrLVNotFound},
		{name: "a pool", lv: "pool", want: ErrUnsupported},
		{name: "a thin volume", lv: "t", want: ErrUnsupported},
		{name: "twice", lv: "d", first: func(tx *Tx) error { return tx.toCachePool("d", ConvertToCachePoolSpec{}) }, want: ErrUnsupported},
		{name: "open", lv: "d", active: "d (open)", want: ErrBusy},
		{name: "activated", lv: "d", first: func(tx *Tx) error { return tx.Activate("d") }, want: ErrBusy},
		{name: "read-only", lv: "d", first: func(tx *Tx) error { return tx.SetLVReadOnly("d", true) }, want: ErrReadOnly},
		{name: "with a snapshot", lv: "d", first: func(tx *Tx) error { return tx.addSnapshot("d", "snap", 3) }, want: ErrBusy},
		{name: "chunks of 33 KiB", lv: "d", spec: ConvertToCachePoolSpec{ChunkSize: 33 * KiB}, want: ErrInvalidSpec},
		{name: "smaller than a chunk", lv: "d", spec: ConvertToCachePoolSpec{ChunkSize: MiB}, want: ErrInvalidSize},
		{name: "another mode", lv: "d", spec: ConvertToCachePoolSpec{Mode: "writesometimes"}, want: ErrInvalidSpec},
		{name: "another format", lv: "d", spec: ConvertToCachePoolSpec{MetadataFormat: 3}, want: ErrInvalidSpec},
		{name: "no such metadata", lv: "d", spec: ConvertToCachePoolSpec{Metadata: "none"}, want: ErrLVNotFound},
		{name: "itself", lv: "d", spec: ConvertToCachePoolSpec{Metadata: "d"}, want: ErrLVNotFound},
		{name: "metadata that is active", lv: "d", active: "meta", spec: ConvertToCachePoolSpec{Metadata: "meta"}, want: ErrBusy},
		{name: "metadata that is thin", lv: "d", spec: ConvertToCachePoolSpec{Metadata: "t"}, want: ErrUnsupported},
		{name: "metadata that is too small", lv: "d", spec: ConvertToCachePoolSpec{Metadata: "other"}, want: ErrInvalidSize},
		{name: "metadata of two sizes", lv: "d", spec: ConvertToCachePoolSpec{Metadata: "meta", MetadataSize: MiB}, want: ErrInvalidSpec},
		{name: "too much metadata", lv: "d", spec: ConvertToCachePoolSpec{MetadataSize: maxCacheMetadata + 1}, want: ErrInvalidSize},
		{name: "no room", lv: "d", spec: ConvertToCachePoolSpec{MetadataSize: 8 * MiB}, want: ErrNoSpace},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMachine(start.Clone())
			sys := m.open(t, 2)
			if lv, _, open := strings.Cut(c.active, " "); lv != "" {
				update(t, sys, "vg0", func(tx *Tx) error { return tx.Activate(lv) })
				require.True(t, !open || m.kernel.OpenDevice("vg0-"+lv))
			}
			m.refuses(t, sys, c.want, func(tx *Tx) error {
				if c.first != nil {
					if err := c.first(tx); err != nil {
						return err
					}
				}
				return tx.toCachePool(c.lv, c.spec)
			})
		})
	}
}
