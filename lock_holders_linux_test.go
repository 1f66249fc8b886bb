package lvm

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseHolders(t *testing.T) {
	t.Parallel()
	const list = `1: POSIX  ADVISORY  WRITE 10 00:1a:1042 0 EOF
2: FLOCK  ADVISORY  READ 11 00:1a:1042 0 EOF
2: -> FLOCK  ADVISORY  WRITE 12 00:1a:1042 0 EOF
3: FLOCK  ADVISORY  READ 13 00:1a:1042 0 EOF
4: FLOCK  ADVISORY  READ 13 00:1a:1042 0 EOF
5: FLOCK  ADVISORY  WRITE 14 00:1a:1043 0 EOF
6: FLOCK  ADVISORY  READ -1 00:1a:1042 0 EOF
7: FLOCK
8: FLOCK  ADVISORY  READ 15 00:1a:1042 0 EOF
`
	command := func(pid int) string { return fmt.Sprintf("c%d", pid) }
	assert.Equal(t, []LockHolder{{11, "c11"}, {13, "c13"}, {15, "c15"}}, parseHolders(strings.NewReader(list), "00:1a:1042", command))
	assert.Empty(t, parseHolders(strings.NewReader(list), "00:1b:1042", command))
	assert.Len(t, parseHolders(strings.NewReader(manyLocks(100)), "00:1a:1", command), mostHolders)
}

func manyLocks(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%d: FLOCK  ADVISORY  READ %d 00:1a:1 0 EOF\n", i+1, i+1)
	}
	return b.String()
}

// TestRefusalNamesTheHolder: who cannot have a lock is told who has it.
func TestRefusalNamesTheHolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	other, _ := startHolder(t, dir, "V_vg", false)
	l := newLocker(dir)
	_, err := l.lock(within(t, lockHaste), "V_vg", true)
	var locked *LockError
	require.ErrorAs(t, err, &locked)
	if len(locked.Holders) > 0 { // some file systems do not tell
		require.Equal(t, []LockHolder{{other.Process.Pid, commandOf(other.Process.Pid)}}, locked.Holders)
		assert.Contains(t, err.Error(), fmt.Sprintf("held by process %d", other.Process.Pid))
	}

	mustLock(t, l, "V_ours", true)
	_, err = l.lock(within(t, lockHaste), "V_ours", false)
	require.ErrorAs(t, err, &locked)
	require.Len(t, locked.Holders, 1)
	assert.Equal(t, os.Getpid(), locked.Holders[0].PID)
}
