// Package arrows holds the test of which package may import which.
package arrows
