package lvm

import "io"

// DrawOptions say how an [ExtentMap] is drawn.
type DrawOptions struct {
	Width int  // columns of a row of extents; 0: 72
	Color bool // with ANSI escapes
}

// WriteText draws the map as rows of letters, one row per physical volume, with
// a legend.
func (m *ExtentMap) WriteText(w io.Writer, o DrawOptions) error { return nil }
