package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/internal/corpus"
	"github.com/lvm-go/lvm/internal/exampletest"
)

// makeGroup makes the group that the header shows, on files in the folder.
func makeGroup(t *testing.T) []string {
	t.Helper()
	var disks []string
	for i := range 3 {
		disk := fmt.Sprintf("disk%d.img", i+1)
		require.NoError(t, os.WriteFile(disk, nil, 0o600))
		require.NoError(t, os.Truncate(disk, 65<<20))
		disks = append(disks, disk)
	}
	sys, err := lvm.Open(lvm.Config{Devices: disks, Kernel: lvm.KernelNone})
	require.NoError(t, err)
	defer sys.Close()
	require.NoError(t, sys.Update(context.Background(), "vg0", func(tx *lvm.Tx) error {
		if err := tx.CreateVG(lvm.VGSpec{PVs: disks}); err != nil {
			return err
		}
		if _, err := tx.CreateLV(lvm.LVSpec{Name: "data", Size: lvm.ExactSize(64 * lvm.MiB), Stripes: 2}); err != nil {
			return err
		}
		if _, err := tx.CreateLV(lvm.LVSpec{Name: "home", Size: lvm.ExactSize(32 * lvm.MiB)}); err != nil {
			return err
		}
		return tx.ExtendLV("data", lvm.ExtendSpec{By: lvm.ExactSize(32 * lvm.MiB), Stripes: 1})
	}))
	return disks
}

func inspect(t *testing.T, args ...string) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, run(context.Background(), &out, args))
	return out.String()
}

func TestInspectPrintsWhatItsHeaderShows(t *testing.T) {
	want := exampletest.Shown(t)
	exampletest.Folder(t)
	assert.Equal(t, want+"\n", inspect(t, makeGroup(t)...), "and an empty line after each group")
}

func TestInspectDrawsAPicture(t *testing.T) {
	exampletest.Folder(t)
	inspect(t, append([]string{"-svg", "map.svg"}, makeGroup(t)...)...)
	f, err := os.Open("map.svg")
	require.NoError(t, err)
	defer f.Close()
	names := 0
	for d := xml.NewDecoder(f); ; {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		require.NoError(t, err)
		if text, ok := token.(xml.CharData); ok && strings.Contains(string(text), "home") {
			names++
		}
	}
	assert.NotZero(t, names, "the volumes are named")
}

func TestInspectShowsWhatIsMissing(t *testing.T) {
	exampletest.Folder(t)
	makeGroup(t)
	require.NoError(t, os.WriteFile("blank.img", make([]byte, 1<<20), 0o600))
	out := inspect(t, "disk1.img", "blank.img", "nowhere.img")
	assert.Contains(t, out, "disk2.img (missing)")
	assert.Contains(t, out, "cannot be changed: ")
	assert.Contains(t, out, "blank.img: no physical volume\n")
	assert.Contains(t, out, "problem: nowhere.img: ")
}

func TestInspectWithoutDevicesSaysWhatItTakes(t *testing.T) {
	assert.True(t, strings.HasPrefix(inspect(t), "usage: inspect "))
}

// Whatever lvm2 makes can be looked at.
func TestInspectWhatLVM2Made(t *testing.T) {
	exampletest.Folder(t)
	for _, c := range corpus.Cases(t) {
		t.Run(c.Name, func(t *testing.T) {
			var devices []string
			for _, pv := range c.PVs(t) {
				if !pv.Attached {
					continue
				}
				disk := c.Name + "-" + pv.Name
				f, err := os.Create(disk)
				require.NoError(t, err)
				defer os.Remove(disk)
				defer f.Close()
				require.NoError(t, f.Truncate(int64(pv.Size)))
				_, err = f.WriteAt(pv.Head, 0)
				require.NoError(t, err)
				_, err = f.WriteAt(pv.Tail, int64(pv.TailOffset))
				require.NoError(t, err)
				devices = append(devices, disk)
			}
			out := inspect(t, devices...)
			for _, text := range c.Backups(t) {
				name := regexp.MustCompile(`(?m)^(\S+) \{$`).FindSubmatch(text)
				require.NotNil(t, name)
				assert.Contains(t, "\n"+out, "\nVG "+string(name[1])+": ")
			}
		})
	}
}
