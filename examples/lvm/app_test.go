package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Every command has a name of its own, options that exist, and something to say.
func TestCommands(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range commands() {
		require.False(t, seen[c.name], c.name)
		seen[c.name] = true
		require.NotEmpty(t, c.summary, c.name)
		require.NotNil(t, c.run, c.name)
		require.NotPanics(t, func() { c.allOptions() }, c.name)
		var out, errs bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, env: func(string) string { return "" }}
		require.Zero(t, a.run(context.Background(), []string{"/sbin/lvm", c.name, "--help"}), c.name)
		assert.Contains(t, out.String(), c.summary)
	}
}

func TestSplit(t *testing.T) {
	for line, want := range map[string][]string{
		"":                    nil,
		"  lvs -o name\n":     {"lvs", "-o", "name"},
		`lvs -S 'size > 1m'`:  {"lvs", "-S", "size > 1m"},
		`a "b 'c'"d ''`:       {"a", "b 'c'd", ""},
		"vgs\t--noheadings\r": {"vgs", "--noheadings"},
	} {
		assert.Equal(t, want, split(line), line)
	}
}

func TestUnknownCommand(t *testing.T) {
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader("nosuch\nexit\n"), stdout: &out, stderr: &errs, env: func(string) string { return "" }}
	assert.Equal(t, exitNoCommand, a.run(context.Background(), []string{"lvm", "nosuch"}))
	assert.Equal(t, exitDone, a.run(context.Background(), []string{"lvm"}))
	assert.Equal(t, "  No such command.  Try 'lvm help'.\n  No such command 'nosuch'.  Try 'help'.\n  Exiting.\n", errs.String())
	assert.Empty(t, out.String())
}
