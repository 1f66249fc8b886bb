//go:build !linux

package lvm

import "github.com/lvm-go/lvm/dm"

// flushDevice does nothing: there are no mapped devices.
func flushDevice(string, dm.Dev) {}
