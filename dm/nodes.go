package dm

import "github.com/lvm-go/lvm/units"

// Nodes keeps the nodes of mapped devices in a directory. The zero value is
// that of lvm2 without udev: /dev/mapper, root, group 6 (disk), mode 0660.
type Nodes struct {
	Dir    string // "/dev/mapper" if empty
	DevDir string // "/dev" if empty
}

func (n Nodes) Add(name string, dev Dev) error                  { return ErrUnsupported }
func (n Nodes) Remove(name string) error                        { return ErrUnsupported }
func (n Nodes) Rename(oldName, newName string) error            { return ErrUnsupported }
func (n Nodes) SetReadAhead(dev Dev, ahead units.Sectors) error { return ErrUnsupported }
