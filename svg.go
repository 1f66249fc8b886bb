package lvm

import (
	"bufio"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Measures of the SVG, in pixels.
const (
	svgMargin  = 24
	svgRow     = 34 // height of a bar
	svgRowStep = 62 // from bar to bar
	svgLine    = 26 // of the legend
	svgColumn  = 300
	svgLetter  = 7 // width of a letter, roughly
	svgLeast   = 2 // width of the smallest run, if there is room
	svgSmall   = 8 // width per run of the smallest bar
	svgThin    = 6 // narrower runs have no border
)

// svgStyle has nothing that a viewer may have to fetch.
const svgStyle = `
text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #222 }
.name { font-weight: 600 }
.note { fill: #666 }
.in { font-size: 12px; pointer-events: none }
.run { stroke: #fff; stroke-width: 1 }
.free { fill: #eef0f2; stroke: #fff; stroke-width: 1 }
.held { fill: url(#held); stroke: #fff; stroke-width: 1 }
.thin { stroke: none }
.swatch { stroke: #8a9099 }
.frame { fill: none; stroke: #8a9099; stroke-width: 1 }
`

// WriteSVG draws the map as an SVG document that needs nothing else: a bar for
// each physical volume, in scale to each other as far as they can be seen, with its runs colored by logical
// volume, and a legend. Each run has a title that says which extents it is.
func (m *ExtentMap) WriteSVG(w io.Writer, o DrawOptions) error {
	s := svg{picture: m.picture(), Writer: bufio.NewWriter(w), width: o.width(960)}
	s.document()
	return s.Flush()
}

type svg struct {
	*picture
	*bufio.Writer
	width int // of the longest bar
}

// Fprintf into a buffered writer: the error stays in it until Flush.
func (s *svg) print(format string, args ...any) { fmt.Fprintf(s.Writer, format, args...) }

func (s *svg) document() {
	perRow := max(1, s.width/svgColumn)
	entries := len(s.lvs) + 1
	if s.held > 0 {
		entries++
	}
	legendTop := svgMargin + len(s.rows)*svgRowStep + 20
	height := legendTop + (entries+perRow-1)/perRow*svgLine + svgMargin
	if s.m.Incomplete() {
		height += svgLine
	}
	total := s.width + 2*svgMargin
	s.print("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"title desc\">\n",
		total, height, total, height)
	s.print("<title id=\"title\">Extents of %s</title>\n", plural(len(s.rows), "physical volume"))
	s.print("<desc id=\"desc\">%s in them; %d extents free.</desc>\n", plural(len(s.lvs), "logical volume"), uint64(s.free))
	s.print("<style>%s</style>\n", svgStyle)
	s.print("<defs><pattern id=\"held\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">" +
		"<rect width=\"8\" height=\"8\" fill=\"#eef0f2\"/><rect width=\"3\" height=\"8\" fill=\"#b9bec5\"/></pattern></defs>\n")
	s.print("<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n")
	for i := range s.rows {
		s.bar(&s.rows[i], svgMargin+i*svgRowStep)
	}
	s.legend(legendTop, perRow)
	if s.m.Incomplete() {
		s.print("<text class=\"note\" x=\"%d\" y=\"%d\">%s</text>\n", svgMargin, height-svgMargin, xmlText(incompleteNote))
	}
	s.print("</svg>\n")
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// bar draws a physical volume.
func (s *svg) bar(row *pictureRow, y int) {
	s.print("<g>\n<text x=\"%d\" y=\"%d\"><tspan class=\"name\">%s</tspan><tspan class=\"note\" dx=\"10\">%s, %s free</tspan></text>\n",
		svgMargin, y+12, xmlText(row.name), s.size(row.pv.count), s.size(row.pv.freeCount))
	top := y + 20
	full, runs := pixels(s.width)*svgPixel, pixels(max(1, len(row.runs)))
	width := pixels(portion(uint64(full), row.pv.count, s.most))
	if row.pv.count > 0 {
		width = max(width, min(full, svgSmall*svgPixel*runs))
	}
	least := min(svgLeast*svgPixel, width/runs)
	spare := width - least*runs
	done, from := Extents(0), pixels(0)
	for i, r := range row.runs {
		done += r.count
		to := least*pixels(i+1) + pixels(portion(uint64(spare), done, row.pv.count))
		s.run(row, r, svgMargin*svgPixel+from, to-from, top)
		from = to
	}
	s.print("<rect class=\"frame\" x=\"%d\" y=\"%d\" width=\"%s\" height=\"%d\"/>\n</g>\n", svgMargin, top, width, svgRow)
}

// pixels are hundredths of a pixel.
type pixels uint64

const svgPixel = 100

func (p pixels) String() string { return fmt.Sprintf("%d.%02d", p/svgPixel, p%svgPixel) }

func (s *svg) run(row *pictureRow, r usedRun, x, width pixels, y int) {
	extents := fmt.Sprintf("%s extents %d-%d (%s)", row.name, uint64(r.start), uint64(r.end()-1), s.size(r.count))
	class, title, label := "run", "", ""
	switch {
	case r.lv == freeLV:
		class, title = "free", extents+" free"
	case r.lv == heldLV:
		class, title = "held", extents+" held to the end of the transaction"
	default:
		label = s.lvs[s.number[r.lv]].name
		title = fmt.Sprintf("%s segment %d", label, r.segment)
		if n, part := s.areas(r); n > 1 {
			title += fmt.Sprintf(" %s %d of %d", part, r.area+1, n)
			label += fmt.Sprintf(" %d/%d", r.area+1, n)
		}
		title += ": " + extents
	}
	if width < svgThin*svgPixel {
		class += " thin"
	}
	s.print("<rect class=\"%s\" x=\"%s\" y=\"%d\" width=\"%s\" height=\"%d\"%s><title>%s</title></rect>\n",
		class, x, y, width, svgRow, s.fill(r), xmlText(title))
	if label != "" && pixels(utf8.RuneCountInString(label)*svgLetter+8)*svgPixel <= width {
		s.print("<text class=\"in\" x=\"%s\" y=\"%d\" text-anchor=\"middle\">%s</text>\n", x+width/2, y+svgRow/2+4, xmlText(label))
	}
}

// fill returns the color of a run: the hue is the logical volume's, the lightness
// tells its stripes apart.
func (s *svg) fill(r usedRun) string {
	if r.lv < 0 {
		return ""
	}
	return fmt.Sprintf(" fill=\"%s\"", svgColor(s.number[r.lv], int(r.area)))
}

// svgColor goes around the circle of hues in steps that keep neighbors apart.
func svgColor(lv, area int) string {
	const first, step = 212, 138
	return fmt.Sprintf("hsl(%d 62%% %d%%)", (first+lv*step)%360, 68+area%3*8)
}

func (s *svg) legend(top, perRow int) {
	n := 0
	entry := func(swatch, name string, size Extents) {
		x, y := svgMargin+n%perRow*svgColumn, top+n/perRow*svgLine
		s.print("<rect %s x=\"%d\" y=\"%d\" width=\"16\" height=\"16\"/>\n", swatch, x, y)
		if most := (svgColumn-110)/svgLetter - 1; utf8.RuneCountInString(name) > most {
			name = string([]rune(name)[:most-3]) + "..."
		}
		s.print("<text x=\"%d\" y=\"%d\">%s<tspan class=\"note\" dx=\"10\">%s</tspan></text>\n", x+24, y+13, xmlText(name), s.size(size))
		n++
	}
	for i, lv := range s.lvs {
		entry(fmt.Sprintf("fill=\"%s\"", svgColor(i, 0)), lv.name, lv.count)
	}
	if s.held > 0 {
		entry(`class="held swatch"`, "held", s.held)
	}
	entry(`class="free swatch"`, "free", s.free)
}

// xmlText makes text fit for XML, also text that is not even UTF-8.
func xmlText(text string) string {
	var b strings.Builder
	// A strings.Builder never fails.
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}
