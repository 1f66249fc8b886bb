package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/lvm-go/lvm/examples/lvm/internal/args"
)

// ignored are the options that are taken and change nothing, with the reason; those of
// one command have its name before them.
var ignored = map[string]string{
	"clustered":                    "groups with such locks are refused",
	"commandprofile":               "profiles are not read",
	"debug":                        "there is no log of what is done",
	"detachprofile":                "profiles are not read",
	"driverloaded":                 "the kernel is asked whether it has the driver",
	"foreign":                      "groups of other hosts are treated alike with it and without",
	"fs":                           "of later lvm2: file systems are treated as with its default",
	"ignorelockingfailure":         "a lock that cannot be had is an error",
	"ignoremonitoring":             "there is no dmeventd",
	"ignoreskippedcluster":         "groups with such locks are refused",
	"journal":                      "nothing is written to the journal",
	"lockopt":                      "groups with such locks are refused",
	"locktype":                     "groups with such locks are refused",
	"logonly":                      "there is no log of what is done",
	"metadataprofile":              "profiles are not read",
	"metadatatype":                 "there is one format of metadata",
	"nofsck":                       "file systems are always checked",
	"nohints":                      "hints are only made out of date",
	"nosync":                       "new extents are treated as they are without it",
	"notifydbus":                   "udev is waited for wherever it runs",
	"noudevsync":                   "udev is waited for wherever it runs",
	"partial":                      "what is missing is shown in any case",
	"profile":                      "profiles are not read",
	"readonly":                     "what only looks does so without it",
	"reportformat":                 "the report of what was done is not made",
	"shared":                       "groups with such locks are refused",
	"sysinit":                      "there is no dmeventd",
	"verbose":                      "there is no log of what is done",
	"lastlog reportformat":         "there is no log of what is done",
	"lastlog select":               "there is no log of what is done",
	"lvchange compression":         "vdo is only kept",
	"lvchange deduplication":       "vdo is only kept",
	"lvmsar stdin":                 "the command is no more",
	"lvpoll handlemissingpvs":      "what is missing is treated alike with it and without",
	"lvremove nohistory":           "the configuration says whether history is kept",
	"lvscan blockdevice":           "lvm2 ignores it, too",
	"map units":                    "sizes are shown as people read them",
	"pvmove background":            "the command ends with the move",
	"pvscan major":                 "all devices are looked at",
	"pvscan minor":                 "all devices are looked at",
	"vgconvert bootloaderareasize": "the command is no more",
	"vgconvert metadatasize":       "the command is no more",
	"vgmerge list":                 "nothing else is told of what was merged",
	"vgmknodes refresh":            "nodes are made by udev",
	"vgremove nohistory":           "the configuration says whether history is kept",
	"vgscan mknodes":               "nodes are made by udev",
}

// Each option that a command takes has an effect, or a reason to have none.
func TestOptionsHaveEffects(t *testing.T) {
	t.Parallel()
	code := readCode(t)
	used := map[string]bool{} // of the reasons
	check := func(cmd *command, options []args.Option, words map[string]bool) {
		for _, o := range options {
			of := cmd.name + " " + o.Name
			_, one := ignored[of]
			_, all := ignored[o.Name]
			switch {
			case words[o.Name]:
				assert.False(t, one, "%s has an effect", of)
			case one:
				used[of] = true
			default:
				used[o.Name] = true
				assert.True(t, all, "%s has neither effect nor reason", of)
			}
		}
	}
	for _, cmd := range commands() {
		if isOneOf(cmd.name, "lvcreate", "lvconvert") {
			continue // what nothing has asked for is refused as they run
		}
		check(cmd, cmd.allOptions(), code.words(cmd.name))
	}
	for name := range ignored {
		assert.True(t, used[name], "%s has an effect, or is no option", name)
	}
}

// code is the program: its functions, and what makes its commands.
type code struct {
	funcs    map[string][]ast.Node
	commands map[string][]ast.Node
	looped   []ast.Node // what makes commands that have their names from a list
	always   []ast.Node // what every command begins with
}

func readCode(t *testing.T) *code {
	t.Helper()
	c := &code{funcs: map[string][]ast.Node{}, commands: map[string][]ast.Node{}}
	files, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, f := range files {
		if !strings.HasSuffix(f.Name(), ".go") || strings.HasSuffix(f.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), f.Name(), nil, 0)
		require.NoError(t, err)
		for _, d := range file.Decls {
			fn, ok := d.(*ast.FuncDecl)
			switch {
			case !ok:
			case strings.HasSuffix(fn.Name.Name, "Commands"):
				c.list(fn)
			case f.Name() == "app.go":
				c.always = append(c.always, fn.Body)
			default:
				c.funcs[fn.Name.Name] = append(c.funcs[fn.Name.Name], fn.Body)
			}
		}
	}
	return c
}

// list notes the commands that a function returns: each with the values of its fields
// but the list of options, and what the function has before.
func (c *code) list(fn *ast.FuncDecl) {
	var before []ast.Node
	for _, stmt := range fn.Body.List {
		if _, last := stmt.(*ast.ReturnStmt); !last {
			before = append(before, stmt)
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		lit, ok := n.(*ast.CompositeLit)
		if !ok {
			return true
		}
		name, values := "", slices.Clone(before)
		for _, e := range lit.Elts {
			kv, ok := e.(*ast.KeyValueExpr)
			if !ok {
				continue
			}
			switch key, _ := kv.Key.(*ast.Ident); {
			case key == nil:
			case key.Name == "name":
				name = text(kv.Value)
			case key.Name != "options":
				values = append(values, kv.Value)
			}
		}
		switch {
		case name != "":
			c.commands[name] = values
		case len(values) > len(before):
			c.looped = append(c.looped, fn.Body)
		}
		return true
	})
}

// words returns the words in the texts of all functions that a command may call. Those of
// one name count as one.
func (c *code) words(name string) map[string]bool {
	out, seen := map[string]bool{}, map[string]bool{}
	todo, ok := c.commands[name]
	if !ok {
		todo = c.looped
	}
	todo = slices.Concat(todo, c.always)
	for len(todo) > 0 {
		node := todo[0]
		todo = todo[1:]
		ast.Inspect(node, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.BasicLit:
				for _, word := range strings.Fields(text(n)) {
					out[word] = true
				}
			case *ast.Ident:
				if !seen[n.Name] {
					seen[n.Name] = true
					todo = append(todo, c.funcs[n.Name]...)
				}
			}
			return true
		})
	}
	return out
}

// text returns the value of a text, and nothing of all else.
func text(e ast.Expr) string {
	lit, ok := e.(*ast.BasicLit)
	if !ok || lit.Kind != token.STRING {
		return ""
	}
	s, _ := strconv.Unquote(lit.Value)
	return s
}
