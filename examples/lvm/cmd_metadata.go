package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lvm-go/lvm"
)

// metadataCommands check, save and restore the metadata itself.
func metadataCommands() []*command {
	return []*command{
		{
			name: "vgcfgbackup", summary: "Write backups of the metadata", run: runBackup,
			forms: []string{"[ VG|Tag ... ]"}, options: "file foreign ignorelockingfailure partial readonly reportformat",
		},
		{
			name: "vgcfgrestore", summary: "Restore the metadata from a backup", run: runRestore,
			forms:   []string{"VG", "-f|--file String VG", "-l|--list VG", "-l|--list -f|--file String"},
			options: "file list force metadatatype",
		},
		{
			name: "vgck", summary: "Check the metadata of volume groups", run: runCheck,
			forms: []string{"[ VG|Tag ... ]", "--updatemetadata VG"}, options: "updatemetadata reportformat",
		},
		{
			name: "vgimportclone", summary: "Import a volume group from copied disks", run: runImportClone,
			forms: []string{"PV ..."}, options: "basevgname import importdevices",
		},
	}
}

func runCheck(c *call) error {
	if c.opt.Has("updatemetadata") {
		if len(c.args) != 1 {
			return c.syntax()
		}
		return c.update(c.vgArgument(c.args[0]), func(ch *change) error { return ch.RepairMetadata() })
	}
	names, err := c.groups(c.args)
	if err != nil {
		return err
	}
	sys, err := c.system()
	if err != nil {
		return err
	}
	for _, name := range names {
		problems, err := sys.Check(c.ctx, name)
		if err != nil {
			c.fail(err)
			continue
		}
		for _, p := range problems {
			c.failed = true
			c.fault("%s", p)
		}
	}
	return nil
}

func runBackup(c *call) error {
	names, err := c.groups(c.args)
	if err != nil {
		return err
	}
	sys, err := c.acting()
	if err != nil {
		return err
	}
	file := c.opt.Text("file")
	if file != "" && len(names) > 1 && !strings.Contains(file, "%s") {
		return c.misuse("Option --file may not be used with more than one volume group, unless it holds %%s")
	}
	for _, name := range names {
		if err := backUp(c.ctx, sys, name, file); err != nil {
			c.fail(err)
			continue
		}
		c.say("Volume group %q successfully backed up.", name)
	}
	return nil
}

// backUp writes the metadata of a group where backups are, or to a file, in whose name
// the group's takes the place of %s.
func backUp(ctx context.Context, sys *lvm.System, name, file string) error {
	if file == "" {
		return sys.Backup(ctx, name)
	}
	text, err := sys.BackupText(ctx, name)
	if err != nil {
		return err
	}
	return os.WriteFile(strings.ReplaceAll(file, "%s", name), text, 0o600)
}

func runRestore(c *call) error {
	if c.opt.Has("list") {
		return c.listBackups()
	}
	if len(c.args) != 1 {
		return c.syntax()
	}
	name := c.vgArgument(c.args[0])
	conf, err := c.config()
	if err != nil {
		return err
	}
	if _, err := c.system(); err != nil {
		return err
	}
	file := c.opt.Text("file")
	if file == "" {
		dir, err := conf.Text("backup/backup_dir", filepath.Join(c.systemDir(), "backup"))
		if err != nil {
			return err
		}
		file = filepath.Join(dir, name)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		var path *os.PathError
		if errors.As(err, &path) {
			c.fault("%s: stat failed: %s", file, capital(path.Err.Error()))
			c.fault("WARNING: couldn't read volume group metadata from file.")
		}
		c.fault("Failed to read VG %s from %s", name, file)
		c.fault("Restore failed.")
		c.failed = true
		return nil
	}
	err = c.update(name, func(ch *change) error {
		ch.done("Restored volume group %s.", name)
		return ch.RestoreVG(text, lvm.RestoreSpec{Force: c.opt.Has("force")})
	})
	if err == nil {
		return nil
	}
	if errors.Is(err, lvm.ErrUnsupported) && !c.opt.Has("force") {
		c.fault("Consider using option --force to restore Volume Group %s with thin volumes.", name)
	} else {
		c.explain(err)
	}
	c.fault("Restore failed.")
	c.failed = true
	return nil
}

// capital returns a text that begins with a capital letter, as the system's messages do.
func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

func (c *call) listBackups() error {
	if len(c.args) != 1 {
		return c.syntax()
	}
	sys, err := c.system()
	if err != nil {
		return err
	}
	all, err := sys.Backups(c.vgArgument(c.args[0]))
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b lvm.Backup) int {
		return map[bool]int{true: 0, false: 1}[a.Archive] - map[bool]int{true: 0, false: 1}[b.Archive]
	})
	for _, b := range all {
		c.show(" ")
		c.show("File:\t\t%s", b.Path)
		if b.Err != nil {
			c.show("Couldn't read it: %v", b.Err)
			continue
		}
		c.show("VG name:    \t%s", b.VG)
		c.show("Description:\t%s", b.Description)
		c.show("Backup Time:\t%s", b.Time.Local().Format("Mon Jan _2 15:04:05 2006"))
		fmt.Fprintln(c.stdout)
	}
	return nil
}

func runImportClone(c *call) error {
	if c.opt.Has("importdevices") {
		return c.unwanted("importdevices")
	}
	if len(c.args) == 0 {
		return c.syntax()
	}
	sys, err := c.acting()
	if err != nil {
		return err
	}
	var devices []string
	for _, word := range c.args {
		devices = append(devices, c.device(word))
	}
	_, err = sys.ImportClones(c.ctx, devices, lvm.CloneSpec{BaseName: c.opt.Text("basevgname"), Import: c.opt.Has("import")})
	return err
}
