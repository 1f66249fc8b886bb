package lvm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
)

const (
	maxSystemID     = 128
	machineIDFile   = "/etc/machine-id"
	maxSystemIDText = 64 << 10
)

// lvm2AppID is what lvm2 has systemd derive an id from that belongs to this
// machine and to lvm2. Source: lvm2's appmachineid as observed.
var lvm2AppID = [16]byte{0xf6, 0x44, 0x06, 0x83, 0x2c, 0x21, 0x40, 0xe8, 0xac, 0x54, 0x22, 0xd1, 0x08, 0x9a, 0xae, 0x03}

// SystemID returns the system ID that the configuration gives this host, or ""
// if it gives it none. A source that gives no ID that can be used is an error
// that matches [ErrInvalidSpec]. Source: lvmsystemid(7).
func (c *LVMConf) SystemID() (string, error) {
	return c.systemID(os.Hostname, machineIDFile)
}

func (c *LVMConf) systemID(hostname func() (string, error), machineID string) (string, error) {
	source, err := c.Text("global/system_id_source", "none")
	if err != nil {
		return "", err
	}
	var id string
	switch source {
	case "none":
		return "", nil
	case "lvmlocal":
		id, err = c.Text("local/system_id", "")
	case "uname":
		id, err = hostname()
	case "machineid", "appmachineid":
		id, err = readMachineID(machineID, source == "appmachineid")
	case "file":
		id, err = c.systemIDFromFile()
	default:
		return "", fault(ErrInvalidSpec, "global/system_id_source %q is not known", source)
	}
	if err != nil {
		return "", as(ErrInvalidSpec, err)
	}
	if id = cleanSystemID(id); id == "" || strings.HasPrefix(id, "localhost") {
		return "", fault(ErrInvalidSpec, "system_id_source %s gives no system id that can be used, but %q", source, id)
	}
	return id, nil
}

// cleanSystemID leaves out what a system ID may not have.
func cleanSystemID(s string) string {
	isAlnum := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	s = strings.Map(func(r rune) rune {
		if isAlnum(r) || strings.ContainsRune("._+-", r) {
			return r
		}
		return -1
	}, s)
	s = strings.TrimLeft(s, "._+-")
	return s[:min(len(s), maxSystemID)]
}

// readMachineID returns the id of this machine, or the one derived from it for
// lvm2. Source: machine-id(5).
func readMachineID(path string, derive bool) (string, error) {
	text, err := readSmallFile(path, maxSystemIDText)
	if err != nil {
		return "", err
	}
	id := strings.TrimSpace(string(text))
	raw, err := hex.DecodeString(id)
	if err != nil || len(raw) != 16 {
		return "", fault(ErrInvalidSpec, "%s: not a machine id", path)
	}
	if !derive {
		return id, nil
	}
	mac := hmac.New(sha256.New, raw)
	mac.Write(lvm2AppID[:])
	uuid := mac.Sum(nil)[:16]
	uuid[6] = uuid[6]&0x0f | 0x40 // version 4
	uuid[8] = uuid[8]&0x3f | 0x80 // and its variant
	return hex.EncodeToString(uuid), nil
}

// systemIDFromFile returns the first line that is neither empty nor a comment.
func (c *LVMConf) systemIDFromFile() (string, error) {
	path, err := c.Text("global/system_id_file", "")
	if err != nil {
		return "", err
	}
	if path == "" {
		return "", fault(ErrInvalidSpec, "global/system_id_file is not set")
	}
	text, err := readSmallFile(path, maxSystemIDText)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		line, _, _ = strings.Cut(line, "#")
		if line = strings.TrimSpace(line); line != "" {
			return line, nil
		}
	}
	return "", nil
}
