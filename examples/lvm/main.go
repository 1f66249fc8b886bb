// Needs the kernel, root, and nothing else: lvm is lvm2's commands in one static file.
//
// It takes the names, options, units and exit codes of lvm2's commands, as "lvm CMD" or
// by the name that it is called as, and is written over the public API of the library
// alone.
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
