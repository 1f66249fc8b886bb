package lvm

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/internal/umltest"
)

// A pool whose metadata is damaged is not activated; repaired, it has all that was in
// it, for us and for lvm2.
func TestKernelRepairThinPool(t *testing.T) {
	umltest.NeedTool(t, "thin_check")
	r, sys := kernelGroup(t, 2, func(tx *Tx) error {
		if err := tx.SetExtentSize(MiB); err != nil {
			return err
		}
		_, err := tx.CreateThinPool(ThinPoolSpec{Name: "pool", Size: ExactSize(8 * MiB)})
		return joinErrors(err, create(LVSpec{Name: "linear", Size: ExtentCount(2)})(tx))
	})
	r.update(func(tx *Tx) error { return joinErrors(tx.addThinLV("pool", "t", 20), tx.addThinLV("pool", "u", 20)) })
	want := bytes.Repeat([]byte("data"), 1<<18)
	require.NoError(t, os.WriteFile("/dev/vg/t", want, 0))
	r.update(func(tx *Tx) error { return tx.addThinSnapshot("t", "s") })
	require.NoError(t, os.WriteFile("/dev/vg/t", bytes.Repeat([]byte{7}, 1<<16), 0))
	umltest.Run(t, "sync")
	r.update((*Tx).DeactivateAll)

	// The space map of the data is broken. Source: the superblock of dm-thin.
	const spaceMapRoot = 80
	lv := findIn(t, sys, "pool")
	breakBlock(t, lv, lvByID(lv.vg.rec, thinPoolBody(lv.rec).Metadata), 0, spaceMapRoot)
	err := r.refused(ErrNeedsCheck, func(tx *Tx) error { return tx.Activate("t") })
	var failed *ToolError
	require.ErrorAs(t, err, &failed)
	for _, all := range []func() bool{
		func() bool {
			err := sys.Update(t.Context(), "vg", (*Tx).ActivateAll)
			var applied *ApplyError
			return errors.As(err, &applied) && applied.Committed && errors.Is(err, ErrNeedsCheck)
		},
		func() bool { return exec.Command("vgchange", "-ay", "vg").Run() != nil },
	} {
		require.True(t, all())
		require.Equal(t, "linear", strings.TrimSpace(umltest.Run(t, "lvs", "--noheadings", "-o", "lv_name", "-S", "lv_active=active", "vg")))
		require.Len(t, strings.Fields(umltest.Run(t, "dmsetup", "ls", "--noheadings")), 2)
		r.update((*Tx).DeactivateAll)
	}
	r.update(func(tx *Tx) error { _, err := tx.RepairThinPool("pool", RepairPoolSpec{}); return err })
	r.update(func(tx *Tx) error { return joinErrors(tx.Activate("t"), tx.Activate("s"), tx.Activate("u")) })
	got, err := os.ReadFile("/dev/vg/s")
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, got[:len(want)]))
	got, err = os.ReadFile("/dev/vg/t")
	require.NoError(t, err)
	require.True(t, bytes.Equal(append(bytes.Repeat([]byte{7}, 1<<16), want[1<<16:]...), got[:len(want)]))
	r.update(func(tx *Tx) error { return joinErrors(tx.addThinSnapshot("t", "s2"), tx.RemoveLV("pool_meta0")) })
	r.update((*Tx).DeactivateAll)
	umltest.Run(t, "vgchange", "-ay", "vg")
	umltest.Run(t, "lvcreate", "-s", "-n", "s3", "vg/s2")
	umltest.Run(t, "vgchange", "-an", "vg")

	// A pool without the program is activated all the same.
	sys.cfg.ThinCheck.Path = "/none"
	r.update(func(tx *Tx) error { return tx.Activate("t") })
}

// Where the group and the pool do not agree, be it that the one was restored or that the
// other was told something past it, neither lvm2 nor we activate the pool; after the
// repair both do, with all data.
func TestKernelRepairTransactionID(t *testing.T) {
	umltest.NeedTool(t, "lvm")
	r, sys := kernelGroup(t, 1, func(tx *Tx) error {
		if err := tx.SetExtentSize(MiB); err != nil {
			return err
		}
		_, err := tx.CreateThinPool(ThinPoolSpec{Name: "pool", Size: ExactSize(8 * MiB)})
		return err
	})
	want := bytes.Repeat([]byte("data"), 1<<16)
	r.update(func(tx *Tx) error { return tx.addThinLV("pool", "t", 20) })
	require.NoError(t, os.WriteFile("/dev/vg/t", want, 0))
	umltest.Run(t, "vgcfgbackup", "-f", "/run/backup", "vg")
	umltest.Run(t, "lvcreate", "-s", "-n", "s", "vg/t")
	r.update(func(tx *Tx) error { return tx.addThinLV("pool", "u", 3) })
	r.update(func(tx *Tx) error { return tx.RemoveLV("t") })
	r.update((*Tx).DeactivateAll)
	usable := func(lv string) {
		r.update(func(tx *Tx) error { return tx.ActivateWith(lv, ActivateOptions{IgnoreSkip: true}) })
		got, err := os.ReadFile("/dev/vg/" + lv)
		require.NoError(t, err)
		require.GreaterOrEqual(t, len(got), len(want))
		require.True(t, bytes.Equal(want, got[:len(want)]))
		r.update((*Tx).DeactivateAll)
		umltest.Run(t, "vgchange", "-K", "-ay", "vg")
		umltest.Run(t, "vgchange", "-an", "vg")
	}

	// The pool is at 4, with the devices 2 and 3; the group at 1, with device 1.
	umltest.Run(t, "vgcfgrestore", "--force", "-y", "-f", "/run/backup", "vg")
	r.refused(ErrTransactionID, func(tx *Tx) error { return tx.Activate("t") })
	r.refused(ErrTransactionID, func(tx *Tx) error { return tx.RepairTransactionID("pool", TransactionIDSpec{}) })
	r.refused(ErrTransactionID, func(tx *Tx) error { return tx.RepairTransactionID("pool", TransactionIDSpec{RemoveMissing: true}) })
	r.update(func(tx *Tx) error {
		return tx.RepairTransactionID("pool", TransactionIDSpec{RemoveMissing: true, AdoptUnknown: true})
	})
	usable("pool_dev2")
	r.update(func(tx *Tx) error {
		return joinErrors(tx.RenameLV("pool_dev2", "s"), tx.RemoveLV("pool_dev3"), tx.addThinSnapshot("s", "s2"))
	})
	usable("s2")

	// The pool was told something past the group.
	id := thinPoolBody(findIn(t, sys, "pool").rec).TransactionID
	umltest.Run(t, "vgchange", "-K", "-ay", "vg")
	umltest.Run(t, "dmsetup", "message", "vg-pool-tpool", "0", fmt.Sprintf("set_transaction_id %d 77", id))
	umltest.Run(t, "vgchange", "-an", "vg")
	r.refused(ErrTransactionID, func(tx *Tx) error { return tx.Activate("s2") })
	r.update(func(tx *Tx) error { return tx.RepairTransactionID("pool", TransactionIDSpec{}) })
	require.Equal(t, uint64(77), thinPoolBody(findIn(t, sys, "pool").rec).TransactionID)
	usable("s")

	// What the pool knows of its volumes stays as lvm2 and we have made and merged them.
	umltest.Run(t, "lvcreate", "-V3m", "-n", "v", "--thinpool", "vg/pool")
	umltest.Run(t, "lvcreate", "-s", "-n", "w", "vg/v")
	umltest.Run(t, "lvconvert", "--merge", "vg/w")
	r.update(func(tx *Tx) error { return tx.addThinSnapshot("v", "x") })
	r.update(func(tx *Tx) error { return tx.MergeSnapshot("x") })
	r.update((*Tx).DeactivateAll)
	r.update(func(tx *Tx) error {
		pool, _ := tx.lookup("pool")
		p, err := tx.st.layout().pool(pool, tx.h, 0)
		require.NoError(t, err)
		missing, unknown, err := p.unlike()
		require.NoError(t, err)
		require.Empty(t, missing)
		require.Empty(t, unknown)
		return nil
	})
}

// Volumes that become thin go on with what they hold, which the origin keeps; a raid and
// a volume with metadata of our own become pools that work.
func TestKernelThinConversions(t *testing.T) {
	umltest.NeedTool(t, "lvm")
	r, _ := kernelGroup(t, 2, func(tx *Tx) error {
		if err := tx.SetExtentSize(MiB); err != nil {
			return err
		}
		_, err := tx.CreateRAID(RAIDSpec{Name: "r", Type: SegmentRAID1, Mirrors: 1, Size: ExtentCount(6)})
		return joinErrors(err, create(
			LVSpec{Name: "d", Size: ExtentCount(8)}, LVSpec{Name: "m", Size: ExtentCount(3)}, LVSpec{Name: "o", Size: ExtentCount(4)})(tx))
	})
	old := bytes.Repeat([]byte("old data"), 1<<19)
	require.NoError(t, os.WriteFile("/dev/vg/o", old, 0))
	require.NoError(t, os.WriteFile("/dev/vg/m", old[:3<<20], 0))
	umltest.Run(t, "sync")
	r.update((*Tx).DeactivateAll)
	r.update(func(tx *Tx) error {
		_, err := tx.ConvertToThinPool("r", ConvertToThinPoolSpec{})
		_, err2 := tx.ConvertToThinPool("d", ConvertToThinPoolSpec{Metadata: "m"})
		return joinErrors(err, err2)
	})
	for _, pool := range []string{"r", "d"} {
		r.update(func(tx *Tx) error { return tx.addThinLV(pool, "in"+pool, 4) })
		require.NoError(t, os.WriteFile("/dev/vg/in"+pool, old, 0))
	}
	r.update(func(tx *Tx) error {
		_, err := tx.ConvertToThin("o", ConvertToThinSpec{Pool: "r", OriginName: "origin"})
		return err
	})
	now := append(bytes.Repeat([]byte("new data"), 1<<15), old[1<<18:]...)
	f, err := os.OpenFile("/dev/vg/o", os.O_RDWR, 0)
	require.NoError(t, err)
	_, err = f.Write(now[:1<<18])
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, f.Close())
	check := func(who string) {
		for lv, want := range map[string][]byte{"o": now, "origin": old, "inr": old, "ind": old} {
			got, err := os.ReadFile("/dev/vg/" + lv)
			require.NoError(t, err, who)
			require.True(t, bytes.Equal(want, got), "%s: %s", who, lv)
		}
	}
	r.update((*Tx).ActivateAll)
	check("we")
	r.update((*Tx).DeactivateAll)
	r.update(func(tx *Tx) error { // to one of its own pool
		_, err := tx.ConvertToThin("inr", ConvertToThinSpec{Pool: "r", OriginName: "below"})
		return err
	})
	r.update(func(tx *Tx) error { return tx.addThinSnapshot("inr", "snap") })
	got, err := os.ReadFile("/dev/vg/snap")
	require.NoError(t, err)
	require.True(t, bytes.Equal(old, got))
	r.update((*Tx).DeactivateAll)
	umltest.Run(t, "vgchange", "-ay", "vg")
	check("lvm2")
	umltest.Run(t, "vgchange", "-an", "vg")
}

// A volume becomes thin while it is written to, and its contents are those of the origin
// afterwards where nothing was written since; one that is active becomes a pool.
func TestKernelThinConversionInUse(t *testing.T) {
	r, _ := kernelGroup(t, 2, func(tx *Tx) error {
		if err := tx.SetExtentSize(MiB); err != nil {
			return err
		}
		return create(LVSpec{Name: "d", Size: ExtentCount(16)}, LVSpec{Name: "o", Size: ExtentCount(6)}, LVSpec{Name: "s", Size: ExtentCount(6), Stripes: 2})(tx)
	})
	r.update(func(tx *Tx) error { _, err := tx.ConvertToThinPool("d", ConvertToThinPoolSpec{}); return err })
	c, stop := r.busyVolumes(1, "o", "s")
	for _, lv := range []string{"o", "s"} {
		c.Progress(60)
		r.update(func(tx *Tx) error {
			_, err := tx.ConvertToThin(lv, ConvertToThinSpec{Pool: "d"})
			return err
		})
		require.Empty(t, suspendedDevices(t))
		require.Contains(t, umltest.Run(t, "dmsetup", "table", "vg-"+lv), " thin ")
	}
	c.Progress(60)
	r.update(func(tx *Tx) error { return tx.addThinSnapshot("o", "snap") })
	c.Progress(60)
	stop()
	r.update((*Tx).DeactivateAll)
	umltest.Run(t, "vgchange", "-K", "-ay", "vg")
	umltest.Run(t, "vgchange", "-an", "vg")
}
