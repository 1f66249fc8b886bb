package metadata_test

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

func FuzzLabel(f *testing.F) {
	f.Add(sectorOf(f, exampleLabel), uint64(1))
	for _, c := range loadAll(f) {
		for _, pv := range c.pvs {
			if l, _, err := metadata.ReadLabel(pv); err == nil {
				sector := make([]byte, 512)
				_, err := pv.ReadAt(sector, int64(l.Sector*512))
				require.NoError(f, err)
				f.Add(sector, l.Sector)
			}
		}
	}
	f.Fuzz(func(t *testing.T, sector []byte, number uint64) {
		// With the right checksum, so that what is behind it is reached as well.
		if len(sector) >= 512 {
			resum(sector)
		}
		l, err := metadata.DecodeLabel(sector, number)
		require.Equal(t, err == nil, l != nil)
		raw, readErr := metadata.InspectLabel(sector)
		require.Equal(t, len(sector) >= 512, readErr == nil)
		if readErr == nil && raw.Offset == 32 {
			bad := len(raw.Problems(number)) > 0 || !raw.Data.Ended || !raw.Metadata.Ended
			require.Equal(t, err != nil, bad || raw.ExtensionVersion != 0 && !raw.Bootloader.Ended)
		}
		if err != nil {
			return
		}
		encoded, err := l.Encode()
		if err != nil {
			return // in a sector, or with an extension, that is not written
		}
		again, err := metadata.DecodeLabel(encoded, number)
		require.NoError(t, err)
		require.Equal(t, l, again)
	})
}

func FuzzAreaHeader(f *testing.F) {
	f.Add(sectorOf(f, exampleHeader), uint64(4096), []byte("text\x00"))
	for _, c := range loadAll(f) {
		for _, a := range c.texts {
			f.Add(a.header.Encode(), uint64(a.header.Start), a.text[:100])
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, start uint64, text []byte) {
		if len(b) >= 512 {
			sum := metadata.Checksum(b[4:512])
			b[0], b[1], b[2], b[3] = byte(sum), byte(sum>>8), byte(sum>>16), byte(sum>>24)
		}
		h, err := metadata.DecodeAreaHeader(b, units.Bytes(start))
		require.Equal(t, err == nil, h != nil)
		raw, readErr := metadata.InspectAreaHeader(bytes.NewReader(b), 0)
		require.Equal(t, len(b) >= 512, readErr == nil)
		if err == nil {
			require.Empty(t, raw.Problems(metadata.DiskArea{Offset: h.Start, Size: h.Size}))
		}
		for range metadata.FindTexts(bytes.NewReader(b), metadata.DiskArea{Offset: units.Bytes(start), Size: 4096}) {
		}
		if err != nil {
			return
		}
		again, err := metadata.DecodeAreaHeader(h.Encode(), units.Bytes(start))
		require.NoError(t, err)
		require.Equal(t, h, again)
		for _, loc := range h.Slots {
			_, _ = h.ReadText(bytes.NewReader(b), loc)
		}
		loc, err := h.NextLocation(text)
		if err != nil {
			return
		}
		total := 0
		for _, w := range h.TextWrites(loc, text) {
			total += len(w.Data)
			end := w.Offset + units.Bytes(len(w.Data))
			require.GreaterOrEqual(t, w.Offset, h.Start+metadata.AreaHeaderSize)
			require.LessOrEqual(t, end, h.Start+h.Size)
		}
		require.GreaterOrEqual(t, total, len(text))
		require.Less(t, total, len(text)+512)
	})
}

func FuzzText(f *testing.F) {
	f.Add([]byte(exampleText))
	f.Add([]byte("a = [ A , 'b' \"c\\\"\" 1.5 ] # d\nb { c=1 }"))
	for _, c := range typedCases() {
		f.Add([]byte(c.text()))
	}
	for _, c := range loadAll(f) {
		for _, text := range c.Backups(f) {
			if len(text) < 8192 {
				f.Add(text)
			}
		}
		for _, a := range c.texts {
			if len(a.text) < 8192 {
				f.Add(a.text)
			}
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		tree, err := metadata.ParseTree(text)
		require.Equal(t, err == nil, tree != nil)
		if err == nil {
			for _, form := range []metadata.Form{metadata.AreaForm, metadata.BackupForm} {
				printed, err := tree.Print(form)
				require.NoError(t, err)
				again, err := metadata.ParseTree(printed)
				require.NoError(t, err, "%q", printed)
				twice, err := again.Print(form)
				require.NoError(t, err)
				require.Equal(t, string(printed), string(twice))
			}
		}
		doc, err := metadata.DecodeDocument(text)
		require.Equal(t, err == nil, doc != nil)
		if err != nil {
			return
		}
		_ = doc.VG.Validate()
		require.Equal(t, doc.VG, doc.VG.Clone())
		for _, encode := range []func() ([]byte, error){doc.EncodeArea, doc.EncodeBackup} {
			encoded, err := encode()
			if err != nil {
				require.ErrorIs(t, err, metadata.ErrInvalid)
				continue
			}
			again, err := metadata.DecodeDocument(encoded)
			require.NoError(t, err, "%q", encoded)
			// The order of LVs, and the place of what is not known, may have been put
			// right; after that, nothing changes any more.
			twice, err := again.EncodeArea()
			require.NoError(t, err)
			third, err := metadata.DecodeDocument(twice)
			require.NoError(t, err)
			fourth, err := third.EncodeArea()
			require.NoError(t, err)
			require.Equal(t, string(twice), string(fourth))
			require.Equal(t, byName(doc), byName(again))
		}
	})
}

// byName returns the PVs and LVs without extras, whose place may change.
func byName(doc *metadata.Document) map[string]any {
	objects := map[string]any{}
	vg := doc.VG.Clone()
	for i, pv := range vg.PVs {
		pv.Extra = nil
		objects[fmt.Sprint("pv", i)] = pv
	}
	for _, lv := range vg.LVs {
		lv.Extra = nil
		for i := range lv.Segments {
			lv.Segments[i].Extra = nil
		}
		objects["lv "+lv.Name] = lv
	}
	return objects
}
