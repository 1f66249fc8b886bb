package lvm

func interopLVChange() []scenario { return nil }
