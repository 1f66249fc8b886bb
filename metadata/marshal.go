package metadata

// MarshalText returns the ID as people see it, so that it is a string in JSON.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText reads an ID with or without dashes; nothing gives the zero ID.
// The error matches ErrInvalid.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID{}
		return nil
	}
	read, err := ParseID(string(text))
	if err == nil {
		*id = read
	}
	return err
}

// MarshalText returns the policy as the metadata text has it.
func (a Allocation) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads a policy as the metadata text has it. The error matches
// ErrInvalid.
func (a *Allocation) UnmarshalText(text []byte) error {
	read, err := ParseAllocation(string(text))
	if err == nil {
		*a = read
	}
	return err
}
