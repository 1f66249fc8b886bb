package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/examples/lvm/internal/args"
)

// infoCommands tell about the program itself.
func infoCommands() []*command {
	return []*command{
		{name: "formats", summary: "List the metadata formats", run: func(c *call) error {
			c.show("lvm2")
			return nil
		}},
		{name: "help", summary: "Tell how commands are used", forms: []string{"[ COMMAND ... ]"}, run: runHelp},
		{name: "segtypes", summary: "List the types of segments", run: runSegtypes},
		{name: "systemid", summary: "Tell the system ID of this host", run: func(c *call) error {
			conf, err := c.config()
			if err != nil {
				return err
			}
			id, err := conf.SystemID()
			c.show("system ID: %s", id)
			return err
		}},
		{name: "tags", summary: "List the tags of this host", run: func(c *call) error {
			conf, err := c.config()
			if err != nil {
				return err
			}
			for _, tag := range conf.HostTags() {
				c.show("%s", tag)
			}
			return nil
		}},
		{name: "version", summary: "Tell the version", run: runVersion},
	}
}

func runHelp(c *call) error {
	if len(c.args) == 0 {
		fmt.Fprintf(c.stderr, "  Available lvm commands:\n  Use 'lvm help <command>' for more information\n   \n")
		for _, cmd := range commands() {
			fmt.Fprintf(c.stderr, "  %-15s %s\n", cmd.name, cmd.summary)
		}
		return nil
	}
	for _, name := range c.args {
		cmd := commandNamed(name)
		if cmd == nil {
			c.show("%s: no such command.", name)
			return &args.UsageError{Lines: []string{"Run `help --help' for more information."}}
		}
		c.help(cmd)
	}
	return nil
}

// help prints how a command is used.
func (c *call) help(cmd *command) {
	c.show("%s - %s", cmd.name, cmd.summary)
	fmt.Fprintln(c.stdout)
	for _, form := range cmd.forms {
		c.show("%s %s", cmd.name, form)
	}
	printed := map[string]bool{}
	list := func(title string, options []args.Option) {
		c.show("%s", title)
		for i := range options {
			o := &options[i]
			fmt.Fprintf(c.stdout, "\t[ %s ]\n", o.Usage(!printed[o.Short]))
			printed[o.Short] = true
		}
	}
	if cmd.options != "" {
		list("Options:", args.Named(cmd.options))
	}
	list("Common options for lvm:", args.Named(args.Common))
}

func runSegtypes(c *call) error {
	for _, name := range strings.Fields(`linear striped zero error snapshot mirror raid0 raid0_meta raid1 raid10 raid10_near raid4
		raid5 raid5_n raid5_la raid5_ls raid5_ra raid5_rs raid6 raid6_n_6 raid6_nc raid6_nr raid6_zr raid6_ls_6 raid6_rs_6
		raid6_la_6 raid6_ra_6 thin-pool thin cache-pool cache vdo vdo-pool writecache integrity`) {
		c.show("%s", name)
	}
	return nil
}

// lvm2Version is the version of lvm2 whose commands these are: programs look for it.
const lvm2Version = "2.03.16(2)"

func runVersion(c *call) error {
	if len(c.args) > 0 {
		return c.syntax()
	}
	c.show("LVM version:     %s lvm-go", lvm2Version)
	c.show("Library version: 1.02.185")
	if v, err := driverVersion(); err == nil {
		c.show("Driver version:  %s", v)
	}
	return nil
}

// isOneOf says whether a word is among some.
func isOneOf(word string, words ...string) bool { return slices.Contains(words, word) }

// driverVersion asks the kernel for the version of its device-mapper.
func driverVersion() (string, error) {
	control, err := dm.Open()
	if err != nil {
		return "", err
	}
	v, err := control.Version()
	return v.String(), errors.Join(err, control.Close())
}
