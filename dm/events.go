package dm

import "context"

// Events waits for events of any mapped device: one is created, removed or
// renamed, a table becomes live, a target reports something. It says that
// something has happened, not what. Use it so:
//
//	for {
//		events.Arm()      // from now on nothing is missed
//		// look at the devices
//		events.Wait(ctx)
//	}
//
// An Events may be used by one goroutine at a time; Close may be called by
// another one.
type Events struct {
	control Control
	file    eventFile
}

// eventFile is a control device that can be waited for.
type eventFile interface {
	controlDevice
	// wait returns when the file becomes readable. The error is ctx's, or
	// os.ErrClosed, or one of the system.
	wait(ctx context.Context) error
}

// Arm starts the time of which Wait speaks. Returns an error matching
// ErrUnsupported before Linux 4.14 (interface 4.36).
func (e *Events) Arm() error {
	_, err := e.control.do(&request{op: OpArmPoll}, "")
	return err
}

// Wait returns when there has been an event since the last Arm, or since the
// Events was made: at once, if it was before the call. It returns ctx's error if
// ctx is done first, and one that matches os.ErrClosed after Close.
func (e *Events) Wait(ctx context.Context) error { return e.file.wait(ctx) }

// Close ends the use of e; a Wait returns. It may be called again, and on nil.
func (e *Events) Close() error {
	if e == nil {
		return nil
	}
	return e.file.Close()
}
