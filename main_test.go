package lvm

import (
	"os"
	"testing"

	"github.com/lvm-go/lvm/internal/umltest"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == lockHolderArg {
		os.Exit(lockHolder(os.Args[2:]))
	}
	os.Exit(umltest.Main(m))
}
