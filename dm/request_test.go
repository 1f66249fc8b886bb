package dm

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// base describes the first 312 bytes of a request by the offsets of the ABI,
// here once more as numbers.
type base struct {
	minor, size, targets, flags, event uint32
	dev                                uint64
	name, uuid                         string
}

func (b base) bytes() []byte {
	ne, p := binary.NativeEndian, make([]byte, 312)
	ne.PutUint32(p[0:], 4)
	ne.PutUint32(p[4:], b.minor)
	ne.PutUint32(p[12:], b.size)
	ne.PutUint32(p[16:], 312)
	ne.PutUint32(p[20:], b.targets)
	ne.PutUint32(p[28:], b.flags)
	ne.PutUint32(p[32:], b.event)
	ne.PutUint64(p[40:], b.dev)
	copy(p[48:], b.name)
	copy(p[176:], b.uuid)
	return p
}

// spec describes a target spec with its parameters.
func spec(start, length uint64, next uint32, typ, params string, pad int) []byte {
	p := binary.NativeEndian.AppendUint64(nil, start)
	p = binary.NativeEndian.AppendUint64(p, length)
	p = binary.NativeEndian.AppendUint32(p, 0)
	p = binary.NativeEndian.AppendUint32(p, next)
	p = append(p, typ...)
	p = append(p, make([]byte, 16-len(typ))...)
	p = append(p, params...)
	return append(p, make([]byte, pad)...)
}

func TestRequests(t *testing.T) {
	t.Parallel()
	dev := MakeDev(253, 7)
	table := Table{
		{Length: 8, Target: Linear{Device: "7:0", Offset: 2048}},
		{Start: 8, Length: 16, Target: Unknown{Name: "fifteen-letters", Text: `a\b`}},
		{Start: 24, Length: 1, Target: Zero{}},
		{Start: 25, Length: 1, Target: Unknown{Name: "x", Text: "1234567"}},
	}
	specs := bytes.Join([][]byte{
		spec(0, 8, 56, "linear", "7:0 2048", 8), spec(8, 16, 48, "fifteen-letters", `a\\b`, 4),
		spec(24, 1, 48, "zero", "", 8), spec(25, 1, 48, "x", "1234567", 1),
	}, nil)
	keyed := Table{{Length: 8, Target: Zero{}}, {Start: 8, Length: 16, Target: Integrity{Device: "7:0", Mode: IntegrityJournal}}}
	keyedSpecs := append(spec(0, 8, 48, "zero", "", 8), spec(8, 16, 56, "integrity", "7:0 0 - J 0", 5)...)
	message := append(binary.NativeEndian.AppendUint64(nil, 5), "create_thin 1\x00"...)
	const room = 312 + 16384
	for name, c := range map[string]struct {
		call    func(*Control) error
		number  uintptr
		base    base
		payload []byte
	}{
		"version": {
			func(c *Control) error { _, err := c.Version(); return err },
			0xc138fd00, base{size: 312}, nil},
		"remove all": {
			func(c *Control) error { return c.RemoveAll() },
			0xc138fd01, base{size: 312}, nil},
		"list": {
			func(c *Control) error { _, err := c.Devices(ListOptions{}); return err },
			0xc138fd02, base{size: room, flags: 0x4000}, nil},
		"list by name": {
			func(c *Control) error { _, err := c.Devices(ListOptions{NamePrefix: "vg-"}); return err },
			0xc138fd02, base{size: room, flags: 0x4000, name: "vg-"}, nil},
		"list by both": {
			func(c *Control) error {
				_, err := c.Devices(ListOptions{NamePrefix: "vg-", UUIDPrefix: "LVM-"})
				return err
			},
			0xc138fd02, base{size: room, flags: 0x4000, uuid: "LVM-"}, nil},
		"list by what is too long for the kernel": {
			func(c *Control) error {
				_, err := c.Devices(ListOptions{UUIDPrefix: strings.Repeat("u", 129)})
				return err
			},
			0xc138fd02, base{size: room, flags: 0x4000}, nil},
		"create": {
			func(c *Control) error { _, err := c.Create("vg-lv", "LVM-1", CreateOptions{}); return err },
			0xc138fd03, base{size: 312, name: "vg-lv", uuid: "LVM-1"}, nil},
		"create longest": {
			func(c *Control) error {
				_, err := c.Create(strings.Repeat("n", 127), strings.Repeat("u", 128), CreateOptions{})
				return err
			},
			0xc138fd03, base{size: 312, name: strings.Repeat("n", 127), uuid: strings.Repeat("u", 128)}, nil},
		"create persistent": {
			func(c *Control) error { _, err := c.Create("vg-lv", "", CreateOptions{Dev: dev}); return err },
			0xc138fd03, base{size: 312, name: "vg-lv", flags: 0x8, dev: 0xfd07}, nil},
		"remove": {
			func(c *Control) error { _, err := c.Remove(ByDev(dev), RemoveOptions{Cookie: 0x400042}); return err },
			0xc138fd04, base{size: 312, dev: 0xfd07, event: 0x400042}, nil},
		"remove deferred": {
			func(c *Control) error { _, err := c.Remove(ByUUID("LVM-1"), RemoveOptions{Deferred: true}); return err },
			0xc138fd04, base{size: 312, uuid: "LVM-1", flags: 0x20000}, nil},
		"rename": {
			func(c *Control) error { _, err := c.Rename("a", "bc", RenameOptions{Cookie: 7}); return err },
			0xc138fd05, base{size: 315, name: "a", event: 7}, []byte("bc\x00")},
		"set uuid": {
			func(c *Control) error { _, err := c.SetUUID("a", "LVM-2"); return err },
			0xc138fd05, base{minor: 19, size: 318, name: "a", flags: 0x4000}, []byte("LVM-2\x00")},
		"suspend": {
			func(c *Control) error { _, err := c.Suspend(ByDev(dev), SuspendOptions{}); return err },
			0xc138fd06, base{size: 312, dev: 0xfd07, flags: 0x2}, nil},
		"suspend with flags": {
			func(c *Control) error {
				_, err := c.Suspend(ByDev(dev), SuspendOptions{SkipLockFS: true, NoFlush: true})
				return err
			},
			0xc138fd06, base{size: 312, dev: 0xfd07, flags: 0xc02}, nil},
		"resume": {
			func(c *Control) error { _, err := c.Resume(ByName("a"), ResumeOptions{Cookie: 1 << 31}); return err },
			0xc138fd06, base{size: 312, name: "a", event: 1 << 31}, nil},
		"resume with flags": {
			func(c *Control) error {
				_, err := c.Resume(ByName("a"), ResumeOptions{SkipLockFS: true, NoFlush: true})
				return err
			},
			0xc138fd06, base{size: 312, name: "a", flags: 0xc00}, nil},
		"status": {
			func(c *Control) error { _, err := c.Status(ByUUID("LVM-1")); return err },
			0xc138fd07, base{size: 312, uuid: "LVM-1"}, nil},
		"load": {
			func(c *Control) error { _, err := c.Load(ByDev(dev), table, LoadOptions{}); return err },
			0xc138fd09, base{size: 312 + 200, targets: 4, dev: 0xfd07}, specs},
		"load read-only": {
			func(c *Control) error { _, err := c.Load(ByDev(dev), table, LoadOptions{ReadOnly: true}); return err },
			0xc138fd09, base{size: 312 + 200, targets: 4, dev: 0xfd07, flags: 1}, specs},
		"load secure": {
			func(c *Control) error { _, err := c.Load(ByDev(dev), table, LoadOptions{SecureData: true}); return err },
			0xc138fd09, base{size: 312 + 200, targets: 4, dev: 0xfd07, flags: 0x8000}, specs},
		"load with keys": {
			func(c *Control) error { _, err := c.Load(ByDev(dev), keyed, LoadOptions{ReadOnly: true}); return err },
			0xc138fd09, base{size: 312 + 104, targets: 2, dev: 0xfd07, flags: 0x8001}, keyedSpecs},
		"clear": {
			func(c *Control) error { _, err := c.Clear(ByName("a")); return err },
			0xc138fd0a, base{size: 312, name: "a"}, nil},
		"deps": {
			func(c *Control) error { _, _, err := c.Deps(ByName("a"), QueryOptions{Inactive: true}); return err },
			0xc138fd0b, base{size: room, name: "a", flags: 0x1000}, nil},
		"table": {
			func(c *Control) error { _, _, err := c.Table(ByName("a"), QueryOptions{}); return err },
			0xc138fd0c, base{size: room, name: "a", flags: 0x10}, nil},
		"target status": {
			func(c *Control) error {
				_, _, err := c.TargetStatus(ByName("a"), QueryOptions{Inactive: true, NoFlush: true})
				return err
			},
			0xc138fd0c, base{size: room, name: "a", flags: 0x1800}, nil},
		"targets": {
			func(c *Control) error { _, err := c.Targets(); return err },
			0xc138fd0d, base{minor: 1, size: room}, nil},
		"message": {
			func(c *Control) error { _, _, err := c.Message(ByName("a"), 5, "create_thin 1"); return err },
			0xc138fd0e, base{minor: 2, size: room, name: "a"}, message},
		"geometry": {
			func(c *Control) error {
				return c.SetGeometry(ByName("a"), Geometry{Cylinders: 100, Heads: 16, SectorsPerTrack: 63, Start: 1})
			},
			0xc138fd0f, base{minor: 6, size: 312 + 12, name: "a"}, []byte("100 16 63 1\x00")},
		"arm poll": {
			func(c *Control) error { _, err := c.do(&request{op: OpArmPoll}, ""); return err },
			0xc138fd10, base{minor: 36, size: 312}, nil},
	} {
		var number uintptr
		var sent []byte
		control := scripted(t, 47, func(request uintptr, buf []byte) error {
			number, sent = request, bytes.Clone(buf)
			return nil
		})
		require.NoError(t, c.call(control), name)
		assert.Equal(t, c.number, number, name)
		require.Len(t, sent, int(c.base.size), name)
		assert.Equal(t, c.base.bytes(), sent[:312], name)
		assert.Equal(t, c.payload, append([]byte(nil), sent[312:312+len(c.payload)]...), name)
		assert.Empty(t, bytes.Trim(sent[312+len(c.payload):], "\x00"), "%s: what remains is zero", name)
	}
}

func TestRequestForTargetVersion(t *testing.T) {
	t.Parallel()
	var sent []byte
	c := scripted(t, 47, func(request uintptr, buf []byte) error {
		assert.Equal(t, uintptr(0xc138fd11), request)
		sent = bytes.Clone(buf)
		p := make([]byte, 24)
		binary.NativeEndian.PutUint32(p[4:], 1)
		binary.NativeEndian.PutUint32(p[8:], 4)
		copy(p[16:], "linear")
		answer{payload: p}.write(buf)
		return nil
	})
	v, err := c.TargetVersion("linear")
	require.NoError(t, err)
	assert.Equal(t, Version{Major: 1, Minor: 4}, v)
	assert.Equal(t, base{minor: 41, size: 312 + 16384, name: "linear"}.bytes(), sent[:312])
}

// What cannot be right does not get to the kernel.
func TestRefusedWithoutKernel(t *testing.T) {
	t.Parallel()
	c := scripted(t, 47, func(request uintptr, _ []byte) error {
		t.Errorf("request %#x", request)
		return nil
	})
	long := strings.Repeat("n", 128)
	none := Ref{}
	for name, call := range map[string]func() error{
		"create":               func() error { _, err := c.Create("", "", CreateOptions{}); return err },
		"create slash":         func() error { _, err := c.Create("a/b", "", CreateOptions{}); return err },
		"create control":       func() error { _, err := c.Create("control", "", CreateOptions{}); return err },
		"create long":          func() error { _, err := c.Create(long, "", CreateOptions{}); return err },
		"create long uuid":     func() error { _, err := c.Create("a", long+"x", CreateOptions{}); return err },
		"rename from nothing":  func() error { _, err := c.Rename("", "a", RenameOptions{}); return err },
		"rename to nothing":    func() error { _, err := c.Rename("a", "", RenameOptions{}); return err },
		"rename long":          func() error { _, err := c.Rename("a", long, RenameOptions{}); return err },
		"set uuid":             func() error { _, err := c.SetUUID("a", ""); return err },
		"set long uuid":        func() error { _, err := c.SetUUID("a", long+"x"); return err },
		"remove":               func() error { _, err := c.Remove(none, RemoveOptions{}); return err },
		"suspend":              func() error { _, err := c.Suspend(none, SuspendOptions{}); return err },
		"resume":               func() error { _, err := c.Resume(ByName(long), ResumeOptions{}); return err },
		"status":               func() error { _, err := c.Status(ByUUID(long + "x")); return err },
		"clear":                func() error { _, err := c.Clear(none); return err },
		"load without targets": func() error { _, err := c.Load(ByName("a"), nil, LoadOptions{}); return err },
		"load nowhere":         func() error { _, err := c.Load(none, Table{{Length: 1, Target: Zero{}}}, LoadOptions{}); return err },
		"table":                func() error { _, _, err := c.Table(none, QueryOptions{}); return err },
		"target status":        func() error { _, _, err := c.TargetStatus(none, QueryOptions{}); return err },
		"deps":                 func() error { _, _, err := c.Deps(none, QueryOptions{}); return err },
		"message":              func() error { _, _, err := c.Message(ByName("a"), 0, ""); return err },
		"message NUL":          func() error { _, _, err := c.Message(ByName("a"), 0, "a\x00b"); return err },
		"target version":       func() error { _, err := c.TargetVersion(strings.Repeat("t", 16)); return err },
		"geometry":             func() error { return c.SetGeometry(none, Geometry{}) },
	} {
		err := call()
		assert.ErrorIs(t, err, ErrInvalid, name)
		var e *Error
		assert.ErrorAs(t, err, &e, name)
	}
}
