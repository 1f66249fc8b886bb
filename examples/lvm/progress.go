package main

import (
	"fmt"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/sys/unix"

	"github.com/lvm-go/lvm"
)

// progress tells how far long work is: by a bar if stderr is a terminal, by the lines
// that lvm2 prints if stdout is none or there is no bar, and not at all if the command
// is to be quiet.
type progress struct {
	c     *call
	what  string // Moved, Merged ...
	lines bool
	last  string // line
	on    *os.File
	show  *mpb.Progress // made when there is something to show
	bars  map[string]*mpb.Bar
}

// progress returns what tells of a kind of work. It has to be ended.
func (c *call) progress(what string) *progress {
	p := &progress{c: c, what: what, lines: true}
	if c.quiet > 0 {
		p.lines = false
		return p
	}
	if p.on = terminal(c.stderr); p.on != nil {
		p.lines = terminal(c.stdout) == nil
	}
	return p
}

// terminal returns what a writer writes to if that is a terminal, else nil. A serial
// line that does not know its size is none: lines are all that can be shown on it.
func terminal(w any) *os.File {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err != nil || size.Row == 0 || size.Col == 0 {
		return nil
	}
	return f
}

// at tells how far the work on something is.
func (p *progress) at(subject string, done, total lvm.Bytes) {
	if line := fmt.Sprintf("%s: %s: %s%%", subject, p.what, percent(done, total)); p.lines && line != p.last {
		p.c.say("%s", line)
		p.last = line
	}
	if p.on == nil {
		return
	}
	if p.show == nil {
		p.show, p.bars = mpb.New(mpb.WithOutput(p.on), mpb.WithWidth(48)), map[string]*mpb.Bar{}
	}
	bar := p.bars[subject]
	if bar == nil {
		bar = p.show.New(0, mpb.BarStyle(),
			mpb.PrependDecorators(decor.Name("  "+subject+": "+p.what+" ")),
			mpb.AppendDecorators(decor.Percentage(decor.WCSyncSpace), decor.CountersKibiByte(" % .1f / % .1f"),
				decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 8}), "")))
		p.bars[subject] = bar
	}
	bar.SetTotal(int64(total), false)
	bar.SetCurrent(int64(min(done, total)))
}

// end leaves the bars as they are, so that other lines can follow.
func (p *progress) end() {
	if p.show == nil {
		return
	}
	for _, bar := range p.bars {
		bar.EnableTriggerComplete() // of what has come to its end
		bar.Abort(false)            // of the others
	}
	p.show.Wait()
	p.show = nil
}
