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
	line  string // with all its words
	opt   *args.Set
	args  []string
	quiet int

	failed  bool            // something went wrong, and was said
	answers map[string]bool // to what was asked
	warned  map[string]bool
	conf    *lvm.LVMConf
	sys     *lvm.System
	// devices are those that the system looks at.
	devices []string
	found   *lvm.Inventory // when it was first looked at
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
// Once is enough: a change may be tried again.
func (c *call) warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); c.isNew(text) {
		c.fault("%s", text)
	}
}

// isNew says whether a text was not told before.
func (c *call) isNew(text string) bool {
	if c.warned[text] {
		return false
	}
	if c.warned == nil {
		c.warned = map[string]bool{}
	}
	c.warned[text] = true
	return true
}

// warnOut is warn for what lvm2 says on stdout.
func (c *call) warnOut(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); c.isNew(text) {
		c.say("%s", text)
	}
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

// ask asks the user, once, who says no by saying nothing.
func (c *call) ask(format string, args ...any) bool {
	if c.yes() {
		return true
	}
	question := fmt.Sprintf(format, args...)
	answer, asked := c.answers[question]
	if !asked {
		if c.answers == nil {
			c.answers = map[string]bool{}
		}
		answer = c.answered(question)
		c.answers[question] = answer
	}
	return answer
}

func (c *call) answered(question string) bool {
	fmt.Fprint(c.stderr, question+" [y/n]: ")
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
		fmt.Fprint(c.stderr, question+" [y/n]: ")
	}
}

// syntax is the error for words that no form of the command has.
func (c *call) syntax() error {
	lines := []string{fmt.Sprintf("No command with matching syntax recognised.  Run '%s --help' for more information.", c.name)}
	if len(c.cmd.forms) == 1 {
		lines = append(lines, "Correct command syntax is:")
		c.show("%s %s\n", c.name, c.cmd.forms[0])
	}
	return &args.UsageError{Lines: lines}
}

// misuse is the error for options that do not go together.
func (c *call) misuse(format string, a ...any) error {
	return &args.UsageError{Lines: []string{fmt.Sprintf(format, a...), fmt.Sprintf("Run `%s --help' for more information.", c.name)}}
}

// misuseWord is the error for an option or argument that the command does not take.
func (c *call) misuseWord(kind, word string) error {
	return &args.UsageError{Lines: []string{fmt.Sprintf("Command does not accept %s: %s.", kind, word)}}
}

// done notes what is told once the change is made.
func (ch *change) done(format string, args ...any) {
	ch.told = append(ch.told, fmt.Sprintf(format, args...))
}
