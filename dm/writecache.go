package dm

import (
	"strconv"
	"strings"

	"github.com/lvm-go/lvm/units"
	"github.com/pkg/errors"
)

const typeWriteCache = "writecache"

// WriteCache takes writes on a fast device and moves them to a slow one later. Reads
// are not cached. It takes messages: see WriteCacheFlush. Its status is read by
// ParseWriteCacheStatus.
//
// Source: linux Documentation/admin-guide/device-mapper/writecache.rst.
type WriteCache struct {
	// PMem is true if the cache is persistent memory, else it is a disk.
	PMem bool
	// Origin is the slow device. Cache is formatted if its first 4 KiB are zero.
	Origin, Cache string
	// BlockSize is a power of two, from 512 up to the size of a page, and always
	// the one that the cache was formatted with.
	BlockSize units.Bytes
	// Settings are the options by name. Those that need none, like "fua", "nofua",
	// "cleaner" and "metadata_only", have the value "".
	Settings []Setting
}

// Type returns "writecache".
func (t WriteCache) Type() string { return typeWriteCache }

// Params returns the kind of the cache, the devices, the block size, and the number
// of words of the options and those: "s 254:2 254:1 4096 2 high_watermark 60".
func (t WriteCache) Params() string {
	kind := "s"
	if t.PMem {
		kind = "p"
	}
	options := settingWords(t.Settings)
	word := append([]string{kind, t.Origin, t.Cache, strconv.FormatUint(uint64(t.BlockSize), 10), strconv.Itoa(len(options))}, options...)
	return strings.Join(word, " ")
}

// Devices returns the origin and the cache.
func (t WriteCache) Devices() []string { return []string{t.Origin, t.Cache} }

// WithDevices returns t on other devices.
func (t WriteCache) WithDevices(devices []string) Target {
	replace(devices, &t.Origin, &t.Cache)
	return t
}

func (t WriteCache) words() []string { return settingWords(t.Settings) }

// parseWriteCache reads the parameters of a writecache target. An option with an
// unknown name leaves the target Unknown.
func parseWriteCache(params string) (Target, error) {
	word := strings.Fields(params)
	if len(word) < 4 {
		return nil, errors.WithMessagef(ErrInvalid, "writecache %q: %d words, want a kind, two devices and a block size", params, len(word))
	}
	t := WriteCache{Origin: word[1], Cache: word[2]}
	switch word[0] {
	case "p":
		t.PMem = true
	case "s":
	default:
		return nil, errors.WithMessagef(ErrInvalid, "writecache %q: kind %q", params, word[0])
	}
	block, err := parseUint(word[3], 1<<32-1)
	if err != nil {
		return nil, errors.WithMessagef(err, "block size in writecache %q", params)
	}
	t.BlockSize = units.Bytes(block)
	options, err := parseFeatures(word[4:])
	if err != nil {
		return nil, errors.WithMessagef(err, "options in writecache %q", params)
	}
	for len(options) > 0 {
		s := Setting{Key: options[0]}
		options = options[1:]
		switch s.Key {
		case "fua", "nofua", "cleaner", "metadata_only":
		case "start_sector", "high_watermark", "low_watermark", "writeback_jobs", "autocommit_blocks", "autocommit_time", "max_age", "pause_writeback":
			if len(options) == 0 {
				return nil, errors.WithMessagef(ErrInvalid, "writecache %q: %q has no value", params, s.Key)
			}
			s.Value, options = options[0], options[1:]
		default:
			return Unknown{Name: typeWriteCache, Text: params}, nil
		}
		t.Settings = append(t.Settings, s)
	}
	return t, nil
}

// reports says whether a kernel that was given want may report t: the order of the
// options does not count, nor a start at sector 0.
func (t WriteCache) reports(want Target) bool {
	o, ok := want.(WriteCache)
	return ok && t.plain().Params() == o.plain().Params()
}

// plain returns t with what is said in several ways said in one.
func (t WriteCache) plain() WriteCache {
	t.Settings = plainSettings(t.Settings, map[string]string{"start_sector": "0"})
	return t
}
