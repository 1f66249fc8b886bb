package lvm

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lvm-go/lvm/dm"
)

// TellPool tells the kernel's thin pool of changes to its volumes, unless it
// knows of them, and has it note their transaction ID. A pool with any other
// transaction ID than that or the one before is refused.
type TellPool struct {
	harmless
	final
	deviceRef
	ID       uint64   // the pool's transaction ID when it is done
	Messages []string // as the kernel is sent them

	after bool // the commit
	again bool // it may have been told before
	more  bool // is to come, so that the transaction ID stays
}

func (s *TellPool) String() string {
	switch {
	case s.more:
		return fmt.Sprintf("tell %s: %s", s.Name, strings.Join(s.Messages, ", "))
	case len(s.Messages) == 0:
		return fmt.Sprintf("have %s at transaction %d", s.Name, s.ID)
	}
	return fmt.Sprintf("tell %s: %s, for transaction %d", s.Name, strings.Join(s.Messages, ", "), s.ID)
}

func (s *TellPool) do(r *run) error {
	if s.after && r.untold {
		return nil // it would take what was not told for told
	}
	err := s.tell(r)
	if err != nil && s.after {
		r.untold = true
	}
	return err
}

func (s *TellPool) tell(r *run) error {
	status, err := s.status(r)
	if err != nil || status.TransactionID == s.ID {
		return err
	}
	if status.TransactionID+1 != s.ID {
		return s.mismatch(status.TransactionID)
	}
	for _, text := range s.Messages {
		if err := s.send(r, text); err != nil && !s.done(text, err) {
			return err
		}
	}
	if s.more {
		return nil
	}
	if err := s.send(r, dm.ThinSetTransactionID(status.TransactionID, s.ID)); err != nil {
		return err
	}
	if status, err = s.status(r); err == nil && status.TransactionID != s.ID {
		err = s.mismatch(status.TransactionID)
	}
	return err
}

func (s *TellPool) mismatch(has uint64) error {
	return fault(ErrTransactionID, "pool %s is at transaction %d in the kernel, where the metadata has %d", s.Name, has, s.ID)
}

// status returns the state of a pool that can be told something.
func (s *TellPool) status(r *run) (dm.ThinPoolStatus, error) {
	_, lines, err := r.sys.kernel.TargetStatus(r.ref(s.UUID), dm.QueryOptions{NoFlush: true})
	if err != nil {
		return dm.ThinPoolStatus{}, err
	}
	if len(lines) != 1 {
		return dm.ThinPoolStatus{}, fault(ErrDamaged, "device %s is no thin pool", s.Name)
	}
	status, err := dm.ParseThinPoolStatus(lines[0].Status)
	switch {
	case err != nil:
		return status, err
	case status.Mode == dm.ThinPoolFailed || status.Mode == dm.ThinPoolUnknown:
		return status, fault(ErrPoolFailed, "pool %s has failed", s.Name)
	case status.NeedsCheck:
		return status, fault(ErrNeedsCheck, "pool %s", s.Name)
	case status.Mode == dm.ThinPoolReadOnly:
		return status, fault(ErrPoolReadOnly, "pool %s", s.Name)
	}
	return status, nil
}

func (s *TellPool) send(r *run, text string) error {
	_, _, err := r.sys.kernel.Message(r.ref(s.UUID), 0, text)
	return err
}

// done says whether an error tells that a message was sent before. A snapshot that is
// there, and was not made for this text, is somebody else's.
func (s *TellPool) done(message string, err error) bool {
	switch verb, _, _ := strings.Cut(message, " "); verb {
	case "create_thin":
		return errors.Is(err, dm.ErrExists)
	case "create_snap":
		return s.again && errors.Is(err, dm.ErrExists)
	default:
		return errors.Is(err, dm.ErrNotFound)
	}
}
