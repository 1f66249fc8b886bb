package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/settings"
)

func configCommands() []*command {
	var out []*command
	for _, name := range []string{"config", "dumpconfig", "lvmconfig"} {
		out = append(out, &command{
			name: name, summary: "Tell what is configured, and the defaults", run: runConfig, forms: []string{"[ String ... ]"},
			options: "file list atversion type=typeconfig typeconfig ignoreadvanced ignoreunsupported ignorelocal mergedconfig metadataprofile sinceversion " +
				"showdeprecated showunsupported validate withsummary withcomments withgeneralpreamble withlocalpreamble withspaces unconfigured withversions",
		})
	}
	return out
}

func runConfig(c *call) (err error) {
	conf, err := c.plainConfig()
	if err != nil {
		return err
	}
	current := settingsOf(conf)
	if c.opt.Has("validate") {
		return c.validate(current)
	}
	for _, name := range []string{"withcomments", "withsummary", "withgeneralpreamble", "withlocalpreamble", "withversions"} {
		if c.opt.Has(name) {
			c.warn("WARNING: --%s: no explanations of settings are known here; see lvm.conf(5).", name)
		}
	}
	kind := c.opt.Text("type") + c.opt.Text("typeconfig")
	all, err := c.settingsToPrint(kind, current)
	if err != nil {
		return err
	}
	out := c.stdout
	if c.opt.Has("file") {
		f, err := os.OpenFile(c.opt.Text("file"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		out = f
	}
	printer := settings.Printer{Out: out, Spaces: c.opt.Has("withspaces")}
	names := kind == "list" || c.opt.Has("list")
	if len(c.args) == 0 && !names {
		return printer.Print(all)
	}
	words := c.args
	if len(words) == 0 {
		words = []string{""}
	}
	for _, word := range words {
		some := slices.DeleteFunc(slices.Clone(all), func(s settings.Setting) bool {
			return word != "" && s.Path != word && !strings.HasPrefix(s.Path, word+"/")
		})
		switch {
		case len(some) == 0:
			c.fault("Configuration node %s not found", word)
			c.failed = true
		case names:
			for _, s := range some {
				fmt.Fprintln(out, s.Path)
			}
		case some[0].Path == word:
			if err := printer.Line(some[0]); err != nil {
				return err
			}
		default:
			if err := printer.Print(some); err != nil {
				return err
			}
		}
	}
	return nil
}

// plainConfig returns what the files say, and nothing that options of this program stand
// for. With --config it is that alone, unless what comes of both is asked for.
func (c *call) plainConfig() (*lvm.LVMConf, error) {
	dir := c.systemDir()
	if c.opt.Has("config") && !c.opt.Has("mergedconfig") || c.opt.Has("unconfigured") {
		dir = filepath.Join(dir, "no", "files")
	}
	conf, err := lvm.ReadLVMConf(dir)
	if err != nil {
		return nil, err
	}
	for _, text := range c.opt.Texts("config") {
		if err := conf.Override(text); err != nil {
			return nil, c.misuse("%v\n  Failed to set overridden configuration entries.", err)
		}
	}
	return conf, nil
}

// settingsOf returns what a configuration says, as it is printed.
func settingsOf(conf *lvm.LVMConf) []settings.Setting {
	var out []settings.Setting
	for _, s := range conf.Settings() {
		value := strings.Join(s.Values, ",")
		if len(s.Values) != 1 {
			value = "[" + value + "]"
		}
		out = append(out, settings.Setting{Path: s.Path, Value: value})
	}
	return out
}

// validate tells which settings lvm2 does not know.
func (c *call) validate(current []settings.Setting) error {
	bad := false
	for _, s := range current {
		if s.Section() == "" {
			c.fault("Configuration setting %q invalid. It's not part of any section.", s.Path)
			bad = true
		} else if !settings.IsKnown(s.Path) {
			c.fault("Configuration setting %q unknown.", s.Path)
		}
	}
	if bad {
		return sentence("LVM configuration invalid.")
	}
	c.show("LVM configuration valid.")
	return nil
}

// settingsToPrint returns the settings that --type asks for.
func (c *call) settingsToPrint(kind string, current []settings.Setting) ([]settings.Setting, error) {
	known := slices.DeleteFunc(settings.Known(c.systemDir()), func(s settings.Setting) bool { return s.Old && !c.opt.Has("showdeprecated") })
	isSet := func(path string) int {
		return slices.IndexFunc(current, func(s settings.Setting) bool { return s.Path == path })
	}
	var out []settings.Setting
	switch kind {
	case "", "current":
		return current, nil
	case "list":
		return known, nil
	case "default", "missing":
		for _, s := range known {
			if s.Value != "" && (kind == "default" || isSet(s.Path) < 0) {
				s.Off = true
				out = append(out, s)
			}
		}
	case "full":
		for _, s := range known {
			if i := isSet(s.Path); i >= 0 {
				s = current[i]
			}
			if s.Value != "" {
				out = append(out, s)
			}
		}
		for _, s := range current {
			if !settings.IsKnown(s.Path) || !slices.ContainsFunc(out, func(o settings.Setting) bool { return o.Path == s.Path }) {
				out = append(out, s)
			}
		}
	case "diff":
		for _, s := range current {
			i := slices.IndexFunc(known, func(k settings.Setting) bool { return k.Path == s.Path })
			if i < 0 || !settings.Same(known[i].Value, s.Value) {
				out = append(out, s)
			}
		}
	default:
		return nil, fmt.Errorf("--type %s: %w; current, default, diff, full, list and missing are known", kind, lvm.ErrUnsupported)
	}
	return out, nil
}
