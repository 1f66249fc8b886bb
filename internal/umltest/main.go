// Package umltest runs the kernel tests of a package inside User-mode Linux,
// from the same test binary and in the same go test run as its other tests.
//
// A package with kernel tests has
//
//	func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }
//
// and names them TestKernel... or BenchmarkKernel.... The host runs all others.
// Guests run those beside it, a few in each, with the same binary and the flags
// that go test was given; benchmarks, and what stops at the first failure, wait for
// the host and have one guest for themselves. Nothing of a kernel test ever runs
// on the host, so it can touch neither the host's device-mapper nor its volume
// groups.
//
// Where a layer is missing its tests are skipped, and the last line of the
// package's output counts them with the reason. If the environment variable
// LVM_TEST_REQUIRE names the layer (kernel, tools, or both with a comma), a
// missing layer is a failure.
package umltest

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/internal/umltest/guest"
)

// grace is how much longer a guest lives than the tests in it may run, so that
// the test binary is the first to notice, and prints its stacks.
const grace = 20 * time.Second

// Main runs the tests of m, the kernel tests among them in a guest, and returns
// the exit status for both.
func Main(m *testing.M) int {
	guest.Enter()
	flag.Parse()
	if guest.Inside() {
		code := m.Run()
		if err := theSkips.save(os.Getenv(guest.EnvReport)); err != nil {
			fmt.Fprintln(os.Stderr, "umltest:", err)
			return 1
		}
		return code
	}
	if flagValue("test.list") != "" || flagValue("test.fuzz") != "" || flagValue("test.fuzzworker") == "true" {
		return m.Run()
	}
	began := time.Now()
	sel := selection{run: flagValue("test.run"), bench: flagValue("test.bench"), skip: flagValue("test.skip")}
	names, err := testNames()
	if err != nil {
		fmt.Fprintln(os.Stderr, "umltest:", err)
		return 1
	}
	here, err := thisPlace()
	if err != nil {
		fmt.Fprintln(os.Stderr, "umltest:", err)
		return 1
	}
	host, kernel := sel.split(names)
	limit, err := time.ParseDuration(flagValue("test.timeout"))
	left := func() time.Duration {
		if err != nil || limit <= 0 {
			return 0
		}
		return max(time.Second, limit-time.Since(began))
	}
	hostRun := func() int {
		if len(host) == 0 && len(kernel) > 0 {
			return 0
		}
		if len(kernel) > 0 {
			if err := flag.Set("test.skip", both(sel.skip, kernelOnly)); err != nil {
				fmt.Fprintln(os.Stderr, "umltest:", err)
				return 1
			}
		}
		return m.Run()
	}
	code := 0
	failfast := flagValue("test.failfast") == "true"
	switch {
	case len(kernel) == 0:
		code = hostRun()
	case sel.bench != "" || failfast || len(kernel) <= chunkSize && len(host) == 0:
		if code = hostRun(); code == 0 || !failfast {
			code = max(code, runKernel(here, kernel, both(sel.skip, hostOnly), left(), os.Stdout, true))
		}
	default:
		code = runBoth(here, hostRun, kernel, sel.skip, left)
	}
	if line := theSkips.summary(len(kernel)); line != "" {
		fmt.Println(line)
	}
	return code
}

// place is where this process began. Tests on the host may go elsewhere.
type place struct {
	self, dir string
	env       []string
}

func thisPlace() (place, error) {
	self, err := os.Executable()
	if err != nil {
		return place{}, errors.Wrap(err, "find this program")
	}
	dir, err := os.Getwd()
	return place{self, dir, os.Environ()}, errors.Wrap(err, "find this folder")
}

// crashed is the status of a guest whose kernel crashed, if that is not its last try.
const crashed = -1

// runKernel runs the kernel tests in a guest, or accounts for those that
// cannot run, and returns an exit status.
func runKernel(p place, kernel []string, skip string, limit time.Duration, out io.Writer, last bool) int {
	if err := guest.Available(); err != nil {
		return absent(kernel, err.Error(), out)
	}
	c := guest.Command{
		Path: p.self, Args: append([]string{os.Args[0]}, guestFlags(skip, limit)...), Dir: p.dir, Env: p.env,
		Stdout: out, Stderr: os.Stderr,
	}
	if limit > 0 {
		c.Timeout = limit + grace
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	res, err := c.Run(ctx)
	if errors.Is(err, guest.ErrUnavailable) {
		return absent(kernel, err.Error(), out)
	}
	theSkips.load(res.Report)
	for _, w := range res.Warnings {
		fmt.Fprintln(os.Stderr, "umltest: kernel log:", w)
	}
	if err != nil {
		var ended *guest.Error
		if errors.As(err, &ended) {
			fmt.Fprintf(os.Stderr, "umltest: the end of the kernel log:\n%s\n", ended.Log)
		}
		fmt.Fprintln(os.Stderr, "umltest:", err)
		if errors.Is(err, guest.ErrCrashed) && !last {
			return crashed
		}
		theSkips.end()
		fmt.Fprintln(out, "FAIL")
		return 1
	}
	return res.Status
}

// absent accounts for kernel tests that cannot run, in the form of a test
// binary's own output, so that go test -json counts them.
func absent(kernel []string, reason string, out io.Writer) int {
	verdict, code := "SKIP", 0
	if required("kernel") {
		verdict, code = "FAIL", 1
	}
	verbose := flagValue("test.v")
	mark := ""
	if verbose == "test2json" {
		mark = "\x16" // what sets the frame apart from what a test prints
	}
	for _, name := range kernel {
		theSkips.add(name, reason)
		if verbose != "false" || code != 0 {
			fmt.Fprintf(out, "%s=== RUN   %s\n    umltest: %s\n%s--- %s: %s (0.00s)\n", mark, name, reason, mark, verdict, name)
		}
	}
	if code != 0 {
		fmt.Fprintln(out, "FAIL")
	}
	return code
}

// guestFlags returns the flags of this run that mean something in the guest.
// Not among them are those that name files for the go tool, which the host's
// run writes.
func guestFlags(skip string, limit time.Duration) []string {
	keep := strings.Fields("run bench benchmem benchtime v count short failfast parallel cpu shuffle fullpath paniconexit0")
	args := []string{"-test.skip=" + skip, "-test.timeout=" + limit.String()}
	flag.Visit(func(f *flag.Flag) {
		name, ours := strings.CutPrefix(f.Name, "test.")
		if !ours || slices.Contains(keep, name) {
			args = append(args, "-"+f.Name+"="+f.Value.String())
		}
	})
	return append(append(args, "--"), flag.Args()...)
}

// testNames returns the names of all that this binary can run.
func testNames() ([]string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, errors.Wrap(err, "find this program")
	}
	cmd := exec.Command(self, "-test.list=.")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, errors.Wrap(err, "list the tests")
	}
	return strings.Fields(string(out)), nil
}

func flagValue(name string) string {
	f := flag.Lookup(name)
	if f == nil {
		return ""
	}
	return f.Value.String()
}

// required reports whether the caller demands a layer.
func required(layer string) bool {
	return slices.Contains(strings.Split(os.Getenv("LVM_TEST_REQUIRE"), ","), layer)
}
