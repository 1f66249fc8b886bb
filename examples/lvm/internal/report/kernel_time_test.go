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
"120 mins ago"
"1 hour 30 minutes ago"
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
	// As time goes on, no age comes to be one that is asked for.
	ages := []time.Duration{0, 3 * time.Minute, 70 * time.Minute, 2 * time.Hour, 3 * time.Hour}
	for days := range 24 {
		ages = append(ages, 13*time.Hour*time.Duration(days))
	}
	for months := range 12 {
		ages = append(ages, 45*24*time.Hour*time.Duration(months))
	}
	created := []time.Time{time.Date(2020, 1, 15, 10, 0, 0, 0, time.UTC), time.Date(2020, 1, 15, 10, 0, 40, 0, time.UTC)}
	var create []string
	for i := range len(ages) + len(created) {
		create = append(create, fmt.Sprintf("lvcreate -qq -an -Zn -l1 -n l%02d v", i))
	}
	w.script(create...)
	path := t.TempDir() + "/v"
	w.run("vgcfgbackup -qq -f " + path + " v")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var lines strings.Builder
	for text := range strings.Lines(times) {
		for _, op := range []string{"since", "before"} {
			fmt.Fprintf(&lines, "lvs --noheadings -o name --rows -S 'lv_time %s %s'\n", op, strings.TrimSpace(text))
		}
	}
	for range 3 {
		now := time.Now()
		next := 0
		edited := regexp.MustCompile(`(?m)^\t\t\tcreation_time = \d+.*$`).ReplaceAllFunc(text, func([]byte) []byte {
			at := now.Add(-10 * time.Second)
			if next < len(ages) {
				at = at.Add(-ages[next])
			} else {
				at = created[next-len(ages)]
			}
			next++
			return fmt.Appendf(nil, "\t\t\tcreation_time = %d", at.Unix())
		})
		require.Equal(t, len(ages)+len(created), next)
		require.NoError(t, os.WriteFile(path, edited, 0o600))
		w.run("vgcfgrestore -qq -f " + path + " v")
		if differ := w.differences(lines.String()); time.Since(now) < 40*time.Second && time.Now().Day() == now.Day() {
			require.Empty(t, differ)
			return
		}
	}
	require.Fail(t, "it takes too long")
}
