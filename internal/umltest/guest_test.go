package umltest

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest/guest"
)

// needUML skips a test that boots guests itself where that cannot be done.
func needUML(t *testing.T) {
	t.Helper()
	if err := guest.Available(); err != nil {
		miss(t, "kernel", err.Error())
	}
}

func TestGuestCarriesEverything(t *testing.T) {
	t.Parallel()
	needUML(t)
	// All byte values, much more than a pipe or a console holds.
	var seed [32]byte
	random := rand.NewChaCha8(seed)
	input := make([]byte, 1<<20)
	_, _ = random.Read(input)
	dir := t.TempDir()
	var stdout, stderr bytes.Buffer
	c := guest.Command{
		Path: "sh", Args: []string{"sh", "-c", `cat; cat >&2 <<E
$1|$A|$(pwd)|$(id -u)|${LD_PRELOAD-none}
E
printf 'to the caller' >"$UML_REPORT"; exit 42`, "sh", "two words"},
		Dir: dir, Env: []string{"PATH=/usr/bin:/bin", "A=a b"}, Stdin: input,
		Stdout: &stdout, Stderr: &stderr, Timeout: time.Minute,
	}
	res, err := c.Run(context.Background())
	require.NoError(t, err)
	assert.Equal(t, 42, res.Status)
	assert.True(t, bytes.Equal(input, stdout.Bytes()), "%d bytes in, %d out", len(input), stdout.Len())
	assert.Equal(t, "two words|a b|"+dir+"|0|none\n", stderr.String())
	assert.Equal(t, "to the caller", string(res.Report))
	assert.Empty(t, res.Warnings)
	assert.Contains(t, res.Log, "device-mapper")
}

func TestGuestKeepsOrderInOneFile(t *testing.T) {
	t.Parallel()
	needUML(t)
	f, err := os.CreateTemp(t.TempDir(), "out")
	require.NoError(t, err)
	defer func() { _ = f.Close() }()
	c := guest.Command{Path: "sh", Args: []string{"sh", "-c", "for i in 1 2 3; do echo out $i; sleep 0.1; echo err $i >&2; sleep 0.1; done"},
		Dir: "/", Stdout: f, Stderr: f, Timeout: time.Minute}
	_, err = c.Run(context.Background())
	require.NoError(t, err)
	got, err := os.ReadFile(f.Name())
	require.NoError(t, err)
	assert.Equal(t, "out 1\nerr 1\nout 2\nerr 2\nout 3\nerr 3\n", string(got))
}

func TestGuestEndsWithItsCaller(t *testing.T) {
	t.Parallel()
	needUML(t)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	out := writerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	})
	began := time.Now()
	c := guest.Command{Path: "sh", Args: []string{"sh", "-c", "echo up; sleep 1000"}, Dir: "/", Stdout: out, Timeout: time.Minute}
	_, err := c.Run(ctx)
	require.ErrorIs(t, err, guest.ErrInterrupted)
	assert.Less(t, time.Since(began), time.Minute)
}

func TestGuestEndsWithItsReader(t *testing.T) {
	t.Parallel()
	needUML(t)
	c := guest.Command{Path: "sh", Args: []string{"sh", "-c", "echo up; sleep 1000"}, Dir: "/", Timeout: time.Minute,
		Stdout: writerFunc(func([]byte) (int, error) { return 0, io.ErrClosedPipe })}
	_, err := c.Run(context.Background())
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestGuestEnds(t *testing.T) {
	t.Parallel()
	needUML(t)
	for _, c := range []struct {
		name   string
		path   string
		script string
		limit  time.Duration
		status int
		err    error
		log    string
	}{
		{name: "killed by a signal", script: "kill -TERM $$", status: 128 + 15},
		{name: "not there", path: "/no/such/program", status: 127},
		{name: "not a program", path: "/etc/passwd", status: 126},
		{name: "leaves a process behind", script: "sleep 1000 & exit 3", status: 3},
		{name: "out of time", script: "sleep 1000", limit: 5 * time.Second, err: guest.ErrTimeout, log: "Show Blocked State"},
		{name: "crash", script: "echo c >/proc/sysrq-trigger; sleep 1000", err: guest.ErrCrashed, log: "sysrq triggered crash"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.limit == 0 {
				c.limit = time.Minute
			}
			if c.path == "" {
				c.path = "/bin/sh"
			}
			cmd := guest.Command{Path: c.path, Args: []string{"sh", "-c", c.script}, Dir: "/", Timeout: c.limit}
			res, err := cmd.Run(context.Background())
			assert.ErrorIs(t, err, c.err)
			assert.Equal(t, c.status, res.Status)
			if c.err != nil {
				var ended *guest.Error
				require.ErrorAs(t, err, &ended)
				assert.Contains(t, ended.Log, c.log)
			}
		})
	}
}
