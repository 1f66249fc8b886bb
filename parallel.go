package lvm

import "sync"

// maxParallel bounds how many devices are read or written at once.
const maxParallel = 16

// inParallel calls do for 0 to n-1, several at a time, and waits for all.
func inParallel(n int, do func(i int)) {
	slots := make(chan struct{}, maxParallel)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			do(i)
		})
	}
	wg.Wait()
}
