package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lvm-go/lvm"
)

func convertCommands() []*command {
	return []*command{{
		name: "lvconvert", summary: "Change what a logical volume is made of", run: runLVConvert,
		forms: []string{
			"--type TYPE OPTION ... LV [ PV ... ]", "-m|--mirrors [+|-]Number LV [ PV ... ]", "--splitmirrors Number -n|--name LV_new LV [ PV ... ]",
			"--splitmirrors Number --trackchanges LV [ PV ... ]", "--mergemirrors LV ...", "--mirrorlog core|disk LV [ PV ... ]", "--merge LV ...",
			"--splitcache LV", "--uncache LV", "--swapmetadata --poolmetadata LV LV", "--repair LV [ PV ... ]", "--replace PV LV [ PV ... ]",
			"--splitsnapshot LV", "-s|--snapshot LV LV_linear_striped", "-R|--regionsize Size LV", "--raidintegrity y|n LV [ PV ... ]",
		},
		options: "alloc background cache cachedevice cachemetadataformat cachemode cachepolicy cachepool cachesettings cachesize cachevol chunksize compression deduplication discards " +
			"errorwhenfull force interval merge mergemirrors mergesnapshot mergethin metadataprofile mirrorlog mirrors name noudevsync originname poolmetadata poolmetadatasize " +
			"poolmetadataspare raidintegrity raidintegrityblocksize raidintegritymode readahead regionsize repair replace snapshot splitcache splitmirrors splitsnapshot startpoll " +
			"stripes stripesize swapmetadata thin thinpool trackchanges type uncache usepolicies vdopool vdosettings virtualsize zero reportformat settings=cachesettings",
	}}
}

// conversion is what is to become of one volume.
type conversion struct {
	*call
	vg, name string
	pvs      []lvm.PVSelection
	words    []string // of the physical volumes
	policy   lvm.Allocation
}

func runLVConvert(c *call) error {
	o := c.opt
	if len(c.args) == 0 {
		return c.syntax()
	}
	if o.HasAny("merge", "mergemirrors", "mergesnapshot", "mergethin") {
		return runMerge(c)
	}
	if _, err := c.system(); err != nil {
		return err
	}
	cv := &conversion{call: c}
	var err error
	if cv.vg, cv.name, err = c.oneLV(c.args[0]); err != nil {
		return err
	}
	if cv.policy, err = c.allocation(); err != nil {
		return err
	}
	for _, word := range c.args[1:] {
		cv.words = append(cv.words, c.device(word))
	}
	if !o.HasAny("snapshot") && o.Text("type") != "snapshot" {
		if cv.pvs, err = c.selections(c.args[1:]); err != nil {
			return err
		}
	}
	return cv.run()
}

// run does what the options ask for. Options that go with others come behind them.
func (cv *conversion) run() error {
	o := cv.opt
	typ := o.Text("type")
	switch {
	case o.Has("repair"):
		return cv.change("", cv.repair)
	case o.Has("replace"):
		return cv.change("Faulty devices in %s/%s successfully replaced.", func(ch *change, lv *lvm.LogicalVolume) error {
			var gone []string
			for _, word := range o.Texts("replace") {
				gone = append(gone, cv.device(word))
			}
			return ch.ReplaceLegs(cv.name, lvm.ReplaceSpec{PVs: gone, Onto: cv.pvs, Allocation: cv.policy})
		})
	case o.Has("splitcache"), o.Has("uncache"):
		return cv.detachCache()
	case o.Has("splitmirrors"):
		return cv.change("", cv.split)
	case o.Has("swapmetadata"):
		return cv.change("", func(ch *change, lv *lvm.LogicalVolume) error {
			_, meta := cv.partName("poolmetadata")
			if !cv.ask("Do you want to swap metadata of %s/%s pool with metadata volume %s/%s?", cv.vg, cv.name, cv.vg, meta) {
				return sentence("Conversion aborted.")
			}
			return ch.SwapPoolMetadata(cv.name, meta)
		})
	case o.Has("raidintegrity"):
		return cv.change("Logical volume %s/%s has "+map[bool]string{true: "added", false: "removed"}[o.Yes("raidintegrity", true)]+" integrity.", cv.integrity)
	case o.Has("cache"), typ == "cache":
		return cv.attachCache()
	case typ == "writecache":
		return cv.change("Logical volume %s/%s now has writecache.", func(ch *change, lv *lvm.LogicalVolume) error {
			settings, err := cv.cacheSettings()
			if err != nil {
				return err
			}
			_, vol := cv.partName("cachevol")
			if !cv.ask("Erase all existing data on %s/%s?", cv.vg, vol) {
				return sentence("Conversion aborted.")
			}
			return ch.AttachWriteCache(cv.name, lvm.AttachWriteCacheSpec{CacheVol: vol, Settings: settings})
		})
	case typ == "thin-pool":
		return cv.toPool()
	case typ == "cache-pool":
		return cv.toCachePool()
	case typ == "thin", o.Has("thin"):
		return cv.toThin()
	case o.Has("splitsnapshot"):
		return cv.splitSnapshot()
	case o.Has("snapshot"), typ == "snapshot":
		return cv.joinSnapshot()
	case strings.HasPrefix(typ, "vdo"), o.HasAny("vdopool", "cachedevice"):
		return fmt.Errorf("lvconvert of %s/%s: %w", cv.vg, cv.name, lvm.ErrUnsupported)
	case o.HasAny("mirrors", "mirrorlog", "type", "regionsize", "stripes", "stripesize"):
		return cv.layout()
	default:
		return cv.finish()
	}
}

// change changes the volume, and tells of it if there is something to tell.
func (cv *conversion) change(told string, fn func(*change, *lvm.LogicalVolume) error) error {
	return cv.update(cv.vg, func(ch *change) error {
		vg := ch.VG()
		if vg == nil {
			return &lvm.OpError{Op: "convert lv", VG: cv.vg, Err: lvm.ErrVGNotFound}
		}
		lv, err := vg.LV(cv.name)
		if err != nil {
			return err
		}
		if err := fn(ch, lv); err != nil {
			return err
		}
		if err := cv.allRead(); err != nil {
			return err
		}
		if told != "" {
			ch.done(told, cv.vg, cv.name)
		}
		return nil
	})
}

// partName returns the volume that an option names.
func (cv *conversion) partName(option string) (vg, lv string) {
	text := cv.opt.Text(option)
	if vg, lv = cv.lvArgument(text); lv == "" {
		vg, lv = cv.vg, vg
	}
	return vg, lv
}

func (cv *conversion) repair(ch *change, lv *lvm.LogicalVolume) error {
	switch {
	case segmentType(lv) == "cache-pool":
		_, err := ch.RepairCachePool(cv.name, lvm.RepairPoolSpec{NoSpare: !cv.opt.Yes("poolmetadataspare", true), PVs: cv.pvs})
		return err
	case lv.IsThinPool():
		_, err := ch.RepairThinPool(cv.name, lvm.RepairPoolSpec{NoSpare: !cv.opt.Yes("poolmetadataspare", true), PVs: cv.pvs})
		return err
	case lv.IsRAID():
		if !cv.ask("Attempt to replace failed RAID images (requires full device resync)?") {
			return fmt.Errorf("%s/%s not repaired", cv.vg, cv.name)
		}
		ch.done("Faulty devices in %s/%s successfully replaced.", cv.vg, cv.name)
		return ch.RepairRAID(cv.name, lvm.RepairSpec{Onto: cv.pvs, Allocation: cv.policy})
	default:
		return ch.RepairMirror(cv.name, lvm.MirrorRepairSpec{})
	}
}

func (cv *conversion) split(ch *change, lv *lvm.LogicalVolume) error {
	if n := cv.opt.Number("splitmirrors"); n != 1 {
		return fmt.Errorf("splitting %d images at once: %w", n, lvm.ErrUnsupported)
	}
	if cv.opt.Has("trackchanges") {
		image, err := ch.TrackRAIDLeg(cv.name, cv.words...)
		if err != nil {
			return err
		}
		ch.done("%s/%s split from %s/%s for read-only purposes.", cv.vg, image.Name(), cv.vg, cv.name)
		ch.done("Use 'lvconvert --merge %s/%s' to merge back into %s/%s.", cv.vg, image.Name(), cv.vg, cv.name)
		cv.warn("WARNING: Any newly written data will be non-resilient on LV %s/%s during the split!", cv.vg, cv.name)
		return nil
	}
	_, name := cv.partName("name")
	if name == "" {
		return cv.syntax()
	}
	if lv.IsRAID() {
		return ch.SplitRAIDLeg(cv.name, name, cv.words...)
	}
	ch.done("Logical volume %s converted.", cv.name)
	return ch.SplitMirrorLeg(cv.name, name)
}

func (cv *conversion) integrity(ch *change, lv *lvm.LogicalVolume) error {
	if !cv.opt.Yes("raidintegrity", true) {
		return ch.RemoveIntegrity(cv.name)
	}
	return ch.AddIntegrity(cv.name, cv.integritySpec())
}

func (cv *conversion) attachCache() error {
	return cv.change("Logical volume %s/%s is now cached.", func(ch *change, lv *lvm.LogicalVolume) error {
		o := cv.opt
		spec, err := cv.attachSpec()
		if err != nil {
			return err
		}
		cache := ""
		if o.Has("cachevol") {
			_, spec.CacheVol = cv.partName("cachevol")
			cache = spec.CacheVol
		} else {
			_, spec.Pool = cv.partName("cachepool")
			cache = spec.Pool
			if _, err := ch.VG().LV(cache); err != nil {
				return sentence("Cache pool %s not found.", cache)
			}
		}
		if !cv.ask("Erase all existing data on %s/%s?", cv.vg, cache) {
			return sentence("Conversion aborted.")
		}
		return ch.AttachCache(cv.name, spec)
	})
}

func (cv *conversion) detachCache() error {
	sys, err := cv.acting()
	if err != nil {
		return err
	}
	vg, err := sys.VG(cv.ctx, cv.vg)
	if err != nil {
		return err
	}
	lv, err := vg.LV(cv.name)
	if err != nil {
		return err
	}
	cache := ""
	if pool := lv.CachePool(); pool != nil {
		cache = pool.Name()
	}
	spec := lvm.DetachSpec{RemovePool: cv.opt.Has("uncache")}
	flushed := cv.progress("Flushed")
	flushed.lines = false // lvm2 has others
	err = sys.DetachCache(cv.ctx, cv.vg, lv.Name(), spec, lvm.FlushOptions{Progress: func(p lvm.FlushProgress) {
		if flushed.on == nil {
			cv.say("Flushing %s of cache %s/%s.", human(p.Left), cv.vg, cv.name)
		}
		flushed.at(cv.vg+"/"+cv.name, p.Total-min(p.Left, p.Total), p.Total)
	}})
	flushed.end()
	if err != nil {
		if errors.Is(err, lvm.ErrInvalidSpec) {
			cv.fault("Command on LV %s/%s does not accept its type.", cv.vg, cv.name)
			return sentence("Command not permitted on LV %s/%s.", cv.vg, cv.name)
		}
		return err
	}
	if spec.RemovePool {
		if cache != "" {
			cv.say("Logical volume %q successfully removed.", cache)
		}
		cv.say("Logical volume %s/%s is not cached.", cv.vg, cv.name)
	} else {
		cv.say("Logical volume %s/%s is not cached and %s/%s is unused.", cv.vg, cv.name, cv.vg, strings.TrimSuffix(strings.TrimSuffix(cache, "_cpool"), "_cvol"))
	}
	return nil
}

// calm deactivates volumes, which cannot become parts of a pool while they are active,
// and says whether the first one was.
func (cv *conversion) calm(names ...string) (active bool, err error) {
	err = cv.update(cv.vg, func(ch *change) error {
		if !ch.Exists() {
			return nil
		}
		for i, name := range names {
			if lv, err := ch.VG().LV(name); err == nil && lv.Active() && !lv.Hidden() {
				active = active || i == 0
				if err := ch.Deactivate(lv.Name()); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return active, err
}

func (cv *conversion) toPool() error {
	_, meta := cv.partName("poolmetadata")
	cv.warn("WARNING: Converting %s/%s to thin pool's data volume with metadata wiping.", cv.vg, cv.name)
	cv.warn("THIS WILL DESTROY CONTENT OF LOGICAL VOLUME (filesystem etc.)")
	if !cv.ask("Do you really want to convert %s/%s?", cv.vg, cv.name) {
		return sentence("Conversion aborted.")
	}
	active, err := cv.calm(cv.name, meta)
	if err != nil {
		return err
	}
	return cv.change("Converted %s/%s to thin pool.", func(ch *change, _ *lvm.LogicalVolume) error {
		o := cv.opt
		discards, err := cv.discards()
		if err != nil {
			return err
		}
		spec := lvm.ConvertToThinPoolSpec{
			MetadataSize: o.Bytes("poolmetadatasize"), ChunkSize: o.Bytes("chunksize"), Discards: discards, NoZeroing: !o.Yes("zero", true),
			ErrorWhenFull: o.Yes("errorwhenfull", false), NoSpare: !o.Yes("poolmetadataspare", true), PVs: cv.pvs, Inactive: !active,
		}
		if o.Has("poolmetadata") {
			spec.Metadata = meta
		}
		_, err = ch.ConvertToThinPool(cv.name, spec)
		return err
	})
}

func (cv *conversion) toThin() error {
	return cv.change("Converted %s/%s to thin volume.", func(ch *change, _ *lvm.LogicalVolume) error {
		_, pool := cv.partName("thinpool")
		spec := lvm.ConvertToThinSpec{Pool: pool}
		if cv.opt.Has("originname") {
			_, spec.OriginName = cv.partName("originname")
		}
		_, err := ch.ConvertToThin(cv.name, spec)
		return err
	})
}

// layout makes a volume one of another type, or with another number of legs.
func (cv *conversion) layout() error {
	copying := false
	err := cv.change("", func(ch *change, lv *lvm.LogicalVolume) error {
		o := cv.opt
		legs := 1
		if lv.IsRAID() {
			legs = len(lv.RAIDLegs())
		}
		mirrored := false
		for s := range lv.Segments() {
			mirrored = s.Type() == "mirror"
			if mirrored {
				legs = len(s.Areas())
			}
		}
		want := legs
		if o.Has("mirrors") {
			n := int(min(o.Number("mirrors"), 64))
			switch o.Value("mirrors").Sign {
			case '+':
				want = legs + n
			case '-':
				want = legs - n
			default:
				want = n + 1
			}
		}
		typ := lvm.SegmentType(o.Text("type"))
		switch {
		case typ == "mirror" && !mirrored && want <= 1, typ == lvm.SegmentRAID1 && !o.Has("mirrors") && legs == 1:
			want = 2
		case typ == lvm.SegmentLinear:
			want = 1
		case o.Has("regionsize") && !o.HasAny("mirrors", "type", "mirrorlog", "stripes", "stripesize"):
			ch.done("Changed region size on %s LV %s/%s to %s.", segmentType(lv), cv.vg, cv.name, human(o.Bytes("regionsize")))
			return ch.ChangeRAID(cv.name, lvm.RAIDChange{RegionSize: o.Bytes("regionsize")})
		}
		if err := cv.relayout(ch, lv, typ, mirrored, legs, want); err != nil {
			return err
		}
		if copying = want > legs && (mirrored || typ == "mirror") && lv.Active(); copying {
			ch.done("Logical volume %s/%s being converted.", cv.vg, cv.name)
			return nil
		}
		ch.done("Logical volume %s/%s %sconverted.", cv.vg, cv.name, map[bool]string{false: "successfully "}[mirrored])
		return nil
	})
	if err != nil || !copying || cv.planning || cv.opt.Has("test") {
		return err
	}
	return cv.finishLegs(cv.vg, cv.name)
}

// segmentType returns the type of the first segment of a volume.
func segmentType(lv *lvm.LogicalVolume) string {
	for s := range lv.Segments() {
		return s.Type()
	}
	return ""
}

func (cv *conversion) relayout(ch *change, lv *lvm.LogicalVolume, typ lvm.SegmentType, mirrored bool, legs, want int) error {
	o := cv.opt
	regions := o.Bytes("regionsize")
	log := lvm.MirrorLogDisk
	if o.Text("mirrorlog") == "core" {
		log = lvm.MirrorLogCore
	}
	mirrors := mirrored || typ == "mirror"
	switch {
	case typ == lvm.SegmentRAID1 && mirrored, typ != "" && typ != "mirror" && typ != lvm.SegmentRAID1 && typ != lvm.SegmentLinear, typ == "mirror" && !mirrored && legs > 1:
		return ch.ConvertRAID(cv.name, typ, lvm.ConvertSpec{PVs: cv.pvs, Allocation: cv.policy, RegionSize: regions})
	case want < 1:
		return fmt.Errorf("%d legs of %s/%s: %w", want, cv.vg, cv.name, lvm.ErrInvalidSpec)
	case want > legs && mirrors:
		return ch.AddMirrorLegs(cv.name, lvm.MirrorLegsSpec{Add: want - legs, Log: log, RegionSize: regions, PVs: cv.pvs, Allocation: cv.policy})
	case want > legs:
		return ch.AddRAIDLegs(cv.name, lvm.RAIDLegsSpec{Add: want - legs, RegionSize: regions, PVs: cv.pvs, Allocation: cv.policy})
	case want < legs && mirrored:
		return ch.DropMirrorLegs(cv.name, legs-want, cv.words...)
	case want < legs:
		if want == 1 && !cv.ask("Are you sure you want to convert raid1 LV %s/%s to type linear losing all resilience?", cv.vg, cv.name) {
			return sentence("Logical volume %s/%s NOT converted.", cv.vg, cv.name)
		}
		return ch.DropRAIDLegs(cv.name, legs-want, cv.words...)
	case o.HasAny("stripes", "stripesize"):
		return cv.restripe(ch, lv)
	case o.Has("mirrorlog") && mirrored:
		return ch.SetMirrorLog(cv.name, log)
	default:
		cv.warn("WARNING: %s/%s already has image count of %d.", cv.vg, cv.name, legs)
		return nil
	}
}

// finish waits for what is under way, and brings it to its end.
func (cv *conversion) finish() error {
	if _, err := cv.acting(); err != nil {
		return err
	}
	vg, err := cv.sys.VG(cv.ctx, cv.vg)
	if err != nil {
		return err
	}
	lv, err := vg.LV(cv.name)
	if err != nil {
		return err
	}
	if lv.Merging() {
		return cv.finishMerges(cv.vg)
	}
	return cv.finishLegs(cv.vg, cv.name)
}

// finishMerges waits for the merges of a group, and brings them to their end.
func (c *call) finishMerges(vg string) error {
	merged := c.progress("Merged")
	defer merged.end()
	_, err := c.sys.ResumeMerges(c.ctx, vg, lvm.MergeOptions{Interval: c.interval(), Progress: merged.merge(vg)})
	return err
}

// finishLegs waits for the new legs of a mirror, and brings them to their end.
func (c *call) finishLegs(vg, lv string) error {
	converted := c.progress("Converted")
	defer converted.end()
	return c.sys.FinishMirrorLegs(c.ctx, vg, lv, lvm.MirrorRun{Interval: c.interval(), Progress: func(s lvm.MirrorStatus) {
		converted.at(vg+"/"+lv, s.Synced, s.Total)
	}})
}

// interval returns how often progress is told.
func (c *call) interval() time.Duration {
	if !c.opt.Has("interval") {
		return 0
	}
	return time.Duration(max(1, min(c.opt.Number("interval"), 3600))) * time.Second
}

// merge returns what tells how far merges in a group are.
func (p *progress) merge(vg string) func(lvm.MergeProgress) {
	return func(m lvm.MergeProgress) { p.at(vg+"/"+m.Origin, m.Done, m.Total) }
}

func percent(done, total lvm.Bytes) string {
	if total == 0 {
		return "100.00"
	}
	return fmt.Sprintf("%.2f", float64(done)*100/float64(total))
}

// runMerge merges snapshots, thin ones and those with a COW store, and images that
// were split off.
func runMerge(c *call) error {
	all, err := c.volumes(c.args)
	if err != nil {
		return err
	}
	sys, err := c.system()
	if err != nil {
		return err
	}
	for _, w := range all {
		vg, err := sys.VG(c.ctx, w.vg)
		if err != nil {
			c.fail(err)
			continue
		}
		for _, lv := range chosen(vg, w, c.fail) {
			c.fail(c.merge(vg, lv))
		}
	}
	return nil
}

func (c *call) merge(vg *lvm.VolumeGroup, lv *lvm.LogicalVolume) error {
	name := lv.Name()
	switch {
	case lv.IsSnapshot() && !lv.IsThin():
		origin := lv.Origin().Name()
		if _, err := c.acting(); err != nil {
			return err
		}
		c.say("Merging of volume %s/%s started.", vg.Name(), name)
		merged := c.progress("Merged")
		result, err := c.sys.Merge(c.ctx, vg.Name(), name, lvm.MergeOptions{Interval: c.interval(), Progress: merged.merge(vg.Name())})
		merged.end()
		if err != nil {
			return err
		}
		if result.Deferred {
			c.say("Delaying merge since origin is open.")
			c.say("Merging of snapshot %s/%s will occur on next activation of %s/%s.", vg.Name(), name, vg.Name(), origin)
			return nil
		}
		c.say("Merge of snapshot into logical volume %s/%s has finished.", vg.Name(), origin)
		c.say("Logical volume %q successfully removed.", name)
		return nil
	case lv.IsThin():
		return c.update(vg.Name(), func(ch *change) error {
			ch.done("Merging of thin snapshot %s/%s will occur on next activation of its origin.", vg.Name(), name)
			return ch.MergeSnapshot(name)
		})
	default:
		return c.update(vg.Name(), func(ch *change) error {
			whole, _, _ := strings.Cut(name, "_rimage_")
			ch.done("%s/%s successfully merged back into %s/%s.", vg.Name(), name, vg.Name(), whole)
			return ch.MergeRAIDLeg(name)
		})
	}
}
