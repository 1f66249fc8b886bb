package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/lvm-go/lvm"
)

// openTerminal returns a terminal, and what gives all that was written to it once it
// is closed.
func openTerminal(t *testing.T, rows uint16) (*os.File, func() string) {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = master.Close() })
	require.NoError(t, unix.IoctlSetPointerInt(int(master.Fd()), unix.TIOCSPTLCK, 0))
	number, err := unix.IoctlGetInt(int(master.Fd()), unix.TIOCGPTN)
	require.NoError(t, err)
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	require.NoError(t, err)
	require.NoError(t, unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: rows, Col: 100}))
	written := make(chan string, 1)
	go func() {
		var b bytes.Buffer
		_, _ = io.Copy(&b, master) // ends with an error when nobody has the terminal any more
		written <- b.String()
	}()
	return slave, func() string {
		require.NoError(t, slave.Close())
		return <-written
	}
}

// tellProgress has half and then all of a move told.
func tellProgress(c *call) {
	p := c.progress("Moved")
	p.at("/dev/sda", 6*lvm.MiB, 12*lvm.MiB)
	p.at("/dev/sda", 6*lvm.MiB, 12*lvm.MiB)
	p.at("/dev/sda", 12*lvm.MiB, 12*lvm.MiB)
	p.end()
}

func TestProgressOnTerminal(t *testing.T) {
	t.Parallel()
	const lines = "  /dev/sda: Moved: 50.00%\n  /dev/sda: Moved: 100.00%\n"
	for name, test := range map[string]struct {
		rows           uint16 // of the terminal that stderr is, if it is one
		terminals      bool
		out            bool // stdout is the same
		quiet          int
		lines          string
		bar, silentErr bool
	}{
		"neither":        {lines: lines, silentErr: true},
		"serial line":    {terminals: true, lines: lines, silentErr: true},
		"stderr":         {terminals: true, rows: 24, lines: lines, bar: true},
		"both":           {terminals: true, rows: 24, out: true, bar: true},
		"quiet":          {quiet: 1, silentErr: true},
		"quiet terminal": {terminals: true, rows: 24, out: true, quiet: 1, silentErr: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			a := &app{stdout: &out, stderr: &errs}
			written := errs.String
			if test.terminals {
				var tty *os.File
				tty, written = openTerminal(t, test.rows)
				if a.stderr = tty; test.out {
					a.stdout = tty
				}
			}
			tellProgress(&call{app: a, quiet: test.quiet})
			shown := written()
			assert.Equal(t, test.lines, out.String())
			if test.bar {
				assert.Contains(t, shown, "/dev/sda: Moved")
				assert.Contains(t, shown, "100 %")
				assert.Contains(t, shown, "12.0 MiB / 12.0 MiB")
				assert.NotContains(t, shown, "50.00%")
			}
			if test.silentErr {
				assert.Empty(t, shown)
			}
		})
	}
}

// Work that is given up leaves its bar where it was, and ends.
func TestProgressGivenUp(t *testing.T) {
	t.Parallel()
	tty, written := openTerminal(t, 24)
	c := &call{app: &app{stdout: tty, stderr: tty}}
	p := c.progress("Merged")
	p.at("vg/lv", lvm.MiB, 4*lvm.MiB)
	p.end()
	p.end()
	shown := written()
	assert.Contains(t, shown, "vg/lv: Merged")
	assert.Contains(t, shown, "25 %")
}
