package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/args"
)

// lvmName checks a name that somebody gave.
func lvmName(name, what string) *args.UsageError {
	for _, c := range name {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_+", c) {
			return &args.UsageError{Lines: []string{
				"Name contains invalid character, valid set includes: [a-zA-Z0-9.-_+].",
				fmt.Sprintf("%s %q is invalid.", what, name),
			}}
		}
	}
	return nil
}

// sentence is an error in lvm2's words, which programs look for.
func sentence(format string, a ...any) error { return message(fmt.Sprintf(format, a...)) }

// wrongType is the error for a volume of a type that the command does nothing with.
func (c *call) wrongType(vg *lvm.VolumeGroup, lv *lvm.LogicalVolume) error {
	kind := segmentType(lv)
	switch {
	case lv.IsSnapshot():
		kind = "snapshot"
	case kind == "striped":
		kind = "linear"
		for s := range lv.Segments() {
			if len(s.Areas()) > 1 {
				kind = "striped"
			}
		}
	}
	c.fault("Command on LV %s/%s does not accept LV type %s.", vg.Name(), lv.Name(), kind)
	return sentence("Command not permitted on LV %s/%s.", vg.Name(), lv.Name())
}

// errTold is the error of what was told already.
var errTold = message("")

type message string

func (m message) Error() string { return string(m) }

// joined returns the errors that err says nothing beside, nil if there is more to it.
func joined(err error) []error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok || len(many.Unwrap()) == 0 || err.Error() != errors.Join(many.Unwrap()...).Error() {
		return nil
	}
	return many.Unwrap()
}

// explain tells what went wrong, in lvm2's words where programs look for them.
func (c *call) explain(err error) {
	if all := joined(err); all != nil {
		for _, e := range all {
			c.explain(e)
		}
		return
	}
	var (
		op    *lvm.OpError
		space *lvm.SpaceError
	)
	isOp := errors.As(err, &op)
	switch {
	case errors.Is(err, errTold):
	case isOp && errors.Is(err, lvm.ErrVGNotFound):
		c.fault("Volume group %q not found", op.VG)
		c.fault("Cannot process volume group %s", op.VG)
	case isOp && errors.Is(err, lvm.ErrLVNotFound):
		c.fault("Failed to find logical volume %q", op.VG+"/"+op.LV)
	case isOp && errors.Is(err, lvm.ErrNotActive) && op.Op == "scrub raid":
		c.fault("Unable to send message to an inactive logical volume.")
	case isOp && errors.Is(err, lvm.ErrPVNotFound):
		c.fault("Failed to find physical volume %q.", op.PV)
	case isOp && errors.As(err, &space):
		c.fault("Volume group %q has insufficient free space (%d extents): %d required.", op.VG, space.Free, space.Need)
	default:
		for _, line := range strings.Split(err.Error(), "\n") {
			c.fault("%s", line)
		}
	}
}
