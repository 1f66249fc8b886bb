// Command uml runs one command as root in a User-mode Linux kernel with
// device-mapper, on the host's file system:
//
//	go run ./internal/umltest/cmd/uml [-i] [-k] [-m MiB] [-t duration] -- COMMAND [ARG...]
//
// The command gets the caller's directory, arguments and environment; its
// output, its errors and its exit status come back. In the guest it can change
// and delete the host's files. The exit status is 124 when it ran out of time,
// 125 when the guest crashed or is not available, 126 or 127 when the command
// cannot be run, 130 when it was interrupted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/lvm-go/lvm/internal/umltest/guest"
)

func main() {
	guest.Enter()
	os.Exit(run())
}

func run() int {
	stdin := flag.Bool("i", false, "give the command the caller's input, read to its end before the boot")
	kernelLog := flag.Bool("k", false, "print the guest's kernel log at the end")
	mib := flag.Int64("m", 1024, "memory of the guest, in `MiB`")
	limit := flag.Duration("t", 10*time.Minute, "kill the guest after this time; 0 means never")
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		return 2
	}
	dir, err := os.Getwd()
	if err != nil {
		return complain(err)
	}
	c := guest.Command{
		Path: flag.Arg(0), Args: flag.Args(), Dir: dir, Env: os.Environ(),
		Stdout: os.Stdout, Stderr: os.Stderr,
		Memory: *mib << 20, Timeout: *limit,
	}
	if *stdin {
		if c.Stdin, err = io.ReadAll(os.Stdin); err != nil {
			return complain(err)
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer stop()
	res, err := c.Run(ctx)
	if *kernelLog {
		fmt.Fprint(os.Stderr, res.Log)
	}
	var ended *guest.Error
	if errors.As(err, &ended) && !*kernelLog {
		fmt.Fprintln(os.Stderr, ended.Log)
	}
	switch {
	case errors.Is(err, guest.ErrTimeout):
		complain(err)
		return 124
	case errors.Is(err, guest.ErrInterrupted):
		complain(err)
		return 130
	case err != nil:
		return complain(err)
	}
	for _, w := range res.Warnings {
		fmt.Fprintln(os.Stderr, "uml: kernel log:", w)
	}
	return res.Status
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "uml:", err)
	return 125
}
