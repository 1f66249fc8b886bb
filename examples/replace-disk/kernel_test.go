package main

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/internal/umltest"
)

// A file system is written to all the time, while its disk is replaced by a
// process that is killed again and again, and while it goes back.
func TestKernelReplaceDisk(t *testing.T) {
	umltest.NeedKernel(t)
	for _, tool := range []string{"lvm", "mkfs.ext4", "e2fsck", "blkid", "dmsetup", "mount"} {
		umltest.NeedTool(t, tool)
	}
	old, _ := umltest.Loop(t, int64(72*lvm.MiB))
	other, _ := umltest.Loop(t, int64(40*lvm.MiB))
	to, _ := umltest.Loop(t, int64(120*lvm.MiB))
	umltest.Run(t, "lvm", "vgcreate", "-qq", "vg", old, other)
	umltest.Run(t, "lvm", "lvcreate", "-qq", "-L48m", "-n", "data", "vg", old)
	umltest.Run(t, "lvm", "lvcreate", "-qq", "-L32m", "-i2", "-n", "both", "vg")
	umltest.Run(t, "mkfs.ext4", "-q", "/dev/vg/data")
	dir := t.TempDir()
	umltest.Run(t, "mount", "/dev/vg/data", dir)
	t.Cleanup(func() {
		if t.Failed() {
			_ = exec.Command("umount", "-l", dir).Run()
			_ = exec.Command("lvm", "vgchange", "-qq", "-an", "vg").Run()
		}
	})
	w := startWriter(dir)
	t.Cleanup(func() { w.stop() })

	args := []string{"-kernel", "-vg", "vg", "-to", to, old}
	for _, percent := range []int{15, 40, 65} {
		start(t, append([]string{"-rate", "20M"}, args...)...).signalAt(syscall.SIGKILL, percent)
		w.wait(t, 5)
	}
	finished := start(t, args...)
	finished.end(true)
	assert.Contains(t, finished.out.String(), "Going on with")
	assert.Contains(t, finished.out.String(), "Took "+filepath.Base(old)+" out.")
	w.wait(t, 5)
	agree(t, to, other)
	assert.Empty(t, probe(t, old))

	// Back from there, but not all the way: what has left returns.
	args = []string{"-kernel", "-vg", "vg", "-to", old, to}
	stopped := start(t, append([]string{"-rate", "20M"}, args...)...)
	stopped.signalAt(syscall.SIGINT, 40)
	assert.Contains(t, stopped.rest.String(), "The group is whole.")
	start(t, append([]string{"-abort"}, args...)...).end(true)
	w.wait(t, 5)
	agree(t, to, other)
	assert.Empty(t, probe(t, old))

	files := w.stop()
	require.NoError(t, w.err)
	umltest.Run(t, "umount", dir)
	umltest.Run(t, "e2fsck", "-fn", "/dev/vg/data")
	umltest.Run(t, "mount", "-o", "ro", "/dev/vg/data", dir)
	for name, want := range files {
		data, err := os.ReadFile(name)
		require.NoError(t, err)
		assert.Equal(t, want, sha256.Sum256(data), name)
	}
	t.Logf("%d files written, %d of them there in the end", w.written.Load(), len(files))
	umltest.Run(t, "umount", dir)
	umltest.Run(t, "lvm", "vgchange", "-qq", "-an", "vg")
	assert.Equal(t, "No devices found\n", umltest.Run(t, "dmsetup", "ls"))
}

// agree lets lvm2 look at the group, and at what the kernel has.
func agree(t *testing.T, disks ...string) {
	t.Helper()
	umltest.Run(t, "lvm", "vgck", "vg")
	pvs := strings.Fields(umltest.Run(t, "lvm", "pvs", "--noheadings", "-o", "pv_name"))
	assert.ElementsMatch(t, disks, pvs)
	lvs := strings.Fields(umltest.Run(t, "lvm", "lvs", "-a", "--noheadings", "-o", "lv_name,lv_active,lv_suspended"))
	assert.Equal(t, []string{"both", "active", "data", "active"}, lvs)
	tables := umltest.Run(t, "dmsetup", "table")
	assert.NotContains(t, tables, "mirror")
	assert.Len(t, strings.Fields(umltest.Run(t, "dmsetup", "info", "-c", "--noheadings", "-o", "name")), 2)
}

// probe returns what blkid finds on a disk.
func probe(t *testing.T, disk string) string {
	t.Helper()
	out, err := exec.Command("blkid", "-p", disk).Output()
	if exit := (*exec.ExitError)(nil); err != nil {
		require.ErrorAs(t, err, &exit)
		require.Equal(t, 2, exit.ExitCode(), "blkid -p %s", disk)
	}
	return string(out)
}

// process is the example in a process of its own.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  *bufio.Scanner
	out  strings.Builder
	rest strings.Builder // what came in log
}

func start(t *testing.T, args ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	require.NoError(t, err)
	p := &process{t: t, cmd: exec.Command(exe, append([]string{child}, args...)...)}
	p.cmd.Stdout = &p.out
	log, err := p.cmd.StderrPipe()
	require.NoError(t, err)
	p.log = bufio.NewScanner(log)
	require.NoError(t, p.cmd.Start())
	return p
}

// signalAt ends the process when it is that far, or a little later.
func (p *process) signalAt(signal syscall.Signal, percent int) {
	p.t.Helper()
	for p.log.Scan() {
		fmt.Fprintln(&p.rest, p.log.Text())
		at := -1
		if _, found, ok := strings.Cut(p.log.Text(), "("); ok {
			_, _ = fmt.Sscanf(found, "%d%%)", &at) // of another line it stays
		}
		if at < percent {
			continue
		}
		time.Sleep(rand.N(100 * time.Millisecond))
		require.NoError(p.t, p.cmd.Process.Signal(signal))
		p.end(false)
		return
	}
	p.t.Fatalf("it ended at once:\n%s%s", p.out.String(), p.rest.String())
}

func (p *process) end(well bool) {
	p.t.Helper()
	for p.log.Scan() {
		fmt.Fprintln(&p.rest, p.log.Text())
	}
	err := p.cmd.Wait()
	p.t.Logf("%q: %v\n%s%s", p.cmd.Args[2:], err, p.rest.String(), p.out.String())
	if well {
		require.NoError(p.t, err)
	} else {
		require.Error(p.t, err)
	}
}

// writer writes files one after the other, each of which is safe on its disk
// before the next, and reads them back.
type writer struct {
	dir     string
	files   map[string][sha256.Size]byte // of the goroutine until it is over
	err     error
	written atomic.Int64
	end     chan struct{}
	over    chan struct{}
}

func startWriter(dir string) *writer {
	w := &writer{dir: dir, files: map[string][sha256.Size]byte{}, end: make(chan struct{}, 1), over: make(chan struct{})}
	go func() {
		defer close(w.over)
		for i := 0; w.err == nil; i++ {
			select {
			case <-w.end:
				return
			case <-time.After(5 * time.Millisecond): // the processes want the only CPU, too
				w.err = w.write(i)
			}
		}
	}()
	return w
}

func (w *writer) write(i int) error {
	const slots = 100 // of up to 256 KiB
	name := filepath.Join(w.dir, fmt.Sprintf("file%d", i%slots))
	if want, ok := w.files[name]; ok {
		data, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if sha256.Sum256(data) != want {
			return fmt.Errorf("%s is not what was written", name)
		}
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	h := sha256.New()
	noise := rand.NewChaCha8([32]byte{byte(i), byte(i >> 8)})
	if _, err := io.CopyN(io.MultiWriter(f, h), noise, int64(1+i*7919%(256<<10))); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	w.files[name] = [sha256.Size]byte(h.Sum(nil))
	w.written.Add(1)
	return nil
}

// wait waits until that many files more are written: I/O goes on.
func (w *writer) wait(t *testing.T, files int64) {
	t.Helper()
	want := w.written.Load() + files
	for limit := time.Now().Add(20 * time.Second); w.written.Load() < want; time.Sleep(5 * time.Millisecond) {
		select {
		case <-w.over:
			t.Fatalf("the writer ended: %v", w.err)
		default:
		}
		require.True(t, time.Now().Before(limit), "the file system stands still")
	}
}

// stop returns the files and their checksums.
func (w *writer) stop() map[string][sha256.Size]byte {
	select {
	case w.end <- struct{}{}:
	default:
	}
	<-w.over
	return w.files
}
