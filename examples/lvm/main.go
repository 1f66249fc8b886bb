// Needs the kernel, root, and nothing else: lvm is lvm2's commands in one static file.
//
// It takes the names, options, units, reports and exit codes of lvm2's commands, as
// "lvm CMD" or by the name that it is called as, or from a script on stdin, and is
// written over the public API of the library alone:
//
//	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' .
//	ln -s lvm lvs
//
// Beside lvm2's commands, "lvm plan CMD ..." tells what a command would do, and
// "lvm map VG" draws where the extents of a group lie, and "lvm completion SHELL" prints
// what has a shell complete all of these. What lvm2 has and this has not yet:
// explanations of settings by lvmconfig; vdo; splitting and joining COW snapshots.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	a := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.Getenv}
	code := a.run(ctx, os.Args)
	stop()
	os.Exit(code)
}
