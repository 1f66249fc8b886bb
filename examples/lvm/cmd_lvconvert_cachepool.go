package main

import "github.com/lvm-go/lvm"

// toCachePool makes a cache pool of the volume.
func (cv *conversion) toCachePool() error {
	given, err := cv.attachSpec()
	if err != nil {
		return err
	}
	spec := lvm.ConvertToCachePoolSpec{
		ChunkSize: given.ChunkSize, MetadataSize: given.MetadataSize, MetadataFormat: given.MetadataFormat, Mode: given.Mode, Policy: given.Policy, Settings: given.Settings,
		NoSpare: !cv.opt.Yes("poolmetadataspare", true), PVs: cv.pvs,
	}
	what, converted := "cache pool's data volume", cv.vg+"/"+cv.name
	if cv.opt.Has("poolmetadata") {
		_, spec.Metadata = cv.partName("poolmetadata")
		what, converted = "cache pool's data and metadata volumes", converted+" and "+cv.vg+"/"+spec.Metadata
		if spec.Metadata == cv.name {
			return sentence("Can't use same LV for pool data and metadata LV %s/%s.", cv.vg, cv.name)
		}
	}
	return cv.change("", func(ch *change, lv *lvm.LogicalVolume) error {
		if segmentType(lv) == "cache-pool" {
			cv.fault("Command on LV %s/%s does not accept LV type cachepool.", cv.vg, cv.name)
			return sentence("Command not permitted on LV %s/%s.", cv.vg, cv.name)
		}
		cv.warn("WARNING: Converting %s to %s with metadata wiping.", converted, what)
		cv.warn("THIS WILL DESTROY CONTENT OF LOGICAL VOLUME (filesystem etc.)")
		if !cv.ask("Do you really want to convert %s?", converted) {
			return sentence("Conversion aborted.")
		}
		ch.done("Converted %s to cache pool.", converted)
		_, err := ch.ConvertToCachePool(cv.name, spec)
		return err
	})
}
