package dm

import (
	"encoding/binary"
	"os"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// script is a control device that answers as a test wants.
type script struct {
	ioctlFunc func(request uintptr, buf []byte) error
	closed    atomic.Bool
}

func (s *script) ioctl(request uintptr, buf []byte) error {
	if s.closed.Load() {
		return os.ErrClosed
	}
	return s.ioctlFunc(request, buf)
}

func (s *script) Close() error {
	s.closed.Store(true)
	return nil
}

// scripted returns a Control of an interface 4.minor whose calls f answers. What
// f leaves as it is, is a success without a payload.
func scripted(t testing.TB, minor uint32, f func(request uintptr, buf []byte) error) *Control {
	t.Helper()
	open := true
	c, err := newControl(&script{ioctlFunc: func(request uintptr, buf []byte) error {
		err := error(nil)
		if !open {
			err = f(request, buf)
		}
		binary.NativeEndian.PutUint32(buf[4:], minor)
		if err == nil && binary.NativeEndian.Uint32(buf[28:])&markAnswered == 0 {
			answer{}.write(buf)
		}
		clearFlag(buf, markAnswered)
		return err
	}})
	require.NoError(t, err)
	open = false
	return c
}

// markAnswered is a flag that the kernel does not have: the test wrote the
// answer itself.
const markAnswered = 1 << 31

func clearFlag(buf []byte, flag uint32) {
	binary.NativeEndian.PutUint32(buf[28:], binary.NativeEndian.Uint32(buf[28:])&^flag)
}

// answer is what a kernel writes over a request.
type answer struct {
	targets, flags, event uint32
	payload               []byte
}

func (a answer) write(buf []byte) {
	ne := binary.NativeEndian
	size := uint32(305)
	if len(a.payload) > 0 {
		size = uint32(312 + copy(buf[312:], a.payload))
	}
	ne.PutUint32(buf[12:], size)
	ne.PutUint32(buf[20:], a.targets)
	ne.PutUint32(buf[28:], a.flags|markAnswered)
	ne.PutUint32(buf[32:], a.event)
}
