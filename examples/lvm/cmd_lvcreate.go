package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/metadata"
)

func createCommands() []*command {
	return []*command{{
		name: "lvcreate", summary: "Make a logical volume", run: runLVCreate,
		forms: []string{
			"-L|--size Size VG [ PV ... ]", "-l|--extents Number[PERCENT] VG [ PV ... ]", "--type TYPE OPTION ... VG [ PV ... ]",
			"-s|--snapshot -L|--size Size LV [ PV ... ]", "-s|--snapshot LV_thin", "-T|--thin -L|--size Size VG[/LV_new]",
			"-V|--virtualsize Size --thinpool LV VG", "-T|--thin -V|--virtualsize Size LV_thinpool",
		},
		options: "activate addtag alloc autobackup cache cachedevice cachemetadataformat cachemode cachepolicy cachepool cachesettings cachesize cachevol chunksize compression " +
			"contiguous deduplication discards errorwhenfull extents ignoreactivationskip ignoremonitoring major maxrecoveryrate raidmaxrecoveryrate=maxrecoveryrate metadataprofile " +
			"minor minrecoveryrate raidminrecoveryrate=minrecoveryrate mirrorlog mirrors monitor name nosync noudevsync permission persistent poolmetadata poolmetadatasize " +
			"poolmetadataspare raidintegrity raidintegrityblocksize raidintegritymode readahead regionsize reportformat setactivationskip setautoactivation size snapshot stripes " +
			"stripesize thin thinpool type vdo vdopool vdosettings virtualsize wipesignatures zero",
	}}
}

// creation is a volume that is to be made, as the options say.
type creation struct {
	*call
	vg, name string
	origin   string // of a snapshot
	pool     string // of a thin volume, or of one to be made
	typ      lvm.SegmentType
	size     lvm.Size
	pvs      []lvm.PVSelection
	policy   lvm.Allocation
	ahead    lvm.ReadAhead
	minor    lvm.Minor
	unzeroed bool   // what it held shows
	isThere  bool   // the volume was there already, and is only cached now
	mark     bool   // it is active, and skipped from the next time on
	now      string // what is told of the volume besides
}

func runLVCreate(c *call) error {
	cr, err := c.creation()
	if err != nil {
		return err
	}
	return c.update(cr.vg, func(ch *change) error {
		if !ch.Exists() {
			return &lvm.OpError{Op: "create lv", VG: cr.vg, Err: lvm.ErrVGNotFound}
		}
		cr.name = strings.TrimPrefix(cr.name, cr.vg+"/")
		if b, one := cr.opt.Bytes("size"), ch.VG().ExtentSize(); b%one != 0 {
			ch.warnOut("Rounding up size to full physical extent %s", human((b/one+1)*one))
		}
		if b, one := cr.opt.Bytes("virtualsize"), ch.VG().ExtentSize(); b%one != 0 {
			ch.warnOut("Rounding up size to full physical extent %s", human((b/one+1)*one))
		}
		made, err := cr.make(ch)
		if err != nil {
			if errors.Is(err, lvm.ErrExists) && cr.name != "" {
				return sentence("Logical Volume %q already exists in volume group %q", cr.name, cr.vg)
			}
			return err
		}
		if cr.mark {
			if err := ch.SetLVActivationSkip(made.Name(), true); err != nil {
				return err
			}
		}
		if err := cr.allRead(); err != nil {
			return err
		}
		if !made.IsThinPool() {
			if err := ch.warnThin(made.IsThin()); err != nil {
				return err
			}
		}
		if cr.unzeroed {
			ch.warn("WARNING: Logical volume %s/%s not zeroed.", cr.vg, made.Name())
		}
		if !cr.isThere {
			ch.done("Logical volume %q created.", made.Name())
		}
		if cr.now != "" {
			ch.done("Logical volume %s/%s %s.", cr.vg, made.Name(), cr.now)
		}
		return nil
	})
}

// creation reads the options and words.
func (c *call) creation() (*creation, error) {
	o := c.opt
	cr := &creation{call: c, name: o.Text("name"), typ: lvm.SegmentType(o.Text("type"))}
	size, _, err := c.sizeOption()
	if err != nil {
		return nil, err
	}
	cr.size = size
	rest := c.args
	if group, name := c.lvArgument(cr.name); name != "" {
		cr.vg, cr.name = group, name
	}
	if p := o.Text("thinpool"); p != "" {
		if group, name := c.lvArgument(p); name != "" {
			cr.vg, cr.pool = group, name
		} else {
			cr.pool = p
		}
	}
	if rest, err = cr.takeGroup(rest); err != nil {
		return nil, err
	}
	if cr.vg == "" {
		cr.vg = c.env("LVM_VG_NAME")
	}
	if cr.vg == "" {
		return nil, c.syntax()
	}
	if cr.typ == "" {
		cr.typ = cr.implied()
	}
	if err := cr.checkForm(); err != nil {
		return nil, err
	}
	if _, err := c.system(); err != nil {
		return nil, err
	}
	if cr.pvs, err = c.selections(rest); err != nil {
		return nil, err
	}
	if cr.policy, err = c.allocation(); err != nil {
		return nil, err
	}
	if o.Has("contiguous") && o.Yes("contiguous", true) {
		cr.policy = metadata.AllocContiguous
	}
	if cr.ahead, err = c.readAhead(); err != nil {
		return nil, err
	}
	if o.Yes("persistent", false) {
		cr.minor = lvm.FixedMinor(limit(o.Number("minor")))
	}
	return cr, nil
}

// takeGroup takes the group, and perhaps a volume in it, from the first of the words,
// unless the options named it and that is a physical volume already.
func (cr *creation) takeGroup(words []string) ([]string, error) {
	if len(words) == 0 {
		return nil, nil
	}
	group, name := cr.lvArgument(words[0])
	switch {
	case cr.vg == "" || cr.vg == group:
	case isTag(words[0]) || strings.HasPrefix(words[0], cr.devDir()):
		return words, nil
	default:
		return nil, cr.misuse("Inconsistent volume group names given: %q and %q", cr.vg, group)
	}
	cr.vg, cr.origin = group, name
	return words[1:], nil
}

// implied returns the type that the other options stand for.
func (cr *creation) implied() lvm.SegmentType {
	o := cr.opt
	switch {
	case o.Has("snapshot") && cr.size.IsZero():
		return "thin"
	case o.Has("snapshot"):
		return "snapshot"
	case o.Has("virtualsize"):
		return "thin"
	case o.Has("thin"):
		return "thin-pool"
	case o.Has("cache"):
		return "cache"
	case o.Has("mirrors") && o.Number("mirrors") > 0 && o.Number("stripes") > 1:
		return lvm.SegmentRAID10
	case o.Has("mirrors") && o.Number("mirrors") > 0:
		return lvm.SegmentRAID1
	default:
		return ""
	}
}

// checkForm refuses options that do not make a volume.
func (cr *creation) checkForm() error {
	o := cr.opt
	for _, same := range map[lvm.SegmentType][]string{
		"thin": {"thin", "snapshot"}, "thin-pool": {"thin"}, "snapshot": {"snapshot"}, "cache": {"cache"}, "cache-pool": {"cache"},
	}[cr.typ] {
		o.Has(same) // it says no more than the type
	}
	switch cr.typ {
	case "thin":
		if cr.pool == "" && !o.Has("snapshot") {
			cr.pool, cr.origin = cr.origin, ""
		}
		if !o.Has("snapshot") && !o.Has("virtualsize") && cr.origin == "" {
			return cr.syntax()
		}
	case "thin-pool":
		if cr.pool == "" {
			cr.pool, cr.origin = cr.origin, ""
		}
	}
	if cr.typ == "writecache" && !o.Has("cachevol") || cr.size.IsZero() && cr.typ != "thin" {
		return cr.syntax()
	}
	return nil
}

// make makes the volume.
func (cr *creation) make(ch *change) (*lvm.LogicalVolume, error) {
	switch t := string(cr.typ); {
	case t == "snapshot":
		return cr.makeSnapshot(ch)
	case t == "thin" && cr.opt.Has("snapshot"):
		return cr.makeThinSnapshot(ch)
	case t == "thin":
		return cr.makeThin(ch)
	case t == "thin-pool":
		return cr.makeThinPool(ch)
	case t == "mirror":
		return cr.makeMirror(ch)
	case t == "cache-pool":
		return cr.makeCachePool(ch)
	case strings.HasPrefix(t, "raid"):
		return cr.makeRAID(ch)
	case t == "cache":
		return cr.makeCache(ch)
	case t == "writecache":
		return cr.makeWriteCache(ch)
	case t == "vdo", t == "vdo-pool":
		return nil, fmt.Errorf("lvcreate --type %s: %w; vdo volumes are only kept as they are", t, lvm.ErrUnsupported)
	default:
		return cr.makePlain(ch, cr.typ)
	}
}

func (cr *creation) count(option string) int { return int(min(cr.opt.Number(option), 1<<16)) }

// skipped says whether the volume stays inactive as one that is marked so. With
// --ignoreactivationskip it is marked once it is made.
func (cr *creation) skipped(otherwise bool) bool {
	skip := cr.opt.Yes("setactivationskip", otherwise)
	cr.mark = skip && cr.opt.Has("ignoreactivationskip")
	return skip && !cr.mark
}

func (cr *creation) inactive() bool { return isOneOf(cr.opt.Text("activate"), "n", "en", "ln") }

func (cr *creation) makePlain(ch *change, typ lvm.SegmentType) (*lvm.LogicalVolume, error) {
	o := cr.opt
	spec := lvm.LVSpec{
		Name: cr.name, Size: cr.size, Type: typ,
		PVs: cr.pvs, Allocation: cr.policy, Tags: cr.newTags(nil), ReadOnly: o.Text("permission") == "r", ReadAhead: cr.ahead, Minor: cr.minor,
		Inactive: cr.inactive(), ActivationSkip: cr.skipped(false), NoAutoActivation: !o.Yes("setautoactivation", true),
		SkipZero: !o.Yes("zero", true), KeepSignatures: !o.Yes("wipesignatures", true) || !o.Yes("zero", true) && !o.Has("wipesignatures"),
	}
	if typ == lvm.SegmentStriped || typ == "" && o.Has("stripes") {
		spec.Stripes, spec.StripeSize = cr.count("stripes"), o.Bytes("stripesize")
		if size := spec.StripeSize; spec.Stripes > 1 && size != 0 && (size < 4*lvm.KiB || size&(size-1) != 0) {
			return nil, cr.misuse("Invalid stripe size %s.", human(size))
		}
		if spec.Stripes > 1 && spec.StripeSize == 0 {
			cr.say("Using default stripesize 64.00 KiB.")
		}
	}
	if o.Has("nosync") {
		return nil, cr.misuse("--nosync is supported only with mirrors or raids.")
	}
	if typ == "" && o.Has("mirrors") && o.Number("mirrors") == 0 {
		cr.say("Redundant mirrors argument: default is 0")
	}
	cr.unzeroed = (spec.Inactive || spec.SkipZero || spec.ReadOnly || spec.ActivationSkip) && (typ == "" || typ == lvm.SegmentLinear || typ == lvm.SegmentStriped)
	return ch.CreateLV(spec)
}

func (cr *creation) makeSnapshot(ch *change) (*lvm.LogicalVolume, error) {
	o := cr.opt
	if cr.origin != "" {
		if _, err := ch.VG().LV(cr.origin); err != nil {
			return nil, sentence("Snapshot origin LV %s not found in Volume group %s.", cr.origin, cr.vg)
		}
	}
	spec := lvm.SnapshotSpec{
		Name: cr.name, Size: cr.size, ChunkSize: o.Bytes("chunksize"), Stripes: cr.count("stripes"), StripeSize: o.Bytes("stripesize"),
		PVs: cr.pvs, Allocation: cr.policy, Tags: cr.newTags(nil), ReadOnly: o.Text("permission") == "r", ReadAhead: cr.ahead, Minor: cr.minor,
	}
	if o.Has("virtualsize") {
		spec.VirtualSize = lvm.ExactSize(o.Bytes("virtualsize"))
	}
	return ch.CreateSnapshot(cr.origin, spec)
}

func (cr *creation) makeThinSnapshot(ch *change) (*lvm.LogicalVolume, error) {
	o := cr.opt
	origin, err := ch.VG().LV(cr.origin)
	if err != nil {
		return nil, sentence("Snapshot origin LV %s not found in Volume group %s.", cr.origin, cr.vg)
	}
	if !origin.IsThin() {
		if cr.pool == "" {
			return nil, cr.misuse("Please specify either size or extents with snapshots.")
		}
		return ch.CreateThin(lvm.ThinSpec{
			Name: cr.name, Pool: cr.pool, ExternalOrigin: cr.origin, Tags: cr.newTags(nil), ReadOnly: o.Text("permission") == "r",
			ReadAhead: cr.ahead, Minor: cr.minor, Inactive: cr.inactive(), NoAutoActivation: !o.Yes("setautoactivation", true),
		})
	}
	return ch.CreateThinSnapshot(cr.origin, lvm.ThinSnapshotSpec{
		Name: cr.name, Tags: cr.newTags(nil), ReadOnly: o.Text("permission") == "r",
		Activate: !cr.skipped(true), Inactive: cr.inactive(),
		NoAutoActivation: !o.Yes("setautoactivation", true), ReadAhead: cr.ahead, Minor: cr.minor,
	})
}

func (cr *creation) makeThin(ch *change) (*lvm.LogicalVolume, error) {
	o := cr.opt
	pool, err := ch.VG().LV(cr.pool)
	if err != nil && !cr.size.IsZero() {
		pool, err = cr.makeThinPool(ch)
	}
	if err != nil {
		return nil, err
	}
	return ch.CreateThin(lvm.ThinSpec{
		Name: cr.name, Pool: pool.Name(), VirtualSize: lvm.ExactSize(o.Bytes("virtualsize")), Tags: cr.newTags(nil), ReadOnly: o.Text("permission") == "r",
		ReadAhead: cr.ahead, Minor: cr.minor, Inactive: cr.inactive(), ActivationSkip: cr.skipped(false),
		NoAutoActivation: !o.Yes("setautoactivation", true),
	})
}

func (cr *creation) makeThinPool(ch *change) (*lvm.LogicalVolume, error) {
	o := cr.opt
	discards, err := cr.discards()
	if err != nil {
		return nil, err
	}
	name := cr.pool
	if name == "" && cr.typ == "thin-pool" {
		name, cr.name = cr.name, ""
	}
	pool, err := ch.CreateThinPool(lvm.ThinPoolSpec{
		Name: name, Size: cr.size, MetadataSize: o.Bytes("poolmetadatasize"), ChunkSize: o.Bytes("chunksize"), Discards: discards,
		NoZeroing: !o.Yes("zero", true), ErrorWhenFull: o.Yes("errorwhenfull", false), NoSpare: !o.Yes("poolmetadataspare", true),
		Stripes: cr.count("stripes"), StripeSize: o.Bytes("stripesize"), PVs: cr.pvs, Allocation: cr.policy, Tags: cr.newTags(nil), Inactive: cr.inactive(),
	})
	if err != nil {
		return nil, err
	}
	for s := range pool.Segments() {
		ch.done("Thin pool volume with chunk size %s can address at most %s of data.", human(s.ChunkSize()), human(mostThinChunks*s.ChunkSize()))
	}
	return pool, nil
}

// mostThinChunks is how many chunks the largest metadata of a pool has room for, 64 bytes
// for each. Source: lvm2 as observed.
const mostThinChunks = 255 * (1<<14 - 64) * 4096 / 64

func (cr *creation) makeMirror(ch *change) (*lvm.LogicalVolume, error) {
	o := cr.opt
	spec := lvm.MirrorSpec{
		Name: cr.name, Size: cr.size, Legs: cr.count("mirrors") + 1, RegionSize: o.Bytes("regionsize"), NoSync: o.Has("nosync"), PVs: cr.pvs,
		Allocation: cr.policy, Tags: cr.newTags(nil), ReadOnly: o.Text("permission") == "r", ReadAhead: cr.ahead, Minor: cr.minor, Inactive: cr.inactive(),
		ActivationSkip: cr.skipped(false), NoAutoActivation: !o.Yes("setautoactivation", true), SkipZero: !o.Yes("zero", true),
		KeepSignatures: !o.Yes("wipesignatures", true),
	}
	if !o.Has("mirrors") {
		spec.Legs = 2
	}
	switch o.Text("mirrorlog") {
	case "core":
		spec.Log = lvm.MirrorLogCore
	case "mirrored":
		return nil, sentence(`Log type "mirrored" is DEPRECATED. Use RAID1 LV or disk log instead.`)
	}
	cr.warnUnsynchronised()
	return ch.CreateMirror(spec)
}

// warnUnsynchronised tells what it means that the legs of a new volume differ.
func (cr *creation) warnUnsynchronised() {
	if cr.opt.Has("nosync") {
		cr.warn("WARNING: New %s won't be synchronised. Don't read what you didn't write!", cr.typ)
	}
}

func (cr *creation) makeRAID(ch *change) (*lvm.LogicalVolume, error) {
	o := cr.opt
	if cr.typ == "raid" {
		cr.typ = lvm.SegmentRAID1
	}
	if cr.typ != lvm.SegmentRAID1 && !o.Has("stripesize") {
		cr.say("Using default stripesize 64.00 KiB.")
	}
	if one := ch.VG().ExtentSize(); one < 4*lvm.KiB {
		return nil, sentence("Unable to create RAID LV: requires minimum VG extent size %s", human(4*lvm.KiB))
	}
	spec := lvm.RAIDSpec{
		Name: cr.name, Size: cr.size, Type: cr.typ, RegionSize: o.Bytes("regionsize"),
		NoSync: o.Has("nosync"), MinRate: limit(uint64((o.Bytes("minrecoveryrate") + o.Bytes("raidminrecoveryrate")) / lvm.KiB)),
		MaxRate: limit(uint64((o.Bytes("maxrecoveryrate") + o.Bytes("raidmaxrecoveryrate")) / lvm.KiB)),
		PVs:     cr.pvs, Allocation: cr.policy, Tags: cr.newTags(nil), ReadOnly: o.Text("permission") == "r", ReadAhead: cr.ahead, Minor: cr.minor,
		Inactive: cr.inactive(), ActivationSkip: cr.skipped(false), NoAutoActivation: !o.Yes("setautoactivation", true),
		SkipZero: !o.Yes("zero", true), KeepSignatures: !o.Yes("wipesignatures", true),
	}
	switch {
	case cr.typ == lvm.SegmentRAID1 && o.Has("stripes"):
		return nil, cr.misuse("Stripes argument cannot be used with segment type, %s", cr.typ)
	case cr.typ == lvm.SegmentRAID1:
		spec.Mirrors = cr.count("mirrors")
		if o.Bytes("stripesize") > 0 {
			cr.say("Ignoring stripesize argument for raid1 devices.")
		}
	case cr.typ == lvm.SegmentRAID10 && o.Number("mirrors") > 1:
		return nil, cr.misuse("RAID10 currently supports only 2-way mirroring (i.e. '-m 1')")
	case cr.typ != lvm.SegmentRAID10 && o.Has("mirrors"):
		return nil, cr.misuse("Mirror argument cannot be used with segment type, %s", cr.typ)
	default:
		spec.Stripes, spec.StripeSize = cr.count("stripes"), o.Bytes("stripesize")
	}
	if spec.NoSync && strings.HasPrefix(string(cr.typ), "raid6") {
		return nil, cr.misuse("nosync option prohibited on RAID6.")
	}
	cr.warnUnsynchronised()
	made, err := ch.CreateRAID(spec)
	if err != nil || !o.Has("raidintegrity") && !o.HasAny("raidintegritymode", "raidintegrityblocksize") {
		return made, err
	}
	integrity := cr.integritySpec()
	if !o.Yes("raidintegrity", false) {
		return made, nil
	}
	if cr.typ == lvm.SegmentRAID0 || cr.typ == lvm.SegmentRAID0Meta {
		return nil, sentence("Integrity can only be added to raid1,4,5,6,10.")
	}
	return made, ch.AddIntegrity(made.Name(), integrity)
}

// integritySpec returns what the options say of the checksums of a raid.
func (c *call) integritySpec() lvm.IntegritySpec {
	spec := lvm.IntegritySpec{BlockSize: lvm.Bytes(c.opt.Number("raidintegrityblocksize"))}
	if c.opt.Text("raidintegritymode") == "bitmap" {
		spec.Mode = lvm.IntegrityBitmap
	}
	return spec
}
