package dm

import (
	"context"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scriptedEvents is an eventFile whose waits a test ends.
type scriptedEvents struct {
	script
	happened chan struct{}
}

func (s *scriptedEvents) wait(ctx context.Context) error {
	select {
	case <-s.happened:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	armed := 0
	file := &scriptedEvents{happened: make(chan struct{}, 1)}
	file.ioctlFunc = func(request uintptr, buf []byte) error {
		assert.Equal(t, uintptr(0xc138fd10), request)
		armed++
		answer{}.write(buf)
		return nil
	}
	e := &Events{control: Control{device: file, version: Version{Major: 4, Minor: 47}}, file: file}
	require.NoError(t, e.Arm())
	assert.Equal(t, 1, armed)
	file.happened <- struct{}{}
	require.NoError(t, e.Wait(context.Background()))
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	assert.ErrorIs(t, e.Wait(ctx), context.Canceled)
	require.NoError(t, e.Close())
	assert.ErrorIs(t, e.Arm(), os.ErrClosed)
}
