//go:build !linux

package dm

import "github.com/lvm-go/lvm/units"

// Add makes the node of a device.
func (n Nodes) Add(name string, dev Dev) error { return noNodes(opAddNode, name) }

// Remove removes the node of a device.
func (n Nodes) Remove(name string) error { return noNodes(opRemoveNode, name) }

// Rename renames the node of a device.
func (n Nodes) Rename(oldName, newName string) error { return noNodes(opRenameNode, oldName) }

// SetReadAhead sets how far a device reads ahead.
func (n Nodes) SetReadAhead(dev Dev, ahead units.Sectors) error {
	return noNodes(opReadAhead, dev.String())
}

func noNodes(op, name string) error { return &Error{Op: op, Device: name, Kind: ErrUnsupported} }
