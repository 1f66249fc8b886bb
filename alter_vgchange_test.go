package lvm

func alterVGChange() []alteration { return nil }

func alterVGChangeKernel() []alteration { return nil }
