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
	os.Exit(umltest.Main(m))
}
