package lvm

import (
	"fmt"
	"strings"
)

// diffContext is how many equal lines are shown around a difference.
const diffContext = 3

// diffLine is a line of a difference: kept, removed or added.
type diffLine struct {
	op   byte // ' ', '-' or '+'
	text string
	a, b int // line numbers, from 0, in the old and the new text
}

// textDiff returns the differences of two texts by lines, in unified form
// without file names.
func textDiff(before, after string) string {
	lines := diffLines(splitLines(before), splitLines(after))
	var out strings.Builder
	for i := 0; i < len(lines); {
		for i < len(lines) && lines[i].op == ' ' {
			i++
		}
		if i == len(lines) {
			break
		}
		start, end, last := max(0, i-diffContext), i, i
		for end < len(lines) && end-last <= 2*diffContext {
			if lines[end].op != ' ' {
				last = end
			}
			end++
		}
		end = min(len(lines), last+1+diffContext)
		writeHunk(&out, lines[start:end])
		i = end
	}
	return out.String()
}

func writeHunk(out *strings.Builder, hunk []diffLine) {
	var na, nb int
	for _, l := range hunk {
		if l.op != '+' {
			na++
		}
		if l.op != '-' {
			nb++
		}
	}
	fmt.Fprintf(out, "@@ -%d,%d +%d,%d @@\n", hunk[0].a+1, na, hunk[0].b+1, nb)
	for _, l := range hunk {
		out.WriteByte(l.op)
		out.WriteString(l.text)
		out.WriteByte('\n')
	}
}

func splitLines(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// maxEdits bounds the work of the search for a shortest difference; beyond it
// the differing middle is shown as replaced.
const maxEdits = 2000

// diffLines finds a shortest sequence of kept, removed and added lines.
// Source: E. W. Myers, "An O(ND) difference algorithm and its variations", 1986.
func diffLines(a, b []string) []diffLine {
	var out []diffLine
	head := 0
	for head < len(a) && head < len(b) && a[head] == b[head] {
		out = append(out, diffLine{' ', a[head], head, head})
		head++
	}
	tail := 0
	for tail < len(a)-head && tail < len(b)-head && a[len(a)-1-tail] == b[len(b)-1-tail] {
		tail++
	}
	for _, l := range myers(a[head:len(a)-tail], b[head:len(b)-tail]) {
		l.a += head
		l.b += head
		out = append(out, l)
	}
	for i := tail; i > 0; i-- {
		out = append(out, diffLine{' ', a[len(a)-i], len(a) - i, len(b) - i})
	}
	return out
}

func myers(a, b []string) []diffLine {
	limit := min(len(a)+len(b), maxEdits)
	v := make([]int, 2*limit+2) // furthest x on diagonal k, at k+limit
	var trace [][]int
	found := false
search:
	for d := 0; d <= limit; d++ {
		trace = append(trace, append([]int(nil), v[limit-d:limit+d+1]...))
		for k := -d; k <= d; k += 2 {
			var x int
			if k == -d || k != d && v[limit+k-1] < v[limit+k+1] {
				x = v[limit+k+1]
			} else {
				x = v[limit+k-1] + 1
			}
			for x < len(a) && x-k < len(b) && a[x] == b[x-k] {
				x++
			}
			v[limit+k] = x
			if x >= len(a) && x-k >= len(b) {
				found = true
				break search
			}
		}
	}
	var back []diffLine
	x, y := len(a), len(b)
	if !found {
		for ; y > 0; y-- {
			back = append(back, diffLine{'+', b[y-1], x, y - 1})
		}
		for ; x > 0; x-- {
			back = append(back, diffLine{'-', a[x-1], x - 1, 0})
		}
	}
	for d := len(trace) - 1; d >= 0 && (x > 0 || y > 0); d-- {
		at := func(k int) int { // of the step before
			if k < -d || k > d {
				return -1
			}
			return trace[d][k+d]
		}
		k := x - y
		down := k == -d || k != d && at(k-1) < at(k+1)
		prev := k - 1
		if down {
			prev = k + 1
		}
		px := 0
		if d > 0 {
			px = at(prev)
		}
		py := px - prev
		if d == 0 {
			py = 0
		}
		for x > px && y > py && x > 0 && y > 0 && a[x-1] == b[y-1] {
			back = append(back, diffLine{' ', a[x-1], x - 1, y - 1})
			x, y = x-1, y-1
		}
		if d == 0 {
			break
		}
		if down {
			back = append(back, diffLine{'+', b[y-1], x, y - 1})
			y--
		} else {
			back = append(back, diffLine{'-', a[x-1], x - 1, y})
			x--
		}
	}
	for i, j := 0, len(back)-1; i < j; i, j = i+1, j-1 {
		back[i], back[j] = back[j], back[i]
	}
	return back
}
