package main

import (
	"fmt"

	"github.com/lvm-go/lvm"
)

// human returns a size as messages have it: 12.00 MiB.
func human(b lvm.Bytes) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"}
	i, factor := 0, lvm.Bytes(1)
	for i+1 < len(units) && b/factor >= 1024 {
		factor *= 1024
		i++
	}
	if i == 0 {
		return fmt.Sprintf("%d B", b)
	}
	exact := float64(b) / float64(factor)
	text := fmt.Sprintf("%.2f %s", exact, units[i])
	var shown float64
	if _, err := fmt.Sscanf(text, "%f", &shown); err == nil && shown > exact {
		return "<" + text
	}
	return text
}
