package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/lvm-go/lvm"
	"github.com/lvm-go/lvm/examples/lvm/internal/args"
)

// call is one run of a command.
type call struct {
	*app
	ctx   context.Context
	cmd   *command
	name  string // that it was called by
	opt   *args.Set
	args  []string
	quiet int

	failed bool // something went wrong, and was said
	conf   *lvm.LVMConf
	sys    *lvm.System
	// devices are those that the system looks at.
	devices []string
}

// say tells what was done.
func (c *call) say(format string, args ...any) {
	if c.quiet == 0 {
		fmt.Fprintf(c.stdout, "  "+format+"\n", args...)
	}
}

// show prints what was asked for.
func (c *call) show(format string, args ...any) {
	fmt.Fprintf(c.stdout, "  "+format+"\n", args...)
}

// warn tells what somebody should know.
func (c *call) warn(format string, args ...any) {
	fmt.Fprintf(c.stderr, "  WARNING: "+format+"\n", args...)
}

// fault tells what went wrong.
func (c *call) fault(format string, args ...any) {
	fmt.Fprintf(c.stderr, "  "+format+"\n", args...)
}

// fail tells what went wrong, and goes on: the command fails at its end.
func (c *call) fail(err error) {
	if err != nil {
		c.failed = true
		c.explain(err)
	}
}

// yes says whether questions are answered yes.
func (c *call) yes() bool { return c.opt.Has("yes") }

// ask asks the user, who says no by saying nothing.
func (c *call) ask(format string, args ...any) bool {
	if c.yes() {
		return true
	}
	fmt.Fprintf(c.stderr, format+" [y/n]: ", args...)
	if c.quiet > 1 {
		fmt.Fprintln(c.stderr, "n")
		return false
	}
	for {
		line, err := c.lines().ReadString('\n')
		switch strings.ToLower(strings.TrimSpace(line)) {
		case "y", "yes":
			return true
		case "n", "no":
			return false
		}
		if err != nil {
			fmt.Fprintln(c.stderr, "[n]")
			return false
		}
		fmt.Fprintf(c.stderr, format+" [y/n]: ", args...)
	}
}

// syntax is the error for words that no form of the command has.
func (c *call) syntax() error {
	return &args.UsageError{Lines: []string{
		fmt.Sprintf("No command with matching syntax recognised.  Run '%s --help' for more information.", c.name),
	}}
}

// misuse is the error for options that do not go together.
func (c *call) misuse(format string, a ...any) error {
	return &args.UsageError{Lines: []string{fmt.Sprintf(format, a...), fmt.Sprintf("Run `%s --help' for more information.", c.name)}}
}
