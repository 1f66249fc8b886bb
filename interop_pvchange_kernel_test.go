package lvm

func interopPVChange() []scenario { return nil }
