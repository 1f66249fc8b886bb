package main

// obsoleteCommands are names that lvm2 keeps for what it has no more, and that only tell
// so.
func obsoleteCommands() []*command {
	gone := func(lines ...string) func(*call) error {
		return func(c *call) error {
			if c.name != "vgconvert" && len(c.args) > 0 {
				return c.misuseWord("argument", c.args[0])
			}
			if c.name == "vgconvert" && len(c.args) == 0 {
				return c.syntax()
			}
			for _, line := range lines {
				c.fault("%s", line)
			}
			return errTold
		}
	}
	return []*command{
		{
			name: "lastlog", summary: "Tell what the last command of the shell logged", options: "select reportformat",
			run: gone("No log report stored."),
		},
		{
			name: "lvmchange", summary: "Is no more",
			run: gone("There's no 'lvmchange' command in LVM2.", "Use 'dmsetup' commands to reset the kernel device-mapper driver."),
		},
		{
			name: "lvmsadc", summary: "Is no more",
			run: gone("There's no 'lvmsadc' command in LVM2.", "Please use the superior 'dmstats' facilities instead."),
		},
		{
			name: "lvmsar", summary: "Is no more", options: "full stdin",
			run: gone("There's no 'lvmsar' command in LVM2.", "Please use the superior 'dmstats' facilities instead."),
		},
		{
			name: "vgconvert", summary: "Is no more", forms: []string{"VG ..."},
			options: "force metadatatype labelsector bootloaderareasize pvmetadatacopies metadatasize reportformat",
			run:     gone("The vgconvert command has been removed along with the lvm1 format.", "Use a previous version of lvm to convert the lvm1 format to lvm2."),
		},
	}
}
