package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadCounts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		events []string
		want   step
		prints []string
		hides  []string
	}{
		{
			name: "passed",
			events: []string{
				`{"Action":"start","Package":"p"}`,
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"said\n"}`,
				`{"Action":"pass","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Output":"umltest: 1 kernel tests run in the guest, 0 skipped\n"}`,
				`{"Action":"pass","Package":"p","Elapsed":1.5}`,
			},
			want:   step{Passed: 1},
			prints: []string{"pass p (1.5 s)", "umltest: 1 kernel tests"},
			hides:  []string{"said"},
		},
		{
			name: "skipped, with the reason once",
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:7: umltest: no lvm\n"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}`,
				`{"Action":"skip","Package":"p","Test":"TestA"}`,
				`{"Action":"run","Package":"p","Test":"TestB"}`,
				`{"Action":"skip","Package":"p","Test":"TestB"}`,
				`{"Action":"pass","Package":"p"}`,
				`{"Action":"skip","Package":"without tests"}`,
			},
			want:  step{Skipped: 2, Reasons: []string{"TestA: umltest: no lvm", "TestB: no reason given"}},
			hides: []string{"without tests"},
		},
		{
			name: "failed",
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"what went wrong\n"}`,
				`{"Action":"fail","Package":"p","Test":"TestA"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want:   step{Failed: 1},
			prints: []string{"what went wrong", "fail p"},
		},
		{
			name: "a test that never ended",
			events: []string{
				`{"Action":"run","Package":"p","Test":"TestA"}`,
				`{"Action":"output","Package":"p","Test":"TestA","Output":"panic: oh\n"}`,
				`{"Action":"fail","Package":"p"}`,
			},
			want:   step{Failed: 1},
			prints: []string{"panic: oh"},
		},
		{
			name: "a package that does not build",
			events: []string{
				`{"ImportPath":"p","Action":"build-output","Output":"a.go:1: syntax\n"}`,
				`{"ImportPath":"p","Action":"build-fail"}`,
				`{"Action":"output","Package":"p","Output":"FAIL p [build failed]\n"}`,
				`{"Action":"fail","Package":"p","FailedBuild":"p"}`,
			},
			want:   step{Failed: 1},
			prints: []string{"a.go:1: syntax", "[build failed]"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got step
			var out strings.Builder
			require.NoError(t, got.read(strings.NewReader(strings.Join(c.events, "\n")), &out))
			assert.Equal(t, c.want, got)
			for _, p := range c.prints {
				assert.Contains(t, out.String(), p)
			}
			for _, h := range c.hides {
				assert.NotContains(t, out.String(), h)
			}
		})
	}
}

func TestReadPrintsWhatIsNoEvent(t *testing.T) {
	t.Parallel()
	var s step
	var out strings.Builder
	require.NoError(t, s.read(strings.NewReader("go: no such flag\nthe last line"), &out))
	assert.Equal(t, "go: no such flag\nthe last line", out.String())
	assert.Equal(t, step{}, s)
}

func TestStepsAddUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var out strings.Builder
	_, err := run(dir, []string{"total"}, &out)
	require.Error(t, err, "a total of nothing")

	require.NoError(t, save(dir, step{Name: "one", Passed: 3}))
	ok, err := run(dir, []string{"skip", "two", "no such thing"}, &out)
	require.NoError(t, err)
	assert.True(t, ok)
	ok, err = run(dir, []string{"total"}, &out)
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Contains(t, out.String(), "    skipped: no such thing\n")
	assert.True(t, strings.HasSuffix(out.String(), "\n3 passed, 0 failed, 1 skipped\n"), out.String())

	require.NoError(t, save(dir, step{Name: "three", Passed: 1, Failed: 2}))
	out.Reset()
	ok, err = run(dir, []string{"total"}, &out)
	require.NoError(t, err)
	assert.False(t, ok)
	assert.True(t, strings.HasSuffix(out.String(), "\n4 passed, 2 failed, 1 skipped\n"), out.String())
}

func TestRunCountsCommands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		ok   bool
		err  bool
		want string
	}{
		{name: "a good check", args: []string{"check", "v", "--", "go", "version"}, ok: true, want: "== v: 1 passed, 0 failed, 0 skipped"},
		{name: "a bad check", args: []string{"check", "v", "--", "go", "nosuchcommand"}, want: "== v: 0 passed, 1 failed, 0 skipped"},
		{name: "a check that cannot run", args: []string{"check", "v", "--", "/no/such/command"}, err: true},
		{name: "tests that do not start", args: []string{"tests", "v", "--", "go", "test", "-nosuchflag"}, want: "== v: 0 passed, 1 failed, 0 skipped"},
		{name: "no tests", args: []string{"tests", "v", "--", "go", "version"}, want: "== v: 0 passed, 1 failed, 0 skipped"},
		{name: "no subcommand", err: true},
		{name: "another subcommand", args: []string{"try", "v", "--", "go"}, err: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			ok, err := run(t.TempDir(), c.args, &out)
			assert.Equal(t, c.ok, ok)
			assert.Equal(t, c.err, err != nil)
			assert.Contains(t, out.String(), c.want)
		})
	}
}
