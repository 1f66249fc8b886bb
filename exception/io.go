package exception

import (
	"fmt"
	"io"
)

// read fills p, or fails.
func read(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if err == nil || err == io.EOF {
		if n == len(p) {
			return nil
		}
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read %d bytes at byte %d: %w", len(p), off, err)
}

func write(w io.WriterAt, p []byte, off int64) error {
	n, err := w.WriteAt(p, off)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return fmt.Errorf("write %d bytes at byte %d: %w", len(p), off, err)
	}
	return nil
}

func flush(d Device) error {
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync: %w", err)
	}
	return nil
}

// zero writes zeroes from byte from up to byte to.
func zero(w io.WriterAt, from, to int64) error {
	buf := make([]byte, min(to-from, bufferSize))
	for from < to {
		n := min(to-from, int64(len(buf)))
		if err := write(w, buf[:n], from); err != nil {
			return err
		}
		from += n
	}
	return nil
}

// transfer copies n bytes.
func transfer(w io.WriterAt, to int64, r io.ReaderAt, from, n int64) error {
	if n <= 0 {
		return nil
	}
	buf := make([]byte, min(n, bufferSize))
	for done := int64(0); done < n; done += int64(len(buf)) {
		buf = buf[:min(n-done, int64(len(buf)))]
		if err := read(r, buf, from+done); err != nil {
			return err
		}
		if err := write(w, buf, to+done); err != nil {
			return err
		}
	}
	return nil
}

// clip returns the part of p for what is in front of the end, and the error to
// return with it.
func clip(p []byte, off, size int64) ([]byte, error) {
	switch {
	case off >= size:
		return nil, io.EOF
	case int64(len(p)) > size-off:
		return p[:size-off], io.EOF
	}
	return p, nil
}
