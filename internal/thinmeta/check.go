package thinmeta

import (
	"context"
	"errors"
	"fmt"

	"github.com/lvm-go/lvm/internal/pdata"
)

// maxProblems is how many problems a check reports.
const maxProblems = 100

// Problem is something that is wrong with the metadata of a pool.
type Problem struct {
	// Harmless: blocks are in use that nothing points to. They are lost until
	// thin_repair is run, but nothing else is.
	Harmless bool
	What     string
}

// String returns what is wrong.
func (p Problem) String() string { return p.What }

// Check walks through all of the metadata, and reports what is wrong: at most
// 100 problems. It is for a pool that is not active. Nothing is wrong if every
// node is whole, every mapping points to a block that there is, each device has
// as many mappings as its details say, and both space maps count just the
// pointers that there are.
//
// It takes some 4 KiB of memory for each 16320 blocks. Returns an error only if
// the device cannot be read, the context ends, or the pool is a metadata
// snapshot; that matches [ErrHeld].
func (p *Pool) Check(ctx context.Context) ([]Problem, error) {
	if p.held {
		return nil, fmt.Errorf("check: %w", ErrHeld)
	}
	c := &check{p: p, census: pdata.NewCensus(ctx, p.d)}
	err := c.all()
	if err == errEnough {
		err = nil
	}
	if err != nil && !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
		return nil, err
	}
	if err != nil {
		c.problems = append(c.problems, Problem{What: err.Error()})
	}
	return c.problems, nil
}

// errEnough ends a check that has found enough problems.
var errEnough = errors.New("too many problems")

type check struct {
	p        *Pool
	census   *pdata.Census
	data     *pdata.Counts
	problems []Problem
}

func (c *check) report(harmless bool, format string, args ...any) error {
	c.problems = append(c.problems, Problem{harmless, fmt.Sprintf(format, args...)})
	if len(c.problems) >= maxProblems {
		return errEnough
	}
	return nil
}

// all reports what leaves the rest whole. What does not is an error: nothing can
// be said of the space maps then.
func (c *check) all() error {
	p := c.p
	if p.NeedsCheck() {
		if err := c.report(false, "the kernel has marked the metadata as to be checked"); err != nil {
			return err
		}
	}
	if _, err := c.census.Point(0); err != nil {
		return err
	}
	metadata, err := c.census.MetadataIndex(p.super.metadata)
	if err != nil {
		return err
	}
	data, err := c.census.DataIndex(p.super.data)
	if err != nil {
		return err
	}
	c.data = pdata.NewCounts(uint64(p.blocks))
	if err := c.structure(p); err != nil {
		return err
	}
	if p.super.held != 0 {
		if _, err := c.census.Point(p.super.held); err != nil {
			return err
		}
		held, err := p.Held()
		if err != nil {
			return err
		}
		if err := c.structure(held); err != nil {
			return err
		}
	}
	if err := c.compare("metadata", p.super.metadata, metadata, c.census.Counts); err != nil {
		return err
	}
	return c.compare("data", p.super.data, data, c.data)
}

// structure counts what the trees of a superblock consist of, and compares them.
func (c *check) structure(p *Pool) error {
	if err := c.census.Tree(p.details(), nil); err != nil {
		return err
	}
	err := c.census.Tree(p.mappings(), func(e pdata.Entry) error {
		t := p.mapping(e.Value)
		return c.census.Tree(t, func(e pdata.Entry) error {
			data, _, err := p.decode(t, e)
			if err == nil {
				c.data.Add(uint64(data))
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	for details, err := range p.Devices() {
		if err != nil {
			return err
		}
		d, err := p.Device(details.ID)
		if err != nil {
			return err
		}
		if n := c.census.Entries(d.tree.Root()); n != uint64(d.Mapped) {
			if err := c.report(false, "thin device %d has %d blocks, but is said to have %d", d.ID, n, uint64(d.Mapped)); err != nil {
				return err
			}
		}
	}
	if c.census.Entries(p.super.mapping) != c.census.Entries(p.super.details) {
		return c.report(false, "there are mappings of %d thin devices, but details of %d", c.census.Entries(p.super.mapping), c.census.Entries(p.super.details))
	}
	return nil
}

func (c *check) compare(name string, m pdata.SpaceMap, index pdata.Index, found *pdata.Counts) error {
	enough := false
	used, err := c.census.Compare(m, index, found, func(w pdata.Mismatch) bool {
		enough = nil != c.report(w.Count > w.Pointers, "%s block %d is pointed to %d times, but counted %d times", name, w.Block, w.Pointers, w.Count)
		return !enough
	})
	switch {
	case err != nil:
		return err
	case enough:
		return errEnough
	case used != m.Used:
		return c.report(true, "%d blocks of %s are in use, but the superblock says %d", used, name, m.Used)
	}
	return nil
}
