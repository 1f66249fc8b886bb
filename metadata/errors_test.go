package metadata_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/lvm-go/lvm/metadata"
)

func TestErrorMessages(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		is   error
		want string
	}{
		{&metadata.FormatError{Struct: "mda_header", Field: "start", Offset: 4096, Got: uint64(1), Want: uint64(4096), Err: metadata.ErrInvalid},
			metadata.ErrInvalid, "mda_header at byte 4096: start: invalid: got 1, want 4096"},
		{&metadata.FormatError{Struct: "label", Err: metadata.ErrTruncated}, metadata.ErrTruncated, "label: truncated"},
		{&metadata.FormatError{Struct: "vg x", Field: "id", Got: "a\nb", Err: metadata.ErrInvalid}, metadata.ErrInvalid, `vg x: id: invalid: got "a\nb"`},
		{&metadata.FormatError{Struct: "label", Field: "id", Got: []byte("LABELTWO"), Err: metadata.ErrMagic}, metadata.ErrMagic, `label: id: wrong magic: got "LABELTWO"`},
		{&metadata.SyntaxError{Line: 3, Col: 7, Msg: "a value is expected"}, metadata.ErrSyntax, "metadata text line 3 column 7: a value is expected"},
		{&metadata.AreaFullError{Start: 4096, Need: 20000, Max: 15616}, metadata.ErrAreaFull, "metadata area at byte 4096: text of 20000 bytes, room for 15616"},
		{&metadata.InvalidError{Object: "lv vg/a", Rule: metadata.RuleName, Detail: "empty"}, metadata.ErrInvalid, "lv vg/a: name: empty"},
		{&metadata.ValidationError{VG: "vg", Violations: []*metadata.InvalidError{
			{Object: "lv vg/a", Rule: metadata.RuleName, Detail: "empty"}, {Object: "vg vg", Rule: metadata.RuleID, Detail: "none"},
		}}, metadata.ErrInvalid, "lv vg/a: name: empty; vg vg: id: none"},
	} {
		assert.Equal(t, test.want, test.err.Error())
		assert.True(t, errors.Is(test.err, test.is))
		for _, other := range []error{
			metadata.ErrNoLabel, metadata.ErrChecksum, metadata.ErrMagic, metadata.ErrVersion, metadata.ErrTruncated,
			metadata.ErrSyntax, metadata.ErrInvalid, metadata.ErrAreaFull,
		} {
			assert.Equal(t, other == test.is, errors.Is(test.err, other), "%v %v", test.err, other)
		}
	}
	// What a device says does not fill the message.
	long := &metadata.FormatError{Struct: "x", Got: strings.Repeat("\x00", 1<<20), Err: metadata.ErrInvalid}
	assert.Less(t, len(long.Error()), 500)
}
