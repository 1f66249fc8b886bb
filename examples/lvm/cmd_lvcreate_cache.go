package main

import "github.com/lvm-go/lvm"

// cacheSpec returns how a cache pool is made, of the name and the size of the volume.
func (cr *creation) cacheSpec() (lvm.CachePoolSpec, error) {
	o := cr.opt
	settings, err := cr.cacheSettings()
	spec := lvm.CachePoolSpec{
		Name: cr.name, Size: cr.size, ChunkSize: o.Bytes("chunksize"), MetadataSize: o.Bytes("poolmetadatasize"),
		Mode: lvm.CacheMode(o.Text("cachemode")), Policy: o.Text("cachepolicy"), Settings: settings, PVs: cr.pvs, Allocation: cr.policy,
		Tags: cr.newTags(nil), NoSpare: !o.Yes("poolmetadataspare", true),
	}
	if format := o.Text("cachemetadataformat"); format == "1" || format == "2" {
		spec.MetadataFormat = int(format[0] - '0')
	}
	return spec, err
}

func (cr *creation) makeCachePool(ch *change) (*lvm.LogicalVolume, error) {
	spec, err := cr.cacheSpec()
	if err != nil {
		return nil, err
	}
	return ch.CreateCachePool(spec)
}

// makeCache makes a volume with a cache that is there already, or a cache for a volume
// that is. Both at once lvm2 refuses, too.
func (cr *creation) makeCache(ch *change) (*lvm.LogicalVolume, error) {
	o := cr.opt
	attach, err := cr.attachSpec()
	if err != nil {
		return nil, err
	}
	if pool := cr.partName("cachepool"); pool != "" {
		if _, err := ch.VG().LV(pool); err != nil {
			return nil, sentence("Ambiguous syntax, please create --type cache-pool %s separately.", pool)
		}
		attach.Pool = pool
	} else if o.Has("cachevol") {
		if attach.CacheVol, err = cr.erasable("cachevol"); err != nil {
			return nil, err
		}
		cr.now = "is now cached"
	}
	if attach.Pool != "" || attach.CacheVol != "" {
		made, err := cr.makePlain(ch, "")
		if err != nil {
			return nil, err
		}
		return made, ch.AttachCache(made.Name(), attach)
	}
	if cr.origin == "" {
		return nil, cr.misuse("Creation of cached volume and cache pool in one command is not yet supported.")
	}
	origin, err := ch.VG().LV(cr.origin)
	if err != nil {
		return nil, sentence("Ambiguous syntax, please create --type cache-pool %s separately.", cr.origin)
	}
	spec, err := cr.cacheSpec()
	if err != nil {
		return nil, err
	}
	pool, err := ch.CreateCachePool(spec)
	if err != nil {
		return nil, err
	}
	cr.isThere, cr.now = true, "is now cached"
	// The pool has the settings.
	return origin, ch.AttachCache(origin.Name(), lvm.AttachCacheSpec{Pool: pool.Name()})
}

// makeWriteCache makes a volume in front of which a volume that is there becomes a
// writecache.
func (cr *creation) makeWriteCache(ch *change) (*lvm.LogicalVolume, error) {
	if !cr.opt.Has("cachevol") {
		return nil, cr.syntax()
	}
	settings, err := cr.cacheSettings()
	if err != nil {
		return nil, err
	}
	cache, err := cr.erasable("cachevol")
	if err != nil {
		return nil, err
	}
	made, err := cr.makePlain(ch, "")
	if err != nil {
		return nil, err
	}
	cr.now = "now has writecache"
	return made, ch.AttachWriteCache(made.Name(), lvm.AttachWriteCacheSpec{CacheVol: cache, Settings: settings})
}

// erasable returns the volume that an option names, whose contents the user gives up.
func (cr *creation) erasable(option string) (string, error) {
	name := cr.partName(option)
	if !cr.ask("Erase all existing data on %s/%s?", cr.vg, name) {
		return "", sentence("Conversion aborted.")
	}
	return name, nil
}

// partName returns the name of a volume of the group that an option names, empty if it
// does not.
func (cr *creation) partName(option string) string {
	group, name := cr.lvArgument(cr.opt.Text(option))
	if name == "" {
		return group
	}
	return name
}
