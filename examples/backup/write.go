package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/lvm-go/lvm"
)

// extension ends the names of backups; partial those of files that are being
// written.
const (
	extension = ".backup"
	partial   = ".part"
)

// write reads the snapshots, and writes what they hold.
func (b *backup) write(ctx context.Context, number int, sources []*source) error {
	h := header{Number: number, Taken: time.Now()}
	for _, s := range sources {
		v := volume{Name: s.lv.Name(), Size: s.lv.Size(), Snapshot: s.taken.ID().String()}
		if s.base != nil && !b.full {
			v.Since = s.base.ID().String()
		}
		h.Volumes = append(h.Volumes, v)
	}
	path := filepath.Join(b.to, fmt.Sprintf("%s.%d%s", b.vg, number, extension))
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s: %w", path, os.ErrExist)
	}
	return writeFile(path, func(f io.Writer) error {
		w, err := newWriter(f, h)
		if err != nil {
			return err
		}
		for _, s := range sources {
			if err := b.writeVolume(ctx, w, s); err != nil {
				return fmt.Errorf("%s: %w", s.lv.Name(), err)
			}
		}
		return w.close()
	})
}

func (b *backup) writeVolume(ctx context.Context, w *writer, s *source) error {
	from, err := b.open(s.taken)
	if err != nil {
		return err
	}
	defer from.Close()
	c := &copying{ctx: ctx, from: from, to: w, size: s.lv.Size(), tell: func(at lvm.Bytes) {
		fmt.Fprintf(b.out, "%s: at %s of %s\n", s.lv.Name(), at, s.lv.Size())
	}}
	if s.base == nil || b.full {
		err = c.all()
	} else {
		err = c.changed(s.taken, s.base)
	}
	if err == nil {
		err = w.end()
	}
	if err == nil {
		_, err = s.taken.SnapshotUsage() // it is invalid if it ran out of space meanwhile
	}
	if err != nil {
		return err
	}
	if s.base == nil || b.full {
		fmt.Fprintf(b.out, "%s: %s\n", s.lv.Name(), c.copied)
	} else {
		fmt.Fprintf(b.out, "%s: %s changed since the last backup\n", s.lv.Name(), c.copied)
	}
	return nil
}

// open opens a snapshot: its device, or in image mode the volume itself.
func (b *backup) open(lv *lvm.LogicalVolume) (volumeReader, error) {
	if b.kernel {
		return os.Open(lv.Path())
	}
	return lv.Open()
}

type volumeReader interface {
	io.ReaderAt
	io.Closer
}

// copying is a copy of a volume on its way.
type copying struct {
	ctx    context.Context
	from   io.ReaderAt
	to     *writer
	size   lvm.Bytes
	copied lvm.Bytes
	buf    []byte
	tell   func(at lvm.Bytes) // called every few seconds
	told   time.Time
}

const (
	pieceSize = 1 << 20  // is read at once
	blockSize = 64 << 10 // is left out if all of it is zero
)

// all copies the volume, without the zeroes.
func (c *copying) all() error {
	for at := lvm.Bytes(0); at < c.size; at += pieceSize {
		piece, err := c.read(at, min(pieceSize, c.size-at))
		if err != nil {
			return err
		}
		start := 0 // of what is to be written
		for i := 0; i < len(piece); i += blockSize {
			end := min(i+blockSize, len(piece))
			if bytes.Equal(piece[i:end], zeroes[:end-i]) {
				if err := c.write(int64(at), piece, start, i); err != nil {
					return err
				}
				start = end
			}
		}
		if err := c.write(int64(at), piece, start, len(piece)); err != nil {
			return err
		}
	}
	return nil
}

// changed copies what may differ between two snapshots.
func (c *copying) changed(now, since *lvm.LogicalVolume) error {
	for r, err := range now.Changes(c.ctx, since) {
		if err != nil {
			return err
		}
		for at, end := r.Offset, r.Offset+r.Length; at < end; at += pieceSize {
			piece, err := c.read(at, min(pieceSize, end-at))
			if err != nil {
				return err
			}
			if err := c.write(int64(at), piece, 0, len(piece)); err != nil {
				return err
			}
		}
	}
	return nil
}

var zeroes [blockSize]byte

func (c *copying) read(at, length lvm.Bytes) ([]byte, error) {
	if err := c.ctx.Err(); err != nil {
		return nil, err
	}
	if now := time.Now(); c.buf == nil {
		c.buf, c.told = make([]byte, pieceSize), now
	} else if now.Sub(c.told) > 5*time.Second {
		c.tell(at)
		c.told = now
	}
	n, err := c.from.ReadAt(c.buf[:length], int64(at))
	if n == int(length) {
		err = nil
	}
	return c.buf[:n], err
}

func (c *copying) write(at int64, piece []byte, start, end int) error {
	c.copied += lvm.Bytes(end - start)
	return c.to.data(at+int64(start), piece[start:end])
}

// writeFile makes a file that is there when all of it is, and not before.
func writeFile(path string, write func(io.Writer) error) (err error) {
	f, err := os.OpenFile(path+partial, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	// Not every system syncs folders. If the file is lost with the power, the next
	// backup is a full one.
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		dir.Sync()
		dir.Close()
	}
	return nil
}
