package metadata

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
)

// The lengths that a chunk of a thin pool can have, besides that it is a
// multiple of the shortest.
//
// Source: the kernel's dm-thin; checked against lvm2 2.03.16.
const (
	MinThinChunk units.Sectors = 128
	MaxThinChunk units.Sectors = 2 << 20
)

// Areas returns the volume with the data.
func (b *ThinPool) Areas() []Area { return areasOn(b.Data) }

// Parts returns the volume with the metadata.
func (b *ThinPool) Parts() []ID { return someOf(b.Metadata) }

// Uses returns nil: there are none.
func (*ThinPool) Uses() []ID { return nil }

func (*ThinPool) fits(typ string) bool { return typ == "thin-pool" }

func (*ThinPool) areaLength(s *Segment) units.Extents { return s.Count }

func decodeThinPool(d *decoder, l list, s *Segment) Body {
	b := &ThinPool{Discards: DiscardsIgnore}
	d.require(l, "metadata", "pool", "transaction_id", "chunk_size")
	s.Extra = d.fields(l, func(f item) bool {
		switch f.key {
		case "metadata":
			b.Metadata = d.lv(f)
		case "pool":
			b.Data = d.lv(f)
		case "transaction_id":
			b.TransactionID = d.uint64(f)
		case "chunk_size":
			b.ChunkSize = d.sectors32(f)
		case "discards":
			var err error
			if b.Discards, err = ParseDiscards(d.text(f)); err != nil {
				d.failField(f, "passdown, nopassdown or ignore")
			}
		case "zero_new_blocks":
			b.ZeroNewBlocks = d.uint32(f) != 0
		case "crop_metadata":
			if b.Crop = ChoiceNo; d.uint32(f) != 0 {
				b.Crop = ChoiceYes
			}
		default:
			if f.kind == sectionEntry {
				b.Messages = append(b.Messages, d.thinMessage(f))
				return true
			}
			return d.common(f, s)
		}
		return true
	})
	return b
}

// thinMessage reads a section of a thin pool. As for LVM2, each is a message,
// whatever its name is.
func (d *decoder) thinMessage(e item) (m ThinMessage) {
	l := e.entries()
	create, remove := d.find(l, "create"), d.find(l, "delete")
	switch {
	case create >= 0 && remove < 0:
		m.Create = d.lv(d.item(create))
	case remove >= 0 && create < 0:
		m.Delete = d.uint32(d.item(remove))
	default:
		d.fail(e.key, nil, "either create or delete")
	}
	for i := l.from; i < l.to; i = int(d.nodes[i].next) {
		if n := &d.nodes[i]; !n.isComment() && i != create && i != remove {
			d.fail(e.key, d.syntaxTree.key(n), "create or delete, and nothing else")
		}
	}
	return m
}

func (b *ThinPool) print(w *recordPrinter, _ *Segment) {
	w.lv("metadata", b.Metadata)
	w.lv("pool", b.Data)
	w.uint("transaction_id", b.TransactionID)
	w.size("chunk_size", uint64(b.ChunkSize), 1)
	if b.Discards > DiscardsIgnore {
		w.fail("discards", b.Discards.String())
	}
	w.text("discards", b.Discards.String())
	w.ifSet("zero_new_blocks", b.ZeroNewBlocks)
	switch b.Crop {
	case ChoiceUnset:
	case ChoiceNo:
		w.uint("crop_metadata", 0)
	default:
		w.uint("crop_metadata", 1)
	}
	if len(b.Messages) != 0 {
		w.blank(1)
	}
	for i, m := range b.Messages {
		w.record("message"+strconv.Itoa(i+1), nil, func() {
			if m.Create.IsZero() {
				w.uint("delete", uint64(m.Delete))
			} else {
				w.lv("create", m.Create)
			}
		})
	}
}

func (b *ThinPool) check(c *checker, _ *Segment) {
	c.alone(RuleThin)
	c.transaction(b.TransactionID)
	c.named(RuleThin, "metadata", b.Metadata, "_tmeta")
	if size := b.ChunkSize; size < MinThinChunk || size > MaxThinChunk || size%MinThinChunk != 0 {
		c.fail(RuleThin, "chunks of "+number(size)+" sectors are not 64 KiB to 1 GiB, or no multiple of 64 KiB")
	}
	if b.Discards > DiscardsIgnore || b.Crop > ChoiceYes {
		c.fail(RuleThin, "unknown "+b.Discards.String()+", or crop of metadata")
	}
	for _, m := range b.Messages {
		if m.Create.IsZero() {
			if m.Delete > MaxThinDeviceID {
				c.fail(RuleThin, "device id "+number(uint64(m.Delete))+" of a message has more than 24 bits")
			}
			continue
		}
		lv := c.refer(RuleThin, "lv of a message", m.Create)
		if lv == nil {
			continue
		}
		if thin, ok := lv.body().(*Thin); !ok || thin.Pool != c.vg.LVs[c.lv].ID {
			c.fail(RuleThin, "lv "+lv.Name+" of a message is no thin volume of the pool")
		}
	}
}

// named checks that there is a volume, and that its name says what it is.
func (c *checker) named(rule Rule, what string, id ID, part string) {
	if lv := c.refer(rule, what, id); lv != nil && !strings.Contains(lv.Name, part) {
		c.fail(rule, what+" "+lv.Name+" is not named "+part)
	}
}
