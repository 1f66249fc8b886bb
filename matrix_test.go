package lvm

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// tally is what became of an operation at the points at which it was made to fail.
type tally struct {
	tried   int // points: a crash, a death, a call that fails
	before  int // at which all is as it was
	after   int // at which all is as it is to be
	resumed int // of these, those in which Recover had something to do
}

// lost is at how many points the group was neither as before nor as after, or
// could not be brought in order. The test fails there, too.
func (t tally) lost() int { return t.tried - t.before - t.after }

// crashMatrix counts over all tests of alterations.
type crashMatrix struct {
	mu  sync.Mutex
	ops map[string]*tally // by the names of alterations
}

var theMatrix = crashMatrix{ops: map[string]*tally{}}

// try notes that an alteration is made to fail at one point.
func (m *crashMatrix) try(alteration string) { m.note(alteration, func(t *tally) { t.tried++ }) }

// came notes what came of it: which group there was, and what Recover did.
func (m *crashMatrix) came(alteration, which string, done []string) {
	m.note(alteration, func(t *tally) {
		if which == "after" {
			t.after++
		} else {
			t.before++
		}
		if len(done) > 0 {
			t.resumed++
		}
	})
}

func (m *crashMatrix) note(alteration string, do func(*tally)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.ops[alteration]
	if t == nil {
		t = &tally{}
		m.ops[alteration] = t
	}
	do(t)
}

// print prints a line for each method of Tx, which counts the alterations that call it,
// and returns how many points are lost.
func (m *crashMatrix) print(w io.Writer) (lost int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.ops) == 0 {
		return 0
	}
	calls, err := alterationCalls()
	if err != nil {
		fmt.Fprintln(w, err)
		return 1
	}
	type row struct {
		method      string
		alterations int
		tally
	}
	rows := map[string]*row{}
	total := row{method: "in all", alterations: len(m.ops)}
	add := func(r *row, t *tally) {
		r.tried += t.tried
		r.before += t.before
		r.after += t.after
		r.resumed += t.resumed
	}
	for name, t := range m.ops {
		add(&total, t)
		for method := range calls[name] {
			r := rows[method]
			if r == nil {
				r = &row{method: method}
				rows[method] = r
			}
			r.alterations++
			add(r, t)
		}
	}
	sorted := slices.SortedFunc(maps.Values(rows), func(a, b *row) int { return cmp.Compare(a.method, b.method) })
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "operation\tchanges\tpoints\told\tnew\tresumed\tlost\t")
	for _, r := range append(sorted, &total) {
		fmt.Fprintf(tw, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", r.method, r.alterations, r.tried, r.before, r.after, r.resumed, r.lost())
	}
	if err := tw.Flush(); err != nil {
		return 1
	}
	return total.lost()
}

// finish prints the matrix if somebody wants to see it, and fails a run in which
// something was lost.
func (m *crashMatrix) finish(code int) int {
	out := io.Discard
	if everything() || testing.Verbose() {
		out = os.Stdout
	}
	if lost := m.print(out); lost > 0 && code == 0 && flag.Lookup("test.failfast").Value.String() != "true" {
		fmt.Fprintf(os.Stderr, "%d points of the crash matrix are lost\n", lost)
		return 1
	}
	return code
}

// methodsOf returns the names of a type's exported methods.
func methodsOf[T any]() map[string]bool {
	typ, out := reflect.TypeFor[T](), map[string]bool{}
	for i := range typ.NumMethod() {
		out[typ.Method(i).Name] = true
	}
	return out
}

// alterationCalls returns, for each alteration, the methods of Tx that it calls, directly
// or by helpers of the tests. What only its setup calls does not count.
func alterationCalls() (map[string]map[string]bool, error) {
	funcs, err := testFuncs()
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for _, a := range slices.Concat(alterations(), kernelAlterations()) {
		known[a.name] = true
	}
	for _, a := range alterFS() {
		known[a.name] = true
	}
	out := map[string]map[string]bool{}
	for _, decl := range funcs {
		if !returnsAlterations(decl) {
			continue
		}
		f := &callFinder{funcs: funcs, methods: methodsOf[*Tx](), locals: localFuncs(decl)}
		ast.Inspect(decl.Body, func(n ast.Node) bool {
			list, ok := n.(*ast.CompositeLit)
			if !ok || !isAlterations(list.Type) {
				return true
			}
			for _, element := range list.Elts {
				f.found, f.seen = map[string]bool{}, map[ast.Node]bool{}
				f.walk(element)
				if name := nameIn(element, known); name != "" {
					out[name] = f.found
				}
			}
			return false
		})
	}
	return out, nil
}

// testFuncs returns the functions of the package's tests by name, and the methods by
// their names with a dot ahead.
func testFuncs() (map[string]*ast.FuncDecl, error) {
	paths, err := filepath.Glob("*_test.go")
	if err != nil {
		return nil, err
	}
	out, fset := map[string]*ast.FuncDecl{}, token.NewFileSet()
	for _, path := range paths {
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil && f.Recv != nil {
				out["."+f.Name.Name] = f
			} else if ok && f.Body != nil {
				out[f.Name.Name] = f
			}
		}
	}
	return out, nil
}

func returnsAlterations(f *ast.FuncDecl) bool {
	return f.Type.Results != nil && len(f.Type.Results.List) == 1 && isAlterations(f.Type.Results.List[0].Type)
}

func isAlterations(typ ast.Expr) bool {
	array, ok := typ.(*ast.ArrayType)
	if !ok {
		return false
	}
	name, ok := array.Elt.(*ast.Ident)
	return ok && (name.Name == "alteration" || name.Name == "fsAlteration")
}

// localFuncs returns the functions that a function gives names to.
func localFuncs(decl *ast.FuncDecl) map[string]*ast.FuncLit {
	out := map[string]*ast.FuncLit{}
	ast.Inspect(decl.Body, func(n ast.Node) bool {
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == len(a.Rhs) {
			for i, value := range a.Rhs {
				name, named := a.Lhs[i].(*ast.Ident)
				if f, ok := value.(*ast.FuncLit); ok && named {
					out[name.Name] = f
				}
			}
		}
		return true
	})
	return out
}

// nameIn returns the first string in an expression that is the name of an alteration.
func nameIn(e ast.Expr, known map[string]bool) (name string) {
	ast.Inspect(e, func(n ast.Node) bool {
		if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING && name == "" {
			if s, err := strconv.Unquote(lit.Value); err == nil && known[s] {
				name = s
			}
		}
		return name == ""
	})
	return name
}

// smallOnes are helpers that do what a method does, with less room than that takes,
// since the devices are small.
var smallOnes = map[string]string{
	"addPool": "CreateThinPool", "toPool": "ConvertToThinPool", "toCachePool": "ConvertToCachePool", "addCachePool": "CreateCachePool", "addSmallIntegrity": "AddIntegrity",
}

// callFinder looks for the methods of Tx that code names.
type callFinder struct {
	funcs   map[string]*ast.FuncDecl
	methods map[string]bool
	locals  map[string]*ast.FuncLit
	found   map[string]bool
	seen    map[ast.Node]bool
}

func (f *callFinder) walk(n ast.Node) {
	if f.seen[n] {
		return
	}
	f.seen[n] = true
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr: // of an alteration
			key, ok := n.Key.(*ast.Ident)
			return !ok || key.Name != "setup" && key.Name != "worked"
		case *ast.FuncLit:
			return !isSetup(n.Type)
		case *ast.SelectorExpr:
			if method := smallOnes[n.Sel.Name]; method != "" {
				f.found[method] = true
			} else if f.methods[n.Sel.Name] {
				f.found[n.Sel.Name] = true
			} else if helper := f.funcs["."+n.Sel.Name]; helper != nil && !isSetup(helper.Type) {
				f.walk(helper.Body)
			}
			f.walk(n.X)
			return false
		case *ast.Ident:
			if lit := f.locals[n.Name]; lit != nil {
				f.walk(lit)
			} else if helper := f.funcs[n.Name]; helper != nil && !isSetup(helper.Type) {
				f.walk(helper.Body)
			}
		}
		return true
	})
}

// isSetup says whether a function is one of those that make what there is before.
func isSetup(typ *ast.FuncType) bool {
	return slices.ContainsFunc(typ.Params.List, func(p *ast.Field) bool {
		sel, ok := p.Type.(*ast.SelectorExpr)
		return ok && sel.Sel.Name == "TB"
	})
}

// TestEveryMethodHasAnAlteration: each method of Tx that changes something is among
// those that are made to fail and crash at every point.
func TestEveryMethodHasAnAlteration(t *testing.T) {
	t.Parallel()
	calls, err := alterationCalls()
	require.NoError(t, err)
	called := map[string]bool{}
	for _, a := range slices.Concat(alterations(), kernelAlterations()) {
		assert.NotEmpty(t, calls[a.name], "the alteration %q calls no method of Tx that can be found", a.name)
	}
	for _, methods := range calls {
		maps.Copy(called, methods)
	}
	var lacking []string
	for name := range methodsOf[*Tx]() {
		if txCalls[name].kind != looks && !called[name] {
			lacking = append(lacking, name)
		}
	}
	slices.Sort(lacking)
	assert.Empty(t, lacking, "no alteration calls these methods of Tx: add one to the file alter_*_test.go of their topic")
}

// systemAttacks holds every method of System that changes something: which tests
// interrupt it. A new one needs a line.
var systemAttacks = map[string][]string{
	"Apply":            {"TestCrash", "TestFaults", "TestDeath"},
	"Update":           {"TestCrash", "TestFaults", "TestDeath", "TestCancel", "TestKernelKill"},
	"Recover":          {"TestDeathInRecover", "TestKernelKillScenarios"},
	"Backup":           {"TestKernelBackupsWithoutRoom"},
	"ImportClones":     {"TestImportClonesCrash", "TestImportClonesFaults"},
	"Merge":            {"TestKernelKillScenarios"},
	"ResumeMerges":     {"TestKernelKillScenarios"},
	"Move":             {"TestKernelKillScenarios"},
	"ResumeMoves":      {"TestKernelKillScenarios"},
	"AbortMove":        {"TestKernelKillScenarios"},
	"FlushCache":       {"TestKernelKillScenarios"},
	"DetachCache":      {"TestKernelKillScenarios"},
	"ResumeDetaches":   {"TestKernelKillScenarios"},
	"AddMirrorLegs":    {"TestFaults", "TestDeath"}, // the updates of which it is made
	"FinishMirrorLegs": {"TestFaults", "TestDeath"},
	"ResyncRAID":       {"TestFaults", "TestDeath"},
	"ExtendSnapshots":  {"TestFaults", "TestDeath"},
	"ExtendPools":      {"TestFaults", "TestDeath"},
	"Monitor":          {"TestFaults", "TestDeath"},
}

// systemLooks are the methods of System that change no disk and no table.
var systemLooks = strings.Fields("BackupText Backups Check Close FileSystem Plan Scan Scrub VG View WaitSync")

// TestEveryMethodOfSystemIsAttacked: each method of System that changes something has
// tests that interrupt it.
func TestEveryMethodOfSystemIsAttacked(t *testing.T) {
	t.Parallel()
	funcs, err := testFuncs()
	require.NoError(t, err)
	methods := methodsOf[*System]()
	for name := range methods {
		if slices.Contains(systemLooks, name) {
			continue
		}
		assert.NotEmpty(t, systemAttacks[name], "System.%s is neither in systemAttacks nor in systemLooks", name)
		for _, test := range systemAttacks[name] {
			assert.True(t, funcs[test] != nil, "the test %s, which attacks System.%s, is no more", test, name)
		}
	}
	for name := range systemAttacks {
		assert.True(t, methods[name], "System has no method %s any more", name)
	}
}
