package report

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// times are selections of volumes by their age.
const times = `now
today
yesterday
noon
midnight
"yesterday noon"
"yesterday midnight"
"yesterday 10:00"
"yesterday 10:00:00"
"yesterday 10am"
"10pm yesterday"
"today 0:00"
monday
Tue
"last"
"1 second ago"
"90 secs ago"
"5 m ago"
"5 minutes ago"
"1 hour ago"
"2 hrs ago"
"3 h ago"
"1 day ago"
"2 days ago"
"1 week ago"
"1 weeks 1 days ago"
"2 weeks ago"
"1 month ago"
"2 months ago"
"1 year ago"
"1 year 3 months ago"
"2 years"
"1 day 2 hours ago"
"jan"
"January 2020"
"Jan 15 2020"
"15 Jan 2020"
"2020-01-15"
"2020-01-15 10"
"2020-01-15 10:00"
"2020-01-15 10:00:00"
"2020-01-15 10:00 +02:00"
"2020-01-15 10:00 +0200"
"2020-01-15 12:00 +02"
"2020-01-15 +02"
"2020-01"
2020
@1579082400
20200115
2020-1-5
"10:00"
"10:00 2020-01-15"
10am
"15 jan"
202001
"10:00 today"
"monday 10:00"
`

func TestKernelSelectionsOfTime(t *testing.T) {
	w := newWorld(t, 1, 64<<20)
	w.run("vgcreate -s 1M v " + w.disks[0])
	now := time.Now()
	ages := []time.Duration{0, 10 * time.Second, 3 * time.Minute, 70 * time.Minute, 3 * time.Hour}
	for days := range 24 {
		ages = append(ages, 13*time.Hour*time.Duration(days))
	}
	for months := range 12 {
		ages = append(ages, 45*24*time.Hour*time.Duration(months))
	}
	ages = append(ages, now.Sub(time.Date(2020, 1, 15, 10, 0, 0, 0, time.UTC)), now.Sub(time.Date(2020, 1, 15, 10, 0, 40, 0, time.UTC)))
	var create []string
	for i := range ages {
		create = append(create, fmt.Sprintf("lvcreate -qq -an -Zn -l1 -n l%02d v", i))
	}
	w.script(create...)
	path := t.TempDir() + "/v"
	w.run("vgcfgbackup -qq -f " + path + " v")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	next := -1
	edited := regexp.MustCompile(`(?m)^\t\t\tcreation_time = \d+.*$`).ReplaceAllFunc(text, func([]byte) []byte {
		next++
		return fmt.Appendf(nil, "\t\t\tcreation_time = %d", now.Add(-ages[next]).Unix())
	})
	require.Equal(t, len(ages)-1, next)
	require.NoError(t, os.WriteFile(path, edited, 0o600))
	w.run("vgcfgrestore -qq -f " + path + " v")
	var lines strings.Builder
	for text := range strings.Lines(times) {
		for _, op := range []string{"since", "before"} {
			fmt.Fprintf(&lines, "lvs --noheadings -o name --rows -S 'lv_time %s %s'\n", op, strings.TrimSpace(text))
		}
	}
	for range 3 {
		began := time.Now().Minute()
		if differ := w.differences(lines.String()); began == time.Now().Minute() {
			require.Empty(t, differ)
			return
		}
	}
	require.Fail(t, "it takes more than a minute")
}
