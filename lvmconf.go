package lvm

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/pkg/errors"

	"github.com/lvm-go/lvm/metadata"
)

// maxConfText bounds how much of a configuration file is read. lvm2's own, all
// comments included, has a hundred kilobytes.
const maxConfText = 4 << 20

// maxConfFiles bounds the files that tags lead to.
const maxConfFiles = 256

// LVMConf is lvm2's configuration of this host, as far as its files say
// something: everything else is at lvm2's defaults. Nothing needs it: what it
// says can as well be given in [Config] and [ScanOptions]. A program that works
// beside lvm2 uses it to look at the same devices, in the same way.
type LVMConf struct {
	dir      string
	settings map[string]confSetting // by path: "devices/dir"
	order    []string               // of their paths
	tags     []string
}

// confSetting is one setting, and where it was made.
type confSetting struct {
	entry metadata.Entry
	file  string
}

// ReadLVMConf reads the configuration in dir, which is /etc/lvm where lvm2 does
// not have another one: lvm.conf, then lvmlocal.conf, then the lvm_TAG.conf of
// each tag of this host. Later files win, setting by setting. Files that are not
// there say nothing, and settings that nobody knows are kept. A file that is not
// in lvm2's language is an error that matches [ErrInvalidSpec].
//
// Source: lvm.conf(5), and lvm2 as observed.
func ReadLVMConf(dir string) (*LVMConf, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, errors.Wrap(err, "get host name")
	}
	return readLVMConf(dir, host)
}

func readLVMConf(dir, host string) (*LVMConf, error) {
	c := &LVMConf{dir: dir, settings: map[string]confSetting{}}
	for _, name := range []string{"lvm.conf", "lvmlocal.conf"} {
		if err := c.readFile(filepath.Join(dir, name), host); err != nil {
			return nil, err
		}
	}
	// The files of tags may set tags in turn.
	for i := 0; i < len(c.tags); i++ {
		if i == maxConfFiles {
			return nil, fault(ErrInvalidSpec, "%s: more than %d host tags", dir, maxConfFiles)
		}
		if err := c.readFile(filepath.Join(dir, "lvm_"+c.tags[i]+".conf"), host); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// readFile adds what the file at path says, if there is one.
func (c *LVMConf) readFile(path, host string) error {
	text, err := readSmallFile(path, maxConfText)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	tree, err := metadata.ParseConfigTree(text)
	if err != nil {
		return as(ErrInvalidSpec, errors.WithMessage(err, path))
	}
	if err := c.add(path, "", tree.Entries()); err != nil {
		return err
	}
	return c.addTags(tree.Entries(), path, host)
}

// add takes over the entries of the section at prefix.
func (c *LVMConf) add(file, prefix string, entries []metadata.Entry) error {
	for _, e := range entries {
		path := strings.Trim(prefix+e.Key, "/")
		if !e.IsSection() {
			if !c.Has(path) {
				c.order = append(c.order, path)
			}
			c.settings[path] = confSetting{e, file}
			continue
		}
		if err := c.add(file, path+"/", e.Entries()); err != nil {
			return err
		}
	}
	return nil
}

// addTags takes over the tags that a file gives to this host: its own name if
// hosttags are on, and those in the section tags that it is in the list of, or
// that have no list.
func (c *LVMConf) addTags(entries []metadata.Entry, file, host string) error {
	var section []metadata.Entry
	for _, e := range entries {
		switch {
		case e.Key == "tags" && e.IsSection():
			section = append(section, e.Entries()...)
		case strings.HasPrefix(e.Key, "tags/"):
			e.Key = strings.TrimPrefix(e.Key, "tags/")
			section = append(section, e)
		}
	}
	for _, e := range section {
		tag := host
		switch {
		case e.IsSection():
			tag = strings.TrimPrefix(e.Key, "@")
			if !isTagOf(e, host) {
				continue
			}
		case e.Key != "hosttags":
			continue
		default:
			if n, ok := e.Int(); !ok || n == 0 {
				continue
			}
		}
		if strings.Contains(tag, "/") || metadata.CheckTag(tag) != nil {
			if e.IsSection() {
				return fault(ErrInvalidSpec, "%s: host tag %q is not valid", file, e.Key)
			}
			continue // a host name that cannot be a tag is none
		}
		if !slices.Contains(c.tags, tag) {
			c.tags = append(c.tags, tag)
		}
	}
	return nil
}

// isTagOf reports whether the section of a tag gives it to the host.
func isTagOf(section metadata.Entry, host string) bool {
	for _, e := range section.Entries() {
		if e.Key == "host_list" {
			hosts, _ := e.Texts()
			return slices.Contains(hosts, host)
		}
	}
	return true
}

// Override makes the settings that a text in the language of lvm.conf gives, whatever
// the files say: `global/units="b" devices { filter = [ "a|.*|" ] }`. A text that is
// not in the language is an error that matches [ErrInvalidSpec]. lvm2: --config.
func (c *LVMConf) Override(text string) error {
	tree, err := metadata.ParseConfigTree([]byte(text))
	if err != nil {
		return as(ErrInvalidSpec, errors.WithMessage(err, "override settings"))
	}
	return c.add("settings of the command line", "", tree.Entries())
}

// HostTags returns the tags of this host, which settings such as volume_list
// refer to, in the order in which the files give them.
func (c *LVMConf) HostTags() []string { return slices.Clone(c.tags) }

// Has reports whether some file makes the setting at path: "devices/filter".
func (c *LVMConf) Has(path string) bool {
	_, ok := c.settings[path]
	return ok
}

// LVMSetting is one setting of [LVMConf].
type LVMSetting struct {
	Path   string   // "devices/dir"
	Values []string // as they stand in lvm.conf: strings with quotes, numbers without
	List   bool     // it is a list, perhaps of one value or none
	File   string   // that made it
}

// Settings returns all settings that some file, or [LVMConf.Override], makes, in the order
// in which they were made first.
func (c *LVMConf) Settings() []LVMSetting {
	var out []LVMSetting
	for _, path := range c.order {
		s := c.settings[path]
		out = append(out, LVMSetting{Path: path, Values: s.entry.Literals(), List: s.entry.IsList(), File: s.file})
	}
	return out
}

// Text returns the string that the setting at path has, or otherwise if nobody
// makes it or it is empty. A setting of another kind is an error that matches
// [ErrInvalidSpec]; so with the other methods.
func (c *LVMConf) Text(path, otherwise string) (string, error) {
	s, ok := c.settings[path]
	if !ok {
		return otherwise, nil
	}
	text, ok := s.entry.Text()
	if !ok {
		return "", s.fault(path, "one string")
	}
	if text == "" {
		return otherwise, nil
	}
	return text, nil
}

// Texts returns the strings that the setting at path has, one or a list, or
// otherwise if nobody makes it.
func (c *LVMConf) Texts(path string, otherwise ...string) ([]string, error) {
	s, ok := c.settings[path]
	if !ok {
		return otherwise, nil
	}
	texts, ok := s.entry.Texts()
	if !ok {
		return nil, s.fault(path, "strings")
	}
	return texts, nil
}

// Int returns the number that the setting at path has, or otherwise if nobody
// makes it.
func (c *LVMConf) Int(path string, otherwise int64) (int64, error) {
	s, ok := c.settings[path]
	if !ok {
		return otherwise, nil
	}
	n, ok := s.entry.Int()
	if !ok {
		return 0, s.fault(path, "an integer")
	}
	return n, nil
}

// Bool returns what the setting at path says, or otherwise if nobody makes it:
// 0 is false, any other number is true, and there are words for both.
func (c *LVMConf) Bool(path string, otherwise bool) (bool, error) {
	s, ok := c.settings[path]
	if !ok {
		return otherwise, nil
	}
	if n, ok := s.entry.Int(); ok {
		return n != 0, nil
	}
	word, _ := s.entry.Text()
	switch word {
	case "y", "yes", "on", "true":
		return true, nil
	case "n", "no", "off", "false":
		return false, nil
	}
	return false, s.fault(path, "0 or 1")
}

func (s confSetting) fault(path, want string) error {
	return fault(ErrInvalidSpec, "%s: %s must be %s", s.file, path, want)
}

// readSmallFile returns the contents of a regular file of up to limit bytes.
func readSmallFile(path string, limit int64) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, errors.Wrap(err, "read file")
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("read file %s: not a regular file: %w", path, ErrUnsupported)
	case info.Size() > limit:
		return nil, fmt.Errorf("read file %s: %d bytes are too many: %w", path, info.Size(), ErrUnsupported)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, errors.Wrap(err, "read file")
	}
	return text, nil
}
