//go:build race

package umltest

// withRace tells that this binary has the race detector, which needs addresses
// that a process in the guest does not have.
const withRace = true
