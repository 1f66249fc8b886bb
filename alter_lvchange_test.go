package lvm

func alterLVChange() []alteration { return nil }

func alterLVChangeKernel() []alteration { return nil }
