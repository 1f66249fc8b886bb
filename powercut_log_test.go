package lvm

import (
	"bytes"
	"encoding/binary"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// Source: linux drivers/md/dm-log-writes.c, as observed, and its documentation.
const (
	writeLogMagic   = 0x6a736677736872
	writeLogVersion = 1

	loggedFlush   = 1 << 0
	loggedFUA     = 1 << 1
	loggedDiscard = 1 << 2
	loggedMark    = 1 << 3
)

// loggedWrite is an entry of a log of the target log-writes, which has all writes to
// a device in the order in which they were safe: those that a flush made so are ahead
// of it.
type loggedWrite struct {
	flags      uint64
	at, length int64 // of the device
	data       int64 // where the log has it
	mark       string
}

// changes says whether the entry changes the device.
func (w loggedWrite) changes() bool { return w.flags&loggedMark == 0 && w.length > 0 }

// settles says whether what was logged before is safe once the entry is.
func (w loggedWrite) settles() bool { return w.flags&loggedFlush != 0 }

// safe says whether the entry is itself, with no flush after it.
func (w loggedWrite) safe() bool { return w.flags&(loggedFlush|loggedFUA|loggedMark) != 0 }

// readWriteLog reads a log.
func readWriteLog(t testing.TB, log io.ReaderAt) []loggedWrite {
	t.Helper()
	super := make([]byte, 512)
	_, err := log.ReadAt(super, 0)
	require.NoError(t, err)
	require.Equal(t, uint64(writeLogMagic), binary.LittleEndian.Uint64(super))
	require.Equal(t, uint64(writeLogVersion), binary.LittleEndian.Uint64(super[8:]))
	entries := binary.LittleEndian.Uint64(super[16:])
	sector := int64(binary.LittleEndian.Uint32(super[24:]))
	var out []loggedWrite
	head := make([]byte, sector)
	for at := sector; uint64(len(out)) < entries; {
		_, err := log.ReadAt(head, at)
		require.NoError(t, err)
		w := loggedWrite{
			at: int64(binary.LittleEndian.Uint64(head)) * sector, length: int64(binary.LittleEndian.Uint64(head[8:])) * sector,
			flags: binary.LittleEndian.Uint64(head[16:]), data: at + sector,
		}
		at += sector
		switch {
		case w.flags&loggedMark != 0:
			w.mark = string(bytes.TrimRight(head[32:32+binary.LittleEndian.Uint64(head[24:])], "\x00"))
		case w.flags&loggedDiscard == 0:
			at += w.length
		}
		out = append(out, w)
	}
	return out
}

// replay makes a change to the contents of the device. What was discarded reads as
// zeroes.
func (w loggedWrite) replay(t testing.TB, log io.ReaderAt, device []byte) {
	t.Helper()
	part := device[w.at : w.at+w.length]
	if w.flags&loggedDiscard != 0 {
		clear(part)
		return
	}
	_, err := log.ReadAt(part, w.data)
	require.NoError(t, err)
}
