package main

import (
	"strings"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/sizes"
)

// human returns a size as messages have it: 12.00 MiB. Nothing at all is as wide as
// the number and the unit of others.
func human(b lvm.Bytes) string {
	if b == 0 {
		return "0   "
	}
	text := sizes.Default().Format(b, true)
	number, letter := text[:len(text)-1], text[len(text)-1:]
	if letter == "b" {
		return number + " B"
	}
	return number + " " + strings.ToUpper(letter) + "iB"
}
