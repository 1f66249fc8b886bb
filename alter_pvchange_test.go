package lvm

func alterPVChange() []alteration { return nil }

func alterPVChangeKernel() []alteration { return nil }
