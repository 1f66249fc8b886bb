package umltest

import (
	"regexp"
	"strings"
)

// Patterns for -test.skip. The second says "does not start with TestKernel or
// BenchmarkKernel" without a negation, which the pattern language lacks.
const (
	kernelOnly = `^(Test|Benchmark)Kernel`
	hostOnly   = `^(Example|Fuzz)|^(Test|Benchmark)($|[^K]|K($|[^e]|e($|[^r]|r($|[^n]|n($|[^e]|e($|[^l]))))))`
)

// selection is what the user's flags choose.
type selection struct{ run, bench, skip string }

// split returns the chosen ones of names, those for the host and those for the
// guest.
func (s selection) split(names []string) (host, kernel []string) {
	for _, name := range names {
		chosen := s.run == "" || matches(s.run, name, true)
		if strings.HasPrefix(name, "Benchmark") {
			chosen = s.bench != "" && matches(s.bench, name, true)
		}
		switch {
		case !chosen, s.skip != "" && matches(s.skip, name, false):
		case isKernel(name):
			kernel = append(kernel, name)
		default:
			host = append(host, name)
		}
	}
	return host, kernel
}

func isKernel(name string) bool {
	return strings.HasPrefix(name, "TestKernel") || strings.HasPrefix(name, "BenchmarkKernel")
}

// both returns the pattern of what a or b matches.
func both(a, b string) string {
	if a == "" {
		return b
	}
	return a + "|" + b
}

// matches reports whether a pattern of -test.run or -test.skip applies to a test
// as a whole. Its alternatives have an element for each level of subtests. One
// with several runs the tests that its first element matches, but skips only
// subtests. A pattern that is no regular expression is left for the testing
// package to reject.
func matches(pattern, name string, part bool) bool {
	for _, alternative := range cut(pattern, '|') {
		elements := cut(alternative, '/')
		if len(elements) > 1 && !part {
			continue
		}
		re, err := regexp.Compile(elements[0])
		if err != nil || re.MatchString(name) {
			return true
		}
	}
	return false
}

// cut splits a regular expression at each sep outside of brackets and
// parentheses, as the testing package does.
func cut(s string, sep byte) []string {
	var parts []string
	brackets, parens, from := 0, 0, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case c == '[':
			brackets++
		case c == ']' && brackets > 0:
			brackets--
		case c == '(' && brackets == 0:
			parens++
		case c == ')' && brackets == 0 && parens > 0:
			parens--
		case c == sep && brackets == 0 && parens == 0:
			parts = append(parts, s[from:i])
			from = i + 1
		}
	}
	return append(parts, s[from:])
}
