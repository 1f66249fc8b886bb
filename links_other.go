//go:build !linux

package lvm

func addLink(devDir, vg, lv, dmName string) error { return ErrUnsupported }

func removeLink(devDir, vg, lv string) error { return ErrUnsupported }
