package lvm

import (
	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/metadata"
)

// ThinPoolMode says what a thin pool takes.
type ThinPoolMode = dm.ThinPoolMode

// Modes of thin pools.
const (
	ThinPoolUnknown        = dm.ThinPoolUnknown // the kernel cannot tell
	ThinPoolReadWrite      = dm.ThinPoolReadWrite
	ThinPoolReadOnly       = dm.ThinPoolReadOnly       // its metadata cannot be changed
	ThinPoolOutOfDataSpace = dm.ThinPoolOutOfDataSpace // writes wait or fail
	ThinPoolFailed         = dm.ThinPoolFailed         // the kernel has given it up
)

// ThinPoolUsage is how full a thin pool is, and what state it is in. Nothing but
// Mode and Expected is known if that is ThinPoolFailed or ThinPoolUnknown.
type ThinPoolUsage struct {
	Data, DataTotal         Bytes
	Metadata, MetadataTotal Bytes

	// TransactionID is the kernel's, Expected what the metadata of the group says
	// it should be. While a change waits to be told to the kernel, the former is
	// one less.
	TransactionID, Expected uint64
	// Pending says that a change waits to be told to the kernel.
	Pending bool

	Mode ThinPoolMode
	// NeedsCheck says that the metadata has to be checked before it is changed.
	NeedsCheck bool
	// ErrorWhenFull says that writes fail when the pool is full; otherwise they
	// wait for a minute, unless the kernel was told else.
	ErrorWhenFull bool
}

// DataPercent returns the share of the data that is in use, as lvs shows it.
func (u ThinPoolUsage) DataPercent() Percent {
	return share(u.Data, u.DataTotal)
}

// MetadataPercent returns the share of the metadata that is in use, as lvs shows
// it.
func (u ThinPoolUsage) MetadataPercent() Percent {
	return share(u.Metadata, u.MetadataTotal)
}

// Err returns what is wrong with the pool, nil if nothing is. The error matches
// those of [ErrPoolFailed], [ErrPoolFull], [ErrPoolReadOnly], [ErrNeedsCheck] and
// [ErrTransactionID] that apply.
func (u ThinPoolUsage) Err() error {
	var errs []error
	switch u.Mode {
	case ThinPoolFailed, ThinPoolUnknown:
		return ErrPoolFailed
	case ThinPoolOutOfDataSpace:
		errs = append(errs, ErrPoolFull)
	case ThinPoolReadOnly:
		errs = append(errs, ErrPoolReadOnly)
	}
	if u.NeedsCheck {
		errs = append(errs, ErrNeedsCheck)
	}
	if behind := u.Expected - u.TransactionID; behind != 0 && (behind != 1 || !u.Pending) {
		errs = append(errs, fault(ErrTransactionID, "the kernel has transaction id %d, the metadata %d", u.TransactionID, u.Expected))
	}
	return joinErrors(errs...)
}

// ThinPoolUsage returns how full a thin pool is at this moment, as the kernel
// says. A pool that is not in order gives no error: see [ThinPoolUsage.Err].
//
// Returns an error matching [ErrInvalidSpec] if the volume is no thin pool,
// [ErrNotActive] if the kernel has no device of it, as in image mode, and
// [ErrUnsupported] if what the kernel says is not understood.
func (l *LogicalVolume) ThinPoolUsage() (ThinPoolUsage, error) {
	u, err := l.thinPoolUsage()
	return u, l.lookFailed(err)
}

func (l *LogicalVolume) thinPoolUsage() (ThinPoolUsage, error) {
	body, ok := l.body().(*metadata.ThinPool)
	if !ok {
		return ThinPoolUsage{}, fault(ErrInvalidSpec, "it is no thin pool")
	}
	s, err := askStatus(l, dm.ThinPool{}.Type(), dm.ParseThinPoolStatus)
	if err != nil {
		return ThinPoolUsage{}, err
	}
	chunk := sectorBytes(body.ChunkSize)
	return ThinPoolUsage{
		Data: inBlocks(s.UsedData, chunk), DataTotal: inBlocks(s.Data, chunk),
		Metadata: inBlocks(s.UsedMetadata, dm.ThinPoolBlock), MetadataTotal: inBlocks(s.Metadata, dm.ThinPoolBlock),
		TransactionID: s.TransactionID, Expected: body.TransactionID, Pending: len(body.Messages) > 0,
		Mode: s.Mode, NeedsCheck: s.NeedsCheck, ErrorWhenFull: s.ErrorIfNoSpace,
	}, nil
}

// ThinUsage is how much of its pool a thin volume has.
type ThinUsage struct {
	// Mapped is what was written to at least once, shared with snapshots or not.
	Mapped Bytes
	// Size is that of the volume's device.
	Size Bytes
	// Failed says that the pool has failed, or the kernel cannot tell.
	Failed bool
}

// Percent returns the share of the volume that is mapped, as lvs shows it.
func (u ThinUsage) Percent() Percent { return share(u.Mapped, u.Size) }

// Err returns an error matching [ErrPoolFailed] if the volume cannot be used, nil
// if it can.
func (u ThinUsage) Err() error {
	if u.Failed {
		return ErrPoolFailed
	}
	return nil
}

// ThinUsage returns how much of its pool a thin volume has at this moment, as the
// kernel says. The errors are those of [LogicalVolume.ThinPoolUsage].
func (l *LogicalVolume) ThinUsage() (ThinUsage, error) {
	u, err := l.thinUsage()
	return u, l.lookFailed(err)
}

func (l *LogicalVolume) thinUsage() (ThinUsage, error) {
	if !l.IsThin() {
		return ThinUsage{}, fault(ErrInvalidSpec, "it is no thin volume")
	}
	s, err := askStatus(l, dm.Thin{}.Type(), dm.ParseThinStatus)
	if err != nil {
		return ThinUsage{}, err
	}
	return ThinUsage{Mapped: sectorBytes(s.Mapped), Size: l.Size(), Failed: s.State != dm.ThinValid}, nil
}
