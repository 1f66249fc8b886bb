//go:build !race

package guest

// withRace tells that this program has the race detector, which needs addresses
// that a process in the guest does not have.
const withRace = false
