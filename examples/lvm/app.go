package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lvm-go/lvm/examples/lvm/internal/args"
)

// The exit codes of lvm2.
const (
	exitDone      = 0
	exitNoCommand = 2
	exitUsage     = 3
	exitFailed    = 5
)

// app is the program: where it reads and writes, and what its surroundings say.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(name string) string

	input *bufio.Reader // of stdin, once somebody has read from it

	// planning only tells what would be done.
	planning bool
}

// lines returns what is read line by line.
func (a *app) lines() *bufio.Reader {
	if a.input == nil {
		a.input = bufio.NewReader(a.stdin)
	}
	return a.input
}

// run runs the command that the program is called as, or that its first word names.
func (a *app) run(ctx context.Context, words []string) int {
	name := filepath.Base(words[0])
	words = words[1:]
	if commandNamed(name) != nil && name != "help" && name != "version" {
		return a.command(ctx, name, words)
	}
	if len(words) == 0 {
		return a.shell(ctx)
	}
	switch words[0] {
	case "-h", "--help":
		words[0] = "help"
	case "--version":
		words[0] = "version"
	}
	if a.planning = words[0] == "plan" && len(words) > 1 && !strings.HasPrefix(words[1], "-"); a.planning {
		words = words[1:]
	}
	if commandNamed(words[0]) == nil {
		fmt.Fprintln(a.stderr, "  No such command.  Try 'lvm help'.")
		return exitNoCommand
	}
	return a.command(ctx, words[0], words[1:])
}

// shell runs the commands that stdin gives, one in a line.
func (a *app) shell(ctx context.Context) int {
	for {
		line, err := a.lines().ReadString('\n')
		words := split(line)
		switch {
		case len(words) == 0 || strings.HasPrefix(words[0], "#"):
		case words[0] == "quit" || words[0] == "exit":
			fmt.Fprintln(a.stderr, "  Exiting.")
			return exitDone
		default:
			if words[0] == "lvm" && len(words) > 1 {
				words = words[1:]
			}
			if commandNamed(words[0]) == nil {
				fmt.Fprintf(a.stderr, "  No such command '%s'.  Try 'help'.\n", words[0])
				break
			}
			a.command(ctx, words[0], words[1:])
		}
		if err != nil || ctx.Err() != nil {
			return exitDone
		}
	}
}

// split returns the words of a line. Quotes keep blanks in a word.
func split(line string) []string {
	var words []string
	var word strings.Builder
	var quote rune
	begun := false
	for _, c := range line {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '"' || c == '\'':
			quote, begun = c, true
		case strings.ContainsRune(" \t\r\n", c):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}

// command runs one command, and returns its exit code.
func (a *app) command(ctx context.Context, name string, words []string) int {
	cmd := commandNamed(name)
	c := &call{app: a, ctx: ctx, cmd: cmd, name: name, line: strings.Join(append([]string{name}, words...), " ")}
	set, rest, err := args.Parse(name, cmd.allOptions(), words)
	if err == nil {
		c.opt, c.args = set, rest
		c.quiet = set.Count("quiet")
		switch {
		case set.HasAny("help", "longhelp"):
			c.help(cmd)
			return exitDone
		case set.Has("version"):
			cmd = commandNamed("version")
		}
		err = errors.Join(cmd.run(c), c.close())
	}
	return c.exitCode(err)
}

// exitCode prints what went wrong, unless that was done, and returns the code for it.
func (c *call) exitCode(err error) int {
	var bad *args.UsageError
	switch {
	case err == nil && c.failed:
		return exitFailed
	case err == nil:
		return exitDone
	case errors.As(err, &bad):
		for i, line := range bad.Lines {
			if i == 0 && bad.Bare {
				fmt.Fprintf(c.stderr, "%s: %s\n", c.name, line)
				continue
			}
			c.fault("%s", line)
		}
		return exitUsage
	default:
		c.explain(err)
		return exitFailed
	}
}

// command is one of lvm2's.
type command struct {
	name    string
	summary string
	// forms are what may follow the name, for help texts.
	forms []string
	// options are the names of those that it has beside the common ones; see
	// [args.Named].
	options string
	run     func(*call) error
}

func (cmd *command) allOptions() []args.Option {
	return args.Named(cmd.options + " " + args.Common)
}

// commandNamed returns a command, nil if there is none of that name.
func commandNamed(name string) *command {
	all := commands()
	i := slices.IndexFunc(all, func(c *command) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return all[i]
}
