package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The options that commands name are all in the table; help shows each command.
func TestCommandsHaveTheirOptions(t *testing.T) {
	t.Parallel()
	for _, cmd := range commands() {
		require.NotPanics(t, func() { cmd.allOptions() }, cmd.name)
		require.NotEmpty(t, cmd.summary, cmd.name)
		require.NotNil(t, cmd.run, cmd.name)
	}
}
