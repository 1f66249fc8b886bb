package lvm

func alterIdentity() []alteration { return nil }

func alterIdentityKernel() []alteration { return nil }
