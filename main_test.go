package lvm

import (
	"os"
	"testing"

	"github.com/lvm-go/lvm/internal/umltest"
)

func TestMain(m *testing.M) {
	if args := lockHolderArgs(); args != nil {
		os.Exit(lockHolder(args))
	}
	if order := os.Getenv(killEnv); order != "" {
		os.Exit(liveAndDie(order, os.Args[1:]))
	}
	if order := os.Getenv(dieEnv); order != "" {
		os.Exit(doAndDie(order, os.Args[1:]))
	}
	if order := os.Getenv(soakEnv); order != "" {
		os.Exit(soakWorker(order, os.Args[1:]))
	}
	if os.Getenv(criticalEnv) != "" {
		os.Exit(changeOwnGround(os.Args[1:]))
	}
	os.Exit(theMatrix.finish(umltest.Main(m)))
}
