package lvm

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/recorder"
	"github.com/lvm-go/lvm/metadata"
)

// A lvm2Move is a pvmove that lvm2 did, and the metadata at each step: before,
// when it had started, as its segments were copied, when they all were and the
// volumes lay at their new place, and after.
type lvm2Move struct {
	Command string // after "pvmove": "-n lv pv:0-9 pv", with the PVs' names in the metadata
	Texts   []*metadata.Document
}

// options returns what lvm2 was asked for.
func (c lvm2Move) options(t testing.TB) MoveOptions {
	var o MoveOptions
	words := strings.Fields(c.Command)
	for len(words) > 0 {
		switch w := words[0]; w {
		case "-n":
			o.LV, words = words[1], words[1:]
		case "--atomic":
			o.Atomic = true
		case "--alloc":
			o.Allocation = map[string]Allocation{
				"anywhere": metadata.AllocAnywhere, "cling": metadata.AllocCling, "normal": metadata.AllocNormal, "contiguous": metadata.AllocContiguous,
			}[words[1]]
			words = words[1:]
		default:
			sel, err := ParsePVSelection(w)
			require.NoError(t, err)
			if o.From.PV == "" {
				o.From = sel
			} else {
				o.To = append(o.To, sel)
			}
		}
		words = words[1:]
	}
	return o
}

// memoryTx returns a transaction on a group that is only in memory, with the
// physical volumes named as the metadata does.
func memoryTx(t testing.TB, doc *metadata.Document) *Tx {
	t.Helper()
	disks := recorder.New(diskSize, "a")
	sys := openDisks(t, disks, byte(doc.VG.Seqno))
	st := newState(doc, textKey{})
	for i, pv := range doc.VG.PVs {
		st.members[pv.ID] = &member{path: "pv" + strconv.Itoa(i)}
	}
	st.judge(sys, nil)
	tx, err := sys.newTx(context.Background(), sys.newHandles(), doc.VG.Name, locking{}, st, nil)
	require.NoError(t, err)
	return tx
}

// textLike returns the text of the transaction's group as it would be if the
// volumes that it made had been made by the one who wrote doc.
func textLike(t testing.TB, tx *Tx, doc *metadata.Document) string {
	t.Helper()
	vg := *tx.vg
	vg.Seqno = doc.VG.Seqno
	vg.LVs = nil
	ids := map[metadata.ID]metadata.ID{}
	for _, lv := range tx.vg.LVs {
		if lv == nil {
			continue
		}
		rec := *lv
		for _, theirs := range doc.VG.LVs {
			if theirs.Name == rec.Name && strings.HasPrefix(rec.Name, movePrefix) {
				ids[rec.ID] = theirs.ID
				rec.ID, rec.CreationTime, rec.CreationHost = theirs.ID, theirs.CreationTime, theirs.CreationHost
			}
		}
		vg.LVs = append(vg.LVs, &rec)
	}
	for _, lv := range vg.LVs {
		lv.Segments = slices.Clone(lv.Segments)
		for i := range lv.Segments {
			renamed := func(areas []metadata.Area) []metadata.Area {
				areas = slices.Clone(areas)
				for a := range areas {
					if id, ok := ids[areas[a].LV]; ok {
						areas[a].LV = id
					}
				}
				return areas
			}
			switch body := lv.Segments[i].Body.(type) {
			case *metadata.Striped:
				lv.Segments[i].Body = &metadata.Striped{StripeSize: body.StripeSize, Stripes: renamed(body.Stripes)}
			case *metadata.Mirror:
				b := *body
				b.Legs = renamed(body.Legs)
				lv.Segments[i].Body = &b
			}
		}
	}
	text, err := (&metadata.Document{Header: doc.Header, VG: &vg}).EncodeArea()
	require.NoError(t, err)
	return string(text)
}

func textOfDocument(t testing.TB, doc *metadata.Document) string {
	t.Helper()
	text, err := doc.EncodeArea()
	require.NoError(t, err)
	return string(text)
}

// replay does with this package what lvm2 did, each step from what lvm2 had made
// of the one before, and compares the texts.
func (c lvm2Move) replay(t testing.TB) bool {
	same := func(step string, tx *Tx, doc *metadata.Document) bool {
		theirs, ours := textOfDocument(t, doc), textLike(t, tx, doc)
		return assert.True(t, theirs == ours, "pvmove %s: %s: from lvm2's to ours\n%s\nbefore:\n%s", c.Command, step, textDiff(theirs, ours), textOfDocument(t, c.Texts[0]))
	}
	ok := true
	tx := memoryTx(t, c.Texts[0])
	move, err := tx.StartMove(c.options(t))
	if len(c.Texts) == 1 {
		// Of ranges that take parts of two volumes, lvm2 says: Internal error:
		// Referenced LV pvmove0 not listed in VG. Of two stripes that would be cut at
		// different places: layer segment for LV not found.
		parts := c.options(t).From.Ranges != nil && err == nil && len(move.LVs) > 1
		stripes := err == nil && move.Segments > 1
		return parts || stripes || assert.Error(t, err, "lvm2 refuses pvmove %s", c.Command)
	}
	if !assert.NoError(t, err, "pvmove %s on\n%s", c.Command, textOfDocument(t, c.Texts[0])) {
		return false
	}
	ok = same("start", tx, c.Texts[1]) && ok
	last := c.Texts[len(c.Texts)-1]
	for i := 1; i < len(c.Texts)-1; i++ {
		doc, next := c.Texts[i], c.Texts[i+1]
		tx := memoryTx(t, doc)
		moves := tx.VG().Moves()
		if len(moves) == 0 { // its last step
			require.NoError(t, tx.FinishMove(move.Name))
			ok = same("clean up", tx, last) && ok
			continue
		}
		if nextMoves := memoryTx(t, next).VG().Moves(); len(nextMoves) > 0 && !moves[0].Atomic && moves[0].Moved < moves[0].Size {
			require.NoError(t, tx.AdvanceMove(move.Name))
			ok = same("advance", tx, next) && ok
			tx = memoryTx(t, doc)
		}
		for unfinished(tx.find(moves[0].ID)) != nil {
			require.NoError(t, tx.AdvanceMove(move.Name))
		}
		require.NoError(t, tx.FinishMove(move.Name))
		ok = same(fmt.Sprintf("finish after %d", i), tx, last) && ok
	}
	return ok
}

// recordMoves returns what readMoves reads.
func recordMoves(t testing.TB, moves []lvm2Move) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	for _, c := range moves {
		texts := []string{c.Command}
		for _, doc := range c.Texts {
			texts = append(texts, strings.TrimRight(textOfDocument(t, doc), "\x00"))
		}
		_, err := z.Write([]byte(strings.Join(texts, "\x01") + "\x02"))
		require.NoError(t, err)
	}
	require.NoError(t, z.Close())
	return b.Bytes()
}

func readMoves(t testing.TB, path string) []lvm2Move {
	f, err := os.Open(path)
	require.NoError(t, err)
	defer func() { require.NoError(t, f.Close()) }()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	all, err := io.ReadAll(z)
	require.NoError(t, err)
	var moves []lvm2Move
	for record := range strings.SplitSeq(strings.TrimSuffix(string(all), "\x02"), "\x02") {
		texts := strings.Split(record, "\x01")
		c := lvm2Move{Command: texts[0]}
		for _, text := range texts[1:] {
			doc, err := metadata.DecodeDocument([]byte(text))
			require.NoError(t, err)
			c.Texts = append(c.Texts, doc)
		}
		moves = append(moves, c)
	}
	return moves
}

// testdata/move holds what lvm2 2.03.16 did.
func TestMovesLikeLVM2(t *testing.T) {
	t.Parallel()
	moves := readMoves(t, filepath.Join("testdata", "move", "lvm2.gz"))
	moved := 0
	for _, c := range moves {
		c.replay(t)
		if len(c.Texts) > 1 {
			moved++
		}
	}
	require.Greater(t, moved, 20)
}

// randomMoveScript returns commands that make a group called v<seed>, and some
// pvmoves: from, to and options.
func randomMoveScript(seed uint64, devices []string, dump func(move int) string) (script string, commands []string) {
	r := rand.New(rand.NewPCG(seed, 2))
	pick := func(words string) string { f := strings.Fields(words); return f[r.IntN(len(f))] }
	c := randomLVM2Case(seed)
	for len(c.PVs) < 2 {
		c.PVs = append(c.PVs, lvm2PV{Extents: uint64(5 + r.IntN(30))})
	}
	for i := range c.PVs {
		c.PVs[i].Extents += uint64(r.IntN(25))
	}
	// What is made last stays.
	for i := range c.Steps[len(c.Steps)/2:] {
		if s := &c.Steps[len(c.Steps)/2+i]; s.Op == "remove" {
			*s = lvm2Step{Op: "create", LV: fmt.Sprintf("m%d", i), Size: "3", Stripes: 1 + i%2}
		}
	}
	extent := []string{"1m", "1m", "64k", "4k", "384k"}[r.IntN(5)]
	var b strings.Builder
	vg := fmt.Sprintf("v%d", seed)
	for i, pv := range c.PVs {
		size := map[string]uint64{"1m": 1024, "64k": 64, "4k": 4, "384k": 384}[extent]
		fmt.Fprintf(&b, "pvcreate -ff -y -Zy --dataalignment 4m --setphysicalvolumesize %dk %s\n", 4096+pv.Extents*size, devices[i])
	}
	fmt.Fprintf(&b, "vgcreate -s %s --alloc %s %s %s\n", extent, c.Alloc, vg, strings.Join(devices[:len(c.PVs)], " "))
	for i, pv := range c.PVs {
		if pv.Tag != "" {
			fmt.Fprintf(&b, "pvchange --addtag %s %s\n", pv.Tag, devices[i])
		}
	}
	device := func(pv string) string {
		number, ranges, ranged := strings.Cut(pv, ":")
		i, _ := strconv.Atoi(number)
		if ranged {
			return devices[i] + ":" + ranges
		}
		return devices[i]
	}
	var names []string
	for _, s := range c.Steps {
		switch s.Op {
		case "remove":
			fmt.Fprintf(&b, "lvremove -f %s/%s\n", vg, s.LV)
			continue
		case "create":
			names = append(names, s.LV)
			fmt.Fprintf(&b, "lvcreate -an -Zn -Wn -y -n %s -l %s", s.LV, s.Size)
		default:
			fmt.Fprintf(&b, "lvextend -l %s", s.Size)
		}
		fmt.Fprintf(&b, " -i %d", s.Stripes)
		if s.Stripes > 1 {
			b.WriteString(" -I 4k")
		}
		if s.Alloc != "" {
			fmt.Fprintf(&b, " --alloc %s", s.Alloc)
		}
		b.WriteString(" " + vg)
		if s.Op == "extend" {
			b.WriteString("/" + s.LV)
		}
		for _, pv := range s.PVs {
			b.WriteString(" " + device(pv))
		}
		b.WriteString("\n")
	}
	for move := range 3 {
		var words []string
		if r.IntN(4) == 0 {
			words = append(words, "-n", names[r.IntN(len(names))])
		}
		if r.IntN(4) == 0 {
			words = append(words, "--atomic")
		}
		if r.IntN(4) == 0 {
			words = append(words, "--alloc", pick("anywhere anywhere normal cling"))
		}
		from := r.IntN(len(c.PVs))
		selections := []string{strconv.Itoa(from)}
		if r.IntN(3) == 0 {
			selections[0] += randomRanges(r, int(c.PVs[from].Extents))
		}
		if r.IntN(3) == 0 {
			for _, pv := range r.Perm(len(c.PVs))[:1+r.IntN(len(c.PVs))] {
				selections = append(selections, strconv.Itoa(pv)+randomRanges(r, int(c.PVs[pv].Extents)))
			}
		}
		ours := slices.Clone(words)
		for _, s := range selections {
			ours = append(ours, "pv"+s)
			words = append(words, device(s))
		}
		commands = append(commands, strings.Join(ours, " "))
		fmt.Fprintf(&b, "pvmove -i 0 %s\n%s\n", strings.Join(words, " "), dump(move))
	}
	fmt.Fprintf(&b, "vgremove -ff -y %s\n", vg)
	return b.String(), commands
}
