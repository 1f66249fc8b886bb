package umltest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// scratchBinary builds the tests in testdata/scratch.
func scratchBinary(t *testing.T, flags ...string) string {
	t.Helper()
	goTool, err := exec.LookPath("go")
	if err != nil {
		miss(t, "tools", "no go")
	}
	exe := filepath.Join(t.TempDir(), "scratch.test")
	args := append([]string{"test", "-c", "-o", exe}, flags...)
	cmd := exec.Command(goTool, append(args, "./testdata/scratch")...)
	if slices.Contains(flags, "-race") {
		cmd.Env = append(os.Environ(), "CGO_ENABLED=1")
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build the scratch tests: %v\n%s", err, out)
	}
	return exe
}

// run runs a test binary and returns its exit status and all its output.
func run(t *testing.T, exe string, env []string, args ...string) (int, string) {
	t.Helper()
	cmd := exec.Command(exe, args...)
	cmd.Dir = "testdata/scratch"
	cmd.Env = append(append(os.Environ(), "LVM_TEST_REQUIRE="), env...)
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		t.Fatalf("run %s: %v", exe, err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

func TestMainInBothPlaces(t *testing.T) {
	t.Parallel()
	needUML(t)
	exe := scratchBinary(t)
	const requireBoth = "LVM_TEST_REQUIRE=kernel,tools"
	for _, c := range []struct {
		name string
		args string
		env  string
		code int
		want []string
		not  []string
	}{
		{
			name: "one of each", args: "-test.run=^Test(Host|Kernel)$ -test.v", env: requireBoth,
			want: []string{"--- PASS: TestHost ", "--- PASS: TestKernel ", "umltest: 1 kernel tests run in the guest, 0 skipped"},
		},
		{
			name: "framed for test2json", args: "-test.run=^TestKernel$ -test.v=test2json",
			want: []string{"\x16=== RUN   TestKernel\n", "\x16--- PASS: TestKernel "},
		},
		{
			name: "host only", args: "-test.run=^TestHost$ -test.v",
			want: []string{"--- PASS: TestHost "}, not: []string{"umltest:"},
		},
		{
			name: "kernel only, twice", args: "-test.run=^TestKernel$ -test.count=2 -test.v",
			want: []string{"--- PASS: TestKernel ", "umltest: 1 kernel tests run"}, not: []string{"no tests to run", "TestHost"},
		},
		{
			name: "a host failure does not hide the guest's tests", args: "-test.run=^(TestHostFails|TestKernel)$ -test.v", code: 1,
			want: []string{"--- FAIL: TestHostFails ", "--- PASS: TestKernel "},
		},
		{
			name: "a host failure with failfast does", args: "-test.run=^(TestHostFails|TestKernel)$ -test.failfast", code: 1,
			want: []string{"--- FAIL: TestHostFails "}, not: []string{"TestKernel"},
		},
		{
			name: "a guest failure", args: "-test.run=^(TestHost|TestKernelFails)$", code: 1,
			want: []string{"--- FAIL: TestKernelFails ", "as it should"},
		},
		{
			name: "a skip in the guest", args: "-test.run=^TestKernelSkips$", env: requireBoth,
			want: []string{"umltest: 0 kernel tests run in the guest, 1 skipped (by the test itself)"},
		},
		{
			name: "no tool in the guest", args: "-test.run=^(TestKernelWantsTool|TestKernel)$",
			want: []string{"umltest: 1 kernel tests run in the guest, 1 skipped (no no-such-tool)"},
		},
		{
			name: "no tool in the guest, required", args: "-test.run=^TestKernelWantsTool$", env: "LVM_TEST_REQUIRE=tools", code: 1,
			want: []string{"--- FAIL: TestKernelWantsTool ", "tools is required: no no-such-tool"},
		},
		{
			name: "a tool fails", args: "-test.run=^TestKernelToolFails$", code: 1,
			want: []string{"--- FAIL: TestKernelToolFails ", "from the tool"},
		},
		{
			name: "a loop device in use", args: "-test.run=^TestKernelLeavesLoop$", code: 1,
			want: []string{"--- FAIL: TestKernelLeavesLoop ", "still in use"},
		},
		{
			name: "out of time", args: "-test.run=^TestKernelHangs$ -test.timeout=4s", code: 2,
			want: []string{"panic: test timed out", "TestKernelHangs"},
		},
		{
			name: "a crash", args: "-test.run=^TestKernelCrashes$", code: 1,
			want: []string{"sysrq triggered crash", "guest kernel crashed", "FAIL\n", "early end, with 1 kernel tests to run"},
		},
		{
			name: "two crashes beside the host's tests", args: "-test.run=^(TestHost|TestKernelCrashes)$ -test.v", code: 1,
			want: []string{"--- PASS: TestHost ", "the kernel of a guest crashed: 1 tests are run again in another", "FAIL\n", "early end, with 1 kernel tests to run"},
		},
		{
			name: "benchmarks", args: "-test.run=^$ -test.bench=. -test.benchtime=2x",
			want: []string{"BenchmarkHost", "BenchmarkKernel ", "umltest: 1 kernel tests run"}, not: []string{"TestHost", "TestKernel"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			code, out := run(t, exe, []string{c.env}, strings.Fields(c.args)...)
			assert.Equal(t, c.code, code, out)
			for _, w := range c.want {
				assert.Contains(t, out, w)
			}
			for _, w := range c.not {
				assert.NotContains(t, out, w)
			}
		})
	}
}

func TestMainWithoutGuest(t *testing.T) {
	t.Parallel()
	exe := scratchBinary(t)
	for _, c := range []struct {
		name string
		args string
		env  string
		code int
		want []string
		not  []string
	}{
		{
			name: "list", args: "-test.list=Kernel$",
			want: []string{"TestKernel\n", "BenchmarkKernel\n"}, not: []string{"umltest:"},
		},
		{
			name: "a host test that wants the kernel", args: "-test.run=^TestHostWantsKernel$",
			want: []string{"umltest: 0 kernel tests run in the guest, 1 skipped (runs in the guest only"},
		},
		{
			name: "the same, required", args: "-test.run=^TestHostWantsKernel$", env: "LVM_TEST_REQUIRE=kernel", code: 1,
			want: []string{"--- FAIL: TestHostWantsKernel "},
		},
		{
			name: "a host test that wants a tool", args: "-test.run=^TestHostWantsTool$", env: "LVM_TEST_REQUIRE=kernel",
			want: []string{"umltest: 0 kernel tests run in the guest, 1 skipped (no no-such-tool)"},
		},
		{
			name: "the same, required", args: "-test.run=^TestHostWantsTool$", env: "LVM_TEST_REQUIRE=kernel,tools", code: 1,
			want: []string{"--- FAIL: TestHostWantsTool "},
		},
	} {
		t.Run(c.name+" "+c.env, func(t *testing.T) {
			t.Parallel()
			code, out := run(t, exe, []string{c.env}, strings.Fields(c.args)...)
			assert.Equal(t, c.code, code, out)
			for _, w := range c.want {
				assert.Contains(t, out, w)
			}
			for _, w := range c.not {
				assert.NotContains(t, out, w)
			}
		})
	}
}

func TestMainWithRaceDetector(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" || runtime.GOARCH != "amd64" {
		miss(t, "tools", "no race detector that this test knows of")
	}
	NeedTool(t, "gcc")
	exe := scratchBinary(t, "-race")
	const run1 = "-test.run=^(TestKernel|TestHost)$"
	code, out := run(t, exe, nil, run1, "-test.v=test2json")
	assert.Equal(t, 0, code, out)
	assert.Contains(t, out, "\x16=== RUN   TestKernel\n")
	assert.Contains(t, out, "\x16--- SKIP: TestKernel ")
	assert.Contains(t, out, "--- PASS: TestHost ")
	assert.Contains(t, out, "umltest: 0 kernel tests run in the guest, 1 skipped (the race detector")

	code, out = run(t, exe, []string{"LVM_TEST_REQUIRE=kernel"}, run1)
	assert.Equal(t, 1, code, out)
	assert.Contains(t, out, "--- FAIL: TestKernel ")
}
