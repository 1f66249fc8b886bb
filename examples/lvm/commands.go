package main

import "slices"

// commands returns all commands, in the order in which help lists them.
func commands() []*command {
	return slices.Concat(
		reportCommands(),
		pvCommands(),
		vgCommands(),
		lvCommands(),
		createCommands(),
		convertCommands(),
		moveCommands(),
		scanCommands(),
		displayCommands(),
		metadataCommands(),
		checkCommands(),
		configCommands(),
		devicesCommands(),
		pollCommands(),
		obsoleteCommands(),
		pictureCommands(),
		infoCommands(),
		completionCommands(),
	)
}
