//go:build !linux

package lvm

import "syscall"

func (realFS) use(fsPlace) (fsUse, error) { return fsUse{}, ErrUnsupported }

func (realFS) size(fsPlace) (Bytes, error) { return 0, ErrUnsupported }

func (realFS) resize(fsPlace, Bytes) error { return ErrUnsupported }

func (realFS) try(fsPlace) error { return ErrUnsupported }

func ownGroup() *syscall.SysProcAttr { return nil }
