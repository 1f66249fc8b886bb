// Package scratch has tests that end in every way a test can, for the tests of
// the runner, which choose among them with -test.run.
package scratch

import (
	"os"
	"testing"
	"time"

	"github.com/lvm-go/lvm/internal/umltest"
)

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }

func TestHost(t *testing.T) {
	if umltest.InGuest() {
		t.Fatal("a host test runs in the guest")
	}
}

func TestHostFails(t *testing.T) { t.Fatal("as it should") }

func TestHostWantsKernel(t *testing.T) { umltest.NeedKernel(t) }

func TestHostWantsTool(t *testing.T) { umltest.NeedTool(t, "no-such-tool") }

func TestKernel(t *testing.T) {
	umltest.NeedKernel(t)
	if !umltest.InGuest() {
		t.Fatal("a kernel test runs on the host")
	}
}

func TestKernelFails(t *testing.T) {
	umltest.NeedKernel(t)
	t.Fatal("as it should")
}

func TestKernelSkips(t *testing.T) {
	umltest.NeedKernel(t)
	t.Skip("as it should")
}

func TestKernelWantsTool(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "no-such-tool")
}

func TestKernelToolFails(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.Run(t, "sh", "-c", "echo from the tool; exit 1")
}

func TestKernelLeavesLoop(t *testing.T) {
	umltest.NeedKernel(t)
	device, _ := umltest.Loop(t, 1<<20)
	if _, err := os.Open(device); err != nil {
		t.Fatal(err)
	}
}

func TestKernelHangs(t *testing.T) {
	umltest.NeedKernel(t)
	time.Sleep(time.Hour)
}

func TestKernelCrashes(t *testing.T) {
	umltest.NeedKernel(t)
	if err := os.WriteFile("/proc/sysrq-trigger", []byte("c"), 0); err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Hour)
}

func BenchmarkHost(b *testing.B) {
	for b.Loop() {
	}
}

func BenchmarkKernel(b *testing.B) {
	umltest.NeedKernel(b)
	for b.Loop() {
	}
}
