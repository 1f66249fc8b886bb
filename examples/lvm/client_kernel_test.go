package main

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/plugins/inputs"
	_ "github.com/influxdata/telegraf/plugins/inputs/lvm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// measured takes what a plugin of telegraf has read; of the rest of an accumulator
// nothing is used.
type measured struct {
	telegraf.Accumulator
	lines []string
}

func (m *measured) AddFields(measurement string, fields map[string]any, tags map[string]string, _ ...time.Time) {
	line := measurement
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		line += fmt.Sprintf(" %s=%s", k, tags[k])
	}
	for _, k := range slices.Sorted(maps.Keys(fields)) {
		line += fmt.Sprintf(" %s=%v", k, fields[k])
	}
	m.lines = append(m.lines, line)
}

// Telegraf's plugin for LVM is a client in Go that nobody here wrote. It calls pvs, vgs
// and lvs with --reportformat json by their paths, and reads the same from this program
// as from lvm2.
func TestKernelTelegraf(t *testing.T) {
	umltest.NeedKernel(t)
	lvm := umltest.NeedTool(t, "lvm")
	umltest.NeedTool(t, "thin_check")
	first, _ := umltest.Loop(t, 64<<20)
	second, _ := umltest.Loop(t, 32<<20)
	umltest.Run(t, lvm, "vgcreate", "vg", first)
	umltest.Run(t, lvm, "pvcreate", second)
	umltest.Run(t, lvm, "lvcreate", "-y", "-L", "8m", "-n", "data", "vg")
	umltest.Run(t, lvm, "lvcreate", "-y", "-s", "-L", "4m", "-n", "snap", "vg/data")
	umltest.Run(t, lvm, "lvcreate", "-y", "-T", "-L", "8m", "-V", "16m", "-n", "thin", "vg/pool")
	umltest.Run(t, lvm, "lvcreate", "-y", "-an", "-Zn", "-l1", "-n", "off", "vg")

	gather := func() []string {
		var m measured
		require.NoError(t, inputs.Inputs["lvm"]().Gather(&m))
		return m.lines
	}
	want := gather()
	replaceLVM2(t)
	assert.Equal(t, want, gather())
	require.Len(t, want, 2+1+5, "two physical volumes, one of them in a group, with five volumes")
	umltest.Run(t, lvm, "vgremove", "-f", "vg")
}
