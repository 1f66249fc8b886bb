package lvm

// CheckFlushed makes sure that a cache has nothing that the volume beneath it has
// not, when nothing is written to it any more.
type CheckFlushed struct {
	harmless
	final
	deviceRef
}

func (s *CheckFlushed) String() string {
	return "check that the cache of " + s.Name + " is written back"
}

func (s *CheckFlushed) do(r *run) error { return r.sys.checkFlushed(s.UUID) }

// checkFlushed plans to look again at the caches that the transaction takes away,
// or takes for clean.
func (b *builder) checkFlushed() error {
	for _, id := range b.tx.flushed {
		m, err := b.tx.cacheDevice(id)
		if err != nil {
			return err
		}
		switch {
		case m == nil:
			continue
		case b.leaving[m.uuid]:
			return fault(ErrBusy, "lv %s is deactivated in the same update: do one after the other", b.tx.nameOf(id))
		}
		b.suspend = append(b.suspend, &CheckFlushed{deviceRef: deviceRef{Name: m.name, UUID: m.uuid}})
	}
	return nil
}
