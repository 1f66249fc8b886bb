package lvm

func interopGroups() []scenario { return nil }
