package lvm

import (
	"slices"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// checkCopied makes sure that what a transaction notes as copied is, if it is
// the kernel that copies: now, and again once nothing is written to it any more.
// A write that fails on the way to the new place is no failure for who made it.
func (b *builder) checkCopied() error {
	b.checkAlike()
	for _, id := range b.tx.copied {
		if b.tx.sys.kernel == nil {
			continue
		}
		m := b.tx.kern.top(id)
		if m == nil {
			return fault(ErrNotActive, "the move has no device: nothing has copied the segment")
		}
		check := &CheckMirror{deviceRef: deviceRef{Name: m.name, UUID: m.uuid}}
		if err := b.tx.sys.checkMirror(m.uuid); err != nil {
			return err
		}
		rests := func(s Step) bool { suspend, ok := s.(*SuspendDevice); return ok && suspend.UUID == m.uuid }
		if slices.ContainsFunc(b.suspend, rests) {
			b.suspend = append(b.suspend, check)
		}
	}
	return nil
}

// carriesStore says whether a COW store lies on an LV, as on a move. Its device
// has to work before that of the snapshot is made, which reads the store. A move
// that the transaction begins or brings on waits for the commit all the same: it
// must not copy to what is not its own yet, and the snapshot is there already.
func (b *builder) carriesStore(id metadata.ID) bool {
	if _, touched := b.tx.index[id]; touched {
		return false
	}
	if known, ok := b.stores[id]; ok {
		return known
	}
	carries := slices.ContainsFunc(b.tx.ties().above[id], func(user metadata.ID) bool {
		_, cow := b.tx.snapshotBy(user)
		return cow || b.carriesStore(user)
	})
	if b.stores == nil {
		b.stores = map[metadata.ID]bool{}
	}
	b.stores[id] = carries
	return carries
}

// endMirror makes an error of a mirror that is to be removed, with the commit: it
// must not copy any more to what that gives up, also if it is not removed then.
// Source: lvm2 as observed.
func (b *builder) endMirror(m *mapped) {
	if !hasTarget[dm.Mirror](m.table) {
		return
	}
	last := m.table[len(m.table)-1]
	ref := deviceRef{Name: m.name, UUID: m.uuid}
	b.load = append(b.load, &LoadTable{deviceRef: ref, Table: dm.Table{{Length: last.Start + last.Length, Target: dm.ErrorTarget{}}}})
	if !m.info.Suspended {
		b.suspend = append(b.suspend, &SuspendDevice{deviceRef: ref, hidden: true})
	}
	b.resume = append(b.resume, &ResumeDevice{deviceRef: ref, hidden: true})
}

// CheckMirror makes sure that the legs of a mirror are alike and that none has
// failed.
type CheckMirror struct {
	harmless
	final
	deviceRef
}

func (s *CheckMirror) String() string { return "check that " + s.Name + " is copied" }

func (s *CheckMirror) do(r *run) error { return r.sys.checkMirror(s.UUID) }

func (s *System) checkMirror(uuid string) error {
	synced, share, err := s.mirrored(uuid)
	switch {
	case err != nil:
		return err
	case share < 0:
		return fault(ErrBusy, "the kernel does not copy the segment: Recover makes it do so")
	case !synced:
		return fault(ErrBusy, "the kernel has copied %.0f%% of the segment only", share*100)
	}
	return nil
}

// isHidden says whether users do not see an LV, as it is or was.
func (b *builder) isHidden(id metadata.ID) bool {
	if lv := b.tx.find(id); lv != nil {
		return !b.tx.isVisible(lv)
	}
	lv := lvRecord(b.tx.st, id)
	return lv != nil && !b.tx.st.links().visible(lv)
}
