package lvm

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/lvm-go/lvm/metadata"
)

// SegmentReport is the facts of a segment under the names that lvm2's
// "lvs --segments" gives them, which are also their names in JSON. Sizes are in
// bytes. What a type does not have is left out of the JSON.
type SegmentReport struct {
	Type         string   `json:"segtype"`      // linear if striped with one stripe; without +FLAG
	Stripes      int      `json:"stripes"`      // or legs
	DataStripes  int      `json:"data_stripes"` // that do not hold parity
	DataCopies   int      `json:"data_copies"`
	ParityChunks int      `json:"parity_chunks,omitempty"` // raid: how many devices may fail
	StripeSize   Bytes    `json:"stripe_size"`
	RegionSize   Bytes    `json:"region_size"`
	ChunkSize    Bytes    `json:"chunk_size"` // of snapshots, thin pools and caches
	Start        Bytes    `json:"seg_start"`
	StartExtent  Extents  `json:"seg_start_pe"`
	Size         Bytes    `json:"seg_size"`
	Extents      Extents  `json:"seg_size_pe"`
	Tags         []string `json:"seg_tags"`

	// Areas is where the segment lies, Devices, PERanges and LERanges the same as
	// lvm2 prints it. It prints logical volumes as a whole; with LERanges, hidden
	// ones are in brackets.
	Areas            []AreaReport `json:"areas"`
	Devices          []string     `json:"devices"`
	PERanges         []string     `json:"seg_pe_ranges"`
	LERanges         []string     `json:"seg_le_ranges"`
	MetadataDevices  []string     `json:"metadata_devices,omitempty"` // of raid
	MetadataLERanges []string     `json:"seg_metadata_le_ranges,omitempty"`

	ReshapeExtents      *Extents `json:"reshape_len_le,omitempty"` // raid: room for reshaping
	ReshapeLength       *Bytes   `json:"reshape_len,omitempty"`
	DataOffset          *Sectors `json:"data_offset,omitempty"`     // raid: where the data begin in each image now,
	NewDataOffset       *Sectors `json:"new_data_offset,omitempty"` // and after the reshape; of an active volume
	ThinCount           *int     `json:"thin_count,omitempty"`      // thin pool: its volumes
	Discards            string   `json:"discards,omitempty"`        // thin
	Zero                *bool    `json:"zero,omitempty"`            // thin
	TransactionID       *uint64  `json:"transaction_id,omitempty"`  // thin
	ThinID              *uint32  `json:"thin_id,omitempty"`         // thin volume
	CacheMode           string   `json:"cache_mode,omitempty"`
	CachePolicy         string   `json:"cache_policy,omitempty"`
	CacheSettings       []string `json:"cache_settings,omitempty"`
	CacheMetadataFormat uint32   `json:"cache_metadata_format,omitempty"`

	*VDOReport // nil if it is neither a VDO pool nor a volume in one
}

// VDOReport is how a VDO pool works.
type VDOReport struct {
	Compression       bool   `json:"vdo_compression"`
	Deduplication     bool   `json:"vdo_deduplication"`
	UseMetadataHints  bool   `json:"vdo_use_metadata_hints"`
	UseSparseIndex    bool   `json:"vdo_use_sparse_index"`
	MinimumIOSize     Bytes  `json:"vdo_minimum_io_size"`
	BlockMapCacheSize Bytes  `json:"vdo_block_map_cache_size"`
	BlockMapEraLength uint32 `json:"vdo_block_map_era_length"` // blocks of 4 KiB
	IndexMemorySize   Bytes  `json:"vdo_index_memory_size"`
	SlabSize          Bytes  `json:"vdo_slab_size"`
	HeaderSize        Bytes  `json:"vdo_header_size"` // before and behind what its volumes have
	MaxDiscard        uint32 `json:"vdo_max_discard"` // blocks of 4 KiB
	WritePolicy       string `json:"vdo_write_policy"`
	AckThreads        uint32 `json:"vdo_ack_threads"`
	BioThreads        uint32 `json:"vdo_bio_threads"`
	BioRotation       uint32 `json:"vdo_bio_rotation"`
	CPUThreads        uint32 `json:"vdo_cpu_threads"`
	HashZoneThreads   uint32 `json:"vdo_hash_zone_threads"`
	LogicalThreads    uint32 `json:"vdo_logical_threads"`
	PhysicalThreads   uint32 `json:"vdo_physical_threads"`
}

func vdoReport(p *metadata.VDOPool) *VDOReport {
	return &VDOReport{
		Compression: p.Compression, Deduplication: p.Deduplication, UseMetadataHints: p.MetadataHints, UseSparseIndex: p.SparseIndex,
		MinimumIOSize: p.MinimumIOSize, BlockMapCacheSize: Bytes(p.BlockMapCacheSize) * MiB, BlockMapEraLength: p.BlockMapEraLength,
		IndexMemorySize: Bytes(p.IndexMemorySize) * MiB, SlabSize: Bytes(p.SlabSize) * MiB, HeaderSize: sectorBytes(p.HeaderSize),
		MaxDiscard: p.MaxDiscard, WritePolicy: cmp.Or(p.WritePolicy, "auto"),
		AckThreads: p.AckThreads, BioThreads: p.BioThreads, BioRotation: p.BioRotation, CPUThreads: p.CPUThreads,
		HashZoneThreads: p.HashZoneThreads, LogicalThreads: p.LogicalThreads, PhysicalThreads: p.PhysicalThreads,
	}
}

// AreaReport is where a stripe or leg of a segment lies, on a physical volume or
// in another logical one.
type AreaReport struct {
	PVUUID ID      `json:"pv_uuid,omitzero"`
	PVName string  `json:"pv_name,omitempty"`
	LVName string  `json:"lv_name,omitempty"`
	Start  Extents `json:"start"`
	Count  Extents `json:"count"`
}

// Report returns the facts of the segment. It does not ask the kernel, so it lacks
// what only that knows.
func (s Segment) Report() SegmentReport {
	rel := s.lv.vg.related()
	node, ok := rel.byID.Find(s.lv.rec.ID)
	index, found := findSegment(s.lv.rec.Segments, s.rec.Start)
	if !ok || !found {
		return SegmentReport{}
	}
	return s.lv.vg.segmentReport(rel, node, index)
}

func (v *VolumeGroup) segmentReport(rel *relations, node, index int) SegmentReport {
	n := &rel.nodes[node]
	seg, f := &n.rec.Segments[index], &n.segments[index]
	r := SegmentReport{
		Type: f.kind, Stripes: len(f.areas), DataStripes: len(f.areas) - f.parity() - rel.freedImages(f), DataCopies: 1,
		StripeSize: sectorBytes(f.stripeSize), RegionSize: sectorBytes(f.regionSize), ChunkSize: sectorBytes(f.chunkSize),
		Start: v.bytes(seg.Start), StartExtent: seg.Start, Size: v.bytes(seg.Count), Extents: seg.Count, Tags: list(seg.Tags),
		Areas: []AreaReport{}, Devices: list(nil), PERanges: list(nil), LERanges: list(nil),
		Discards: f.discards, CacheMode: f.cacheMode, CachePolicy: f.cachePolicy, CacheMetadataFormat: f.cacheFormat,
		CacheSettings: f.cacheSettings,
	}
	if n.cow != nil {
		r.ChunkSize = sectorBytes(n.cow.chunk)
	}
	for _, a := range f.areas {
		v.addArea(rel, &r, seg, f, a)
	}
	bracketAll(rel, r.LERanges, f.areas)
	for _, id := range f.metas {
		if meta := rel.node(id); meta != nil {
			r.MetadataDevices = append(r.MetadataDevices, meta.rec.Name+"(0)")
			r.MetadataLERanges = append(r.MetadataLERanges, meta.extentRange(true))
		}
	}
	if use := n.usedAs(areaPart); f.raid {
		r.addRaid(f)
		if f.reshapes() {
			v.addReshape(&r, seg.ReshapeCount*Extents(r.Stripes))
		}
	} else if use != nil && index == 0 && rel.nodes[use.by].first().reshapes() {
		v.addReshape(&r, seg.ReshapeCount)
	}
	switch {
	case f.kind == "thin-pool":
		thin := 0
		for _, u := range n.uses {
			if u.part == poolOf {
				thin++
			}
		}
		r.ThinCount, r.Zero, r.TransactionID = &thin, &f.zero, &f.transactionID
	case f.kind == "thin":
		r.TransactionID, r.ThinID = &f.transactionID, &f.deviceID
		if pool := rel.poolOf(f); pool != nil {
			r.Discards, r.Zero = pool.discards, &pool.zero
		}
	case f.vdo != nil:
		r.VDOReport = vdoReport(f.vdo)
	case f.kind == "vdo":
		if pool := rel.poolOf(f); pool != nil && pool.vdo != nil {
			r.VDOReport = vdoReport(pool.vdo)
		}
	case f.kind == "cache":
		if pool := rel.poolOf(f); pool != nil && pool.kind == "cache-pool" {
			r.ChunkSize, r.CacheMode, r.CachePolicy = sectorBytes(pool.chunkSize), pool.cacheMode, pool.cachePolicy
			r.CacheSettings, r.CacheMetadataFormat = pool.cacheSettings, pool.cacheFormat
		}
	}
	return r
}

// addRaid adds what only raids have.
func (r *SegmentReport) addRaid(f *segmentFacts) {
	switch {
	case f.kind == "raid1":
		r.DataCopies = r.Stripes
	case f.kind == "raid10":
		r.DataCopies = max(2, min(int(f.copies), r.Stripes))
		r.DataStripes = r.Stripes / r.DataCopies
	default:
		r.DataCopies = 1 + f.parity()
	}
	r.ParityChunks = r.DataCopies - 1
}

// reshapes says whether the number of stripes of a raid can be changed in place,
// for which it needs room.
func (f *segmentFacts) reshapes() bool {
	return f.raid && f.stripeSize != 0 && f.kind != "raid0" && f.kind != "raid0_meta"
}

func (v *VolumeGroup) addReshape(r *SegmentReport, count Extents) {
	length := v.bytes(count)
	r.ReshapeExtents, r.ReshapeLength = &count, &length
}

// poolOf returns the facts of the pool that a segment names.
func (r *relations) poolOf(f *segmentFacts) *segmentFacts {
	if pool := r.node(f.pool); pool != nil {
		return pool.first()
	}
	return nil
}

// addArea adds an area in its several forms.
func (v *VolumeGroup) addArea(rel *relations, r *SegmentReport, seg *metadata.Segment, f *segmentFacts, a Area) {
	count := seg.AreaLength()
	if n := rel.node(a.LV); n != nil {
		r.Areas = append(r.Areas, AreaReport{LVName: n.rec.Name, Start: a.Start, Count: count})
		r.Devices = append(r.Devices, n.rec.Name+"(0)")
		r.PERanges = append(r.PERanges, n.extentRange(false))
		r.LERanges = append(r.LERanges, n.extentRange(true))
		return
	}
	name := "[unknown]"
	m := v.members[a.PV]
	if m != nil {
		name = m.path
	}
	area := AreaReport{PVUUID: a.PV, Start: a.Start, Count: count}
	if m != nil {
		area.PVName = m.path
	}
	where := fmt.Sprintf("%s:%d-%d", name, a.Start, a.Start+max(count, 1)-1)
	r.Areas = append(r.Areas, area)
	r.Devices = append(r.Devices, fmt.Sprintf("%s(%d)", name, a.Start))
	r.PERanges = append(r.PERanges, where)
	r.LERanges = append(r.LERanges, where)
}

// bracketAll puts what follows a hidden volume into brackets, too, as lvm2 does.
func bracketAll(rel *relations, ranges []string, areas []Area) {
	hidden := false
	for i, a := range areas {
		if n := rel.node(a.LV); n != nil {
			hidden = !n.visible()
		} else if end := strings.LastIndexByte(ranges[i], ':'); hidden {
			ranges[i] = "[" + ranges[i][:end] + "]" + ranges[i][end:]
		}
	}
}

// extentRange returns all extents of the volume as lvm2 prints them.
func (n *lvNode) extentRange(brackets bool) string {
	name := n.rec.Name
	if brackets && !n.visible() {
		name = "[" + name + "]"
	}
	return fmt.Sprintf("%s:0-%d", name, max(n.rec.Extents(), 1)-1)
}
