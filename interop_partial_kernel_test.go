package lvm

// interopPartial has no scenarios: in theirs nothing must be wrong with a group.
// TestKernelPartial compares groups in which something is.
func interopPartial() []scenario { return nil }
