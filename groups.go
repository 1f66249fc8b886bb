package lvm

import (
	"fmt"
	"slices"

	"github.com/lvm-go/lvm/metadata"
)

// vgTexts is the texts of one group.
type vgTexts struct {
	id    metadata.ID
	name  string
	best  *scannedText
	rival *scannedText // same seqno, other contents
	older []*scannedText
}

// groups sorts the texts that could be read by their group.
func (sc *scan) groups() []*vgTexts {
	byID := map[metadata.ID]*vgTexts{}
	var out []*vgTexts
	for _, t := range sc.texts {
		if t.err != nil {
			continue
		}
		c := byID[t.id]
		if c == nil {
			c = &vgTexts{id: t.id, name: t.name, best: t}
			byID[t.id] = c
			out = append(out, c)
			continue
		}
		switch {
		case t.seqno > c.best.seqno:
			c.older = append(c.older, c.best)
			c.best, c.name, c.rival = t, t.name, nil
		case t.seqno == c.best.seqno:
			c.rival = t
		default:
			c.older = append(c.older, t)
		}
	}
	return out
}

// find returns the vgTexts of that name or UUID.
func (sc *scan) find(ref string) (*vgTexts, error) {
	all := sc.groups()
	var named []*vgTexts
	for _, c := range all {
		if c.name == ref {
			named = append(named, c)
		}
	}
	if len(named) == 1 {
		return named[0], nil
	}
	if len(named) > 1 {
		e := &AmbiguousError{Name: ref}
		for _, c := range named {
			e.IDs = append(e.IDs, c.id.String())
		}
		slices.Sort(e.IDs)
		return nil, e
	}
	if id, err := metadata.ParseID(ref); err == nil {
		for _, c := range all {
			if c.id == id {
				return c, nil
			}
		}
	}
	if len(sc.problems) > 0 {
		return nil, &notFoundError{problems: sc.problems}
	}
	return nil, ErrVGNotFound
}

// notFoundError says what kept parts of the devices from being read while the
// group was not found among the rest.
type notFoundError struct{ problems []Problem }

func (e *notFoundError) Error() string {
	return fmt.Sprintf("%v; but not all could be read: %v", ErrVGNotFound, e.problems)
}

func (e *notFoundError) Is(target error) bool {
	return target == ErrVGNotFound || target == ErrNotFound
}

func (e *notFoundError) Unwrap() []error {
	out := make([]error, len(e.problems))
	for i, p := range e.problems {
		out[i] = p.Err
	}
	return out
}
