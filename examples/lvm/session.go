package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lvm-go/lvm"
)

// config reads lvm2's configuration, and what the command line has to say to it.
func (c *call) config() (*lvm.LVMConf, error) {
	if c.conf != nil {
		return c.conf, nil
	}
	conf, err := lvm.ReadLVMConf(c.systemDir())
	if err != nil {
		return nil, err
	}
	if dir := c.env("DM_DEV_DIR"); dir != "" {
		if err := conf.Override(`devices/dir="` + quote(dir) + `"`); err != nil {
			return nil, err
		}
	}
	if name := c.opt.Text("devicesfile"); c.opt.Has("devicesfile") {
		text := "devices/use_devicesfile=0"
		if name != "" {
			text = `devices { use_devicesfile=1 devicesfile="` + quote(name) + `" }`
		}
		if err := conf.Override(text); err != nil {
			return nil, err
		}
	}
	for _, text := range c.opt.Texts("config") {
		if err := conf.Override(text); err != nil {
			return nil, c.misuse("%v\n  Failed to set overridden configuration entries.", err)
		}
	}
	c.conf = conf
	return conf, nil
}

// systemDir is where lvm2's configuration is.
func (c *call) systemDir() string { return cmp.Or(c.env("LVM_SYSTEM_DIR"), "/etc/lvm") }

// quote makes a string fit to stand between quotes in the configuration.
func quote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

// system opens the devices that the configuration and the command line allow.
func (c *call) system() (*lvm.System, error) {
	if c.sys != nil {
		return c.sys, nil
	}
	conf, err := c.config()
	if err != nil {
		return nil, err
	}
	cfg := lvm.Config{NoLocks: c.opt.Has("nolocking"), Command: c.line}
	if err := conf.Apply(&cfg); err != nil {
		return nil, err
	}
	if !c.opt.Yes("autobackup", true) {
		cfg.BackupDir, cfg.ArchiveDir = "", ""
	}
	options, err := conf.ScanOptions()
	if err != nil {
		return nil, err
	}
	if cfg.Devices, err = lvm.FindDevices(c.ctx, options); err != nil {
		return nil, err
	}
	if only := c.opt.Texts("devices"); len(only) > 0 {
		var listed []string
		for _, text := range only {
			for _, path := range strings.Split(text, ",") {
				listed = append(listed, canonical(path, cfg.Devices))
			}
		}
		cfg.Devices = slices.DeleteFunc(cfg.Devices, func(d string) bool { return !slices.Contains(listed, d) })
	}
	c.devices = cfg.Devices
	c.sys, err = lvm.Open(cfg)
	return c.sys, err
}

// acting returns the system for what it does by itself, and not by a change that could
// be planned. Nothing must happen if the user only wants to know what would.
func (c *call) acting() (*lvm.System, error) {
	if c.planning || c.opt.Has("test") {
		return nil, fmt.Errorf("%s does more than a plan can tell of beforehand: %w", c.name, lvm.ErrUnsupported)
	}
	return c.system()
}

// close closes what was opened.
func (c *call) close() error {
	if c.sys == nil {
		return nil
	}
	return c.sys.Close()
}

// device returns the name by which a device is known that goes by another as well.
func (c *call) device(path string) string { return canonical(path, c.devices) }

// known is device, and tells if it is none that the system looks at.
func (c *call) known(path string) (name string, ok bool) {
	name = c.device(path)
	if ok = slices.Contains(c.devices, name); !ok {
		c.fault("Cannot use %s: device not found", path)
		c.failed = true
	}
	return name, ok
}

// scanOptions returns how the configuration has devices looked at.
func (c *call) scanOptions() (lvm.ScanOptions, error) {
	conf, err := c.config()
	if err != nil {
		return lvm.ScanOptions{}, err
	}
	return conf.ScanOptions()
}

// blockDevices returns all block devices, also those that the system does not look at.
func (c *call) blockDevices() ([]lvm.BlockDevice, error) {
	options, err := c.scanOptions()
	if err != nil {
		return nil, err
	}
	return lvm.ScanBlockDevices(c.ctx, options)
}

// canonical returns the name among known that is of the same device as path.
func canonical(path string, known []string) string {
	if slices.Contains(known, path) {
		return path
	}
	if i := slices.IndexFunc(known, func(name string) bool { return sameDevice(path, name) }); i >= 0 {
		return known[i]
	}
	return path
}
