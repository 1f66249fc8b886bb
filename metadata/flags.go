package metadata

// VGStatus is the status of a volume group.
type VGStatus uint32

// The words of a group's status and flags lists.
const (
	VGExported       VGStatus = 1 << iota // not to be used until it is imported
	VGResizeable                          // PVs may be added and removed
	VGPvmove                              // legacy
	VGRead                                // may be read
	VGWrite                               // may be changed
	VGWriteLocked                         // as VGWrite, hidden from tools that know no system id
	VGNoAutoactivate                      // its LVs do not come up by themselves
	VGClustered                           // of the former clustered LVM
	VGShared                              // legacy
	VGPartial                             // incomplete; only ever read
)

// PVStatus is the status of a physical volume in its group.
type PVStatus uint32

// The words of a physical volume's status and flags lists.
const (
	PVAllocatable PVStatus = 1 << iota // extents may be taken from it
	PVExported                         // its group is exported
	PVMissing                          // it was absent when the group was last changed
)

// LVStatus is the status of a logical volume.
type LVStatus uint32

// The words of a logical volume's status and flags lists.
const (
	LVRead           LVStatus = 1 << iota // may be read
	LVWrite                               // may be written
	LVWriteLocked                         // as LVWrite, hidden from tools that know no system id
	LVFixedMinor                          // has a fixed device number
	LVVisible                             // not internal to another LV
	LVPvmove                              // moves extents between PVs
	LVLocked                              // some of its extents are being moved
	LVNotSynced                           // mirror or raid whose first synchronisation was skipped
	LVRebuild                             // raid image that must be rebuilt
	LVWriteMostly                         // raid1 image that is read last
	LVActivationSkip                      // not activated unless forced
	LVNoAutoactivate                      // does not come up by itself
	LVErrorWhenFull                       // thin pool that fails writes when it is full
	LVCacheVol                            // used as a cache
)

// A word says a bit. Words of the status list must be understood by every
// reader, those of the flags list need not.
type word[S ~uint32] struct {
	text  string
	bit   S
	where wordPlace
}

type wordPlace uint8

const (
	inStatus wordPlace = iota
	inFlags
	inFlagsOrStatus // written to flags, accepted in status too
)

// The words in the order in which LVM2 writes them.
//
// Source: LVM2 flags.c; checked against testdata/corpus.

var vgWords = []word[VGStatus]{
	{"EXPORTED", VGExported, inStatus},
	{"RESIZEABLE", VGResizeable, inStatus},
	{"PVMOVE", VGPvmove, inStatus},
	{"READ", VGRead, inStatus},
	{"WRITE", VGWrite, inStatus},
	{"WRITE_LOCKED", VGWriteLocked, inFlags},
	{"NOAUTOACTIVATE", VGNoAutoactivate, inFlags},
	{"CLUSTERED", VGClustered, inStatus},
	{"SHARED", VGShared, inStatus},
	{"PARTIAL", VGPartial, inStatus},
}

var pvWords = []word[PVStatus]{
	{"ALLOCATABLE", PVAllocatable, inStatus},
	{"EXPORTED", PVExported, inStatus},
	{"MISSING", PVMissing, inFlagsOrStatus},
}

var lvWords = []word[LVStatus]{
	{"READ", LVRead, inStatus},
	{"WRITE", LVWrite, inStatus},
	{"WRITE_LOCKED", LVWriteLocked, inFlags},
	{"FIXED_MINOR", LVFixedMinor, inStatus},
	{"VISIBLE", LVVisible, inStatus},
	{"PVMOVE", LVPvmove, inStatus},
	{"LOCKED", LVLocked, inStatus},
	{"NOTSYNCED", LVNotSynced, inStatus},
	{"REBUILD", LVRebuild, inStatus},
	{"WRITEMOSTLY", LVWriteMostly, inStatus},
	{"ACTIVATION_SKIP", LVActivationSkip, inFlags},
	{"NOAUTOACTIVATE", LVNoAutoactivate, inFlags},
	{"ERROR_WHEN_FULL", LVErrorWhenFull, inFlags},
	{"CACHE_VOL", LVCacheVol, inFlagsOrStatus},
}

// decodeStatus adds the words of a status list to status; those it does not
// know to unknown.
func decodeStatus[S ~uint32](d *decoder, f item, words []word[S], status *S, unknown *UnknownFlags) {
	decodeWords(d, f, words, inFlags, status, &unknown.Status)
}

// decodeFlags does for a flags list what decodeStatus does for a status list.
func decodeFlags[S ~uint32](d *decoder, f item, words []word[S], status *S, unknown *UnknownFlags) {
	decodeWords(d, f, words, inStatus, status, &unknown.Flags)
}

func decodeWords[S ~uint32](d *decoder, f item, words []word[S], not wordPlace, status *S, unknown *[]string) {
	d.eachText(f, func(s string) {
		for i := range words {
			if w := &words[i]; w.text == s && w.where != not {
				*status |= w.bit
				return
			}
		}
		*unknown = append(*unknown, s)
	})
}

// printStatus writes the status and the flags list.
func printStatus[S ~uint32](w *printer, words []word[S], status S, unknown *UnknownFlags) {
	var known S
	for i := range words {
		known |= words[i].bit
	}
	if status&^known != 0 {
		w.fail("status", uint32(status))
	}
	for _, list := range [...]struct {
		key     string
		flags   bool
		unknown []string
	}{{"status", false, unknown.Status}, {"flags", true, unknown.Flags}} {
		w.begin(list.key)
		w.b = append(w.b, '[')
		from := len(w.b)
		for i := range words {
			if status&words[i].bit != 0 && (words[i].where != inStatus) == list.flags {
				w.item(from, words[i].text)
			}
		}
		for _, s := range list.unknown {
			w.item(from, s)
		}
		w.b = append(w.b, ']')
		w.end("")
	}
}
