package args

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvm-go/lvm"
)

// unsigned are the sizes that have no sign. Others may have a plus that says nothing.
var unsigned = []string{"physicalextentsize", "virtualsize", "metadatasize", "bootloaderareasize", "setphysicalvolumesize", "cachesize"}

// signs returns those that a value of an option of a command may have.
func signs(command string, o *Option) string {
	switch {
	case o.Name == "size" || o.Name == "extents" || o.Name == "poolmetadatasize":
		switch command {
		case "lvcreate", "lvextend", "lvconvert":
			return "+"
		case "lvreduce":
			return "-"
		}
		return "+-"
	case o.Name == "mirrors" && command == "lvconvert":
		return "+-"
	case slices.Contains(unsigned, o.Name):
		return ""
	}
	return "+"
}

// checkSign refuses a number with a sign that it cannot have.
func (o *Option) checkSign(command string, v Value) error {
	allowed := signs(command, o)
	if v.Sign == 0 || strings.IndexByte(allowed, v.Sign) >= 0 {
		return nil
	}
	what := map[Kind]string{Size: "Size", Extents: "Extents"}[o.Kind]
	switch {
	case o.Name == "regionsize":
		what = "Region size"
	case o.Name == "mirrors" && command == "lvcreate":
		what = "Number"
	case what == "":
		return &UsageError{}
	}
	switch {
	case allowed == "":
		return usage("%s may not be relative/signed.", what)
	case v.Sign == '-':
		return usage("%s may not be negative.", what)
	}
	return usage("%s may not be positive.", what)
}

// checkSectors refuses a number of bytes that is none of sectors.
func checkSectors(text string, size lvm.Bytes) error {
	const sector = 512
	if !strings.HasSuffix(strings.ToLower(text), "b") || len(text) > 1 && !strings.ContainsRune("0123456789.", rune(text[len(text)-2])) || size%sector == 0 {
		return nil
	}
	down := uint64(size / sector * sector)
	return usage("Size is not a multiple of %d. Try using %s or %s.", sector, fmt.Sprint(down), fmt.Sprint(down+sector))
}

// isTag says whether a text can be a tag, which an @ may precede.
func isTag(text string) bool {
	text = strings.TrimPrefix(text, "@")
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._+/=!:&#-") == ""
}
