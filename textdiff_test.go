package lvm

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestTextDiffShowsOnlyWhatDiffers(t *testing.T) {
	t.Parallel()
	before := "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n"
	after := "a\nb\nc\nd\nE\nf\ng\nh\ni\nj\nk\n"
	assert.Equal(t, "@@ -2,9 +2,10 @@\n b\n c\n d\n-e\n+E\n f\n g\n h\n i\n j\n+k\n", textDiff(before, after))
	assert.Empty(t, textDiff(before, before))
	assert.Equal(t, "@@ -1,0 +1,2 @@\n+x\n+y\n", textDiff("", "x\ny\n"))
}

func TestTextDiffTurnsTheOldTextIntoTheNew(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c", "}"}), 0, 30)
		a, b := text.Draw(t, "a"), text.Draw(t, "b")
		var old, now []string
		for _, l := range diffLines(a, b) {
			if l.op != '+' {
				old = append(old, l.text)
			}
			if l.op != '-' {
				now = append(now, l.text)
			}
		}
		assert.Equal(t, strings.Join(a, "\n"), strings.Join(old, "\n"))
		assert.Equal(t, strings.Join(b, "\n"), strings.Join(now, "\n"))
	})
}
