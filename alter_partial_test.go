package lvm

func alterPartial() []alteration { return nil }

func alterPartialKernel() []alteration { return nil }
