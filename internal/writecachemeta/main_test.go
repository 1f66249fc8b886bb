package writecachemeta_test

import (
	"flag"
	"os"
	"testing"

	"github.com/lvm-go/lvm/internal/umltest"
)

var update = flag.Bool("update", false, "write testdata anew")

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }
