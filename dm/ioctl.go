package dm

import (
	"encoding/binary"
	"strings"
	"syscall"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

// Offsets in the base struct. Source: linux include/uapi/linux/dm-ioctl.h,
// struct dm_ioctl.
const (
	offVersion     = 0
	offDataSize    = 12
	offDataStart   = 16
	offTargetCount = 20
	offOpenCount   = 24
	offFlags       = 28
	offEventNr     = 32
	offDev         = 40
	offName        = 48
	offUUID        = 176
	offData        = 305
)

// Sizes and offsets in payloads.
const (
	specSize      = 40 // dm_target_spec
	offSpecLength = 8
	offSpecNext   = 20
	offSpecType   = 24
	offListNext   = 8 // dm_name_list
	offListName   = 12
	offVersionIs  = 4 // dm_target_versions
	offTypeName   = 16
	offDeps       = 8 // dm_target_deps
	offMessage    = 8 // dm_target_msg
)

// request is what an operation gives to the kernel.
type request struct {
	op          Op
	flags       uint32
	targetCount uint32
	eventNr     uint32
	dev         Dev
	name, uuid  string
	payload     []byte
}

// forDevice returns the request of op on the device r.
func forDevice(op Op, r Ref) (request, error) {
	if err := r.Check(); err != nil {
		return request{}, &Error{Op: op.String(), Device: r.String(), Kind: err}
	}
	return request{op: op, name: r.name, uuid: r.uuid, dev: r.dev}, nil
}

// encode writes q into buf, which is zero and has room for the base struct and
// the payload. What remains is room for the reply.
func (q *request) encode(buf []byte) {
	ne, cmd := binary.NativeEndian, q.op.command()
	ne.PutUint32(buf[offVersion:], versionMajor)
	ne.PutUint32(buf[offVersion+4:], cmd.minor)
	ne.PutUint32(buf[offDataSize:], uint32(len(buf)))
	ne.PutUint32(buf[offDataStart:], baseSize)
	ne.PutUint32(buf[offTargetCount:], q.targetCount)
	ne.PutUint32(buf[offFlags:], cmd.flags|q.flags)
	ne.PutUint32(buf[offEventNr:], q.eventNr)
	ne.PutUint64(buf[offDev:], uint64(q.dev))
	copy(buf[offName:offUUID-1], q.name)
	copy(buf[offUUID:offData-1], q.uuid)
	copy(buf[baseSize:], q.payload)
}

// encodeTable returns the payload of a load. Backslashes are doubled, since the
// kernel takes one away when it splits the parameters into words.
func encodeTable(t Table) ([]byte, error) {
	if err := t.Validate(); err != nil {
		return nil, err
	}
	ne, p := binary.NativeEndian, make([]byte, 0, len(t)*(specSize+32))
	for _, l := range t {
		params := strings.ReplaceAll(l.Target.Params(), `\`, `\\`)
		size := align8(specSize + len(params) + 1)
		if size > maxBuffer-len(p) {
			return nil, errors.WithMessagef(ErrTooLarge, "table of more than %d bytes", maxBuffer)
		}
		at := len(p)
		p = append(p, make([]byte, size)...)
		spec := p[at:]
		ne.PutUint64(spec, uint64(l.Start))
		ne.PutUint64(spec[offSpecLength:], uint64(l.Length))
		ne.PutUint32(spec[offSpecNext:], uint32(size))
		copy(spec[offSpecType:specSize-1], l.Target.Type())
		copy(spec[specSize:], params)
	}
	return p, nil
}

// encodeMessage returns the payload of a message.
func encodeMessage(sector units.Sectors, text string) []byte {
	p := make([]byte, offMessage+len(text)+1)
	binary.NativeEndian.PutUint64(p, uint64(sector))
	copy(p[offMessage:], text)
	return p
}

// encodeString returns the payload that consists of one string.
func encodeString(s string) []byte { return append([]byte(s), 0) }

func align8(n int) int { return (n + 7) &^ 7 }

// reply is what the kernel gave back.
type reply struct {
	version     Version
	flags       uint32
	openCount   int32
	targetCount uint32
	eventNr     uint32
	dev         Dev
	name, uuid  string
	payload     []byte
}

// malformed is the error of a reply that makes no sense. Every decoder checks
// all numbers and offsets: nothing outside of the payload is read, and nothing
// is allocated for what is not there.
func malformed(format string, args ...any) error {
	return errors.WithMessagef(ErrMalformed, format, args...)
}

func decodeReply(buf []byte) (reply, error) {
	if len(buf) < baseSize {
		return reply{}, malformed("%d bytes", len(buf))
	}
	ne := binary.NativeEndian
	r := reply{
		version:     decodeVersion(buf[offVersion:]),
		targetCount: ne.Uint32(buf[offTargetCount:]),
		openCount:   int32(ne.Uint32(buf[offOpenCount:])),
		flags:       ne.Uint32(buf[offFlags:]),
		eventNr:     ne.Uint32(buf[offEventNr:]),
		dev:         Dev(ne.Uint64(buf[offDev:])),
	}
	var ok bool
	if r.name, ok = cString(buf[offName:offUUID]); !ok {
		return reply{}, malformed("name without end")
	}
	if r.uuid, ok = cString(buf[offUUID:offData]); !ok {
		return reply{}, malformed("uuid without end")
	}
	size, start := ne.Uint32(buf[offDataSize:]), ne.Uint32(buf[offDataStart:])
	if uint64(size) > uint64(len(buf)) {
		return reply{}, malformed("%d bytes of data in a buffer of %d", size, len(buf))
	}
	if start < baseSize {
		return reply{}, malformed("data at offset %d", start)
	}
	if start < size {
		r.payload = buf[start:size]
	}
	return r, nil
}

// decodeVersion reads three words of the 12 bytes that b has.
func decodeVersion(b []byte) Version {
	ne := binary.NativeEndian
	return Version{Major: ne.Uint32(b), Minor: ne.Uint32(b[4:]), Patch: ne.Uint32(b[8:])}
}

// cString returns the bytes before the first NUL.
func cString(b []byte) (string, bool) {
	s, _, ok := strings.Cut(string(b[:min(len(b), nulAt(b)+1)]), "\x00")
	return s, ok
}

func nulAt(b []byte) int {
	for i, c := range b {
		if c == 0 {
			return i
		}
	}
	return len(b)
}

func (r *reply) info() Info {
	has := func(flag uint32) bool { return r.flags&flag != 0 }
	return Info{
		Name:            r.name,
		UUID:            r.uuid,
		Dev:             r.dev,
		OpenCount:       r.openCount,
		TargetCount:     r.targetCount,
		EventNr:         r.eventNr,
		Suspended:       has(flagSuspend),
		ReadOnly:        has(flagReadOnly),
		LiveTable:       has(flagActivePresent),
		InactiveTable:   has(flagInactivePresent),
		DeferredRemove:  has(flagDeferredRemove),
		InternalSuspend: has(flagInternalSuspend),
		UeventGenerated: has(flagUeventGenerated),
	}
}

// lines decodes the target specs of a table or a status. The field next counts
// from the first spec here, not from the current one as in a load.
func (r *reply) lines() ([]StatusLine, error) {
	ne, p := binary.NativeEndian, r.payload
	if uint64(r.targetCount) > uint64(len(p)/(specSize+1)) {
		return nil, malformed("%d targets in %d bytes", r.targetCount, len(p))
	}
	lines := make([]StatusLine, 0, r.targetCount)
	for at := 0; len(lines) < int(r.targetCount); {
		if len(p)-at <= specSize {
			return nil, malformed("target %d at offset %d of %d bytes", len(lines), at, len(p))
		}
		next := uint64(ne.Uint32(p[at+offSpecNext:]))
		end := uint64(len(p))
		if last := len(lines)+1 == int(r.targetCount); !last {
			if end = next; next <= uint64(at+specSize) || next > uint64(len(p)) {
				return nil, malformed("target %d at offset %d, the next at %d, of %d bytes", len(lines), at, next, len(p))
			}
		}
		typ, ok := cString(p[at+offSpecType : at+specSize])
		if !ok || checkType(typ) != nil {
			return nil, malformed("type of target %d", len(lines))
		}
		text, ok := cString(p[at+specSize : end])
		if !ok {
			return nil, malformed("text of target %d without end", len(lines))
		}
		lines = append(lines, StatusLine{
			Start:  units.Sectors(ne.Uint64(p[at:])),
			Length: units.Sectors(ne.Uint64(p[at+offSpecLength:])),
			Type:   typ,
			Status: text,
		})
		at = int(end)
	}
	return lines, nil
}

// table decodes the target specs of a table. Parameters of a known type that
// this package cannot read, of a later kernel for instance, are kept as text.
func (r *reply) table() (Table, error) {
	lines, err := r.lines()
	if err != nil || len(lines) == 0 {
		return nil, err
	}
	t := make(Table, len(lines))
	for i, l := range lines {
		target, err := ParseTarget(l.Type, l.Status)
		if err != nil {
			target = Unknown{Name: l.Type, Text: l.Status}
		}
		t[i] = Line{Start: l.Start, Length: l.Length, Target: target}
	}
	return t, nil
}

// listed is a record of the list of devices.
type listed struct {
	Device
	// uuidKnown is false where the kernel is too old to put UUIDs in its list.
	uuidKnown bool
}

// devices decodes the list of devices.
func (r *reply) devices() ([]listed, error) {
	ne, p := binary.NativeEndian, r.payload
	if len(p) < offListName || ne.Uint64(p) == 0 {
		return nil, nil
	}
	var list []listed
	for at := 0; ; {
		if len(p)-at <= offListName {
			return nil, malformed("device %d at offset %d of %d bytes", len(list), at, len(p))
		}
		next := uint64(ne.Uint32(p[at+offListNext:]))
		end := uint64(len(p))
		if next != 0 {
			if end = uint64(at) + next; next <= offListName || end > uint64(len(p)) {
				return nil, malformed("device %d at offset %d, the next %d bytes on, of %d", len(list), at, next, len(p))
			}
		}
		d, err := decodeListed(p[at:end], r.version)
		if err != nil {
			return nil, errors.WithMessagef(err, "device %d", len(list))
		}
		list = append(list, d)
		if next == 0 {
			return list, nil
		}
		at = int(end)
	}
}

// decodeListed decodes a record of more than offListName bytes.
func decodeListed(p []byte, kernel Version) (listed, error) {
	ne := binary.NativeEndian
	name, ok := cString(p[offListName:])
	if !ok {
		return listed{}, malformed("name without end")
	}
	d := listed{Device: Device{Dev: Dev(ne.Uint64(p)), Name: name}}
	at := align8(offListName + len(name) + 1)
	if !kernel.AtLeast(versionMajor, minorListEvents) || len(p) < at+8 {
		return d, nil
	}
	d.EventNr = ne.Uint32(p[at:])
	switch flags := ne.Uint32(p[at+4:]); {
	case flags&listNoUUID != 0:
		d.uuidKnown = true
	case flags&listHasUUID != 0:
		if d.UUID, d.uuidKnown = cString(p[at+8:]); !d.uuidKnown {
			return listed{}, malformed("uuid without end")
		}
	}
	return d, nil
}

// targets decodes the list of target versions.
func (r *reply) targets() ([]TargetVersion, error) {
	ne, p := binary.NativeEndian, r.payload
	var list []TargetVersion
	for at := 0; at < len(p); {
		if len(p)-at <= offTypeName {
			return nil, malformed("target type %d at offset %d of %d bytes", len(list), at, len(p))
		}
		next := uint64(ne.Uint32(p[at:]))
		end := uint64(len(p))
		if next != 0 {
			if end = uint64(at) + next; next <= offTypeName || end > uint64(len(p)) {
				return nil, malformed("target type %d at offset %d, the next %d bytes on, of %d", len(list), at, next, len(p))
			}
		}
		name, ok := cString(p[at+offTypeName : end])
		if !ok || name == "" {
			return nil, malformed("name of target type %d", len(list))
		}
		list = append(list, TargetVersion{Name: name, Version: decodeVersion(p[at+offVersionIs:])})
		at = int(end)
	}
	return list, nil
}

// deps decodes the list of underlying devices.
func (r *reply) deps() ([]Dev, error) {
	ne, p := binary.NativeEndian, r.payload
	if len(p) == 0 {
		return nil, nil
	}
	if len(p) < offDeps {
		return nil, malformed("dependencies in %d bytes", len(p))
	}
	n := ne.Uint32(p)
	if uint64(n) > uint64(len(p)-offDeps)/8 {
		return nil, malformed("%d dependencies in %d bytes", n, len(p))
	}
	devs := make([]Dev, n)
	for i := range devs {
		devs[i] = Dev(ne.Uint64(p[offDeps+8*i:]))
	}
	return devs, nil
}

// answer decodes the reply to a message.
func (r *reply) answer() (text string, replied bool, err error) {
	if r.flags&flagDataOut == 0 {
		return "", false, nil
	}
	text, ok := cString(r.payload)
	if !ok {
		return "", false, malformed("answer without end")
	}
	return text, true, nil
}

// errnoTooOld is what a kernel answers that has no such command.
const errnoTooOld = syscall.ENOTTY
