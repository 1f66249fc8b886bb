package report

import (
	"slices"
	"strings"
)

// layout is a report that has been looked at: its columns, order and selection.
type layout struct {
	o       *Options
	kind    Kind // of the command
	rows    Kind // that the columns make of it
	columns []*field
	compact []*field // left out if they are empty
	keys    []sortKey
	where   condition // nil: all
	kernel  bool
	fields  section // of which there are columns or keys
	marked  bool    // the column "selected" is shown, so all rows are
}

type sortKey struct {
	*field
	descending bool
}

func newLayout(r *Report, o *Options) (*layout, error) {
	l := &layout{o: o, kind: r.Kind}
	columns, keys := r.Kind.defaults(o.Verbose)
	if r.Columns != "" {
		columns = r.Columns
	}
	if r.Sort != "" {
		keys = r.Sort
	}
	if r.SortBy != nil {
		keys = *r.SortBy
	}
	l.fields = r.Kind.all()
	if err := l.setKeys(keys); err != nil {
		return nil, err
	}
	if err := l.setColumns(columns, r.Changes); err != nil {
		return nil, err
	}
	var used section
	note := func(f *field) {
		used |= f.section
		l.kernel = l.kernel || f.kernel
	}
	for _, f := range l.columns {
		note(f)
		l.marked = l.marked || f.section == specialSection
	}
	for _, k := range l.keys {
		note(k.field)
	}
	if r.Select != "" {
		p := &selectParser{text: r.Select, kind: r.Kind, o: o, note: note}
		var err error
		if l.where, err = p.parse(); err != nil {
			return nil, err
		}
	}
	var err error
	l.rows, err = r.Kind.rows(used)
	return l, err
}

// setColumns works out the columns from the default and what changes them.
func (l *layout) setColumns(columns string, changes []string) error {
	var add, compact []string
	base := columns
	for _, c := range changes {
		switch {
		case strings.HasPrefix(c, "+"):
			add = append(add, c[1:])
		case strings.HasPrefix(c, "-"):
			base, add = l.without(base, c[1:]), []string{l.without(strings.Join(add, ","), c[1:])}
		case strings.HasPrefix(c, "#"):
			compact = append(compact, c[1:])
		case c == "":
			return ErrColumns
		default:
			base, add = c, nil
		}
	}
	var err error
	if _, err = l.find(strings.Join(append([]string{base}, add...), ","), false); err != nil {
		return err // this finds out what is meant by all
	}
	if l.columns, err = l.find(strings.Join(append([]string{base}, add...), ","), false); err != nil {
		return err
	}
	l.compact, err = l.find(strings.Join(compact, ","), false)
	return err
}

// without returns a list of names without some.
func (l *layout) without(names, remove string) string {
	gone := strings.Split(remove, ",")
	return strings.Join(slices.DeleteFunc(strings.Split(names, ","), func(name string) bool {
		return slices.ContainsFunc(gone, func(g string) bool {
			a, ok := findField(name, l.kind)
			b, found := findField(g, l.kind)
			return ok && found && a == b || plainName(name) == plainName(g)
		})
	}), ",")
}

// find returns the fields of a list of names.
func (l *layout) find(names string, sort bool) ([]*field, error) {
	var out []*field
	for name := range strings.SplitSeq(names, ",") {
		if name == "" {
			continue
		}
		if isHelp(name) {
			return nil, &FieldError{Name: name, Help: true}
		}
		if f, ok := findField(name, l.kind); ok {
			out = append(out, f)
			l.fields |= f.section
			continue
		}
		all, ok := findAll(name, l.kind, l.fields)
		if !ok || sort {
			return nil, &FieldError{Name: name, Sort: sort}
		}
		out = append(out, all...)
		for _, f := range all {
			l.fields |= f.section
		}
	}
	return out, nil
}

func (l *layout) setKeys(keys string) error {
	for key := range strings.SplitSeq(keys, ",") {
		name, descending := strings.CutPrefix(key, "-")
		if !descending {
			name = strings.TrimPrefix(name, "+")
		}
		if key == "" {
			continue
		}
		if name == "" {
			return &FieldError{Name: key, Sort: true, NoName: true}
		}
		fields, err := l.find(name, true)
		if err != nil {
			return err
		}
		l.keys = append(l.keys, sortKey{fields[0], descending})
	}
	return nil
}

// collect returns the rows that are shown, in their order, each with its values.
func (l *layout) collect(src *Source, full bool) ([]*line, error) {
	var lines []*line
	s := &scanner{o: l.o, kernel: l.kernel, full: full, take: func(r *row) {
		r.selected = true // for who asks for what is selected
		r.selected = l.where == nil || l.where.holds(r)
		if r.selected || l.marked {
			lines = append(lines, l.line(r))
		}
	}}
	s.scan(src, l.kind, l.rows)
	if !l.o.Unbuffered {
		slices.SortStableFunc(lines, l.compare)
	}
	return lines, s.err
}

// line is a row with its values.
type line struct {
	texts  []string // of the columns
	values []value  // of the columns, where more than the texts is printed
	keys   []value
}

func (l *layout) line(r *row) *line {
	n := &line{texts: make([]string, len(l.columns)), keys: make([]value, len(l.keys))}
	if l.o.Format == JSONStd {
		n.values = make([]value, len(l.columns))
	}
	for i, f := range l.columns {
		v := f.value(r)
		n.texts[i] = v.text
		if n.values != nil {
			n.values[i] = v
		}
	}
	for i, k := range l.keys {
		n.keys[i] = k.value(r)
	}
	return n
}

func (l *layout) compare(a, b *line) int {
	for i, k := range l.keys {
		c := a.keys[i].compare(&b.keys[i], k.typ)
		if k.descending {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// shown returns the columns that are printed, as indices.
func (l *layout) shown(lines []*line) []int {
	var out []int
	for i, f := range l.columns {
		empty := !slices.ContainsFunc(lines, func(n *line) bool { return n.texts[i] != "" })
		if empty && len(lines) > 0 && (l.o.Compact || slices.Contains(l.compact, f)) {
			continue
		}
		out = append(out, i)
	}
	return out
}
