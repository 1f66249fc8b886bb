package lvm

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
	"github.com/lvm-go/lvm/metadata"
)

// pvHead returns what pvcreate writes: the beginning of a device, and that of
// each of its metadata areas.
func pvHead(t *testing.T, device string) (label *metadata.Label, head []byte) {
	t.Helper()
	d, err := openFileDevice(device, false)
	require.NoError(t, err)
	defer d.Close()
	label, _, err = metadata.ReadLabel(d)
	require.NoError(t, err)
	head = make([]byte, MiB)
	_, err = d.ReadAt(head, 0)
	require.NoError(t, err)
	for _, a := range label.MetadataAreas {
		start := make([]byte, 8*KiB)
		_, err = d.ReadAt(start, int64(a.Offset))
		require.NoError(t, err)
		head = append(head, start...)
	}
	return label, head
}

// litter writes something to the beginning of a device and to where metadata
// areas will be, so that everything shows that is written there.
func litter(t *testing.T, device string, head Bytes, areas []metadata.DiskArea) {
	t.Helper()
	d, err := openFileDevice(device, true)
	require.NoError(t, err)
	defer d.Close()
	_, err = d.WriteAt(bytes.Repeat([]byte{0x5a}, int(head)), 0)
	require.NoError(t, err)
	for _, a := range areas {
		_, err = d.WriteAt(bytes.Repeat([]byte{0x5a}, int(8*KiB)), int64(a.Offset))
		require.NoError(t, err)
	}
}

// bothCreate has lvm2 and then us make the same physical volume of a device, and
// compares every byte.
func bothCreate(t *testing.T, sys *System, device, options string, spec PVSpec) {
	t.Helper()
	id, err := metadata.ParseID("012345-6789-abcd-efgh-ijkl-mnop-qrstuv")
	require.NoError(t, err)
	spec.Device, spec.ID = device, id
	d, err := openFileDevice(device, false)
	require.NoError(t, err)
	size, err := d.Size()
	require.NoError(t, err)
	label, _, err := layoutPV(spec, size, minDeviceSize, factsOf(d))
	require.NoError(t, err)
	require.NoError(t, d.Close())

	litter(t, device, MiB+64*KiB, label.MetadataAreas)
	lvm2(t, strings.Fields("pvcreate -qqy --uuid "+id.String()+" --norestorefile "+options+" "+device)...)
	theirs, want := pvHead(t, device)
	litter(t, device, MiB+64*KiB, label.MetadataAreas)
	update(t, sys, "", func(tx *Tx) error { return tx.CreatePV(spec) })
	ours, got := pvHead(t, device)
	require.Equal(t, theirs, ours, "%s", options)
	if !bytes.Equal(want, got) {
		for i := range want {
			if want[i] != got[i] {
				t.Fatalf("pvcreate %s: byte %d is %#x, lvm2 writes %#x", options, i, got[i], want[i])
			}
		}
	}
}

// TestKernelPVCreate compares physical volumes with lvm2's, byte for byte.
func TestKernelPVCreate(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "lvm")
	device, _ := umltest.Loop(t, 64<<20)
	sys := openKernel(t, []string{device})
	for _, c := range layoutCases() {
		bothCreate(t, sys, device, c.lvm2, c.spec)
	}
}

// TestKernelPVTopology compares where the data begins on devices that prefer I/O
// of odd sizes, or begin at an odd place.
func TestKernelPVTopology(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "lvm")
	var disks []string
	for range 3 {
		disk, _ := umltest.Loop(t, 20<<20)
		disks = append(disks, disk)
	}
	mapped := func(name, table string) string {
		umltest.Run(t, "dmsetup", "create", name, "--table", table)
		t.Cleanup(func() { umltest.Run(t, "dmsetup", "remove", "--retry", name) })
		return "/dev/mapper/" + name
	}
	striped := func(name string, sectors, chunk, from int) string {
		table := fmt.Sprintf("0 %d striped %d %d", 3*sectors, len(disks), chunk)
		for _, d := range disks {
			table += fmt.Sprintf(" %s %d", d, from)
		}
		return mapped(name, table)
	}
	odd := striped("odd", 384*40, 384, 0)
	large := striped("large", 12288, 3072, 16384) // stripes of 4.5 MiB
	devices := []string{odd, large, mapped("moved", "0 40000 linear "+odd+" 8"), mapped("odder", "0 40000 linear "+odd+" 56")}
	sys := openKernel(t, devices)
	hints := map[string]bool{}
	for _, device := range devices {
		d, err := openFileDevice(device, false)
		require.NoError(t, err)
		hints[fmt.Sprintf("%+v", factsOf(d).topology)] = true
		require.NoError(t, d.Close())
		if device == odd { // it is in use by those on top of it
			continue
		}
		bothCreate(t, sys, device, "", PVSpec{})
		bothCreate(t, sys, device, "--dataalignment 512k", PVSpec{DataAlignment: 512 * KiB})
		bothCreate(t, sys, device, "--dataalignmentoffset 1k", PVSpec{DataAlignmentOffset: KiB})
		bothCreate(t, sys, device, "--pvmetadatacopies 2", PVSpec{Areas: TwoAreas})
		lvm2(t, "pvremove", "-qq", device)
	}
	require.Len(t, hints, len(devices), "%v", hints)
}

// TestKernelExclusive checks that a device which a program keeps to itself is in
// use, although the system shows no user of it.
func TestKernelExclusive(t *testing.T) {
	umltest.NeedKernel(t)
	device, _ := umltest.Loop(t, 16<<20)
	sys := openKernel(t, []string{device})
	create := func(tx *Tx) error { return tx.CreatePV(PVSpec{Device: device}) }
	ctx := context.Background()
	holder, err := openDevice(device, openMode{exclusive: true})
	require.NoError(t, err)
	require.ErrorIs(t, sys.Update(ctx, "", create), ErrBusy)
	require.NoError(t, holder.Close())
	require.NoError(t, sys.Update(ctx, "", create))
	holder, err = openDevice(device, openMode{exclusive: true})
	require.NoError(t, err)
	remove := func(tx *Tx) error { return tx.RemovePV(device) }
	require.ErrorIs(t, sys.Update(ctx, "", remove), ErrBusy)
	require.NoError(t, holder.Close())
	require.NoError(t, sys.Update(ctx, "", remove))
}

// TestKernelPVRestore restores physical volumes from lvm2's backup file, and lets
// lvm2 restore the group on them.
func TestKernelPVRestore(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "lvm")
	for _, c := range []struct {
		made    string // options of pvcreate
		again   string
		restore PVSpec
	}{
		{"--dataalignment 256k --bootloaderareasize 300k", "", PVSpec{}},
		{"--metadatasize 3m", "--metadatasize 128k", PVSpec{MetadataSize: 128 * KiB}},
		{"--dataalignment 512k --dataalignmentoffset 7s", "--pvmetadatacopies 2", PVSpec{Areas: TwoAreas}},
		{"--dataalignment 512k --dataalignmentoffset 7s", "--metadatasize 128k", PVSpec{MetadataSize: 128 * KiB}},
	} {
		name := c.made + ", " + c.again
		t.Run(name, func(t *testing.T) {
			device, _ := umltest.Loop(t, 64<<20)
			other, _ := umltest.Loop(t, 16<<20)
			backup := filepath.Join(t.TempDir(), "backup")
			lvm2(t, strings.Fields("pvcreate -qq "+c.made+" "+device)...)
			lvm2(t, "vgcreate", "-qq", "vg", device, other)
			lvm2(t, "lvcreate", "-qqy", "-l9", "-n", "a", "vg", device)
			mark := bytes.Repeat([]byte("here"), 256*1024)
			require.NoError(t, os.WriteFile("/dev/vg/a", mark, 0o600))
			lvm2(t, "vgchange", "-qqan", "vg")
			lvm2(t, "vgcfgbackup", "-qqf", backup, "vg")
			text, err := os.ReadFile(backup)
			require.NoError(t, err)
			doc, err := metadata.DecodeDocument(text)
			require.NoError(t, err)
			id := doc.VG.PVs[0].ID

			lose := func() { litter(t, device, sectorBytes(doc.VG.PVs[0].PEStart), nil) }
			lose()
			args := strings.Fields("pvcreate -qqy --uuid " + id.String() + " --restorefile " + backup + " " + c.again + " " + device)
			out, err := exec.Command(umltest.NeedTool(t, "lvm"), args...).CombinedOutput()
			require.NoError(t, err, "%s", out)
			theirs, _ := pvHead(t, device)
			lose()
			sys := openKernel(t, []string{device, other})
			c.restore.Device, c.restore.ID, c.restore.RestoreFrom = device, id, doc
			update(t, sys, "", func(tx *Tx) error { return tx.CreatePV(c.restore) })
			ours, _ := pvHead(t, device)
			require.Equal(t, theirs, ours)

			lvm2(t, "vgcfgrestore", "-qqf", backup, "vg")
			lvm2(t, "vgck", "vg")
			lvm2(t, "vgchange", "-qqay", "vg")
			got, err := os.ReadFile("/dev/vg/a")
			require.NoError(t, err)
			require.True(t, bytes.Equal(mark, got[:len(mark)]), "the volume's data is lost")
			vg, err := sys.VG(context.Background(), "vg")
			require.NoError(t, err)
			require.Empty(t, vg.Problems())
			lvm2(t, "vgremove", "-qqff", "vg")
		})
	}
}

// TestKernelPVResize lets a device grow and shrink under a PV with two metadata
// areas, and lvm2 judge what becomes of it.
func TestKernelPVResize(t *testing.T) {
	umltest.NeedKernel(t)
	umltest.NeedTool(t, "lvm")
	device, file := umltest.Loop(t, 48<<20)
	twin, twinFile := umltest.Loop(t, 48<<20)
	sys := openKernel(t, []string{device})
	for name, dev := range map[string]string{"vg": device, "twin": twin} {
		lvm2(t, "vgcreate", "-qq", "--pvmetadatacopies", "2", name, dev)
		lvm2(t, "lvcreate", "-qqy", "-l3", "-n", "a", name)
	}
	mark := bytes.Repeat([]byte("here"), 1024*1024)
	require.NoError(t, os.WriteFile("/dev/vg/a", mark, 0o600))
	setSize := func(size int64) {
		for dev, f := range map[string]string{device: file, twin: twinFile} {
			require.NoError(t, os.Truncate(f, size))
			umltest.Run(t, "losetup", "-c", dev)
		}
	}
	resize := func() {
		update(t, sys, "vg", func(tx *Tx) error { return tx.ResizePV(device, 0) })
		lvm2(t, "pvresize", "-qqy", twin)
		theirs, _ := pvHead(t, twin)
		ours, _ := pvHead(t, device)
		require.Equal(t, theirs.MetadataAreas, ours.MetadataAreas)
		vg, err := sys.VG(context.Background(), "vg")
		require.NoError(t, err)
		require.Empty(t, vg.Problems())
		for _, field := range []string{"pv_pe_count", "pv_size", "pv_free", "pv_mda_count", "pv_mda_used_count"} {
			require.Equal(t, lvm2(t, "pvs", "--noheadings", "-o", field, twin), lvm2(t, "pvs", "--noheadings", "-o", field, device), field)
		}
		lvm2(t, "vgck", "vg")
		lvm2(t, "pvck", device)
		for _, a := range ours.MetadataAreas {
			text := lvm2(t, "pvck", "--dump", "metadata", "--settings", fmt.Sprintf("mda_offset=%d mda_size=%d", a.Offset, a.Size), device)
			require.Contains(t, text, fmt.Sprintf("seqno = %d", vg.Seqno()))
		}
		got, err := os.ReadFile("/dev/vg/a")
		require.NoError(t, err)
		require.True(t, bytes.Equal(mark, got[:len(mark)]))
	}
	setSize(80 << 20)
	resize()
	update(t, sys, "vg", func(tx *Tx) error { return tx.ExtendLV("a", ExtendSpec{To: PercentVG(100)}) })
	update(t, sys, "vg", func(tx *Tx) error { return tx.ReduceLV("a", ReduceSpec{To: ExtentCount(3)}) })
	setSize(100<<20 + 1536)
	resize()
	for _, name := range []string{"vg", "twin"} {
		lvm2(t, "vgremove", "-qqff", name)
	}
}
