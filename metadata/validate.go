package metadata

import (
	"cmp"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/internal/index"
	"github.com/lvm-go/lvm/units"
)

// The rules of a group.
const (
	RuleID            Rule = "id"             // every object has an id of its own
	RuleName          Rule = "name"           // names are valid, not too long, unique
	RuleUnknownStatus Rule = "unknown status" // a word of a status list is not known: the group may be read only
	RuleFormat        Rule = "format"         // the format is lvm2
	RuleExtentSize    Rule = "extent size"    // a power of 2, or a multiple of 128 KiB
	RuleAllocation    Rule = "allocation"     // a policy that an object can have
	RuleTag           Rule = "tag"            // no empty tag
	RuleMaxPV         Rule = "max_pv"         // no more PVs than allowed
	RuleMaxLV         Rule = "max_lv"         // no more visible LVs than allowed
	RuleLock          Rule = "lock"           // shared groups: no system id, each LV its own lock
	RulePVSize        Rule = "pv size"        // extents and sectors can be counted
	RuleLVSize        Rule = "lv size"        // extents and sectors can be counted
	RuleDeviceNumber  Rule = "device number"  // a minor that LVM2 takes
	RuleSegmentType   Rule = "segment type"   // type and body belong together
	RuleSegments      Rule = "segments"       // they follow one another from 0 on
	RuleStripes       Rule = "stripes"        // count and size of stripes
	RuleSnapshot      Rule = "snapshot"       // an origin and a COW store, which is nothing else
	RuleMirror        Rule = "mirror"         // legs, regions, log; what a move has
	RuleThin          Rule = "thin"           // pools, their metadata and messages; thin volumes, their ids and origins
	RuleRAID          Rule = "raid"           // number and kind of images, regions, stripes, rates
	RuleCache         Rule = "cache"          // pools and cachevols, their settings
	RuleWriteCache    Rule = "writecache"     // a cache, its blocks and settings
	RuleIntegrity     Rule = "integrity"      // blocks, what is protected, settings
	RuleVDO           Rule = "vdo"            // pools and their volumes
	RuleSpare         Rule = "spare"          // no more than one spare for the metadata of pools
	RuleArea          Rule = "area"           // an area lies in an object of the group, and within it
	RuleOverlap       Rule = "overlap"        // an extent is used once
	RuleCycle         Rule = "cycle"          // no LV lies in itself
	RuleDepth         Rule = "depth"          // LVs lie on one another in no more levels than programs can go down
	RuleCreation      Rule = "creation"       // host and time of creation go together
)

// maxExtentSize is the largest number of sectors that LVM2 can note.
const maxExtentSize = units.Sectors(maxUint32)

// Validate checks what a group must obey to be written: the rules that LVM2
// has, without those of the segment types that are opaque here. It reports all
// violations, in a *ValidationError that matches ErrInvalid. In memory only.
//
// A group that was read from a device may have a violation of
// [RuleUnknownStatus], and is then not to be changed, though it may be used.
func (vg *VolumeGroup) Validate() error {
	c := &checker{vg: vg, kind: "vg", name: vg.Name, segment: -1}
	c.group()
	c.physicalVolumes()
	c.logicalVolumes()
	c.historicalLVs()
	c.overlaps()
	c.cycles()
	if len(c.violations) == 0 {
		return nil
	}
	return &ValidationError{VG: vg.Name, Violations: c.violations}
}

// A checker collects violations.
type checker struct {
	vg         *VolumeGroup
	violations []*InvalidError

	// What is being checked.
	kind, name string
	lv         int // number of the LV
	segment    int // -1: not in a segment

	pvs  map[ID]int       // numbers of the PVs
	lvs  *index.Index[ID] // numbers of the LVs
	size []units.Extents  // of each LV
	runs []run

	cows    map[ID]int  // by COW store, the LV that ties it to an origin
	stores  map[ID][]ID // by origin, the COW stores
	merging map[ID]int  // by origin, the LV that ties to it what is merged into it

	thins map[thinDevice]int // the LVs that pools know
	spare string             // name of the LV
}

// A run is a row of extents in use: of a PV, or of an LV that is an area of
// another.
type run struct {
	owner       int32 // number of the PV, or of the PVs and the LV
	lv, segment int32 // who uses it
	start, end  units.Extents
}

func (c *checker) object() string {
	switch {
	case c.kind == "vg":
		return "vg " + c.name
	case c.kind == "lv" && c.segment >= 0:
		return "lv " + c.vg.Name + "/" + c.name + " segment " + strconv.Itoa(c.segment+1)
	case c.kind == "pv":
		return "pv " + c.name
	}
	return c.kind + " " + c.vg.Name + "/" + c.name
}

func (c *checker) fail(rule Rule, detail string) {
	c.violations = append(c.violations, &InvalidError{Object: c.object(), Rule: rule, Detail: detail})
}

func number[T ~uint64](n T) string { return strconv.FormatUint(uint64(n), 10) }

func (c *checker) group() {
	vg := c.vg
	c.checkID(&vg.ID)
	if detail := nameFault(vg.Name); detail != "" {
		c.fail(RuleName, detail)
	}
	if vg.Format != "" && vg.Format != formatValue {
		c.fail(RuleFormat, show(vg.Format))
	}
	c.unknown(&vg.Unknown, uint32(vg.Status)&^uint32(2*VGPartial-1))
	c.tags(vg.Tags)
	c.allocation(vg.Allocation)
	c.extentSize()
	if vg.MaxPV != 0 && uint64(len(vg.PVs)) > uint64(vg.MaxPV) {
		c.fail(RuleMaxPV, strconv.Itoa(len(vg.PVs))+" pvs, "+number(uint64(vg.MaxPV))+" allowed")
	}
	if vg.MaxLV != 0 {
		n := uint64(0)
		for _, visible := range vg.visible() {
			if visible {
				n++
			}
		}
		if n > uint64(vg.MaxLV) {
			c.fail(RuleMaxLV, number(n)+" visible lvs, "+number(uint64(vg.MaxLV))+" allowed")
		}
	}
	c.locks()
}

func (c *checker) extentSize() {
	const multiple = units.Sectors(128 * units.KiB / units.SectorSize)
	size := c.vg.ExtentSize
	switch {
	case size == 0 || size > maxExtentSize:
		c.fail(RuleExtentSize, number(size)+" sectors")
	case size&(size-1) != 0 && size%multiple != 0:
		c.fail(RuleExtentSize, number(size)+" sectors are neither a power of 2 nor a multiple of 128 KiB")
	}
}

// locks checks what a lock manager of shared groups needs.
func (c *checker) locks() {
	vg := c.vg
	if vg.LockType != "sanlock" && vg.LockType != "dlm" && vg.LockType != "idm" {
		return
	}
	if vg.SystemID != "" {
		c.fail(RuleLock, "lock type "+vg.LockType+" with a system id")
	}
	if vg.Status&VGClustered != 0 {
		c.fail(RuleLock, "lock type "+vg.LockType+" of a clustered group")
	}
	if vg.LockType != "sanlock" {
		return // only its locks have places of their own
	}
	args := map[string]bool{}
	for _, lv := range vg.LVs {
		if lv.LockArgs != "" && args[lv.LockArgs] {
			c.fail(RuleLock, "lock "+show(lv.LockArgs)+" of lv "+lv.Name+" is another's too")
		}
		args[lv.LockArgs] = true
	}
}

func (c *checker) checkID(id *ID) {
	switch {
	case id.IsZero():
		c.fail(RuleID, "none")
	case !id.valid():
		c.fail(RuleID, show(string(id[:]))+" is not made of letters and digits")
	}
}

// unknown checks the status: its words, and its bits without a word.
func (c *checker) unknown(u *UnknownFlags, bits uint32) {
	for _, word := range u.Status {
		c.fail(RuleUnknownStatus, show(word))
	}
	if bits != 0 {
		c.fail(RuleUnknownStatus, "bits 0x"+strconv.FormatUint(uint64(bits), 16))
	}
}

// tags checks only what no text can hold to good purpose: LVM2 takes any tag
// that is already there.
func (c *checker) tags(tags []string) {
	if slices.Contains(tags, "") {
		c.fail(RuleTag, "empty")
	}
}

func (c *checker) allocation(a Allocation) {
	if a == AllocClingByTags || a > AllocAnywhere {
		c.fail(RuleAllocation, a.String())
	}
}

func (c *checker) physicalVolumes() {
	vg := c.vg
	c.kind = "pv"
	c.pvs = make(map[ID]int, len(vg.PVs))
	for i, pv := range vg.PVs {
		c.name = pv.ID.String()
		if c.name == "" {
			c.name = pvName(i)
		}
		c.checkID(&pv.ID)
		if _, twice := c.pvs[pv.ID]; twice {
			c.fail(RuleID, "there twice")
		}
		c.pvs[pv.ID] = i
		c.unknown(&pv.Unknown, uint32(pv.Status)&^uint32(2*PVMissing-1))
		c.tags(pv.Tags)
		if pv.PECount > units.MaxExtents {
			c.fail(RulePVSize, number(pv.PECount)+" extents")
			continue
		}
		length, ok := pv.PECount.Sectors(vg.ExtentSize)
		end, carry := bits.Add64(uint64(pv.PEStart), uint64(length), 0)
		if _, fits := units.Sectors(end).Bytes(); !ok || carry != 0 || !fits {
			c.fail(RulePVSize, number(pv.PECount)+" extents from sector "+number(pv.PEStart)+" on are beyond any device")
		}
		end, carry = bits.Add64(uint64(pv.BootloaderStart), uint64(pv.BootloaderSize), 0)
		if _, fits := units.Sectors(end).Bytes(); carry != 0 || !fits {
			c.fail(RulePVSize, "bootloader area is beyond any device")
		}
	}
}

func (c *checker) logicalVolumes() {
	vg := c.vg
	c.kind = "lv"
	c.lvs = index.New(len(vg.LVs), func(i int) ID { return vg.LVs[i].ID })
	names := index.New(len(vg.LVs), func(i int) string { return vg.LVs[i].Name })
	c.size = make([]units.Extents, 0, len(vg.LVs))
	c.runs = make([]run, 0, len(vg.LVs)) // at least, as a rule
	for i, lv := range vg.LVs {
		c.name = lv.Name
		c.checkID(&lv.ID)
		if !c.lvs.Add(i) {
			c.fail(RuleID, "there twice")
		}
		if !names.Add(i) {
			c.fail(RuleName, "there twice")
		}
		c.size = append(c.size, lv.Extents())
		c.noteSnapshot(i, lv)
	}
	for i, lv := range vg.LVs {
		c.name, c.lv = lv.Name, i
		c.logicalVolume(lv)
	}
}

// maxMinor is the largest minor number of a device.
const maxMinor = 1<<20 - 1

func (c *checker) logicalVolume(lv *LogicalVolume) {
	if detail := nameFault(lv.Name); detail != "" {
		c.fail(RuleName, detail)
	} else if detail := nameLengthFault(c.vg.Name, lv.Name); detail != "" {
		c.fail(RuleName, detail)
	}
	c.unknown(&lv.Unknown, uint32(lv.Status)&^uint32(2*LVCacheVol-1))
	c.tags(lv.Tags)
	c.allocation(lv.Allocation)
	if lv.CreationTime.IsZero() && lv.CreationHost != "" {
		c.fail(RuleCreation, "host without time")
	}
	if lv.HasMinor && lv.Minor > maxMinor {
		c.fail(RuleDeviceNumber, "minor "+strconv.Itoa(int(lv.Minor)))
	}
	if lv.isSpare() {
		if c.spare != "" {
			c.fail(RuleSpare, "lv "+c.spare+" is one too")
		}
		c.spare = lv.Name
	}
	if len(lv.Segments) == 0 {
		c.fail(RuleSegments, "there are none")
	}
	next := units.Extents(0)
	for n := range lv.Segments {
		s := &lv.Segments[n]
		c.segment = n
		if s.Start != next {
			c.fail(RuleSegments, "starts at extent "+number(s.Start)+", not "+number(next))
		}
		if s.Count == 0 || s.Count > units.MaxExtents || s.Start > units.MaxExtents-s.Count {
			c.fail(RuleLVSize, number(s.Count)+" extents from "+number(s.Start)+" on")
			c.segment = -1
			return // there is no counting on
		}
		next = s.Start + s.Count
		c.checkSegment(s)
	}
	c.segment = -1
	sectors, ok := next.Sectors(c.vg.ExtentSize)
	if b, fits := sectors.Bytes(); !ok || !fits || b > 8*units.EiB {
		c.fail(RuleLVSize, number(next)+" extents of "+number(c.vg.ExtentSize)+" sectors are more than 8 EiB")
	}
}

func (c *checker) checkSegment(s *Segment) {
	c.tags(s.Tags)
	if !s.fits() {
		c.fail(RuleSegmentType, show(s.Type))
		return
	}
	s.Body.check(c, s)
	length := s.AreaLength()
	areas := s.Body.Areas()
	for i := range areas {
		c.area(&areas[i], length)
	}
	for _, id := range s.Body.Parts() {
		part := Area{LV: id}
		if n, ok := c.lvs.Find(id); ok {
			c.area(&part, c.size[n]) // all of it
		} else {
			c.area(&part, 0)
		}
	}
}

// alone checks that the segment is the only one of its LV.
func (c *checker) alone(rule Rule) {
	if len(c.vg.LVs[c.lv].Segments) != 1 {
		c.fail(rule, "it is not the only segment")
	}
}

// refer returns the LV that is what the segment has it for; nil, with a violation,
// if there is none.
func (c *checker) refer(rule Rule, what string, id ID) *LogicalVolume {
	n, ok := c.lvs.Find(id)
	if !ok || id.IsZero() {
		c.fail(rule, "no lv "+id.String()+" as "+what)
		return nil
	}
	return c.vg.LVs[n]
}

// isSpare reports whether an LV is the one that is kept for the repair of the
// metadata of pools.
//
// Source: LVM2; it knows the spare by that.
func (lv *LogicalVolume) isSpare() bool {
	return lv.Status&LVVisible == 0 && strings.Contains(lv.Name, "_pmspare")
}

// area checks where an area lies, and notes the extents that it takes.
func (c *checker) area(a *Area, length units.Extents) {
	var owner int
	var size units.Extents
	switch {
	case a.PV.IsZero() == a.LV.IsZero():
		c.fail(RuleArea, "neither in a pv nor in an lv, or in both")
		return
	case a.LV.IsZero():
		i, ok := c.pvs[a.PV]
		if !ok {
			c.fail(RuleArea, "no pv "+a.PV.String())
			return
		}
		owner, size = i, c.vg.PVs[i].PECount
	default:
		i, ok := c.lvs.Find(a.LV)
		if !ok {
			c.fail(RuleArea, "no lv "+a.LV.String())
			return
		}
		under := c.vg.LVs[i]
		owner, size = len(c.vg.PVs)+i, c.size[i]
		if isPVName(under.Name, len(c.vg.PVs)) {
			c.fail(RuleArea, "lv "+under.Name+" would be taken for a pv")
		}
		if _, isCOW := c.cows[a.LV]; isCOW || len(c.stores[a.LV]) > 0 || under.snapshot() != nil {
			c.fail(RuleArea, "lv "+under.Name+" is part of a snapshot")
		}
	}
	if length > size || a.Start > size-length {
		c.fail(RuleArea, number(length)+" extents from "+number(a.Start)+" on are beyond the end of "+
			c.owner(owner)+", which has "+number(size))
		return
	}
	if length != 0 {
		c.runs = append(c.runs, run{int32(owner), int32(c.lv), int32(c.segment), a.Start, a.Start + length})
	}
}

// owner names the PV or LV with the number that runs have.
func (c *checker) owner(i int) string {
	if n := len(c.vg.PVs); i >= n {
		return "lv " + c.vg.LVs[i-n].Name
	}
	return "pv " + c.vg.PVs[i].ID.String()
}

// overlaps finds extents that are used twice.
func (c *checker) overlaps() {
	slices.SortFunc(c.runs, func(a, b run) int {
		if a.owner != b.owner {
			return cmp.Compare(a.owner, b.owner)
		}
		return cmp.Compare(a.start, b.start)
	})
	widest := 0 // the run that reaches furthest
	for i := 1; i < len(c.runs); i++ {
		a, b := &c.runs[widest], &c.runs[i]
		if a.owner == b.owner && b.start < a.end {
			c.kind, c.name, c.segment = "lv", c.vg.LVs[b.lv].Name, int(b.segment)
			c.fail(RuleOverlap, "extents "+number(b.start)+" to "+number(min(a.end, b.end)-1)+" of "+
				c.owner(int(b.owner))+" are also those of lv "+c.vg.LVs[a.lv].Name+" segment "+
				strconv.Itoa(int(a.segment)+1))
		}
		if a.owner != b.owner || b.end > a.end {
			widest = i
		}
	}
	c.segment = -1
}

func (c *checker) historicalLVs() {
	if len(c.vg.History) == 0 {
		return
	}
	names := make(map[string]bool, len(c.vg.LVs)+len(c.vg.History))
	for _, lv := range c.vg.LVs {
		names[lv.Name] = true
	}
	ids := make(map[ID]bool, len(c.vg.History))
	c.kind = "historical lv"
	for _, h := range c.vg.History {
		c.name = h.Name
		c.checkID(&h.ID)
		if detail := nameFault(h.Name); detail != "" {
			c.fail(RuleName, detail)
		}
		if names[h.Name] {
			c.fail(RuleName, "there twice")
		}
		if _, live := c.lvs.Find(h.ID); live || ids[h.ID] {
			c.fail(RuleID, "there twice")
		}
		names[h.Name] = true
		ids[h.ID] = true
	}
}

// maxLevels is more levels of LVs than a kernel can stack. Whoever goes down from an LV to
// what it lies on, calling itself, does so within a bounded stack.
const maxLevels = 1000

// cycles finds LVs that lie in themselves, or on too many levels of others. It goes down from each LV that has
// LVs as areas, without recursion, and over no LV twice.
func (c *checker) cycles() {
	const (
		unseen = iota
		onPath
		done
	)
	type step struct {
		lv    int
		under []int // LVs that are still to be looked at
	}
	state := make([]uint8, len(c.vg.LVs))
	levels := make([]int, len(c.vg.LVs)) // of LVs that are beneath one
	tooDeep := false
	var path []step
	for root := range c.vg.LVs {
		if state[root] != unseen {
			continue
		}
		state[root] = onPath
		path = append(path[:0], step{root, c.under(root)})
		for len(path) > 0 {
			top := &path[len(path)-1]
			if len(top.under) == 0 {
				state[top.lv] = done
				path = path[:len(path)-1]
				if levels[top.lv] == maxLevels && !tooDeep {
					c.kind, c.name = "lv", c.vg.LVs[top.lv].Name
					c.fail(RuleDepth, "lies on more than "+number(uint64(maxLevels-1))+" levels of LVs")
					tooDeep = true // so do those above
				}
				if len(path) > 0 {
					above := path[len(path)-1].lv
					levels[above] = max(levels[above], levels[top.lv]+1)
				}
				continue
			}
			next := top.under[0]
			top.under = top.under[1:]
			switch state[next] {
			case onPath:
				c.kind, c.name = "lv", c.vg.LVs[next].Name
				c.fail(RuleCycle, "lies in itself by way of lv "+c.vg.LVs[top.lv].Name)
			case done:
				levels[top.lv] = max(levels[top.lv], levels[next]+1)
			case unseen:
				state[next] = onPath
				path = append(path, step{next, c.under(next)})
			}
		}
	}
}

// under returns the LVs that an LV needs: areas, parts, what it uses, and the COW
// stores of its snapshots.
func (c *checker) under(lv int) (under []int) {
	add := func(id ID) {
		if n, ok := c.lvs.Find(id); ok && !id.IsZero() {
			under = append(under, n)
		}
	}
	segments := c.vg.LVs[lv].Segments
	for i := range segments {
		body := segments[i].Body
		if body == nil {
			continue
		}
		for _, a := range body.Areas() {
			add(a.LV)
		}
		for _, id := range body.Parts() {
			add(id)
		}
		for _, id := range body.Uses() {
			add(id)
		}
	}
	for _, store := range c.stores[c.vg.LVs[lv].ID] {
		add(store)
	}
	return under
}
