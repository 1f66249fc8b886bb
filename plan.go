package lvm

import (
	"fmt"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// Plan is what an update would do, in order. Nothing of it has been done.
// [System.Apply] does it.
type Plan struct {
	VG        string
	ID        metadata.ID
	BaseSeqno uint32 // of the metadata the plan was made for; 0: there is none
	Seqno     uint32 // of the metadata after it; BaseSeqno if that stays as it is
	Steps     []Step

	sys           *System
	tx            *Tx
	before, after *metadata.Document
	others        []*Plan // of the other groups; their steps are in Steps
	trees         []plannedTree
}

// plannedTree is the devices of a volume that is to have one, with those that it shares
// with others.
type plannedTree struct {
	lv       string
	devices  []string // uuids
	optional bool     // see [tree]
}

// Empty says whether there is nothing to do.
func (p *Plan) Empty() bool { return len(p.Steps) == 0 }

// Destructive says whether a step takes what somebody may still want: it
// overwrites a signature, a label or the beginning of a new volume, or gives up
// a volume or its end.
func (p *Plan) Destructive() bool {
	for _, s := range p.Steps {
		if s.Destructive() {
			return true
		}
	}
	return false
}

// String prints the numbered steps, with tables as dmsetup prints them, and the
// difference in the metadata text.
func (p *Plan) String() string {
	var b strings.Builder
	if p.Empty() {
		fmt.Fprintf(&b, "%s: nothing to do\n", p.VG)
		return b.String()
	}
	groups := append([]*Plan{p}, p.others...)
	for _, g := range groups {
		if g.Seqno == g.BaseSeqno {
			fmt.Fprintf(&b, "%s: metadata stays as it is\n", g.VG)
		} else {
			fmt.Fprintf(&b, "%s: seqno %d -> %d\n", g.VG, g.BaseSeqno, g.Seqno)
		}
	}
	b.WriteString(p.stepText())
	for _, g := range groups {
		if g.Seqno != g.BaseSeqno {
			b.WriteString("\n" + textDiff(backupText(g.before), backupText(g.after)))
		}
	}
	return b.String()
}

// stepText returns the numbered steps.
func (p *Plan) stepText() string {
	var b strings.Builder
	for i, s := range p.Steps {
		mark := ' '
		if s.Destructive() {
			mark = '!'
		}
		text := strings.ReplaceAll(strings.TrimRight(s.String(), "\n"), "\n", "\n        ")
		fmt.Fprintf(&b, "%4d %c %s\n", i+1, mark, text)
	}
	return b.String()
}

// backupText returns the readable form of a document; empty if there is none.
func backupText(d *metadata.Document) string {
	if d == nil || d.VG == nil {
		return ""
	}
	text, err := d.EncodeBackup()
	if err != nil {
		return err.Error() + "\n"
	}
	return string(text)
}

// Step is one thing that a plan does. The types of steps are the exported
// structs of this package that have these methods.
type Step interface {
	// String says what the step does, in a line or, with a table, several.
	String() string
	// Destructive says whether it takes what somebody may still want.
	Destructive() bool

	// do does the step; undo makes it undone, also if do failed halfway.
	do(*run) error
	undo(*run) error
}

// harmless is embedded in steps that overwrite nothing.
type harmless struct{}

// Destructive returns false.
func (harmless) Destructive() bool { return false }

// final is embedded in steps that are not undone: those after the commit, and
// those that leave nothing that matters.
type final struct{}

func (final) undo(*run) error { return nil }
