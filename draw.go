package lvm

import (
	"bufio"
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lvm-go/lvm/metadata"
)

// DrawOptions say how an [ExtentMap] is drawn.
type DrawOptions struct {
	Width int  // of the longest row of extents: columns of text (0: 72), or pixels (0: 960)
	Color bool // text with ANSI escapes; an SVG always has colors
}

// drawWidth bounds the width, so that no caller asks for more memory than a
// picture can need.
const drawWidth = 1 << 16

func (o DrawOptions) width(otherwise int) int {
	if o.Width <= 0 {
		return otherwise
	}
	return min(o.Width, drawWidth)
}

// picture is what the drawings of a map have in common.
type picture struct {
	m      *ExtentMap
	rows   []pictureRow
	lvs    []pictureLV // those that occupy extents, in the order of the group
	number map[int32]int
	most   Extents // extents of the largest physical volume
	free   Extents
	held   Extents
}

type pictureRow struct {
	pv   *pvExtents
	name string
	runs []usedRun // with the free ones; those have freeLV
}

type pictureLV struct {
	name  string
	count Extents // physical
	areas int     // most areas of a segment
	part  string  // what they are: "stripe", "leg"
}

// freeLV marks the free runs of a picture.
const freeLV = heldLV - 1

func (m *ExtentMap) picture() *picture {
	d := &picture{m: m, number: make(map[int32]int)}
	seen := make(map[int32]bool)
	for _, p := range m.pvs {
		for _, r := range p.used {
			seen[r.lv] = true
		}
	}
	for i, lv := range m.lvs {
		if seen[int32(i)] {
			d.number[int32(i)] = len(d.lvs)
			d.lvs = append(d.lvs, pictureLV{name: drawName(lv.name)})
		}
	}
	for _, p := range m.pvs {
		row := pictureRow{pv: p, name: drawName(p.name)}
		for i := range len(p.used) + 1 {
			if start, end := p.gap(i); start < end {
				row.runs = append(row.runs, usedRun{start: start, count: end - start, lv: freeLV})
				d.free += end - start
			}
			if i == len(p.used) {
				break
			}
			r := p.used[i]
			row.runs = append(row.runs, r)
			if r.lv == heldLV {
				d.held += r.count
				continue
			}
			lv := &d.lvs[d.number[r.lv]]
			lv.count += r.count
			if n, part := d.areas(r); n > lv.areas {
				lv.areas, lv.part = n, part
			}
		}
		d.rows = append(d.rows, row)
		d.most = max(d.most, p.count)
	}
	return d
}

// areas returns how many areas the segment of a run has, and what one is.
func (d *picture) areas(r usedRun) (n int, part string) {
	body := d.m.lvs[r.lv].segments[r.segment].Body
	if _, mirror := body.(*metadata.Mirror); mirror {
		return len(body.Areas()), "leg"
	}
	return len(body.Areas()), "stripe"
}

func (d *picture) size(e Extents) string {
	extent, ok := d.m.extentSize.Bytes()
	b, fits := mulBytes(e, extent)
	if !ok || !fits {
		return "?"
	}
	return b.String()
}

// maxDrawName is how much of a name is drawn.
const maxDrawName = 40

// drawName makes a name fit to be shown: the device of a physical volume may be
// anything that a metadata text can hold. Of a long one the end is kept.
func drawName(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
	if r := []rune(name); len(r) > maxDrawName {
		return "..." + string(r[len(r)-maxDrawName+3:])
	}
	return name
}

// divide gives each part at least one of n columns, and the rest by size. If there
// are more parts than columns it returns nil.
func divide(parts []Extents, n int) []int {
	if len(parts) > n {
		return nil
	}
	var total Extents
	for _, p := range parts {
		total += p
	}
	columns := make([]int, len(parts))
	if total == Extents(n) { // a column for each extent
		for i, p := range parts {
			columns[i] = int(p)
		}
		return columns
	}
	spare := uint64(n - len(parts))
	var done Extents
	var given uint64
	for i, p := range parts {
		// Rounding the running sum leaves no column over.
		done += p
		upTo := portion(spare, done, total)
		columns[i] = 1 + int(upTo-given)
		given = upTo
	}
	return columns
}

// portion returns n * part / whole, rounded down, for a part that is not more
// than the whole. Unlike in floating point, it is the same on all machines.
func portion(n uint64, part, whole Extents) uint64 {
	if whole == 0 {
		return 0
	}
	if part >= whole {
		return n
	}
	hi, lo := bits.Mul64(n, uint64(part))
	q, _ := bits.Div64(hi, lo, uint64(whole))
	return q
}

// Letters that stand for logical volumes, and the other signs of a picture.
const (
	drawLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	drawMany    = '#' // logical volumes beyond the letters
	drawFree    = '.'
	drawHeld    = '~'
)

// WriteText draws the map: a row of letters for each physical volume, each letter
// standing for a logical volume of the legend below, dots for free extents. The
// number after a letter is that of the stripe. A group that is too wide is scaled
// to the width; as long as there are columns, no run is too small to be seen.
func (m *ExtentMap) WriteText(w io.Writer, o DrawOptions) error {
	d := m.picture()
	b := bufio.NewWriter(w)
	width := o.width(72)
	names := 0
	for _, row := range d.rows {
		names = max(names, utf8.RuneCountInString(row.name))
	}
	for _, row := range d.rows {
		columns := int(row.pv.count)
		if d.most > Extents(width) {
			columns = int(portion(uint64(width), row.pv.count, d.most))
			columns = max(columns, min(len(row.runs), width))
		}
		fmt.Fprintf(b, "%s%s [", row.name, strings.Repeat(" ", names-utf8.RuneCountInString(row.name)))
		d.writeRow(b, row, columns, o.Color)
		fmt.Fprintf(b, "] %d of %d free\n", uint64(row.pv.freeCount), uint64(row.pv.count))
	}
	d.writeLegend(b, width, o.Color)
	return b.Flush()
}

// writeRow draws the runs of a physical volume in so many columns.
func (d *picture) writeRow(b *bufio.Writer, row pictureRow, columns int, color bool) {
	counts := make([]Extents, len(row.runs))
	for i, r := range row.runs {
		counts[i] = r.count
	}
	widths := divide(counts, columns)
	if widths == nil {
		d.writeSamples(b, row, columns, color)
		return
	}
	for i, r := range row.runs {
		sign := d.sign(r.lv)
		text := strings.Repeat(string(sign), widths[i])
		if r.lv >= 0 {
			if n, _ := d.areas(r); n > 1 {
				if label := string(sign) + strconv.Itoa(int(r.area)+1); len(label) <= len(text) {
					text = label + text[len(label):]
				}
			}
		}
		d.paint(b, r.lv, text, color)
	}
}

// writeSamples draws a row of more runs than columns: each column shows the run
// that has most of it.
func (d *picture) writeSamples(b *bufio.Writer, row pictureRow, columns int, color bool) {
	i := 0
	for c := range columns {
		from, to := columnStart(row.pv.count, c, columns), columnStart(row.pv.count, c+1, columns)
		for row.runs[i].end() <= from {
			i++
		}
		best, most := row.runs[i].lv, Extents(0)
		for j := i; j < len(row.runs) && row.runs[j].start < to; j++ {
			if n := min(to, row.runs[j].end()) - max(from, row.runs[j].start); n > most {
				best, most = row.runs[j].lv, n
			}
		}
		d.paint(b, best, string(d.sign(best)), color)
	}
}

// columnStart returns the first extent of column c.
func columnStart(count Extents, c, columns int) Extents {
	return Extents(portion(uint64(count), Extents(c), Extents(columns)))
}

func (d *picture) sign(lv int32) rune {
	switch {
	case lv == freeLV:
		return drawFree
	case lv == heldLV:
		return drawHeld
	case d.number[lv] >= len(drawLetters):
		return drawMany
	}
	return rune(drawLetters[d.number[lv]])
}

// Codes of ANSI colors: six that can be read on a dark and on a light ground, from
// red on, each also bright.
const (
	ansiFaint  = 2
	ansiRed    = 31
	ansiColors = 6
	ansiBright = 60
)

func (d *picture) paint(b *bufio.Writer, lv int32, text string, color bool) {
	if !color {
		b.WriteString(text)
		return
	}
	code := ansiFaint
	if lv >= 0 {
		n := d.number[lv]
		code = ansiRed + n%ansiColors + n/ansiColors%2*ansiBright
	}
	fmt.Fprintf(b, "\x1b[%dm%s\x1b[0m", code, text)
}

// legendLine explains a sign.
type legendLine struct {
	lv    int32
	name  string
	count Extents
	more  string
}

// legend returns the lines of the legend. Logical volumes for which no letter is
// left share one.
func (d *picture) legend() []legendLine {
	var lines []legendLine
	others := 0
	for _, i := range d.order() {
		lv, letter := d.lvs[d.number[i]], d.sign(i)
		switch {
		case letter == drawMany && others > 0:
			others++
			last := &lines[len(lines)-1]
			last.name = fmt.Sprintf("%d others", others)
			last.count += lv.count
			continue
		case letter == drawMany:
			others++
		}
		line := legendLine{lv: i, name: lv.name, count: lv.count}
		if lv.areas > 1 && letter != drawMany {
			line.more = fmt.Sprintf(", %ss %c1-%c%d", lv.part, letter, letter, lv.areas)
		}
		lines = append(lines, line)
	}
	if d.held > 0 {
		lines = append(lines, legendLine{lv: heldLV, name: "held", count: d.held})
	}
	return append(lines, legendLine{lv: freeLV, name: "free", count: d.free})
}

func (d *picture) writeLegend(b *bufio.Writer, width int, color bool) {
	lines := d.legend()
	names := 0
	for _, l := range lines {
		names = max(names, utf8.RuneCountInString(l.name))
	}
	b.WriteString("\n")
	for _, l := range lines {
		d.paint(b, l.lv, string(d.sign(l.lv)), color)
		fmt.Fprintf(b, " %s%s  %d extents, %s%s\n", l.name, strings.Repeat(" ", names-utf8.RuneCountInString(l.name)),
			uint64(l.count), d.size(l.count), l.more)
	}
	if d.most > Extents(width) {
		fmt.Fprintf(b, "%d columns are %d extents; what is smaller than a column is drawn as one if there is room\n", width, uint64(d.most))
	}
	if d.m.Incomplete() {
		fmt.Fprintf(b, "%s\n", incompleteNote)
	}
}

const incompleteNote = "some segments are of unknown types: what looks free may be in use"

// order returns the numbers of the logical volumes drawn, in the map's order.
func (d *picture) order() []int32 {
	order := make([]int32, 0, len(d.number))
	for i := range d.number {
		order = append(order, i)
	}
	slices.Sort(order)
	return order
}
