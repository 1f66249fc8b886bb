package main

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// completionScript returns what the command prints for a shell.
func completionScript(t *testing.T, shell string) string {
	t.Helper()
	var out, errs bytes.Buffer
	a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, env: func(string) string { return "" }}
	require.Zero(t, a.run(context.Background(), []string{"lvm", "completion", shell}), errs.String())
	return out.String()
}

// Bash itself completes lines with what is printed for it. The volumes that there are
// it hears from a program that says what lvm would.
func TestCompletionByBash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "lvm"), []byte("#!/bin/sh\ncase $1 in vgs) echo '  data';; lvs) echo '  data/home'; echo '  data/root';; pvs) echo '  /dev/sda';; esac\n"), 0o755))
	script := filepath.Join(dir, "completion")
	require.NoError(t, os.WriteFile(script, []byte(completionScript(t, "bash")), 0o644))
	for line, want := range map[string]string{
		"lvm vgre":                     "vgreduce vgremove vgrename",
		"lvm plan lvred":               "lvreduce",
		"lvm lvs --report":             "--reportformat",
		"lvs --reportformat js":        "json json_std",
		"lvs --reportformat = json_":   "json_std",
		"/sbin/lvchange --activate aa": "aay",
		"lvremove data/r":              "data/root",
		"lvm vgremove d":               "data",
		"lvm plan vgextend data /dev/": "/dev/sda",
		"lvm help pvm":                 "pvmove",
		"lvm completion z":             "zsh",
		"vgs --nosuch":                 "",
	} {
		words := strings.Fields(line)
		cmd := exec.Command("bash", "--norc", "-c", `source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _lvm; echo "${COMPREPLY[@]}"`)
		cmd.Args = append(cmd.Args, script)
		cmd.Args = append(cmd.Args, words...)
		cmd.Env = []string{"PATH=" + dir + ":/usr/bin:/bin"}
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", line, out)
		assert.Equal(t, want, strings.TrimSpace(string(out)), line)
	}
}

// The other shells are told of each command and each option.
func TestCompletionOfOtherShells(t *testing.T) {
	t.Parallel()
	fish := completionScript(t, "fish")
	for _, cmd := range commands() {
		assert.Contains(t, fish, "complete -c lvm -n __fish_use_subcommand -a "+cmd.name+" -d ")
		for _, o := range cmd.allOptions() {
			assert.Contains(t, fish, "complete -c lvm -n '__fish_seen_subcommand_from "+cmd.name+"' -l "+o.Name)
		}
	}
	assert.True(t, strings.HasPrefix(completionScript(t, "zsh"), "#compdef "))
	assert.Contains(t, completionScript(t, "zsh"), completionScript(t, "bash"))
}

func TestCompletionOfNoShell(t *testing.T) {
	t.Parallel()
	for _, words := range [][]string{{"lvm", "completion"}, {"lvm", "completion", "csh"}} {
		var out, errs bytes.Buffer
		a := &app{stdin: strings.NewReader(""), stdout: &out, stderr: &errs, env: func(string) string { return "" }}
		assert.Equal(t, exitUsage, a.run(context.Background(), words))
	}
}
