//go:build !linux

package umltest

import "testing"

// Loop fails the test: there is no guest on this platform.
func Loop(t testing.TB, _ int64) (device, file string) {
	t.Helper()
	t.Fatal("umltest: loop device: not in the guest")
	return "", ""
}
