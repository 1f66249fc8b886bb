package main

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/lvm-go/lvm"
)

// A backup is a file of
//
//	magic     one line
//	header    one line of JSON
//	volumes   in the order of the header, each a list of ranges
//	sum       SHA-256 of all before, 32 bytes
//
// A range is an offset and a length, 8 bytes each, the higher ones first, and as
// many bytes of data. Ranges rise, and do not overlap. One of no length ends the
// list. What no range covers is as in the backup that this one goes on from, or
// zeroes if it goes on from none.
const magic = "lvm example backup 1\n"

// header says what a backup holds.
type header struct {
	Number  int       `json:"number"`
	Taken   time.Time `json:"taken"`
	Volumes []volume  `json:"volumes"`

	path string // of the file
}

// volume is a logical volume at the moment of a backup.
type volume struct {
	Name     string    `json:"name"`
	Size     lvm.Bytes `json:"size"`
	Snapshot string    `json:"snapshot"`        // the UUID of the snapshot that was read
	Since    string    `json:"since,omitempty"` // that of an earlier backup, to which only changes are told
}

var errDamaged = errors.New("damaged backup")

// writer writes a backup.
type writer struct {
	to  *bufio.Writer
	sum hash.Hash
}

func newWriter(to io.Writer, h header) (*writer, error) {
	w := &writer{sum: sha256.New()}
	w.to = bufio.NewWriterSize(io.MultiWriter(to, w.sum), 1<<20)
	line, err := json.Marshal(h)
	if err == nil {
		_, err = fmt.Fprintf(w.to, "%s%s\n", magic, line)
	}
	return w, err
}

// data writes a range of the volume.
func (w *writer) data(off int64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	if err := w.numbers(off, int64(len(data))); err != nil {
		return err
	}
	_, err := w.to.Write(data)
	return err
}

// end ends the volume.
func (w *writer) end() error { return w.numbers(0, 0) }

func (w *writer) numbers(off, length int64) error {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(off))
	binary.BigEndian.PutUint64(b[8:], uint64(length))
	_, err := w.to.Write(b[:])
	return err
}

// close ends the backup. It does not close what it is written to.
func (w *writer) close() error {
	if err := w.to.Flush(); err != nil {
		return err
	}
	_, err := w.to.Write(w.sum.Sum(nil))
	return errors.Join(err, w.to.Flush())
}

// reader reads a backup. Nothing in it counts before close has returned nil.
type reader struct {
	header header
	from   *bufio.Reader
	sum    hash.Hash
}

func newReader(from io.Reader) (*reader, error) {
	r := &reader{from: bufio.NewReaderSize(from, 1<<20), sum: sha256.New()}
	first, err := r.line()
	if err != nil || string(first) != magic {
		return nil, fmt.Errorf("%w: it does not begin as one", errDamaged)
	}
	line, err := r.line()
	if err == nil {
		err = json.Unmarshal(line, &r.header)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: header: %w", errDamaged, err)
	}
	return r, nil
}

// line reads up to the end of the line, which has to be in the buffer.
func (r *reader) line() ([]byte, error) {
	line, err := r.from.ReadSlice('\n')
	r.sum.Write(line)
	return bytes.Clone(line), err
}

// volume reads the next volume's ranges into to.
func (r *reader) volume(to io.WriterAt, size lvm.Bytes) error {
	data := io.TeeReader(r.from, r.sum)
	for at := uint64(0); ; {
		var b [16]byte
		if _, err := io.ReadFull(data, b[:]); err != nil {
			return fmt.Errorf("%w: %w", errDamaged, err)
		}
		off, length := binary.BigEndian.Uint64(b[:]), binary.BigEndian.Uint64(b[8:])
		if length == 0 {
			return nil
		}
		if off < at || off > uint64(size) || length > uint64(size)-off {
			return fmt.Errorf("%w: %d bytes at byte %d of %d, after byte %d", errDamaged, length, off, uint64(size), at)
		}
		n, err := io.Copy(io.NewOffsetWriter(to, int64(off)), io.LimitReader(data, int64(length)))
		if err == nil && uint64(n) < length {
			err = fmt.Errorf("%w: it ends within a range", errDamaged)
		}
		if err != nil {
			return err
		}
		at = off + length
	}
}

// close verifies the sum.
func (r *reader) close() error {
	want := r.sum.Sum(nil)
	got, err := io.ReadAll(io.LimitReader(r.from, sha256.Size+1))
	if err == nil && !bytes.Equal(got, want) {
		err = fmt.Errorf("%w: its sum is wrong", errDamaged)
	}
	return err
}
