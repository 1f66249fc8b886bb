package dm

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

const typeCache = "cache"

// Cache keeps the blocks of a slow device that are used most on a fast one. Its
// status is read by ParseCacheStatus.
//
// Source: linux Documentation/admin-guide/device-mapper/cache.rst.
type Cache struct {
	// Metadata says which block is where. It is formatted if its first 4 KiB are
	// zero.
	Metadata string
	// Cache is the fast device, Origin the slow one.
	Cache, Origin string
	// BlockSize is a multiple of 64 sectors, up to 2097152 (32 KiB to 1 GiB), and
	// always the one that the metadata was formatted with.
	BlockSize units.Sectors
	// Metadata2 is the format of the metadata that LVM2 has as number 2. Like the
	// block size, it stays.
	Metadata2 bool
	Mode      CacheMode
	// NoDiscardPassdown keeps discards from the origin.
	NoDiscardPassdown bool
	// Policy chooses the blocks: "smq", "cleaner", or another one that the kernel
	// has. "default" and "mq" are "smq".
	Policy string
	// Settings are those of the policy, and "migration_threshold", which is how
	// many sectors may be on their way at once.
	Settings []Setting
}

// CacheMode says when a write has come to its end.
type CacheMode uint8

const (
	// CacheWriteback is when it is on the cache. What the origin does not have yet
	// is lost with the cache.
	CacheWriteback CacheMode = iota
	// CacheWritethrough is when it is on both.
	CacheWritethrough
	// CachePassthrough is when it is on the origin. Reads come from there, too: the
	// cache is only kept valid, and must not have anything that the origin has not.
	CachePassthrough
)

// String returns the word of the table: "writeback", "writethrough" or
// "passthrough".
func (m CacheMode) String() string {
	switch m {
	case CacheWriteback:
		return "writeback"
	case CacheWritethrough:
		return "writethrough"
	case CachePassthrough:
		return "passthrough"
	default:
		return "CacheMode(" + strconv.Itoa(int(m)) + ")"
	}
}

// parseCacheMode reads what String prints.
func parseCacheMode(word string) (m CacheMode, ok bool) {
	for m := CacheWriteback; m <= CachePassthrough; m++ {
		if word == m.String() {
			return m, true
		}
	}
	return 0, false
}

const (
	featureMetadata2 = "metadata2"
	policyDefault    = "default"
	policySMQ        = "smq"
	// policyMQ was another policy once; the kernel has smq under its name.
	policyMQ = "mq"
	// What the kernel takes for a setting that is not given.
	keyMigrationThreshold     = "migration_threshold"
	defaultMigrationThreshold = "2048"
)

// Type returns "cache".
func (t Cache) Type() string { return typeCache }

// Params returns the devices and the block size, the number and names of the
// features, the policy and its settings: "254:2 254:1 254:3 128 2 metadata2
// writethrough smq 2 migration_threshold 4096".
func (t Cache) Params() string {
	features := make([]string, 0, 3)
	if t.Metadata2 {
		features = append(features, featureMetadata2)
	}
	features = append(features, t.Mode.String())
	if t.NoDiscardPassdown {
		features = append(features, featureNoDiscardPassdown)
	}
	word := []string{t.Metadata, t.Cache, t.Origin, strconv.FormatUint(uint64(t.BlockSize), 10), strconv.Itoa(len(features))}
	word = append(word, features...)
	word = append(word, t.Policy, strconv.Itoa(2*len(t.Settings)))
	for _, s := range t.Settings {
		word = append(word, s.Key, s.Value)
	}
	return strings.Join(word, " ")
}

// Devices returns the metadata device, the cache and the origin.
func (t Cache) Devices() []string { return []string{t.Metadata, t.Cache, t.Origin} }

// WithDevices returns t on other devices.
func (t Cache) WithDevices(devices []string) Target {
	replace(devices, &t.Metadata, &t.Cache, &t.Origin)
	return t
}

func (t Cache) words() []string {
	words := []string{t.Policy}
	for _, s := range t.Settings {
		words = append(words, s.Key, s.Value)
	}
	return words
}

// parseCache reads the parameters of a cache target. A feature with an unknown name
// leaves the target Unknown.
func parseCache(params string) (Target, error) {
	word := strings.Fields(params)
	if len(word) < 7 {
		return nil, errors.WithMessagef(ErrInvalid, "cache %q: %d words, want three devices, block size, features, policy", params, len(word))
	}
	t := Cache{Metadata: word[0], Cache: word[1], Origin: word[2]}
	block, err := parseUint(word[3], 1<<32-1)
	if err != nil {
		return nil, errors.WithMessagef(err, "block size in cache %q", params)
	}
	t.BlockSize = units.Sectors(block)
	n, err := parseUint(word[4], uint64(len(word)-7))
	if err != nil {
		return nil, errors.WithMessagef(err, "number of features in cache %q", params)
	}
	features, policy := word[5:5+n], word[5+n:]
	t.Policy = policy[0]
	if t.Settings, err = parseSettings(policy[1:]); err != nil {
		return nil, errors.WithMessagef(err, "settings in cache %q", params)
	}
	modes := 0
	for _, f := range features {
		switch m, ok := parseCacheMode(f); {
		case ok:
			t.Mode = m
			modes++
		case f == featureMetadata2:
			t.Metadata2 = true
		case f == featureNoDiscardPassdown:
			t.NoDiscardPassdown = true
		default:
			return Unknown{Name: typeCache, Text: params}, nil
		}
	}
	if modes > 1 {
		return nil, errors.WithMessagef(ErrInvalid, "cache %q: %d modes", params, modes)
	}
	return t, nil
}

// parseSettings reads a number of words, and as many of them: names and values in
// turn.
func parseSettings(word []string) ([]Setting, error) {
	words, err := parseFeatures(word)
	if err != nil {
		return nil, err
	}
	return pairs(words)
}

// pairs reads names and values in turn.
func pairs(words []string) ([]Setting, error) {
	if len(words)%2 != 0 {
		return nil, errors.WithMessagef(ErrInvalid, "%q has no value", words[len(words)-1])
	}
	var list []Setting
	for ; len(words) > 0; words = words[2:] {
		list = append(list, Setting{Key: words[0], Value: words[1]})
	}
	return list, nil
}

// reports says whether a kernel that was given want may report t: the order of the
// settings does not count, nor whether a default is given or left out.
func (t Cache) reports(want Target) bool {
	o, ok := want.(Cache)
	return ok && t.plain().Params() == o.plain().Params()
}

// plain returns t with what is said in several ways said in one.
func (t Cache) plain() Cache {
	if t.Policy == policyDefault || t.Policy == policyMQ {
		t.Policy = policySMQ
	}
	t.Settings = plainSettings(t.Settings, map[string]string{keyMigrationThreshold: defaultMigrationThreshold})
	return t
}
