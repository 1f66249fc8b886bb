package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvm-go/lvm/examples/lvm/internal/args"
)

func completionCommands() []*command {
	return []*command{{
		name: "completion", summary: "Print what has a shell complete these commands", run: runCompletion,
		forms: []string{"bash|zsh|fish"},
	}}
}

func runCompletion(c *call) error {
	if len(c.args) != 1 {
		return c.syntax()
	}
	var script string
	switch c.args[0] {
	case "bash":
		script = bashCompletion()
	case "zsh": // takes what is written for bash
		script = "#compdef " + strings.Join(append(completed(), "lvm"), " ") +
			"\nautoload -U +X bashcompinit && bashcompinit\n" + bashCompletion()
	case "fish":
		script = fishCompletion()
	default:
		return c.syntax()
	}
	_, err := fmt.Fprint(c.stdout, script)
	return err
}

// completed returns the names of all commands.
func completed() []string {
	var names []string
	for _, cmd := range commands() {
		names = append(names, cmd.name)
	}
	return names
}

// onlyInside are commands whose names are no programs of their own.
func onlyInside(name string) bool {
	return isOneOf(name, "completion", "formats", "help", "map", "plan", "segtypes", "systemid", "tags", "version")
}

// objects are the kinds of things whose names a command takes, by the words that its
// forms have for them.
func (cmd *command) objects() (vg, lv, pv bool) {
	forms := strings.FieldsFunc(strings.Join(cmd.forms, " "), func(c rune) bool { return strings.ContainsRune(" |[]", c) })
	has := func(what string) bool {
		return slices.ContainsFunc(forms, func(word string) bool { return word == what || strings.HasPrefix(word, what+"_") })
	}
	return has("VG"), has("LV"), has("PV")
}

const bashHead = `# Completion of the lvm command and of its names.
_lvm() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} cmd=${COMP_WORDS[0]##*/} words=
	if [ "$cmd" = lvm ]; then
		local at=1
		[ "${COMP_WORDS[1]}" = plan ] && at=2
		if [ "$COMP_CWORD" -le "$at" ]; then
			COMPREPLY=($(compgen -W "%s" -- "$cur"))
			return
		fi
		cmd=${COMP_WORDS[at]}
	fi
	if [ "$cur" = "=" ]; then
		cur=
	elif [ "$prev" = "=" ]; then
		prev=${COMP_WORDS[COMP_CWORD-2]}
	fi
	case $prev in
`

// bashCompletion returns a script for bash.
func bashCompletion() string {
	var b strings.Builder
	names := completed()
	fmt.Fprintf(&b, bashHead, strings.Join(names, " "))
	for _, o := range args.All() {
		if words := o.Values(); len(words) > 0 {
			fmt.Fprintf(&b, "\t--%s) words=%q ;;\n", o.Name, strings.Join(words, " "))
		}
	}
	b.WriteString("\tesac\n\tif [ -n \"$words\" ]; then\n\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n\t\treturn\n\tfi\n\tcase $cmd in\n")
	var programs []string
	for _, cmd := range commands() {
		if !onlyInside(cmd.name) {
			programs = append(programs, cmd.name)
		}
		var options []string
		for _, o := range cmd.allOptions() {
			options = append(options, "--"+o.Name)
		}
		slices.Sort(options)
		fmt.Fprintf(&b, "\t%s)\n\t\tcase $cur in\n\t\t-*) words=%q ;;\n", cmd.name, strings.Join(slices.Compact(options), " "))
		var ask []string
		vg, lv, pv := cmd.objects()
		if vg {
			ask = append(ask, "$(lvm vgs --noheadings -o vg_name 2>/dev/null)")
		}
		if lv {
			ask = append(ask, "$(lvm lvs --noheadings -o lv_full_name 2>/dev/null)")
		}
		if pv {
			ask = append(ask, "$(lvm pvs --noheadings -o pv_name 2>/dev/null)")
		}
		switch {
		case cmd.name == "help":
			fmt.Fprintf(&b, "\t\t*) words=%q ;;\n", strings.Join(names, " "))
		case cmd.name == "completion":
			b.WriteString("\t\t*) words=\"bash zsh fish\" ;;\n")
		case len(ask) > 0:
			fmt.Fprintf(&b, "\t\t*) words=\"%s\" ;;\n", strings.Join(ask, " "))
		}
		b.WriteString("\t\tesac ;;\n")
	}
	b.WriteString("\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n")
	fmt.Fprintf(&b, "complete -o default -F _lvm lvm %s\n", strings.Join(programs, " "))
	return b.String()
}

// fishCompletion returns a script for fish.
func fishCompletion() string {
	var b strings.Builder
	quoted := func(s string) string { return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'" }
	b.WriteString("# Completion of the lvm command and of its names.\n")
	for _, cmd := range commands() {
		fmt.Fprintf(&b, "complete -c lvm -n __fish_use_subcommand -a %s -d %s\n", cmd.name, quoted(cmd.summary))
	}
	for _, cmd := range commands() {
		where := []string{"-c lvm -n '__fish_seen_subcommand_from " + cmd.name + "'"}
		if !onlyInside(cmd.name) {
			where = append(where, "-c "+cmd.name)
		}
		var ask []string
		vg, lv, pv := cmd.objects()
		for what, wanted := range map[string]bool{"vgs --noheadings -o vg_name": vg, "lvs --noheadings -o lv_full_name": lv, "pvs --noheadings -o pv_name": pv} {
			if wanted {
				ask = append(ask, "(lvm "+what+" 2>/dev/null | string trim)")
			}
		}
		slices.Sort(ask)
		short := map[string]bool{}
		for _, o := range cmd.allOptions() {
			line := " -l " + o.Name
			if o.Short != "" && !short[o.Short] {
				short[o.Short] = true
				line += " -s " + o.Short
			}
			switch words := o.Values(); {
			case len(words) > 0:
				line += " -x -a " + quoted(strings.Join(words, " "))
			case o.Kind != args.Flag:
				line += " -r"
			}
			for _, w := range where {
				b.WriteString("complete " + w + line + "\n")
			}
		}
		for _, w := range where {
			if len(ask) > 0 {
				fmt.Fprintf(&b, "complete %s -a %s\n", w, quoted(strings.Join(ask, " ")))
			}
		}
	}
	return b.String()
}
