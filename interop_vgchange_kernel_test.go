package lvm

func interopVGChange() []scenario { return nil }
