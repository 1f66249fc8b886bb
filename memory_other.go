//go:build !linux

package lvm

func (s *System) guardWindow(*Plan) (func(), error) { return func() {}, nil }
