package umltest

import (
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"
)

func TestSelectionSplit(t *testing.T) {
	t.Parallel()
	names := []string{"TestA", "TestKernelA", "TestKernelB", "TestKerneB", "BenchmarkA", "BenchmarkKernelA", "FuzzKernel", "ExampleKernel"}
	for _, c := range []struct {
		name         string
		sel          selection
		host, kernel []string
	}{
		{"no flags", selection{}, []string{"TestA", "TestKerneB", "FuzzKernel", "ExampleKernel"}, []string{"TestKernelA", "TestKernelB"}},
		{"run", selection{run: "^TestKernelA$"}, nil, []string{"TestKernelA"}},
		{"run a subtest", selection{run: "A/sub"}, []string{"TestA"}, []string{"TestKernelA"}},
		{"run alternatives", selection{run: "KernelB|^TestA/x|(q|0)"}, []string{"TestA"}, []string{"TestKernelB"}},
		{"run nothing", selection{run: "^$"}, nil, nil},
		{"run what is no pattern", selection{run: "("}, []string{"TestA", "TestKerneB", "FuzzKernel", "ExampleKernel"}, []string{"TestKernelA", "TestKernelB"}},
		{"bench", selection{run: "^$", bench: "."}, []string{"BenchmarkA"}, []string{"BenchmarkKernelA"}},
		{"skip", selection{skip: "^TestKernel"}, []string{"TestA", "TestKerneB", "FuzzKernel", "ExampleKernel"}, nil},
		{"skip a subtest", selection{run: "KernelA", skip: "KernelA/sub"}, nil, []string{"TestKernelA"}},
		{"skip alternatives", selection{run: "^Test", skip: "A/[/|]|Kerne[|B]$"}, []string{"TestA"}, []string{"TestKernelA", "TestKernelB"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			host, kernel := c.sel.split(names)
			assert.Equal(t, c.host, host)
			assert.Equal(t, c.kernel, kernel)
		})
	}
}

func TestSkipPatternsDivideTheNames(t *testing.T) {
	t.Parallel()
	kernel, host := regexp.MustCompile(kernelOnly), regexp.MustCompile(hostOnly)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom([]string{"Test", "Benchmark", "Fuzz", "Example"}).Draw(t, "kind") +
			"Kernel"[:rapid.IntRange(0, 6).Draw(t, "prefix")] + rapid.StringMatching(`[A-Za-z_]{0,3}`).Draw(t, "rest")
		assert.Equal(t, isKernel(name), kernel.MatchString(name), name)
		assert.Equal(t, !isKernel(name), host.MatchString(name), name)
	})
}

func TestSkipsSummary(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		skips  []skip
		cut    bool
		kernel int
		want   string
	}{
		{name: "no kernel tests"},
		{name: "all run", kernel: 2, want: "umltest: 2 kernel tests run in the guest, 0 skipped"},
		{
			name: "some skipped", kernel: 3, want: "umltest: 2 kernel tests run in the guest, 3 skipped (no x; no y)",
			skips: []skip{{"TestKernelA", "no x"}, {"TestKernelA", "no z"}, {"TestKernelB/sub", "no y"}, {"TestC", "no x"}},
		},
		{name: "host only", skips: []skip{{"TestC", "no x"}}, want: "umltest: 0 kernel tests run in the guest, 1 skipped (no x)"},
		{name: "cut", cut: true, kernel: 2, want: "umltest: a guest came to an early end, with 2 kernel tests to run"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := skips{cut: c.cut}
			for _, k := range c.skips {
				s.add(k.Test, k.Reason)
			}
			assert.Equal(t, c.want, s.summary(c.kernel))
		})
	}
}
