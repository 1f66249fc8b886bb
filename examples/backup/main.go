// Backup copies the volumes of a group as they are at one instant, while they
// are in use. It takes snapshots of all of them in one update, reads those, and
// keeps them: the next backup holds only what was changed since.
//
//	go run ./examples/backup -to FOLDER -vg vg0 -lv home,db disk*.img
//	go run ./examples/backup -restore FOLDER -out FOLDER
//
// works on image files, and makes home.img and db.img of the last backup; with
// -kernel, as root, on the active volumes of the running system. -freeze and -thaw
// are commands to bring a database to rest and let it go on, for the moment of the
// snapshots. -files makes a tar archive of each volume instead, with the files of
// its file system, which is mounted read-only for that.
//
// Without arguments it makes a group on two files of its own, with a database
// that writes every record to one volume and then to the other, makes backups
// of that, and prints, with other times:
//
//	vg0 with log of 32 MiB and data of 64 MiB. A database writes to both.
//
//	Snapshots of log, data at one instant: frozen for 1ms.
//	log: 1 MiB
//	data: 10 MiB
//	Backup 1 is complete.
//
//	Snapshots of log, data at one instant: frozen for 1ms.
//	log: 1 MiB changed since the last backup
//	data: 1 MiB changed since the last backup
//	Backup 2 is complete.
//
//	Restored log as of backup 2: 32 MiB.
//	Restored data as of backup 2: 64 MiB.
//	The contents are the same, and of one instant: the log ends where the data does.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/lvm-go/lvm"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "backup:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, args []string) error {
	flags := flag.NewFlagSet("backup", flag.ContinueOnError)
	flags.SetOutput(out)
	b := backup{out: out}
	flags.StringVar(&b.vg, "vg", "", "`NAME` of the volume group")
	flags.StringVar(&b.to, "to", "", "`FOLDER` of the backups, one for each group")
	flags.Func("lv", "`NAMES` of the volumes, with commas between them; all if not given", func(names string) error {
		b.lvs = strings.Split(names, ",")
		return nil
	})
	flags.BoolVar(&b.full, "full", false, "not only what was changed since the last backup")
	flags.UintVar(&b.space, "space", 20, "how much of a volume may change until the next backup, in `PERCENT`")
	flags.BoolVar(&b.kernel, "kernel", false, "back up active volumes (Linux, as root)")
	files := flags.Bool("files", false, "with -kernel: tar archives of the files")
	freeze := flags.String("freeze", "", "`COMMAND` ahead of the snapshots; if it fails there are none")
	thaw := flags.String("thaw", "", "`COMMAND` right after the snapshots, also after a failure")
	restored := flags.String("restore", "", "restore the backups in `FOLDER`")
	target := flags.String("out", ".", "restore to new files in `FOLDER`")
	number := flags.Int("at", 0, "restore backup `NUMBER`, 0 for the last")
	if err := flags.Parse(args); err == flag.ErrHelp {
		return nil
	} else if err != nil {
		return err
	}
	switch {
	case len(args) == 0:
		return show(ctx, out)
	case *restored != "":
		return restore(ctx, out, *restored, *target, *number)
	case b.vg == "" || b.to == "" || flags.NArg() == 0 && !b.kernel || *files && !b.kernel:
		fmt.Fprintln(out, "usage: backup -to FOLDER -vg NAME {-kernel | DISK...}\n       backup -restore FOLDER")
		flags.PrintDefaults()
		return nil
	}
	b.hooks = commands(out, *freeze, *thaw)
	var err error
	if b.sys, err = open(ctx, b.kernel, flags.Args()); err != nil {
		return err
	}
	defer b.sys.Close()
	if *files {
		return b.files(ctx)
	}
	return b.run(ctx)
}

// open opens the disks, or all that lvm2 would look at, and clears up what a run
// that was killed has left behind.
func open(ctx context.Context, kernel bool, disks []string) (*lvm.System, error) {
	cfg := lvm.Config{Devices: disks, Kernel: lvm.KernelNone}
	if kernel {
		cfg.Kernel = lvm.KernelDM
	}
	if len(disks) == 0 {
		var err error
		if cfg.Devices, err = lvm.FindDevices(ctx, lvm.ScanOptions{}); err != nil {
			return nil, err
		}
	}
	sys, err := lvm.Open(cfg)
	if err != nil {
		return nil, err
	}
	if _, err := sys.Recover(ctx); err != nil {
		sys.Close()
		return nil, err
	}
	return sys, nil
}

// commands returns hooks that run commands of the shell.
func commands(out io.Writer, freeze, thaw string) lvm.FreezeHooks {
	return lvm.FreezeHooks{
		Freeze: func(ctx context.Context) error { return shell(ctx, out, freeze) },
		Thaw: func(time.Duration, bool) {
			if err := shell(context.Background(), out, thaw); err != nil {
				fmt.Fprintln(out, "thaw:", err)
			}
		},
	}
}

func shell(ctx context.Context, out io.Writer, command string) error {
	if command == "" {
		return nil
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}
