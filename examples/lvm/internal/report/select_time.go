package report

import (
	"strconv"
	"strings"
	"time"
)

// parseTime reads a time as selections have it, and returns the first and the last
// second that are meant: those of a day, say, if no time of day is given. The error
// is in lvm2's words.
func parseTime(s string, o *Options) (first, last uint64, err error) {
	s = strings.TrimSpace(s)
	from, to, ok := timeRange(s, o)
	if !ok {
		return 0, 0, &timeError{s}
	}
	return uint64(max(0, from.Unix())), uint64(max(0, to.Unix()-1)), nil
}

// timeError is of what is no time.
type timeError struct{ text string }

func (e *timeError) Error() string {
	switch {
	case e.text == "":
		return ""
	case strings.Trim(e.text, "0123456789-: +") == "" && strings.Contains(e.text, "-") && !strings.Contains(strings.SplitN(e.text, "-", 2)[0], ":"):
		return outOfRange(e.text)
	case strings.Trim(e.text, "0123456789-: +") == "":
		return "Incorrect date format."
	}
	return "Unrecognized string in date/time specification at \"" + e.text + "\"."
}

// outOfRange returns which number of a date is too large.
func outOfRange(s string) string {
	date, clock, _ := strings.Cut(s, " ")
	for i, n := range strings.Split(date, "-") {
		if v, _ := strconv.Atoi(n); i == 1 && (v < 1 || v > 12) {
			return "Specified month out of range."
		}
	}
	if clock == "" {
		return "Specified day out of range."
	}
	for i, n := range strings.Split(clock, ":") {
		if v, _ := strconv.Atoi(n); i < 3 && v > [...]int{23, 59, 59}[i] {
			return "Specified " + [...]string{"hours", "minutes", "seconds"}[i] + " out of range."
		}
	}
	return "Specified day out of range."
}

// timeRange returns when what is meant begins, and when it has ended.
func timeRange(s string, o *Options) (from, to time.Time, ok bool) {
	if seconds, cut := strings.CutPrefix(s, "@"); cut {
		n, err := strconv.ParseInt(seconds, 10, 64)
		from = time.Unix(n, 0)
		return from, from.Add(time.Second), err == nil
	}
	if from, to, ok = standardTime(s, o.zone()); ok {
		return from, to, true
	}
	f := freeform{now: o.now().In(o.zone())}
	return f.parse(strings.ToLower(s))
}

// standardTime reads YYYY[-MM[-DD]] [hh[:mm[:ss]]] [+hh[:mm]].
func standardTime(s string, zone *time.Location) (from, to time.Time, ok bool) {
	for _, l := range []struct {
		layout string
		unit   func(time.Time) time.Time
	}{
		{"2006-1-2 15:4:5", func(t time.Time) time.Time { return t.Add(time.Second) }},
		{"2006-1-2 15:4", func(t time.Time) time.Time { return t.Add(time.Minute) }},
		{"2006-1-2 15", func(t time.Time) time.Time { return t.Add(time.Hour) }},
		{"2006-1-2", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
		{"2006-1", func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
		{"20060102", func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }},
		{"200601", func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }},
		{"2006", func(t time.Time) time.Time { return t.AddDate(1, 0, 0) }},
	} {
		for _, offset := range []string{"", " -07:00", " -0700", " -07"} {
			if t, err := time.ParseInLocation(l.layout+offset, s, zone); err == nil {
				return t, l.unit(t), true
			}
		}
	}
	return from, to, false
}

func (o *Options) now() time.Time {
	if o.Now.IsZero() {
		return time.Now()
	}
	return o.Now
}

// freeform is a time in words.
type freeform struct {
	now          time.Time
	year, days   int // back
	months       int
	back         time.Duration
	clock        time.Duration // of the day
	step         time.Duration // what the clock is exact to; 0: none was given
	unit         time.Duration // the smallest of those that back counts; 0: it counts none
	named        bool          // there is a word, not only numbers
	month, mday  int
	absoluteYear int
}

func (f *freeform) parse(s string) (from, to time.Time, ok bool) {
	words := strings.Fields(strings.ReplaceAll(s, ",", " "))
	if len(words) == 0 {
		return from, to, false
	}
	for i := 0; i < len(words); i++ {
		n, err := strconv.Atoi(words[i])
		switch {
		case err == nil && i+1 < len(words) && f.offset(n, words[i+1]):
			f.named = true
			i++
		case err == nil && n > 31:
			f.absoluteYear = n
		case err == nil && n > 0:
			f.mday = n
		case words[i] == "ago" && i > 0:
		case f.time(words[i]):
			f.named = f.named || strings.HasSuffix(words[i], "m")
		case f.day(words[i]):
			f.named = true
		default:
			return from, to, false
		}
	}
	from, to = f.result()
	return from, to, f.named && (f.mday == 0 || f.month > 0)
}

// offset takes a number of units before now.
func (f *freeform) offset(n int, unit string) bool {
	switch strings.TrimSuffix(unit, "s") {
	case "", "sec", "second":
		f.before(n, time.Second)
	case "m", "min", "minute":
		f.before(n, time.Minute)
	case "h", "hr", "hour":
		f.before(n, time.Hour)
	case "d", "day":
		f.days += n
	case "w", "week":
		f.days += 7 * n
	case "month":
		f.months += n
	case "y", "yr", "year":
		f.year += n
	case "am", "pm":
		return f.time(strconv.Itoa(n) + unit)
	default:
		return false
	}
	return true
}

// before takes a number of units that are less than a day.
func (f *freeform) before(n int, unit time.Duration) {
	f.back += time.Duration(n) * unit
	if f.unit == 0 || unit < f.unit {
		f.unit = unit
	}
}

// day takes the name of a day or month.
func (f *freeform) day(word string) bool {
	switch word {
	case "today":
		return true
	case "yesterday":
		f.days++
		return true
	case "noon":
		f.clock, f.step = 12*time.Hour, time.Second
		return true
	case "midnight":
		f.clock, f.step = 0, time.Second
		return true
	}
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name := strings.ToLower(d.String()); word == name || word == name[:3] {
			f.days += (int(f.now.Weekday()) - int(d) + 7) % 7
			return true
		}
	}
	for m := time.January; m <= time.December; m++ {
		if name := strings.ToLower(m.String()); word == name || word == name[:3] {
			f.month = int(m)
			return true
		}
	}
	return false
}

// time takes a time of day.
func (f *freeform) time(word string) bool {
	for _, l := range []struct {
		layout string
		step   time.Duration
	}{{"15:4:5", time.Second}, {"15:4", time.Minute}, {"3:4:5pm", time.Second}, {"3:4pm", time.Minute}, {"3pm", time.Hour}} {
		if t, err := time.Parse(l.layout, word); err == nil {
			f.clock = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute + time.Duration(t.Second())*time.Second
			f.step = l.step
			return true
		}
	}
	return false
}

func (f *freeform) result() (from, to time.Time) {
	t := f.now.AddDate(-f.year, -f.months, -f.days)
	if f.unit > 0 {
		// What is meant is the unit before: an hour ago is any time in the hour up to then.
		t = t.Add(-f.back).Truncate(time.Second)
		if from = t.Add(-time.Second); f.unit > time.Second {
			from = from.Add(-f.unit)
		}
		return from, t.Add(time.Second)
	}
	year, month, day := t.Date()
	unit := func(t time.Time) time.Time { return t.AddDate(0, 0, 1) }
	if f.absoluteYear > 0 {
		year = f.absoluteYear
	}
	if f.month > 0 {
		month, day = time.Month(f.month), max(1, f.mday)
		if f.mday == 0 {
			unit = func(t time.Time) time.Time { return t.AddDate(0, 1, 0) }
		}
	}
	from = time.Date(year, month, day, 0, 0, 0, 0, t.Location())
	if f.step > 0 {
		from = from.Add(f.clock)
		return from, from.Add(f.step)
	}
	return from, unit(from)
}
