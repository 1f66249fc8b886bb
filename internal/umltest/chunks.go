package umltest

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

// chunkSize is how many kernel tests one guest runs where there are more. Two
// guests run at a time: they wait more than they work.
const (
	chunkSize = 8
	guests    = 2
)

// chunks deals names out to as few guests as chunkSize allows, so that neighbours,
// which often take long for the same reason, are in different ones.
func chunks(names []string) [][]string {
	out := make([][]string, (len(names)+chunkSize-1)/chunkSize)
	for i, name := range names {
		out[i%len(out)] = append(out[i%len(out)], name)
	}
	return out
}

// others returns the pattern of all names but those of a chunk.
func others(names, chunk []string) string {
	var out []string
	for _, name := range names {
		if !slices.Contains(chunk, name) {
			out = append(out, regexp.QuoteMeta(name))
		}
	}
	return "^(" + strings.Join(out, "|") + ")$"
}

// runBoth runs the kernel tests in guests, beside the host's, and prints what they
// say once the host's have ended: one stream of output is that of one test at a
// time. Where the kernel of a guest crashes, which Linux 6.1 does now and then as a raid
// that it is at work on goes, all its tests are run once more in another, and that is
// said. A second crash fails.
func runBoth(here place, host func() int, kernel []string, skip string, left func() time.Duration) int {
	slices.Sort(kernel)
	parts := chunks(kernel)
	outputs := make([]bytes.Buffer, len(parts))
	codes := make([]int, len(parts))
	done := make([]chan struct{}, len(parts))
	for i := range done {
		done[i] = make(chan struct{})
	}
	next := make(chan int, len(parts))
	for i := range parts {
		next <- i
	}
	close(next)
	var workers sync.WaitGroup
	for range min(guests, runtime.NumCPU()) {
		workers.Go(func() {
			for i := range next {
				pattern := both(skip, hostOnly)
				if len(parts) > 1 {
					pattern = both(pattern, others(kernel, parts[i]))
				}
				codes[i] = runKernel(here, parts[i], pattern, left(), &outputs[i], false)
				if codes[i] == crashed {
					outputs[i].Reset()
					fmt.Fprintf(&outputs[i], "umltest: the kernel of a guest crashed: %d tests are run again in another\n", len(parts[i]))
					codes[i] = runKernel(here, parts[i], pattern, left(), &outputs[i], true)
				}
				close(done[i])
			}
		})
	}
	code := host()
	for i := range parts {
		<-done[i]
		if _, err := os.Stdout.Write(outputs[i].Bytes()); err != nil {
			fmt.Fprintln(os.Stderr, "umltest:", err)
			code = max(code, 1)
		}
		code = max(code, codes[i])
	}
	workers.Wait()
	return code
}
