package lvm

import (
	"encoding/binary"
	"io"
	"math"

	"github.com/lvm-go/lvm/metadata"
)

// Source: linux include/linux/swap.h, union swap_header. The numbers are in the
// byte order of the machine that made it.
const (
	swapHeaderAt   = 1024
	swapLastPageAt = swapHeaderAt + 4
	swapLeastPages = 10 // as mkswap has it
)

// readSwap reads the header of a swap area. Its signature ends the first page,
// which tells how large pages are.
func readSwap(r io.ReaderAt, at Signature) (*superblock, error) {
	const typ = "swap"
	b, err := readAll(r, swapHeaderAt, 44)
	if err != nil {
		return nil, err
	}
	page := at.Offset + at.Length
	if !isBlockSize(uint64(page), 4<<10, 64<<10) {
		return nil, broken(typ, "pages of %s", page)
	}
	sb := &superblock{FileSystem: FileSystem{BlockSize: page}, least: swapLeastPages * page, most: math.MaxUint32 * page}
	switch {
	case le.Uint32(b) == 1:
		sb.order = le
	case be.Uint32(b) == 1:
		sb.order = be
	default:
		sb.Size = page
		sb.refuse = fault(ErrUnsupported, "version of the swap area is not 1")
		return sb, nil
	}
	sb.UUID, sb.Label = fsUUID(b[12:28]), fsLabel(b[28:44])
	sb.Size = (Bytes(sb.order.Uint32(b[4:])) + 1) * page
	if n := sb.order.Uint32(b[8:]); n != 0 {
		sb.refuse = fault(ErrUnsupported, "it has %d bad pages: make it anew with mkswap", n)
	}
	return sb, nil
}

// swapSize returns the four bytes that say how large a swap area is.
func swapSize(order binary.ByteOrder, page, size Bytes) metadata.Write {
	b := make([]byte, 4)
	order.PutUint32(b, uint32(size/page-1))
	return metadata.Write{Offset: swapLastPageAt, Data: b}
}
