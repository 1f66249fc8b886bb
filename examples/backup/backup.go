package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lvm-go/lvm"
)

// backup is what to back up, and how.
type backup struct {
	out    io.Writer
	sys    *lvm.System
	vg     string
	lvs    []string // all volumes if empty
	to     string
	full   bool
	space  uint
	kernel bool
	hooks  lvm.FreezeHooks
}

// tag marks the snapshots of this program. No other is ever removed.
const tag = "example-backup"

// source is a volume to back up.
type source struct {
	lv       *lvm.LogicalVolume
	base     *lvm.LogicalVolume   // the snapshot that the last backup was made of; nil: none
	leftover []*lvm.LogicalVolume // other snapshots of this program
	taken    *lvm.LogicalVolume   // the snapshot that this backup is made of
}

// run makes a backup. Until it is complete, the one before stays what the next
// goes on from. If it is interrupted, its snapshots are removed; if it is killed,
// the next run does that.
func (b *backup) run(ctx context.Context) error {
	number, sources, err := b.sources(ctx)
	if err != nil {
		return err
	}
	if err := b.snapshots(ctx, number, sources); err != nil {
		return err
	}
	if err := b.write(ctx, number, sources); err != nil {
		return errors.Join(err, b.discard(context.WithoutCancel(ctx), sources))
	}
	var old []*lvm.LogicalVolume
	for _, s := range sources {
		if s.base != nil {
			old = append(old, s.base)
		}
	}
	if err := b.remove(ctx, old); err != nil {
		return err
	}
	fmt.Fprintf(b.out, "Backup %d is complete.\n", number)
	return nil
}

// sources returns the number of the next backup, and what is to be in it.
func (b *backup) sources(ctx context.Context) (number int, sources []*source, err error) {
	if err := os.MkdirAll(b.to, 0o700); err != nil {
		return 0, nil, err
	}
	earlier, err := headers(b.to)
	if err != nil {
		return 0, nil, err
	}
	known := map[string]volume{}
	for i, h := range earlier {
		number = h.Number
		for _, v := range h.Volumes {
			if _, err := chainOf(v, earlier[:i]); err == nil {
				known[v.Snapshot] = v
			}
		}
	}
	volumes, err := b.volumes(ctx)
	if err != nil {
		return 0, nil, err
	}
	for _, lv := range volumes {
		s := &source{lv: lv}
		for snapshot := range lv.Snapshots() {
			if !snapshot.HasTag(tag) {
				continue
			}
			s.leftover = append(s.leftover, snapshot)
			if v, ok := known[snapshot.ID().String()]; ok && v.Size == lv.Size() {
				s.base = snapshot // the last one counts
			}
		}
		if s.base != nil {
			_, err := s.base.SnapshotUsage()
			if errors.Is(err, lvm.ErrSnapshotInvalid) {
				fmt.Fprintf(b.out, "%s: more was changed than %s has room for.\n", lv.Name(), s.base.Name())
				s.base = nil
			} else if err != nil {
				return 0, nil, err
			}
		}
		s.leftover = slices.DeleteFunc(s.leftover, func(lv *lvm.LogicalVolume) bool { return lv == s.base })
		sources = append(sources, s)
	}
	return number + 1, sources, nil
}

// volumes returns the volumes to back up.
func (b *backup) volumes(ctx context.Context) ([]*lvm.LogicalVolume, error) {
	vg, err := b.sys.VG(ctx, b.vg)
	if err != nil {
		return nil, err
	}
	var volumes []*lvm.LogicalVolume
	for _, name := range b.lvs {
		lv, err := vg.LV(name)
		if err != nil {
			return nil, err
		}
		volumes = append(volumes, lv)
	}
	if len(b.lvs) == 0 {
		for lv := range vg.LVs() {
			if !lv.Hidden() && !lv.IsSnapshot() {
				volumes = append(volumes, lv)
			}
		}
	}
	for _, lv := range volumes {
		if b.kernel && !lv.Active() {
			return nil, fmt.Errorf("volume %s is not active", lv.Name())
		}
	}
	return volumes, nil
}

// snapshots takes a snapshot of each volume, all at one instant.
func (b *backup) snapshots(ctx context.Context, number int, sources []*source) error {
	var names []string
	for _, s := range sources {
		names = append(names, s.lv.Name())
	}
	err := b.sys.Update(ctx, b.vg, func(tx *lvm.Tx) error {
		tx.OnFreeze(b.timed(strings.Join(names, ", ")))
		for _, s := range sources {
			for _, old := range s.leftover {
				if err := tx.RemoveLV(old.ID().String()); err != nil {
					return err
				}
			}
			_, err := tx.CreateSnapshot(s.lv.Name(), lvm.SnapshotSpec{
				Name: snapshotName(s.lv, number), Size: lvm.PercentOrigin(b.space), ChunkSize: 64 * lvm.KiB,
				ReadOnly: true, Tags: []string{tag},
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	// They have to be known to be removed again.
	vg, err := b.sys.VG(context.WithoutCancel(ctx), b.vg)
	if err != nil {
		return err
	}
	for _, s := range sources {
		if s.taken, err = vg.LV(snapshotName(s.lv, number)); err != nil {
			return err
		}
	}
	return nil
}

func snapshotName(lv *lvm.LogicalVolume, number int) string {
	return fmt.Sprintf("%s.backup%d", lv.Name(), number)
}

// timed adds to the hooks that they tell how long everything was held up.
func (b *backup) timed(names string) lvm.FreezeHooks {
	var frozen time.Time
	return lvm.FreezeHooks{
		Freeze: func(ctx context.Context) error {
			if b.hooks.Freeze != nil {
				if err := b.hooks.Freeze(ctx); err != nil {
					return err
				}
			}
			frozen = time.Now()
			return nil
		},
		Thaw: func(window time.Duration, committed bool) {
			held := time.Since(frozen)
			if b.hooks.Thaw != nil {
				b.hooks.Thaw(window, committed)
			}
			if !committed {
				return
			}
			fmt.Fprintf(b.out, "Snapshots of %s at one instant: frozen for %s", names, held.Round(10*time.Microsecond))
			if window > 0 {
				fmt.Fprintf(b.out, ", devices suspended for %s", window.Round(10*time.Microsecond))
			}
			fmt.Fprintln(b.out, ".")
		},
	}
}

// discard removes the snapshots of a backup that came to nothing.
func (b *backup) discard(ctx context.Context, sources []*source) error {
	var taken []*lvm.LogicalVolume
	for _, s := range sources {
		taken = append(taken, s.taken)
	}
	return b.remove(ctx, taken)
}

func (b *backup) remove(ctx context.Context, lvs []*lvm.LogicalVolume) error {
	return b.sys.Update(ctx, b.vg, func(tx *lvm.Tx) error {
		for _, lv := range lvs {
			if err := tx.RemoveLV(lv.ID().String()); err != nil {
				return err
			}
		}
		return nil
	})
}
