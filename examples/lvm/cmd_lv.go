package main

import (
	"errors"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/args"
	"github.com/lvm-go/lvm/examples/lvm/internal/sizes"
	"github.com/lvm-go/lvm/metadata"
)

const resizeOptions = "alloc autobackup extents size force mirrors nofsck nosync noudevsync poolmetadatasize reportformat resizefs stripes stripesize type usepolicies fs"

func lvCommands() []*command {
	return []*command{
		{
			name: "lvchange", summary: "Change logical volumes", run: runLVChange,
			forms: []string{"-a|--activate y|n|ay VG|LV|Tag|Select ...", "--refresh VG|LV|Tag|Select ...", "OPTION ... VG|LV|Tag|Select ..."},
			options: "activate activationmode addtag alloc autobackup cachemode cachepolicy cachesettings compression contiguous deduplication deltag detachprofile discards " +
				"errorwhenfull force ignoreactivationskip ignorelockingfailure ignoremonitoring ignoreskippedcluster major maxrecoveryrate raidmaxrecoveryrate=maxrecoveryrate " +
				"metadataprofile minor minrecoveryrate raidminrecoveryrate=minrecoveryrate monitor noudevsync partial permission persistent poll readahead readonly rebuild refresh " +
				"reportformat resync select setactivationskip setautoactivation syncaction raidsyncaction=syncaction sysinit writebehind raidwritebehind=writebehind writemostly raidwritemostly=writemostly zero",
		},
		{
			name: "lvextend", summary: "Add space to a logical volume", run: func(c *call) error { return runResize(c, true, false) },
			forms: []string{"-L|--size [+]Size LV [ PV ... ]", "-l|--extents [+]Number[PERCENT] LV [ PV ... ]", "--poolmetadatasize [+]Size LV", "--use-policies LV"}, options: resizeOptions,
		},
		{
			name: "lvreduce", summary: "Take space from a logical volume", run: func(c *call) error { return runResize(c, false, true) },
			forms: []string{"-L|--size [-]Size LV", "-l|--extents [-]Number[PERCENT] LV"}, options: resizeOptions,
		},
		{
			name: "lvremove", summary: "Remove logical volumes", run: runLVRemove,
			forms: []string{"VG|LV|Tag|Select ..."}, options: "autobackup force nohistory noudevsync select reportformat",
		},
		{
			name: "lvrename", summary: "Rename a logical volume", run: runLVRename,
			forms: []string{"VG LV LV_new", "LV LV_new"}, options: "autobackup noudevsync reportformat",
		},
		{
			name: "lvresize", summary: "Change the size of a logical volume", run: func(c *call) error { return runResize(c, true, true) },
			forms: []string{"-L|--size [+|-]Size LV [ PV ... ]", "-l|--extents [+|-]Number[PERCENT] LV [ PV ... ]"}, options: resizeOptions,
		},
	}
}

func runLVRemove(c *call) error {
	if len(c.args) == 0 && !c.opt.Has("select") {
		return c.syntax()
	}
	return c.eachLV(c.args, func(ch *change, lv *lvm.LogicalVolume) error {
		if _, err := ch.VG().LV(lv.ID().String()); err != nil {
			return nil // it went with another
		}
		if lv.Active() && !c.opt.Has("force") && !lv.IsThinPool() &&
			!c.ask("Do you really want to remove active logical volume %s/%s?", ch.VG().Name(), lv.Name()) {
			return sentence("Logical volume %s/%s not removed.", ch.VG().Name(), lv.Name())
		}
		return ch.removeLV(lv.Name())
	})
}

// removeLV removes a volume and what cannot be without it, and tells of each.
func (ch *change) removeLV(name string) error {
	vg := ch.VG()
	lv, err := vg.LV(name)
	if err != nil {
		return err
	}
	var first []string
	for s := range lv.Snapshots() {
		first = append(first, s.Name())
	}
	if lv.IsThinPool() {
		for v := range lv.ThinVolumes() {
			first = append(first, v.Name())
		}
		if len(first) > 0 && !ch.opt.Has("force") &&
			!ch.ask("Removing pool %s/%s will remove %d dependent volume(s). Proceed?", vg.Name(), name, len(first)) {
			return sentence("Logical volume %s/%s not removed.", vg.Name(), name)
		}
	}
	for _, s := range append(first, name) {
		ch.done("Logical volume %q successfully removed.", s)
	}
	return ch.RemoveLVWith(name, lvm.RemoveSpec{Snapshots: true, Dependents: true})
}

func runLVRename(c *call) error {
	var vg, from, to string
	var err error
	switch len(c.args) {
	case 2:
		if vg, from, err = c.oneLV(c.args[0]); err != nil {
			return err
		}
		to = c.args[1]
	case 3:
		vg, from, to = c.vgArgument(c.args[0]), c.args[1], c.args[2]
	default:
		return c.syntax()
	}
	if other, name := c.lvArgument(to); name != "" {
		if other != vg {
			return c.misuse("Logical volume names must have the same volume group (%q or %q)", vg, other)
		}
		to = name
	}
	if group, name := c.lvArgument(from); name != "" && group == vg {
		from = name
	}
	return c.update(vg, func(ch *change) error {
		if ch.VG() != nil {
			if _, err := ch.VG().LV(from); err != nil {
				return sentence("Existing logical volume %q not found in volume group %q", from, vg)
			}
		}
		ch.done("Renamed %q to %q in volume group %q", from, to, vg)
		return ch.RenameLV(from, to)
	})
}

// sizeOption returns the size that --size or --extents gives, and its sign.
func (c *call) sizeOption() (size lvm.Size, sign byte, err error) {
	o := c.opt
	if o.Has("size") && o.Has("extents") {
		return size, 0, c.misuse("Please specify either size or extents (not both).")
	}
	for _, name := range []string{"size", "extents"} {
		if v := o.Value(name); o.Has(name) && v.Number == 0 && v.Bytes == 0 {
			return size, 0, c.misuse("--%s may not be zero.", name)
		}
	}
	if o.Has("size") {
		v := o.Value("size")
		return lvm.ExactSize(v.Bytes), v.Sign, nil
	}
	if !o.Has("extents") {
		return size, 0, nil
	}
	return extentsOf(o.Value("extents")), o.Value("extents").Sign, nil
}

func extentsOf(v args.Value) lvm.Size {
	n := uint(min(v.Number, 1<<31))
	switch v.Percent {
	case "FREE":
		return lvm.PercentFree(n)
	case "VG":
		return lvm.PercentVG(n)
	case "LV":
		return lvm.PercentLV(n)
	case "PVS":
		return lvm.PercentPVS(n)
	case "ORIGIN":
		return lvm.PercentOrigin(n)
	default:
		return lvm.ExtentCount(lvm.Extents(v.Number))
	}
}

// runResize makes a volume larger, if grows, or smaller, if shrinks.
func runResize(c *call, grows, shrinks bool) error {
	o := c.opt
	if len(c.args) == 0 || !o.HasAny("size", "extents", "poolmetadatasize", "usepolicies") {
		return c.syntax()
	}
	vg, name, err := c.oneLV(c.args[0])
	if err != nil {
		return err
	}
	if _, err := c.system(); err != nil {
		return err
	}
	pvs, err := c.selections(c.args[1:])
	if err != nil {
		return err
	}
	policy, err := c.allocation()
	if err != nil {
		return err
	}
	size, sign, err := c.sizeOption()
	if err != nil {
		return err
	}
	extend := lvm.ExtendSpec{
		Stripes: int(min(o.Number("stripes"), 1<<16)), StripeSize: o.Bytes("stripesize"), PVs: pvs, Allocation: policy,
		Type: lvm.SegmentType(o.Text("type")), ResizeFS: o.Has("resizefs"),
	}
	return c.update(vg, func(ch *change) error {
		if !ch.Exists() {
			return &lvm.OpError{Op: "resize lv", VG: vg, Err: lvm.ErrVGNotFound}
		}
		lv, err := ch.VG().LV(name)
		if errors.Is(err, lvm.ErrLVNotFound) {
			return sentence("Logical volume %s not found in volume group %s.", name, vg)
		}
		if err != nil {
			return err
		}
		if o.Has("poolmetadatasize") {
			if !lv.IsThinPool() {
				return sentence("--poolmetadatasize can be used only with thin pools.")
			}
			v := o.Value("poolmetadatasize")
			if err := ch.resizeMetadata(lv, lvm.ExactSize(v.Bytes), v.Sign, extend); err != nil {
				return err
			}
		}
		if size.IsZero() {
			return c.allRead()
		}
		if pool := lv.PartOf(); pool != nil && pool.IsThinPool() {
			if meta := pool.PoolMetadata(); meta != nil && meta.ID() == lv.ID() {
				if err := ch.resizeMetadata(pool, size, sign, extend); err != nil {
					return err
				}
				return c.allRead()
			}
			lv = pool // whose data it is
		}
		old, oldExtents := lv.Size(), lv.Extents()
		now, err := ch.resize(lv, size, sign, extend, grows, shrinks)
		if err != nil {
			return err
		}
		if err := c.allRead(); err != nil {
			return err
		}
		named := name
		if data := lv.PoolData(); data != nil {
			named = data.Name()
		}
		ch.done("Size of logical volume %s/%s changed from %s (%d extents) to %s (%d extents).", vg, named, human(old), oldExtents, human(now.Size()), now.Extents())
		ch.done("Logical volume %s/%s successfully resized.", vg, name)
		return nil
	})
}

func (ch *change) resizeMetadata(pool *lvm.LogicalVolume, size lvm.Size, sign byte, spec lvm.ExtendSpec) error {
	if sign == '+' {
		spec.By = size
	} else {
		spec.To = size
	}
	spec.ResizeFS = false
	old := pool.PoolMetadata()
	if err := ch.ExtendPoolMetadata(pool.Name(), spec); err != nil {
		return err
	}
	now, err := ch.VG().LV(old.ID().String())
	if err != nil {
		return err
	}
	name := ch.VG().Name() + "/" + old.Name()
	ch.done("Size of logical volume %s changed from %s (%d extents) to %s (%d extents).", name, human(old.Size()), old.Extents(), human(now.Size()), now.Extents())
	ch.done("Logical volume %s successfully resized.", name)
	return nil
}

// resize makes a volume as large as is wanted, and returns it as it is then.
func (ch *change) resize(lv *lvm.LogicalVolume, size lvm.Size, sign byte, extend lvm.ExtendSpec, grows, shrinks bool) (*lvm.LogicalVolume, error) {
	if sign == '-' && !shrinks || sign == '+' && !grows {
		return nil, ch.misuse("Size may not be %s with %s.", map[byte]string{'-': "negative", '+': "positive"}[sign], ch.name)
	}
	smaller := sign == '-'
	if want, known := ch.extents(lv); known && sign == 0 {
		switch smaller = want < lv.Extents(); {
		case want == lv.Extents() || smaller && !shrinks:
			return nil, sentence("New size given (%d extents) not larger than existing size (%d extents)", want, lv.Extents())
		case !smaller && !grows:
			return nil, sentence("New size given (%d extents) not less than existing size (%d extents)", want, lv.Extents())
		}
	}
	switch {
	case smaller:
		return ch.reduce(lv, size, sign)
	case sign == '+':
		extend.By = size
	default:
		extend.To = size
	}
	return ch.resized(lv.Name(), ch.ExtendLV(lv.Name(), extend))
}

// extents returns how many extents the options name, if they say so without looking
// at what is free.
func (ch *change) extents(lv *lvm.LogicalVolume) (lvm.Extents, bool) {
	v, one := ch.opt.Value("extents"), ch.VG().ExtentSize()
	switch {
	case ch.opt.Has("size"):
		b := ch.opt.Bytes("size")
		if b%one != 0 {
			ch.warnOut("Rounding size to boundary between physical extents: %s.", human((b/one+1)*one))
		}
		return lvm.Extents((b + one - 1) / one), true
	case v.Percent == "":
		return lvm.Extents(v.Number), true
	case v.Percent == "LV" || v.Percent == "ORIGIN":
		return lvm.Extents(v.Number * uint64(lv.Extents()) / 100), v.Percent == "LV"
	default:
		return 0, false
	}
}

// reduce makes a volume smaller, after a word of warning.
func (ch *change) reduce(lv *lvm.LogicalVolume, size lvm.Size, sign byte) (*lvm.LogicalVolume, error) {
	spec := lvm.ReduceSpec{AllowOpen: true, ResizeFS: ch.opt.Has("resizefs")}
	if sign == '-' {
		spec.By = size
	} else {
		spec.To = size
	}
	vg, name := ch.VG(), lv.Name()
	if lv.Active() && !spec.ResizeFS {
		left, _ := ch.extents(lv)
		if sign == '-' {
			left = lv.Extents() - min(left, lv.Extents())
		}
		ch.warn("WARNING: Reducing active logical volume to %s.", human(lvm.Bytes(left)*vg.ExtentSize()))
		ch.warn("THIS MAY DESTROY YOUR DATA (filesystem etc.)")
		if !ch.opt.Has("force") && !ch.ask("Do you really want to reduce %s/%s?", vg.Name(), name) {
			return nil, sentence("Logical volume %s/%s NOT reduced.", vg.Name(), name)
		}
	}
	return ch.resized(name, ch.ReduceLV(name, spec))
}

func (ch *change) resized(name string, err error) (*lvm.LogicalVolume, error) {
	if err != nil {
		return nil, err
	}
	return ch.VG().LV(name)
}

func runLVChange(c *call) error {
	o := c.opt
	changes := []string{
		"addtag", "alloc", "cachemode", "cachepolicy", "cachesettings", "contiguous", "deltag", "discards", "errorwhenfull", "major", "maxrecoveryrate", "raidmaxrecoveryrate",
		"minor", "minrecoveryrate", "raidminrecoveryrate", "permission", "persistent", "readahead", "rebuild", "resync", "setactivationskip", "setautoactivation", "syncaction",
		"raidsyncaction", "writebehind", "raidwritebehind", "writemostly", "raidwritemostly", "zero",
	}
	acts := o.HasAny("activate", "refresh", "monitor", "poll")
	if !o.HasAny(changes...) && !acts || len(c.args) == 0 && !o.Has("select") {
		return c.syntax()
	}
	if o.HasAny("syncaction", "raidsyncaction", "resync") {
		return runRAIDWork(c)
	}
	return c.eachLV(c.args, func(ch *change, lv *lvm.LogicalVolume) error {
		if o.HasAny(changes...) {
			if err := ch.changeLV(lv); err != nil {
				return err
			}
			ch.done("Logical volume %s/%s changed.", ch.VG().Name(), lv.Name())
		}
		if o.Has("refresh") && !lv.Active() {
			return nil
		}
		if o.Has("refresh") {
			return ch.RefreshWith(lv.Name(), c.activation())
		}
		if !o.Has("activate") {
			return nil
		}
		if origin := lv.Origin(); origin != nil && !lv.IsThin() {
			return ch.activateSnapshot(lv, origin)
		}
		return ch.activate(lv)
	})
}

// activateSnapshot activates or deactivates a snapshot, which comes and goes with its
// origin. Who names both, or the group, has said so already.
func (ch *change) activateSnapshot(lv, origin *lvm.LogicalVolume) error {
	vg := ch.VG().Name()
	for _, word := range ch.args {
		if group, name := ch.lvArgument(word); isTag(word) || group == vg && (name == "" || name == origin.Name()) {
			return nil
		}
	}
	if len(ch.args) == 0 {
		return nil
	}
	if !ch.ask("Change of snapshot %s/%s will also change its origin %s/%s. Proceed?", vg, lv.Name(), vg, origin.Name()) {
		return sentence("Logical volume %s/%s not changed.", vg, lv.Name())
	}
	return ch.activate(origin)
}

// activate activates or deactivates a volume as --activate says.
func (ch *change) activate(lv *lvm.LogicalVolume) error {
	switch word := ch.opt.Text("activate"); {
	case isOneOf(word, "n", "en", "ln"):
		return ch.Deactivate(lv.Name())
	case isOneOf(word, "ay", "aay", "aly", "aey") && !lv.AutoActivation():
		return nil
	}
	err := ch.ActivateWith(lv.Name(), ch.activation())
	if errors.Is(err, lvm.ErrActivationSkip) {
		return nil // as with lvm2
	}
	return err
}

// changeLV makes the changes of the options.
func (ch *change) changeLV(lv *lvm.LogicalVolume) error {
	o, name := ch.opt, lv.Name()
	full := ch.VG().Name() + "/" + name
	for _, step := range []struct {
		options []string
		do      func() error
	}{
		{[]string{"permission"}, func() error {
			readOnly := o.Text("permission") == "r"
			if lv.ReadOnly() == readOnly {
				return sentence("Logical volume %s is already %s.", full, map[bool]string{true: "read only", false: "writable"}[readOnly])
			}
			return ch.SetLVReadOnly(name, readOnly)
		}},
		{[]string{"addtag", "deltag"}, func() error { return ch.SetLVTags(name, ch.newTags(lv.Tags())...) }},
		{[]string{"alloc"}, func() error {
			policy, err := ch.allocation()
			if err != nil {
				return err
			}
			return ch.SetLVAllocation(name, policy)
		}},
		{[]string{"contiguous"}, func() error {
			policy := metadata.AllocInherit
			if o.Yes("contiguous", true) {
				policy = metadata.AllocContiguous
			}
			return ch.SetLVAllocation(name, policy)
		}},
		{[]string{"persistent"}, func() error {
			var minor lvm.Minor
			if o.Yes("persistent", true) {
				if !o.Has("minor") {
					return ch.misuse("Minor number must be specified with -My")
				}
				minor = lvm.FixedMinor(limit(o.Number("minor")))
			}
			return ch.SetLVPersistentMinor(name, minor)
		}},
		{[]string{"readahead"}, func() error {
			ahead, err := ch.readAhead()
			if err != nil {
				return err
			}
			return ch.SetLVReadAhead(name, ahead)
		}},
		{[]string{"setactivationskip"}, func() error { return ch.SetLVActivationSkip(name, o.Yes("setactivationskip", true)) }},
		{[]string{"setautoactivation"}, func() error { return ch.SetLVAutoActivation(name, o.Yes("setautoactivation", true)) }},
		{[]string{"discards", "errorwhenfull", "zero"}, func() error { return ch.changePool(name) }},
		{[]string{"cachemode", "cachepolicy", "cachesettings"}, func() error {
			settings, err := ch.cacheSettings()
			if err != nil {
				return err
			}
			return ch.ChangeCache(name, lvm.CacheChange{Mode: lvm.CacheMode(o.Text("cachemode")), Policy: o.Text("cachepolicy"), Settings: settings})
		}},
		{
			[]string{"maxrecoveryrate", "raidmaxrecoveryrate", "minrecoveryrate", "raidminrecoveryrate", "writebehind", "raidwritebehind", "writemostly", "raidwritemostly"},
			func() error { return ch.changeRAID(name) },
		},
	} {
		if !o.HasAny(step.options...) {
			continue
		}
		if err := step.do(); err != nil {
			return err
		}
	}
	return nil
}

// readAhead returns what --readahead says.
func (c *call) readAhead() (lvm.ReadAhead, error) {
	switch text := c.opt.Text("readahead"); text {
	case "", "auto":
		return lvm.ReadAheadAuto, nil
	case "none":
		return lvm.ReadAheadNone, nil
	default:
		size, err := sizes.Parse(text, 's')
		n := size / 512
		if err != nil || n > 1<<31 {
			return 0, &args.UsageError{Lines: []string{"Invalid argument for --readahead: " + text, "Error during parsing of command line."}}
		}
		if n == 0 {
			return lvm.ReadAheadNone, nil
		}
		return lvm.ReadAhead(n), nil
	}
}
