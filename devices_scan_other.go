//go:build !linux

package lvm

import "context"

// scanSystem looks at the block devices of this system: only those of Linux are
// known.
func scanSystem(context.Context, ScanOptions) ([]BlockDevice, error) {
	return nil, fault(ErrUnsupported, "block devices are only listed on linux")
}
