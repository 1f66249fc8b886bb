package lvm

import (
	"bytes"
	"context"
	"encoding/json"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// mutate changes devices as edits says, each by six bytes: where, how far from
// there, and what. Unless the first byte is odd, checksums are made right again,
// so that the changes reach what is behind them.
func mutate(disks *recorder.Disks, edits []byte) {
	sums := len(edits) > 0 && edits[0]%2 == 0
	for ; len(edits) >= 6; edits = edits[6:] {
		path := string("ab"[edits[1]%2])
		at := int64(edits[2])<<8 | int64(edits[3])
		switch edits[1] / 2 % 4 {
		case 0:
			at = firstLabel + at%512
		case 1:
			at = int64(firstAreaStart) + at%512
		case 2:
			at = int64(firstAreaStart) + 512 + at%4096 // where the texts are
		}
		disks.Change(path, at, edits[4:5+int(edits[5]%2)])
	}
	if !sums {
		return
	}
	for _, path := range []string{"a", "b"} {
		label := disks.Contents(path, firstLabel, 512)
		putSum(label[16:], label[20:])
		disks.Change(path, firstLabel, label)
		header := disks.Contents(path, int64(firstAreaStart), 512)
		if h, err := metadata.DecodeAreaHeader(withSum(header), firstAreaStart); err == nil {
			loc := &h.Slots[metadata.SlotCommitted]
			if end := loc.Offset + loc.Size; end > loc.Offset && end <= h.Size && h.Size < diskSize {
				loc.Checksum = metadata.Checksum(disks.Contents(path, int64(h.Start+loc.Offset), int(loc.Size)))
			}
			header = h.Encode()
		}
		disks.Change(path, int64(firstAreaStart), header)
	}
}

func putSum(to, of []byte) {
	sum := metadata.Checksum(of)
	for i := range 4 {
		to[i] = byte(sum >> (8 * i))
	}
}

func withSum(header []byte) []byte {
	putSum(header, header[4:])
	return header
}

// contents returns what the volumes of all groups hold, by their ids.
func contents(t *testing.T, disks *recorder.Disks) map[metadata.ID][]byte {
	inv, err := openDisks(t, disks, 1).Scan(context.Background())
	require.NoError(t, err)
	_, err = json.Marshal(inv)
	require.NoError(t, err)
	out := map[metadata.ID][]byte{}
	for _, vg := range inv.VGs {
		for lv := range vg.LVs() {
			if lv.Size() > 4*diskSize {
				continue
			}
			f, err := lv.Open()
			if err != nil {
				continue // it has none, or is refused
			}
			b := make([]byte, lv.Size())
			if _, err := f.ReadAt(b, 0); err == nil {
				out[lv.ID()] = b
			}
		}
	}
	return out
}

// memoryLimit is how much an update of a mutated image may allocate in all.
const memoryLimit = 128 << 20

// timeLimit is far more than it takes.
const timeLimit = 20 * time.Second

func FuzzImage(f *testing.F) {
	good := (&alteration{setup: volumes}).start(f, OneArea)
	f.Add([]byte{0, 6, 0, 0, 1, 0})
	f.Add([]byte{0, 0, 0, 80, 1, 1, 0, 2, 0, 41, 200, 0, 0, 4, 0, 70, '9', 1})
	f.Add([]byte{1, 0, 0, 4, 1, 0, 1, 4, 1, 0, '}', 0})
	f.Add([]byte{0, 4, 2, 200, '}', 1, 0, 5, 2, 200, '}', 1})
	f.Fuzz(func(t *testing.T, edits []byte) {
		disks := good.Clone()
		mutate(disks, edits[:min(len(edits), 600)])
		started := time.Now()
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		held := contents(t, disks)
		look(t, openDisks(t, disks, 2))
		for _, change := range []func(*Tx) error{
			func(tx *Tx) error { return tx.SetTags("t") },
			func(tx *Tx) error { return tx.addLV("new", 3, 1) },
			func(tx *Tx) error { return tx.ExtendVG(areaSpec(OneArea), "c") },
		} {
			disks.Record()
			err := openDisks(t, disks, 3).Update(context.Background(), "vg0", change)
			if err != nil {
				require.Empty(t, written(disks), "%v", err)
				continue
			}
			for id, b := range contents(t, disks) {
				if old := held[id]; old != nil {
					require.True(t, bytes.Equal(old, b), "contents of lv %s", id)
				}
			}
		}
		_, _ = openDisks(t, disks, 4).Recover(context.Background())
		for id, b := range contents(t, disks) {
			if old := held[id]; old != nil {
				require.True(t, bytes.Equal(old, b), "contents of lv %s", id)
			}
		}
		runtime.ReadMemStats(&after)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(memoryLimit))
		require.Less(t, time.Since(started), timeLimit)
	})
}
