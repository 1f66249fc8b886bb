package lvm

import (
	"os"
	"path/filepath"

	"github.com/pkg/errors"
)

// addLink makes devDir/vg/lv point to the node of the mapped device dmName. It
// replaces nothing but links.
func addLink(devDir, vg, lv, dmName string) error {
	if err := joinErrors(checkVGName(vg), checkLVName(vg, lv)); err != nil {
		return err
	}
	dir, target := filepath.Join(devDir, vg), filepath.Join(devDir, "mapper", dmName)
	link := filepath.Join(dir, lv)
	if same(link, target) {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return errors.Wrap(err, "add link")
	}
	if st, err := os.Lstat(link); err == nil {
		if st.Mode()&os.ModeSymlink == 0 {
			return fault(ErrExists, "add link: %s is there and no link", link)
		}
		if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
			return errors.Wrap(err, "add link")
		}
	}
	if err := os.Symlink(target, link); err != nil && !os.IsExist(err) {
		return errors.Wrap(err, "add link")
	}
	return nil
}

// same says whether both paths lead to the same device.
func same(link, target string) bool {
	a, ok := blockDeviceNumber(link)
	b, ok2 := blockDeviceNumber(target)
	return ok && ok2 && a == b
}

// removeLink removes devDir/vg/lv if it is a link, and the directory if that
// leaves it empty.
func removeLink(devDir, vg, lv string) error {
	if err := joinErrors(checkVGName(vg), checkLVName(vg, lv)); err != nil {
		return err
	}
	dir := filepath.Join(devDir, vg)
	link := filepath.Join(dir, lv)
	st, err := os.Lstat(link)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return errors.Wrap(err, "remove link")
	}
	if st.Mode()&os.ModeSymlink == 0 {
		return nil
	}
	if err := os.Remove(link); err != nil && !os.IsNotExist(err) {
		return errors.Wrap(err, "remove link")
	}
	os.Remove(dir) // fails while other links are in it
	return nil
}
