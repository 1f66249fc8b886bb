package lvm

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// To compare more, or to record testdata/move anew:
//
//	go test -run TestKernelMovesLikeLVM2 . -move-cases 100 -move-record /tmp/lvm2.gz
var (
	moveCases  = flag.Uint64("move-cases", 4, "volume groups to compare with lvm2")
	moveFirst  = flag.Uint64("move-first", 100000, "seed of the first")
	moveRecord = flag.String("move-record", "", "file for what lvm2 did")
)

// Random moves are given to lvm2 and to this package. The metadata must be the
// same byte for byte, at the start and at each step after it.
func TestKernelMovesLikeLVM2(t *testing.T) {
	umltest.NeedKernel(t)
	lvm := umltest.NeedTool(t, "lvm")
	devices := make([]string, maxLVM2PVs)
	for i := range devices {
		devices[i], _ = umltest.Loop(t, 128<<20)
	}
	dir := t.TempDir()
	file := func(seed uint64, move int) string { return filepath.Join(dir, fmt.Sprintf("%d-%d", seed, move)) }
	var script strings.Builder
	commands := map[uint64][]string{}
	for seed := *moveFirst; seed < *moveFirst+*moveCases; seed++ {
		text, moves := randomMoveScript(seed, devices, func(move int) string {
			return fmt.Sprintf("pvck --dump metadata_all -f %s %s", file(seed, move), devices[0])
		})
		script.WriteString(text)
		commands[seed] = moves
	}
	cmd := exec.Command(lvm)
	cmd.Stdin = strings.NewReader(script.String())
	output, err := cmd.CombinedOutput()
	require.NotNil(t, cmd.ProcessState, "%v", err)

	moved, refused := 0, 0
	var done []lvm2Move
	for seed := *moveFirst; seed < *moveFirst+*moveCases; seed++ {
		seen := uint32(0)
		for i, command := range commands[seed] {
			texts := dumpedTexts(t, file(seed, i), fmt.Sprintf("v%d", seed))
			texts = slices.DeleteFunc(texts, func(d *metadata.Document) bool { return d.VG.Seqno < seen })
			c := lvm2Move{Command: command}
			for j, doc := range texts {
				if len(doc.VG.LVs) > 0 && j+1 < len(texts) && !hasMove(doc) && hasMove(texts[j+1]) {
					c.Texts = texts[j:]
				}
			}
			if len(c.Texts) == 0 {
				c.Texts = texts[len(texts)-1:]
				refused++
			} else {
				moved++
			}
			seen = texts[len(texts)-1].VG.Seqno
			if !c.replay(t) {
				t.Logf("seed %d", seed)
			}
			done = append(done, c)
		}
	}
	t.Logf("%d moves compared, and %d that lvm2 refused", moved, refused)
	if *moveRecord != "" {
		require.NoError(t, os.WriteFile(*moveRecord, recordMoves(t, done), 0o644))
	}
	require.Positive(t, moved, "lvm2 refuses everything:\n%.4000s", output)
}

func hasMove(doc *metadata.Document) bool {
	return slices.ContainsFunc(doc.VG.LVs, func(lv *metadata.LogicalVolume) bool { return lv.Status&metadata.LVPvmove != 0 })
}

// dumpedTexts returns what pvck found of a group, in order.
func dumpedTexts(t *testing.T, file, vg string) []*metadata.Document {
	t.Helper()
	dump, err := os.ReadFile(file)
	require.NoError(t, err)
	var docs []*metadata.Document
	for _, text := range regexp.MustCompile(`(?ms)^(\w+) \{$.*?^contents = .*?^creation_time = .*?\n`).FindAllSubmatch(dump, -1) {
		if string(text[1]) != vg {
			continue
		}
		doc, err := metadata.DecodeDocument(text[0])
		require.NoError(t, err)
		docs = append(docs, doc)
	}
	slices.SortFunc(docs, func(a, b *metadata.Document) int { return int(a.VG.Seqno) - int(b.VG.Seqno) })
	return docs
}
