package lvm

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// fsRef names a file system in a step.
type fsRef struct {
	deviceRef        // of the volume's device, as it is called at that time
	Type      string // "ext4"
	Mounted   string // a directory where it is mounted; empty if it is not

	place fsPlace
	tool  string // that does it; empty: the kernel does
}

func (f *fsRef) with() string {
	switch {
	case f.tool != "":
		return " with " + f.tool
	case f.Mounted != "":
		return " mounted on " + f.Mounted
	}
	return ""
}

// ready returns the place of the file system, with the node that its device has
// now.
func (f *fsRef) ready(r *run) (fsPlace, error) {
	place := f.place
	if dev, ok := r.devs[f.UUID]; ok {
		place.dev = dev
	}
	if number, ok := r.sys.host.number(place.path); !ok || number != place.dev.String() {
		return place, fault(ErrNotActive, "%s is not the node of device %s", place.path, place.dev)
	}
	return place, nil
}

// CheckFileSystem makes sure that a file system that is not mounted is sound,
// before anything is changed. Its own tool repairs what needs no decision, such
// as what a crash left in the journal; without a tool it is mounted, where nobody
// sees it, and unmounted.
type CheckFileSystem struct {
	harmless
	final
	fsRef
	// Most is where it has to end, with what its journal holds; 0: that is known.
	Most Bytes

	kind   *fsKind
	volume func(*handles) io.ReaderAt
}

func (s *CheckFileSystem) String() string {
	text := fmt.Sprintf("check the %s file system on %s%s", s.Type, s.Name, s.with())
	if s.Most != 0 {
		text += fmt.Sprintf(", which has to fit into %d bytes", uint64(s.Most))
	}
	return text
}

func (s *CheckFileSystem) do(r *run) error {
	place, err := s.ready(r)
	if err != nil {
		return err
	}
	if s.tool == "" {
		err = r.sys.fs.try(place)
	} else {
		// Source: e2fsck(8): 1 is that errors were corrected.
		err = runTool(r.ctx, r.sys.fs, false, 1, s.tool, "-f", "-p", place.path)
	}
	if err != nil || s.Most == 0 {
		return err
	}
	sb, err := s.kind.read(s.volume(r.handles), Signature{})
	if err != nil {
		return err
	}
	if sb.Size > s.Most {
		return fault(ErrUnsupported, "%s has %d bytes, now that its journal was replayed, and does not fit into %d", s.Type, uint64(sb.Size), uint64(s.Most))
	}
	return nil
}

// ResizeFileSystem gives a file system another size: a smaller one before the
// volume shrinks, a larger one after it has grown.
type ResizeFileSystem struct {
	harmless
	fsRef
	From, To Bytes

	begun bool
}

func (s *ResizeFileSystem) String() string {
	return fmt.Sprintf("resize the %s file system on %s from %d to %d bytes%s",
		s.Type, s.Name, uint64(s.From), uint64(s.To), s.with())
}

func (s *ResizeFileSystem) do(r *run) error { return s.resize(r, s.To) }

// undo gives the old size back. Should that fail, the file system is whole, but
// smaller than its volume.
func (s *ResizeFileSystem) undo(r *run) error {
	if !s.begun || s.To > s.From { // one that grows does so when all else is done
		return nil
	}
	return s.resize(r, s.From)
}

func (s *ResizeFileSystem) resize(r *run, to Bytes) error {
	place, err := s.ready(r)
	if err != nil {
		return err
	}
	s.begun = true
	if s.tool == "" {
		return r.sys.fs.resize(place, to)
	}
	// Sectors are the unit that does not depend on the size of blocks.
	size := strconv.FormatUint(uint64(to.Sectors()), 10) + "s"
	return runTool(r.ctx, r.sys.fs, true, 0, s.tool, place.path, size)
}

// runTool runs a program and makes an error of its failure.
func runTool(ctx context.Context, fs fsHost, critical bool, most int, tool string, args ...string) error {
	output, status, err := fs.run(ctx, critical, tool, args...)
	if err != nil {
		return err
	}
	if status < 0 || status > most {
		return &ToolError{Tool: tool, Args: args, Status: status, Output: strings.TrimSpace(output)}
	}
	return nil
}

// ToolError is the failure of a program that was run to check, resize or repair a
// file system or the metadata of a thin pool.
type ToolError struct {
	Tool   string // its path
	Args   []string
	Status int    // -1: it was ended by a signal
	Output string // the end of what it printed
}

func (e *ToolError) Error() string {
	return fmt.Sprintf("%s %s: exit status %d: %s", e.Tool, strings.Join(e.Args, " "), e.Status, e.Output)
}

// ResizeSwap gives a swap area that is not in use another size. What tells it is
// within one sector, so that it has the old size or the new one. UUID and label
// stay.
type ResizeSwap struct {
	harmless
	Device   string // the physical volume
	VG, LV   string
	From, To Bytes

	write, old metadata.Write
}

func (s *ResizeSwap) String() string {
	return fmt.Sprintf("resize the swap area on %s/%s from %d to %d bytes", s.VG, s.LV, uint64(s.From), uint64(s.To))
}

func (s *ResizeSwap) do(r *run) error { return s.put(r, s.write) }

func (s *ResizeSwap) undo(r *run) error { return s.put(r, s.old) }

func (s *ResizeSwap) put(r *run, w metadata.Write) error {
	d, err := r.writer(s.Device)
	if err != nil {
		return err
	}
	return writeSync(d, s.Device, w)
}
