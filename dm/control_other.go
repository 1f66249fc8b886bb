//go:build !linux

package dm

func openControl() (controlDevice, error) {
	return nil, &Error{Op: OpOpen.String(), Kind: ErrUnsupported}
}

func openEvents() (eventFile, error) { return nil, &Error{Op: OpOpen.String(), Kind: ErrUnsupported} }
