//go:build !linux

package main

import "errors"

func mounted(string, string, func(string) error) error {
	return errors.New("-files needs Linux")
}
