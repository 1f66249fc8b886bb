package dm

import (
	"maps"
	"slices"
)

// Setting is a name with a value, for what takes settings by name.
type Setting struct {
	Key, Value string
}

// plainSettings returns each setting once, as it was given last, sorted by name,
// without those that have the default.
func plainSettings(list []Setting, defaults map[string]string) []Setting {
	last := make(map[string]string, len(list))
	for _, s := range list {
		last[s.Key] = s.Value
	}
	var plain []Setting
	for _, key := range slices.Sorted(maps.Keys(last)) {
		if d, ok := defaults[key]; !ok || d != last[key] {
			plain = append(plain, Setting{Key: key, Value: last[key]})
		}
	}
	return plain
}

// settingWords returns the names and values of settings that may have none.
func settingWords(list []Setting) []string {
	var words []string
	for _, s := range list {
		words = append(words, s.Key)
		if s.Value != "" {
			words = append(words, s.Value)
		}
	}
	return words
}
