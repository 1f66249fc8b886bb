package metadata

import (
	"strconv"
	"strings"
)

// settings reads a section of parameters. ok is false if it has anything but
// integers and strings.
func (d *decoder) settings(f item) (settings []Setting, ok bool) {
	if f.kind != sectionEntry {
		return nil, false
	}
	l := f.entries()
	for i := l.from; i < l.to; i = int(d.nodes[i].next) {
		e := d.item(i)
		if e.isComment() {
			continue
		}
		s, ok := d.setting(e)
		if !ok {
			return nil, false
		}
		settings = append(settings, s)
	}
	return settings, true
}

// setting reads a parameter. ok is false if it is neither an integer nor a
// string.
func (d *decoder) setting(f item) (s Setting, ok bool) {
	literal, ok := d.scalar(f)
	if !ok {
		return s, false
	}
	if n, ok := intOf(literal); ok {
		return Setting{Key: f.key, Value: signed(n)}, true
	}
	text, ok := textOf(literal)
	return Setting{Key: f.key, Value: text, IsText: true}, ok
}

// number reads a parameter that is one of the type's own: an integer of 32 bits.
func (d *decoder) number(f item) Setting {
	return Setting{Key: f.key, Value: strconv.FormatUint(uint64(d.uint32(f)), 10)}
}

// settings writes a section of parameters, if there are any.
func (w *recordPrinter) settings(key string, settings []Setting) {
	if len(settings) == 0 {
		return
	}
	w.record(key, nil, func() {
		for i := range settings {
			w.indent()
			if w.form == AreaForm {
				w.b = append(w.b, '\t') // as in printer.entry
			}
			w.key(settings[i].Key)
			w.b = append(w.b, '=')
			w.settingValue(&settings[i])
			w.b = append(w.b, '\n')
		}
	})
}

// setting writes a parameter as a field.
func (w *recordPrinter) setting(s *Setting) {
	w.begin(s.Key)
	w.settingValue(s)
	w.end("")
}

func (w *recordPrinter) settingValue(s *Setting) {
	if s.IsText {
		w.quote(s.Value)
		return
	}
	n, err := strconv.ParseInt(s.Value, 10, 64)
	if err != nil {
		w.fail(s.Key, s.Value)
	}
	w.b = strconv.AppendInt(w.b, n, 10)
}

// fault says what is wrong with a parameter; "" if nothing is.
func (s *Setting) fault() string {
	if s.Key == "" || strings.ContainsAny(s.Key, "/\x00") {
		return show(s.Key) + " is no name of a parameter"
	}
	if _, err := strconv.ParseInt(s.Value, 10, 64); err != nil && !s.IsText {
		return "parameter " + s.Key + " is no integer: " + show(s.Value)
	}
	return ""
}

// findSetting returns the parameter with the given name, nil if there is none.
func findSetting(settings []Setting, key string) *Setting {
	for i := range settings {
		if settings[i].Key == key {
			return &settings[i]
		}
	}
	return nil
}
