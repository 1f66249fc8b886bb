package lvm

import (
	"context"
	"sync"
	"time"

	"github.com/lvm-go/lvm/units"
)

// MoveRun says how a move is carried out. The zero value does it as fast as it
// goes, and in silence.
type MoveRun struct {
	// Progress is told how far the move is: at its start, as it goes on, and at
	// its end. It is called on the goroutine of the move, with no lock held.
	Progress func(MoveProgress)
	// Rate is how much is copied per second on the average; zero is no limit. With
	// a kernel it is kept between segments: what is begun is copied as fast as the
	// kernel does it. [System.Move] therefore begins with segments of some seconds,
	// unless MaxSegment says otherwise or the move is atomic.
	Rate Bytes
	// Interval is the longest time between two looks at what the kernel has
	// copied; a second if zero.
	Interval time.Duration
	// Control pauses the move from another goroutine.
	Control *MoveControl
}

// MoveProgress is how far a move is.
type MoveProgress struct {
	Move        string // the name of the hidden volume, such as pvmove0
	From        string // as in [Move]
	Done, Total Bytes
	// Segment is the one that is being copied, of Segments; one more than those if
	// all are.
	Segment, Segments int
	// Elapsed is the time since this process began or took the move up, without
	// pauses, and Rate what was copied since then, per second.
	Elapsed time.Duration
	Rate    Bytes
	Paused  bool
}

// Left estimates how long the rest takes at the present rate; zero if that is
// not known yet, or nothing is left.
func (p MoveProgress) Left() time.Duration {
	if p.Rate == 0 || p.Done >= p.Total {
		return 0
	}
	return time.Duration(float64(p.Total-p.Done) / float64(p.Rate) * float64(time.Second))
}

// MoveControl pauses moves. The zero value lets them run. Its methods may be
// called at any time, by any goroutine; one control may be that of several moves.
type MoveControl struct {
	mu      sync.Mutex
	resumed chan struct{} // closed by Resume; nil: not paused
}

// Pause lets a move come to rest: what the kernel is copying is copied to the end
// of the segment, and stays on both physical volumes. Nothing further is begun.
func (c *MoveControl) Pause() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resumed == nil {
		c.resumed = make(chan struct{})
	}
}

// Resume lets the move go on.
func (c *MoveControl) Resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.resumed != nil {
		close(c.resumed)
		c.resumed = nil
	}
}

// paused returns what is closed when the move may go on; nil if it may.
func (c *MoveControl) paused() <-chan struct{} {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.resumed
}

const (
	moveInterval = time.Second
	// moveFirstLook is the time to the first look at a segment. It doubles.
	moveFirstLook = 5 * time.Millisecond
	// moveRateSpan is how long copying a segment takes at the rate that is asked
	// for, so that waiting between them keeps it.
	moveRateSpan = 10
	// moveRateSegments bounds how many segments are made for the sake of a rate.
	moveRateSegments = 256
	// Otherwise a move is made in segments of moveCut, or moveCuts of them.
	moveCut  = units.GiB
	moveCuts = 100
)

// moveMeter measures a run of a move and holds it back.
type moveMeter struct {
	run   MoveRun
	move  Move
	began time.Time // later by as long as it was paused
	first Bytes     // done when it began
	seen  bool      // first is set
}

func (m *moveMeter) report(done Bytes, segment int, paused bool) {
	if !m.seen {
		m.seen, m.first = true, done
	}
	if m.run.Progress == nil {
		return
	}
	p := MoveProgress{
		Move: m.move.Name, From: m.move.From, Done: done, Total: m.move.Size, Segment: segment, Segments: m.move.Segments,
		Elapsed: time.Since(m.began), Paused: paused,
	}
	if copied, seconds := m.copied(done), p.Elapsed.Seconds(); seconds > 0 {
		p.Rate = Bytes(float64(copied) / seconds)
	}
	m.run.Progress(p)
}

// copied returns how much was copied since the run began.
func (m *moveMeter) copied(done Bytes) Bytes {
	if !m.seen || done < m.first {
		return 0
	}
	return done - m.first
}

// hold waits until something more may be begun.
func (m *moveMeter) hold(ctx context.Context, done Bytes, segment int) error {
	for {
		resumed := m.run.Control.paused()
		if resumed == nil {
			break
		}
		at := time.Now()
		m.report(done, segment, true)
		select {
		case <-resumed:
			m.began = m.began.Add(time.Since(at))
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if m.run.Rate == 0 {
		return ctx.Err()
	}
	due := time.Duration(float64(m.copied(done)) / float64(m.run.Rate) * float64(time.Second))
	return sleep(ctx, due-time.Since(m.began))
}

// sleep waits, unless the context ends before.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
