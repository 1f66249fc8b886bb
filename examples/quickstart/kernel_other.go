//go:build !linux

package main

import (
	"context"
	"errors"
	"io"
)

func onDevices(context.Context, io.Writer, []string) error {
	return errors.New("-kernel needs Linux")
}
