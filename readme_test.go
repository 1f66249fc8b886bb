package lvm_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(content)
}

// block returns the code block of the README that follows on a text.
func block(t *testing.T, after, fence string) string {
	t.Helper()
	_, rest, ok := strings.Cut(readFile(t, "README.md"), after)
	require.True(t, ok, after)
	_, rest, ok = strings.Cut(rest, fence+"\n")
	require.True(t, ok, fence)
	code, _, ok := strings.Cut(rest, "```\n")
	require.True(t, ok)
	return code
}

func TestReadmeSampleIsTheExamplesCode(t *testing.T) {
	t.Parallel()
	source := readFile(t, "example_test.go")
	file, err := parser.ParseFile(token.NewFileSet(), "example_test.go", source, parser.ParseComments)
	require.NoError(t, err)
	for _, decl := range file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Name.Name == "build" {
			assert.Equal(t, source[f.Doc.Pos()-1:f.End()-1]+"\n", block(t, "## Use", "```go"))
			return
		}
	}
	require.Fail(t, "example_test.go has no function build")
}

func TestReadmeShowsWhatTheQuickstartPrints(t *testing.T) {
	t.Parallel()
	source := readFile(t, filepath.Join("examples", "quickstart", "main.go"))
	var shown strings.Builder
	for line := range strings.Lines(block(t, "The quickstart prints, with other paths:", "```")) {
		if line != "\n" {
			line = "\t" + line
		}
		shown.WriteString("//" + line)
	}
	assert.Contains(t, source, shown.String())
}

// row is a segment type, or several, and what is supported of it.
var row = regexp.MustCompile(`(yes|kept)\s+(yes|-)\s+(yes|-)\s+(yes|-)`)

func TestSupportMatricesAgree(t *testing.T) {
	t.Parallel()
	rows := func(text string) (out []string) {
		text = strings.ReplaceAll(text, "|", " ")
		for _, m := range row.FindAllStringSubmatch(text, -1) {
			out = append(out, strings.Join(m[1:], " "))
		}
		return out
	}
	inReadme := rows(readFile(t, "README.md"))
	assert.Len(t, inReadme, 10)
	assert.Equal(t, inReadme, rows(readFile(t, "doc.go")))
	types := regexp.MustCompile(`error, zero|linear|striped|snapshot|thin-pool, thin|raid0, raid1, raid4, raid5\*|raid6\*, raid10|mirror|cache-pool, cache, writecache|integrity|vdo\*`)
	_, readme, _ := strings.Cut(readFile(t, "README.md"), "| segment type |")
	readme, _, _ = strings.Cut(readme, "\n\n")
	_, doc, _ := strings.Cut(readFile(t, "doc.go"), "segment type   ")
	doc, _, _ = strings.Cut(doc, "\n//\n")
	assert.Equal(t, types.FindAllString(readme, -1), types.FindAllString(doc, -1))
}

// Each file that a document links to is there.
func TestLinksInDocuments(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, doc := range []string{"README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"} {
		for _, m := range link.FindAllStringSubmatch(readFile(t, doc), -1) {
			_, err := os.Stat(filepath.FromSlash(m[1]))
			assert.NoError(t, err, doc)
		}
	}
}
