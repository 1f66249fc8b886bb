package metadata_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/metadata"
	"github.com/lvm-go/lvm/units"
)

// A typedCase is a small text with segments of one type, and what happens if
// parts of it are replaced.
type typedCase struct {
	name string
	lvs  []typedLV

	unreadable map[string][]string // what is replaced: old, new, and more such pairs
	invalid    map[string]breakage
	valid      map[string][]string
}

// typedLV is an LV of one segment: linear if it has no type.
type typedLV struct {
	name  string
	count int
	body  string
}

// breakage is a text that can be read, but breaks a rule.
type breakage struct {
	rule    metadata.Rule
	object  string
	replace []string
}

// hidden are the LVs that make up others.
func hidden(count int, names ...string) (lvs []typedLV) {
	for _, name := range names {
		lvs = append(lvs, typedLV{name, count, ""})
	}
	return lvs
}

func (c *typedCase) text() string {
	var b strings.Builder
	next := 0
	for i, lv := range c.lvs {
		status, body := `"READ", "WRITE", "VISIBLE"`, lv.body
		if body == "" {
			status = `"READ", "WRITE"`
			body = fmt.Sprintf("type = \"striped\"\nstripe_count = 1\n\nstripes = [\n\"pv0\", %d\n]\n", next)
			next += lv.count
		}
		if strings.HasPrefix(lv.name, "ro") {
			status = `"READ"`
		}
		fmt.Fprintf(&b, "\n%s {\nid = \"%s%02d\"\nstatus = [%s]\nflags = []\nsegment_count = 1\n\nsegment1 {\nstart_extent = 0\nextent_count = %d\n\n%s}\n}\n",
			lv.name, exampleLVID[:len(exampleLVID)-2], i, status, lv.count, body)
	}
	from := strings.Index(exampleText, "\na {\n")
	to := strings.Index(exampleText, "}\n\n}\n#")
	text := exampleText[:from] + b.String() + exampleText[to:]
	return strings.Replace(text, "pe_count = 31", "pe_count = 300", 1)
}

// hiddenWord is the end of the status of an LV that is hidden.
const hiddenWord = ", \"WRITE\"]\nflags = []\nsegment"

const (
	thinPoolText = "type = \"thin-pool\"\nmetadata = \"p_tmeta\"\npool = \"p_tdata\"\ntransaction_id = 3\nchunk_size = 128\n" +
		"discards = \"passdown\"\nzero_new_blocks = 1\n\nmessage1 {\ncreate = \"t\"\n}\nmessage2 {\ndelete = 9\n}\n"
	thinText = "type = \"thin\"\nthin_pool = \"p\"\ntransaction_id = 2\ndevice_id = 1\nexternal_origin = \"ro\"\n"
	snapText = "type = \"thin\"\nthin_pool = \"p\"\ntransaction_id = 2\ndevice_id = 2\norigin = \"t\"\nmerge = \"t\"\n"
	raidText = "type = \"raid5\"\ndevice_count = 3\nregion_size = 4096\nstripe_size = 128\nmin_recovery_rate = 1\nmax_recovery_rate = 9\n\n" +
		"raids = [\n\"r_rmeta_0\", \"r_rimage_0\",\n\"r_rmeta_1\", \"r_rimage_1\",\n\"r_rmeta_2\", \"r_rimage_2\"\n]\n"
	raid0Text = "type = \"raid0\"\nstripe_count = 2\nstripe_size = 128\n\nraid0_lvs = [\n\"z_rimage_0\",\n\"z_rimage_1\"\n]\n"
	raid1Text = "type = \"raid1\"\ndevice_count = 2\nregion_size = 4096\n\n" +
		"raids = [\n\"m_rmeta_0\", \"m_rimage_0\",\n\"m_rmeta_1\", \"m_rimage_1\"\n]\n"
	raid10Text = "type = \"raid10\"\ndevice_count = 4\ndata_copies = 2\nregion_size = 4096\nstripe_size = 128\n\nraids = [\n" +
		"\"x_rmeta_0\", \"x_rimage_0\",\n\"x_rmeta_1\", \"x_rimage_1\",\n\"x_rmeta_2\", \"x_rimage_2\",\n\"x_rmeta_3\", \"x_rimage_3\"\n]\n"
	cachePoolText = "type = \"cache-pool\"\ndata = \"q_cdata\"\nmetadata = \"q_cmeta\"\nmetadata_format = 2\nchunk_size = 128\n" +
		"cache_mode = \"writeback\"\npolicy = \"smq\"\npolicy_settings {\n\tmigration_threshold=4096\n}\n"
	cacheText    = "type = \"cache\"\ncache_pool = \"q\"\norigin = \"c_corig\"\ncleaner = 1\n"
	cachevolText = "type = \"cache+CACHE_USES_CACHEVOL\"\ncache_pool = \"v_cvol\"\norigin = \"v_corig\"\nmetadata_format = 2\n" +
		"chunk_size = 128\ncache_mode = \"writeback\"\npolicy = \"smq\"\nmetadata_start = 0\nmetadata_len = 8192\ndata_start = 8192\ndata_len = 8192\n"
	writeCacheText = "type = \"writecache\"\nwritecache = \"w_cvol\"\norigin = \"w_wcorig\"\nwritecache_block_size = 4096\nlow_watermark = 30\ncleaner = 1\n" +
		"writecache_setting_key = \"x\"\nwritecache_setting_val = \"y\"\n"
	integrityText = "type = \"integrity\"\norigin = \"i_iorig\"\ndata_sectors = 16384\nmode = \"J\"\ntag_size = 4\nblock_size = 512\n" +
		"internal_hash = \"crc32c\"\nmeta_dev = \"i_imeta\"\nrecalculate = 1\ncommit_time = 7\n"
	vdoPoolText = "type = \"vdo-pool\"\ndata = \"d_vdata\"\nheader_size = 1024\nvirtual_extents = 9\n\nuse_compression = 1\nminimum_io_size = 4096\n" +
		"block_map_cache_size_mb = 128\nblock_map_era_length = 16380\nindex_memory_size_mb = 256\nmax_discard = 1\nslab_size_mb = 2048\n" +
		"ack_threads = 1\nbio_threads = 4\nbio_rotation = 64\ncpu_threads = 2\nhash_zone_threads = 1\nlogical_threads = 1\nphysical_threads = 1\n" +
		"write_policy = sync\n"
	vdoText = "type = \"vdo\"\nvdo_pool = \"d\"\nvdo_offset = 1\n"
)

// typedCases returns a case for each type. What lvm2 2.03.16 refuses to restore is
// refused here; what it cannot read, is unreadable or invalid.
func typedCases() []typedCase {
	return []typedCase{
		{
			name: "thin",
			lvs: append(hidden(4, "p_tmeta", "p_tdata", "ro"), typedLV{"p", 4, thinPoolText},
				typedLV{"t", 9, thinText}, typedLV{"u", 9, snapText}),
			unreadable: map[string][]string{
				"no metadata":            {"metadata = \"p_tmeta\"\n", ""},
				"no data":                {"pool = \"p_tdata\"\n", ""},
				"foreign data":           {"\"p_tdata\"\n", "\"x\"\n"},
				"no transaction":         {"transaction_id = 3\n", ""},
				"transaction of 64 bits": {"transaction_id = 3", "transaction_id = 18446744073709551615"},
				"no chunk size":          {"chunk_size = 128\n", ""},
				"chunk too long":         {"chunk_size = 128", "chunk_size = 4294967296"},
				"discards":               {"passdown", "perhaps"},
				"zero":                   {"zero_new_blocks = 1", "zero_new_blocks = \"1\""},
				"message of nothing":     {"create = \"t\"", ""},
				"message of both":        {"delete = 9", "delete = 9\ncreate = \"t\""},
				"message of more":        {"delete = 9", "delete = 9\nmore = 1"},
				"message of no lv":       {"create = \"t\"", "create = \"x\""},
				"message of a section":   {"delete = 9", "delete { x = 9 }"},
				"no pool":                {"thin_pool = \"p\"\ntransaction_id = 2\ndevice_id = 2\n", "transaction_id = 2\ndevice_id = 2\n"},
				"foreign pool":           {"thin_pool = \"p\"", "thin_pool = \"x\""},
				"no device":              {"device_id = 2\n", ""},
				"device of 33 bits":      {"device_id = 2", "device_id = 4294967298"},
				"foreign origin":         {"origin = \"t\"", "origin = \"-t\""},
				"foreign external":       {"external_origin = \"ro\"", "external_origin = \"pv0\""},
				"merge of a list":        {"merge = \"t\"", "merge = [\"t\"]"},
			},
			invalid: map[string]breakage{
				"pool in itself":        {metadata.RuleCycle, "lv vg/p", []string{"pool = \"p_tdata\"", "pool = \"p\""}},
				"pool as its metadata":  {metadata.RuleThin, "lv vg/p", []string{"metadata = \"p_tmeta\"", "metadata = \"p\""}},
				"data as metadata":      {metadata.RuleOverlap, "lv vg/p", []string{"metadata = \"p_tmeta\"", "metadata = \"p_tdata\""}},
				"name of metadata":      {metadata.RuleThin, "lv vg/p", []string{"\"p_tmeta\"", "\"ro\""}},
				"chunk":                 {metadata.RuleThin, "lv vg/p", []string{"chunk_size = 128", "chunk_size = 192"}},
				"short chunk":           {metadata.RuleThin, "lv vg/p", []string{"chunk_size = 128", "chunk_size = 64"}},
				"long chunk":            {metadata.RuleThin, "lv vg/p", []string{"chunk_size = 128", "chunk_size = 2097280"}},
				"data too short":        {metadata.RuleArea, "lv vg/p", []string{"extent_count = 4\n\ntype = \"thin-pool\"", "extent_count = 5\n\ntype = \"thin-pool\""}},
				"message to a pool":     {metadata.RuleThin, "lv vg/p", []string{"create = \"t\"", "create = \"p\""}},
				"message of 25 bits":    {metadata.RuleThin, "lv vg/p", []string{"delete = 9", "delete = 16777216"}},
				"device of 25 bits":     {metadata.RuleThin, "lv vg/u", []string{"device_id = 2", "device_id = 16777216"}},
				"device twice":          {metadata.RuleThin, "lv vg/u", []string{"device_id = 2", "device_id = 1"}},
				"no thin pool":          {metadata.RuleThin, "lv vg/t", []string{"thin_pool = \"p\"", "thin_pool = \"u\""}},
				"external of its own":   {metadata.RuleCycle, "lv vg/t", []string{"external_origin = \"ro\"", "external_origin = \"t\""}},
				"external is written":   {metadata.RuleThin, "lv vg/t", []string{"external_origin = \"ro\"", "external_origin = \"p_tdata\""}},
				"external in a ring":    {metadata.RuleCycle, "lv vg/t", []string{"origin = \"t\"\nmerge = \"t\"\n", "external_origin = \"t\"\n", "external_origin = \"ro\"", "external_origin = \"u\""}},
				"data is a thin volume": {metadata.RuleCycle, "lv vg/p", []string{"pool = \"p_tdata\"", "pool = \"t\""}},
				"metadata in two pools": {metadata.RuleOverlap, "lv vg/u", []string{snapText, strings.ReplaceAll(thinPoolText, "p_tdata", "ro")}},
				"two segments":          {metadata.RuleThin, "lv vg/u", []string{"segment_count = 1\n\nsegment1 {\nstart_extent = 0\nextent_count = 9\n\n" + snapText + "}\n", "segment_count = 2\n\nsegment1 {\nstart_extent = 0\nextent_count = 8\n\n" + snapText + "}\nsegment2 {\nstart_extent = 8\nextent_count = 1\n\ntype = \"zero\"\n}\n"}},
			},
			valid: map[string][]string{
				"device 0":                {"device_id = 2", "device_id = 0"},
				"last device":             {"device_id = 2", "device_id = 16777215"},
				"origins in a ring":       {"external_origin = \"ro\"", "origin = \"u\""},
				"later than its pool":     {"transaction_id = 2", "transaction_id = 9"},
				"longest chunk":           {"chunk_size = 128", "chunk_size = 2097152"},
				"longest transaction":     {"transaction_id = 3", "transaction_id = 9223372036854775807"},
				"data longer than needed": {"extent_count = 4\n\ntype = \"thin-pool\"", "extent_count = 3\n\ntype = \"thin-pool\""},
			},
		},
		{
			name: "raid",
			lvs: append(hidden(5, "r_rimage_0", "r_rmeta_0", "r_rimage_1", "r_rmeta_1", "r_rimage_2", "r_rmeta_2"),
				typedLV{"r", 10, raidText}),
			unreadable: map[string][]string{
				"no count":         {"device_count = 3\n", ""},
				"count":            {"device_count = 3", "device_count = 4"},
				"huge count":       {"device_count = 3", "device_count = 1000000000"},
				"count of 2^64":    {"device_count = 3", "device_count = 18446744073709551616"},
				"two counts":       {"device_count = 3", "device_count = 3\nstripe_count = 3"},
				"count of none":    {"device_count = 3\n", "device_count = 0\nx = [\n]\n", "\n\"r_rmeta_0\", \"r_rimage_0\",\n\"r_rmeta_1\", \"r_rimage_1\",\n\"r_rmeta_2\", \"r_rimage_2\"\n]", "]"},
				"no images":        {"raids", "images"},
				"foreign image":    {"\"r_rimage_2\"\n]", "\"r_rimage_3\"\n]"},
				"image on a pv":    {"\"r_rimage_2\"\n]", "\"pv0\"\n]"},
				"number as image":  {"\"r_rimage_2\"\n]", "2\n]"},
				"metadata alone":   {", \"r_rimage_2\"\n]", "\n]"},
				"metadata twice":   {"\"r_rimage_1\",\n", ""},
				"images as one":    {"raids = [", "raids = \"r\"\nx = ["},
				"negative region":  {"region_size = 4096", "region_size = -4096"},
				"raid0 with these": {"type = \"raid5\"", "type = \"raid0\""},
			},
			invalid: map[string]breakage{
				"raid of itself":     {metadata.RuleCycle, "lv vg/r", []string{"\"r_rimage_2\"\n]", "\"r\"\n]"}},
				"image twice":        {metadata.RuleOverlap, "lv vg/r", []string{"\"r_rimage_2\"\n]", "\"r_rimage_1\"\n]"}},
				"metadata twice":     {metadata.RuleOverlap, "lv vg/r", []string{"\"r_rmeta_2\", \"", "\"r_rmeta_1\", \""}},
				"no metadata":        {metadata.RuleRAID, "lv vg/r", []string{"\"r_rmeta_2\", \"", "\""}},
				"too few for raid6":  {metadata.RuleRAID, "lv vg/r", []string{"type = \"raid5\"", "type = \"raid6\""}},
				"too few for raid10": {metadata.RuleRAID, "lv vg/r", []string{"type = \"raid5\"", "type = \"raid10\""}},
				"stripes of raid1":   {metadata.RuleRAID, "lv vg/r", []string{"type = \"raid5\"", "type = \"raid1\""}},
				"raid0 with regions": {metadata.RuleRAID, "lv vg/r", []string{"type = \"raid5\"", "type = \"raid0_meta\""}},
				"no region":          {metadata.RuleRAID, "lv vg/r", []string{"region_size = 4096\n", ""}},
				"odd region":         {metadata.RuleRAID, "lv vg/r", []string{"region_size = 4096", "region_size = 4095"}},
				"no stripe size":     {metadata.RuleRAID, "lv vg/r", []string{"stripe_size = 128\n", ""}},
				"odd stripe size":    {metadata.RuleRAID, "lv vg/r", []string{"stripe_size = 128", "stripe_size = 100"}},
				"rates":              {metadata.RuleRAID, "lv vg/r", []string{"min_recovery_rate = 1", "min_recovery_rate = 10"}},
				"uneven":             {metadata.RuleRAID, "lv vg/r", []string{"extent_count = 10", "extent_count = 9"}},
				"images too short":   {metadata.RuleArea, "lv vg/r", []string{"extent_count = 10", "extent_count = 12"}},
				"image of more":      {metadata.RuleRAID, "lv vg/r", []string{"\nr_rimage_2 {", "\nr_rimage_2 {", "extent_count = 5", "extent_count = 4"}},
				"data offset":        {metadata.RuleRAID, "lv vg/r", []string{"raids", "data_offset = 8192\nraids"}},
				"visible metadata":   {metadata.RuleRAID, "lv vg/r", []string{hiddenWord, "]\nflags = []\nsegment", hiddenWord, ", \"VISIBLE\"]\nflags = []\nsegment"}},
				"visible image":      {metadata.RuleRAID, "lv vg/r", []string{hiddenWord, ", \"WRITE\", \"VISIBLE\"]\nflags = []\nsegment"}},
				"odd data offset":    {metadata.RuleRAID, "lv vg/r", []string{"raids", "data_offset = 100\nraids", "\"raid5\"", "\"raid5+RESHAPE_DATA_OFFSET\""}},
			},
			valid: map[string][]string{
				"other layout":     {"type = \"raid5\"", "type = \"raid5_rs\""},
				"raid4":            {"type = \"raid5\"", "type = \"raid4\""},
				"longer images":    {"extent_count = 10", "extent_count = 8"},
				"data offset of 0": {"raids", "data_offset = 0\nraids"},
				"data offset":      {"type = \"raid5\"\n", "type = \"raid5+RESHAPE+RESHAPE_DATA_OFFSET\"\n", "raids", "data_offset = 8192\nraids"},
				"reshape space":    {"type = \"raid5\"\n", "reshape_count = 1\ntype = \"raid5+RESHAPE\"\n"},
				"other count":      {"device_count", "stripe_count"},
				"split off":        {hiddenWord, ", \"VISIBLE\"]\nflags = []\nsegment"},
				"metadata is zeroed": {hiddenWord, ", \"VISIBLE\"]\nflags = []\nsegment", "flags = []\nsegment_count = 1\n\nsegment1 {\nstart_extent = 0\nextent_count = 10",
					"flags = [\"ACTIVATION_SKIP\"]\nsegment_count = 1\n\nsegment1 {\nstart_extent = 0\nextent_count = 10",
					hiddenWord, ", \"WRITE\", \"VISIBLE\"]\nflags = []\nsegment"},
				"no highest rate": {"max_recovery_rate = 9\n", ""},
			},
		},
		{
			name: "raid0",
			lvs:  append(hidden(5, "z_rimage_0", "z_rimage_1"), typedLV{"z", 10, raid0Text}),
			invalid: map[string]breakage{
				"rates":  {metadata.RuleRAID, "lv vg/z", []string{"raid0_lvs", "max_recovery_rate = 1\nraid0_lvs"}},
				"uneven": {metadata.RuleRAID, "lv vg/z", []string{"extent_count = 10", "extent_count = 9"}},
			},
			valid: map[string][]string{"short stripes": {"stripe_size = 128", "stripe_size = 4"}},
			unreadable: map[string][]string{
				"with metadata": {"raid0_lvs", "raids"},
			},
		},
		{
			name:  "raid1",
			lvs:   append(hidden(5, "m_rimage_0", "m_rmeta_0", "m_rimage_1", "m_rmeta_1"), typedLV{"m", 5, raid1Text}),
			valid: map[string][]string{"write-behind": {"region_size = 4096", "region_size = 4096\nwritebehind = 256"}},
			invalid: map[string]breakage{
				"stripes": {metadata.RuleRAID, "lv vg/m", []string{"raids", "stripe_size = 128\nraids"}},
				"too few": {metadata.RuleRAID, "lv vg/m", []string{"type = \"raid1\"", "type = \"raid10\""}},
			},
		},
		{
			name: "raid10",
			lvs: append(hidden(5, "x_rimage_0", "x_rmeta_0", "x_rimage_1", "x_rmeta_1", "x_rimage_2", "x_rmeta_2", "x_rimage_3", "x_rmeta_3"),
				typedLV{"x", 10, raid10Text}),
			valid: map[string][]string{
				"three copies": {"data_copies = 2", "data_copies = 3", "extent_count = 10", "extent_count = 6"},
				"uneven":       {"extent_count = 10", "extent_count = 9"},
				"one copy":     {"data_copies = 2", "data_copies = 1"},
			},
			invalid: map[string]breakage{
				"more room than is there": {metadata.RuleRAID, "lv vg/x", []string{"extent_count = 10", "extent_count = 10\nreshape_count = 3"}},
				"five copies":             {metadata.RuleRAID, "lv vg/x", []string{"data_copies = 2", "data_copies = 5"}},
				"2^32 copies":             {metadata.RuleRAID, "lv vg/x", []string{"data_copies = 2", "data_copies = 4294967295"}},
			},
		},
		{
			name: "cache",
			lvs:  append(hidden(4, "q_cdata", "q_cmeta", "c_corig"), typedLV{"q", 4, cachePoolText}, typedLV{"c", 4, cacheText}),
			unreadable: map[string][]string{
				"no data":         {"data = \"q_cdata\"\n", ""},
				"no metadata":     {"metadata = \"q_cmeta\"\n", ""},
				"mode is a list":  {"cache_mode = \"writeback\"", "cache_mode = []"},
				"no pool":         {"cache_pool = \"q\"\n", ""},
				"foreign pool":    {"cache_pool = \"q\"\n", "cache_pool = \"x\"\n"},
				"no origin":       {"origin = \"c_corig\"\n", ""},
				"negative format": {"metadata_format = 2", "metadata_format = -2"},
			},
			invalid: map[string]breakage{
				"cached in its cache":  {metadata.RuleCycle, "lv vg/q", []string{"data = \"q_cdata\"", "data = \"c\""}},
				"origin is its pool":   {metadata.RuleOverlap, "lv vg/c", []string{"origin = \"c_corig\"", "origin = \"q\""}},
				"cache of itself":      {metadata.RuleCycle, "lv vg/c", []string{"origin = \"c_corig\"", "origin = \"c\""}},
				"no cache pool":        {metadata.RuleCache, "lv vg/c", []string{"cache_pool = \"q\"", "cache_pool = \"q_cdata\""}},
				"name of metadata":     {metadata.RuleCache, "lv vg/q", []string{"\"q_cmeta\"\n", "\"c_corig\"\n"}},
				"data as metadata":     {metadata.RuleOverlap, "lv vg/q", []string{"data = \"q_cdata\"", "data = \"q_cmeta\""}},
				"format":               {metadata.RuleCache, "lv vg/q", []string{"metadata_format = 2", "metadata_format = 3"}},
				"no chunk size":        {metadata.RuleCache, "lv vg/q", []string{"chunk_size = 128\n", ""}},
				"chunk size":           {metadata.RuleCache, "lv vg/q", []string{"chunk_size = 128", "chunk_size = 100"}},
				"mode":                 {metadata.RuleCache, "lv vg/q", []string{"\"writeback\"", "\"writesideways\""}},
				"origin too short":     {metadata.RuleArea, "lv vg/c", []string{"extent_count = 4\n\ntype = \"cache\"", "extent_count = 5\n\ntype = \"cache\""}},
				"two caches of a pool": {metadata.RuleOverlap, "lv vg/c", []string{"type = \"striped\"\nstripe_count = 1\n\nstripes = [\n\"pv0\", 0\n]\n", "type = \"cache\"\ncache_pool = \"q\"\norigin = \"q_cmeta\"\n"}},
			},
			valid: map[string][]string{
				"no mode":     {"cache_mode = \"writeback\"\npolicy = \"smq\"\n", ""},
				"no settings": {"policy_settings {\n\tmigration_threshold=4096\n}\n", ""},
				"text":        {"migration_threshold=4096", "x=\"4096\""},
				"negative":    {"migration_threshold=4096", "x=-1"},
				"of pvs":      {"type = \"cache\"", "tags = [\"a\"]\ntype = \"cache\""},
			},
		},
		{
			name: "cachevol",
			lvs:  append(hidden(2, "v_cvol", "v_corig"), typedLV{"v", 2, cachevolText}),
			unreadable: map[string][]string{
				"no metadata start": {"metadata_start = 0\n", ""},
				"no data length":    {"data_len = 8192\n", ""},
				"id":                {"data_len", "data_id = \"x\"\ndata_len"},
			},
			invalid: map[string]breakage{
				"no format":              {metadata.RuleCache, "lv vg/v", []string{"metadata_format = 2\n", ""}},
				"beyond":                 {metadata.RuleCache, "lv vg/v", []string{"data_start = 8192", "data_start = 8193"}},
				"beyond all":             {metadata.RuleCache, "lv vg/v", []string{"data_start = 8192", "data_start = 9223372036854775807"}},
				"no data":                {metadata.RuleCache, "lv vg/v", []string{"data_len = 8192", "data_len = 0"}},
				"a pool, and a cachevol": {metadata.RuleCycle, "lv vg/v", []string{"cache_pool = \"v_cvol\"", "cache_pool = \"v\""}},
			},
			valid: map[string][]string{
				"ids":        {"data_len = 8192\n", "data_len = 8192\nmetadata_id = \"" + otherID + "\"\ndata_id = \"" + otherID + "\"\n"},
				"overlap":    {"data_start = 8192", "data_start = 0"},
				"data first": {"metadata_start = 0", "metadata_start = 8192", "data_start = 8192", "data_start = 0"},
			},
		},
		{
			name: "writecache",
			lvs:  append(hidden(2, "w_cvol", "w_wcorig"), typedLV{"w", 2, writeCacheText}),
			unreadable: map[string][]string{
				"no cache":      {"writecache = \"w_cvol\"\n", ""},
				"no block size": {"writecache_block_size = 4096\n", ""},
				"no value":      {"writecache_setting_val = \"y\"\n", ""},
				"value":         {"low_watermark = 30", "low_watermark = \"30\""},
				"long value":    {"low_watermark = 30", "low_watermark = 4294967296"},
			},
			invalid: map[string]breakage{
				"block size": {metadata.RuleWriteCache, "lv vg/w", []string{"block_size = 4096", "block_size = 1000"}},
				"no size":    {metadata.RuleWriteCache, "lv vg/w", []string{"block_size = 4096", "block_size = 0"}},
				"of itself":  {metadata.RuleCycle, "lv vg/w", []string{"writecache = \"w_cvol\"", "writecache = \"w\""}},
				"one lv":     {metadata.RuleOverlap, "lv vg/w", []string{"writecache = \"w_cvol\"", "writecache = \"w_wcorig\""}},
			},
			valid: map[string][]string{
				"no settings": {"low_watermark = 30\ncleaner = 1\nwritecache_setting_key = \"x\"\nwritecache_setting_val = \"y\"\n", ""},
				"paused":      {"cleaner = 1\n", "metadata_only = 1\npause_writeback = 7\n"},
			},
		},
		{
			name: "integrity",
			lvs:  append(hidden(2, "i_iorig", "i_imeta"), typedLV{"i", 2, integrityText}),
			unreadable: map[string][]string{
				"no mode":      {"mode = \"J\"\n", ""},
				"foreign meta": {"\"i_imeta\"\n", "\"x\"\n"},
				"text":         {"commit_time = 7", "commit_time = \"7\""},
			},
			invalid: map[string]breakage{
				"block size":     {metadata.RuleIntegrity, "lv vg/i", []string{"block_size = 512", "block_size = 1000"}},
				"too many":       {metadata.RuleIntegrity, "lv vg/i", []string{"data_sectors = 16384", "data_sectors = 16385"}},
				"empty mode":     {metadata.RuleIntegrity, "lv vg/i", []string{"mode = \"J\"", "mode = \"\""}},
				"meta is data":   {metadata.RuleOverlap, "lv vg/i", []string{"\"i_imeta\"\n", "\"i_iorig\"\n"}},
				"meta on itself": {metadata.RuleCycle, "lv vg/i", []string{"\"i_imeta\"\n", "\"i\"\n"}},
			},
			valid: map[string][]string{
				"no meta": {"meta_dev = \"i_imeta\"\n", ""},
				"bitmap":  {"mode = \"J\"", "mode = \"B\""},
				"discard": {"commit_time = 7\n", "commit_time = 7\nallow_discards = 1\n"},
			},
		},
		{
			name: "vdo",
			lvs:  append(hidden(4, "d_vdata"), typedLV{"d", 4, vdoPoolText}, typedLV{"vol", 8, vdoText}),
			unreadable: map[string][]string{
				"no data":        {"data = \"d_vdata\"\n", ""},
				"no header size": {"header_size = 1024\n", ""},
				"no threads":     {"bio_threads = 4\n", ""},
				"policy":         {"= sync", "= 1"},
				"no pool":        {"vdo_pool = \"d\"\n", ""},
				"offset":         {"vdo_offset = 1", "vdo_offset = 4294967296"},
			},
			invalid: map[string]breakage{
				"no vdo pool":  {metadata.RuleVDO, "lv vg/vol", []string{"vdo_pool = \"d\"", "vdo_pool = \"d_vdata\""}},
				"of itself":    {metadata.RuleVDO, "lv vg/vol", []string{"vdo_pool = \"d\"", "vdo_pool = \"vol\""}},
				"data on it":   {metadata.RuleCycle, "lv vg/d", []string{"data = \"d_vdata\"", "data = \"vol\""}},
				"header":       {metadata.RuleVDO, "lv vg/d", []string{"header_size = 1024", "header_size = 9223372036854775807"}},
				"quoted words": {metadata.RuleVDO, "lv vg/d", []string{"= sync", "= \"a b\""}},
			},
			valid: map[string][]string{
				"quoted policy": {"= sync", "= \"async-unsafe\""},
				"no policy":     {"write_policy = sync\n", ""},
			},
		},
	}
}

// replaced replaces pieces of the text of the case: pairs of old and new.
func (c *typedCase) replaced(t *testing.T, pairs ...string) []byte {
	t.Helper()
	text := c.text()
	for i := 0; i < len(pairs); i += 2 {
		require.Contains(t, text, pairs[i])
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return []byte(text)
}

func TestTypes(t *testing.T) {
	t.Parallel()
	for _, c := range typedCases() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			text := []byte(c.text())
			doc := decode(t, text)
			require.NoError(t, doc.VG.Validate())
			require.Empty(t, doc.VG.OpaqueTypes())
			for name, pairs := range c.unreadable {
				_, err := metadata.DecodeDocument(c.replaced(t, pairs...))
				require.ErrorIs(t, err, metadata.ErrInvalid, name)
				var format *metadata.FormatError
				require.ErrorAs(t, err, &format, name)
				assert.Contains(t, format.Struct, "segment1", name)
			}
			for name, b := range c.invalid {
				doc := decode(t, c.replaced(t, b.replace...))
				t.Run(name, func(t *testing.T) { checkRule(t, doc.VG, b.rule, b.object) })
			}
			for name, pairs := range c.valid {
				changed := c.replaced(t, pairs...)
				doc := decode(t, changed)
				require.NoError(t, doc.VG.Validate(), name)
				printed, err := doc.EncodeArea()
				require.NoError(t, err, name)
				assert.Equal(t, byName(doc), byName(decode(t, printed)), name)
			}
		})
	}
}

// Of fields with the same key, the first counts; what is not known is kept.
func TestTypesKeepWhatTheyDoNotKnow(t *testing.T) {
	t.Parallel()
	for _, c := range typedCases() {
		for _, lv := range c.lvs {
			if lv.body == "" {
				continue
			}
			changed := c.replaced(t, lv.body, "first = [1, 2]\n"+lv.body+lv.body[strings.Index(lv.body, "\n")+1:]+"last = \"x\"\n")
			if lv.name == "p" || lv.name == "q" {
				continue // sections that are there twice count twice
			}
			doc := decode(t, changed)
			s, _ := segmentNamed(t, doc.VG, lv.name)
			require.Len(t, s.Extra, 2, lv.name)
			assert.Equal(t, "first", s.Extra[0].Entry.Key)
			assert.Equal(t, "last", s.Extra[1].Entry.Key)
			was, _ := segmentNamed(t, decode(t, []byte(c.text())).VG, lv.name)
			assert.Equal(t, was.Body, s.Body, lv.name)
			printed, err := doc.EncodeArea()
			require.NoError(t, err)
			assert.Contains(t, string(printed), "first = [1, 2]\n")
			assert.Contains(t, string(printed), "last = \"x\"\n")
		}
	}
}

// Settings of a kind that has no place in the record stay in the text as they are.
func TestSettingsThatAreKept(t *testing.T) {
	t.Parallel()
	cache := typedCases()[5]
	for name, settings := range map[string]string{
		"float":   "x=1.5",
		"list":    "x=[1, 2]",
		"section": "x {\n\t}",
	} {
		text := cache.replaced(t, "migration_threshold=4096", settings)
		doc := decode(t, text)
		s, _ := segmentNamed(t, doc.VG, "q")
		assert.Nil(t, s.Body.(*metadata.CachePool).Settings, name)
		require.Len(t, s.Extra, 1, name)
		printed, err := doc.EncodeArea()
		require.NoError(t, err)
		assert.Contains(t, string(printed), settings[:3], name)
	}
}

// What a record can hold and a text cannot, is an error and not lost.
func TestTypesThatCannotBeWritten(t *testing.T) {
	t.Parallel()
	area, _ := allTypes(t)
	for name, test := range map[string]struct {
		lv     string
		change func(body metadata.Body) metadata.Body
	}{
		"pool without data": {"p", func(b metadata.Body) metadata.Body { c := *b.(*metadata.ThinPool); c.Data = metadata.ID{}; return &c }},
		"thin without pool": {"t", func(b metadata.Body) metadata.Body { c := *b.(*metadata.Thin); c.Pool = metadata.ID{}; return &c }},
		"foreign message": {"p", func(b metadata.Body) metadata.Body {
			c := *b.(*metadata.ThinPool)
			c.Messages = []metadata.ThinMessage{{Create: metadata.ID{1}}}
			return &c
		}},
		"image as metadata": {"r", func(b metadata.Body) metadata.Body {
			c := *b.(*metadata.RAID)
			c.Legs = []metadata.RAIDLeg{{Image: c.Legs[0].Meta}}
			return &c
		}},
		"metadata as image": {"r", func(b metadata.Body) metadata.Body {
			c := *b.(*metadata.RAID)
			c.Legs = []metadata.RAIDLeg{{c.Legs[0].Image, c.Legs[1].Image}}
			return &c
		}},
		"offset without saying": {"r", func(b metadata.Body) metadata.Body { c := *b.(*metadata.RAID); c.DataOffset = 8; return &c }},
		"cachevol of a pool":    {"y", func(b metadata.Body) metadata.Body { c := *b.(*metadata.Cache); c.ChunkSize = 64; return &c }},
		"setting that is none": {"q", func(b metadata.Body) metadata.Body {
			c := *b.(*metadata.CachePool)
			c.Settings = []metadata.Setting{{Key: "a", Value: "b"}}
			return &c
		}},
		"setting without name": {"q", func(b metadata.Body) metadata.Body {
			c := *b.(*metadata.CachePool)
			c.Settings = []metadata.Setting{{Value: "1"}}
			return &c
		}},
		"policy in two words": {"v", func(b metadata.Body) metadata.Body { c := *b.(*metadata.VDOPool); c.WritePolicy = "a b"; return &c }},
		"policy as a number":  {"v", func(b metadata.Body) metadata.Body { c := *b.(*metadata.VDOPool); c.WritePolicy = "-1"; return &c }},
		"vdo without pool":    {"vv", func(b metadata.Body) metadata.Body { c := *b.(*metadata.VDO); c.Pool[0]++; return &c }},
		"another body":        {"vv", func(metadata.Body) metadata.Body { return &metadata.Virtual{} }},
		"unknown discards":    {"p", func(b metadata.Body) metadata.Body { c := *b.(*metadata.ThinPool); c.Discards = 7; return &c }},
	} {
		doc := decode(t, area)
		s, _ := segmentNamed(t, doc.VG, test.lv)
		s.Body = test.change(s.Body)
		_, err := doc.EncodeArea()
		require.ErrorIs(t, err, metadata.ErrInvalid, name)
		require.ErrorIs(t, doc.VG.Validate(), metadata.ErrInvalid, name)
	}
}

func TestAreaLengthOfRAID(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		typ    string
		legs   int
		copies uint32
		count  units.Extents
		want   units.Extents
	}{
		{"raid0", 3, 0, 9, 3},
		{"raid0", 3, 0, 10, 4},
		{"raid0_meta", 1, 0, 9, 9},
		{"raid1", 3, 0, 9, 9},
		{"raid4", 3, 0, 8, 4},
		{"raid5_n", 4, 0, 9, 3},
		{"raid5+RESHAPE", 4, 0, 9, 3},
		{"raid5", 1, 0, 9, 0},
		{"raid5", 0, 0, 9, 0},
		{"raid6_nc", 5, 0, 9, 3},
		{"raid6", 2, 0, 9, 0},
		{"raid10", 4, 2, 10, 5},
		{"raid10", 4, 0, 10, 5},
		{"raid10", 5, 2, 7, 3},
		{"raid10_near", 6, 3, 6, 3},
		{"raid10", 4, 1 << 31, 10, 10},
		{"raid10", 0, 2, 10, 0},
		{"raid1", 2, 0, 1<<64 - 1, 1<<64 - 1},
		{"raid10", 64, 63, 1<<64 - 1, 18158513697557839872},
	} {
		s := metadata.Segment{Type: test.typ, Count: test.count,
			Body: &metadata.RAID{Legs: make([]metadata.RAIDLeg, test.legs), Copies: test.copies}}
		assert.Equal(t, test.want, s.AreaLength(), "%+v", test)
	}
}

// The spare for the metadata of pools is hidden, and there is but one.
func TestSpare(t *testing.T) {
	t.Parallel()
	vg := validGroup(t)
	vg.LVs[0].Name, vg.LVs[0].Status = "lvol0_pmspare", 0
	vg.LVs[1].Name = "lvol1_pmspare"
	checkRule(t, vg, "", "")
	vg.LVs[1].Status = 0
	checkRule(t, vg, metadata.RuleSpare, "lv vg/lvol1_pmspare")
}

func TestDiscards(t *testing.T) {
	t.Parallel()
	for _, d := range []metadata.Discards{metadata.DiscardsPassdown, metadata.DiscardsNoPassdown, metadata.DiscardsIgnore} {
		again, err := metadata.ParseDiscards(d.String())
		require.NoError(t, err)
		assert.Equal(t, d, again)
	}
	assert.Equal(t, "discards 9", metadata.Discards(9).String())
	_, err := metadata.ParseDiscards("discards 9")
	require.ErrorIs(t, err, metadata.ErrInvalid)
}
