package dm_test

import (
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestIntegrity(t *testing.T) {
	t.Parallel()
	assertTargets(t, "integrity", map[string]dm.Integrity{
		"254:3 0 4 J 5 fix_padding block_size:512 internal_hash:crc32c meta_device:254:2 recalculate": {
			Device: "254:3", TagSize: 4, Mode: dm.IntegrityJournal, FixPadding: true, BlockSize: 512, InternalHash: "crc32c",
			MetaDevice: "254:2", Recalculate: true,
		},
		"d 36028797018963967 - D 0": {Device: "d", Reserved: 1<<55 - 1, Mode: dm.IntegrityDirect},
		"d 0 - B 3 internal_hash:hmac(sha256):00ff sectors_per_bit:1024 allow_discards": {
			Device: "d", Mode: dm.IntegrityBitmap, InternalHash: "hmac(sha256):00ff",
			Settings: []dm.Setting{{Key: "sectors_per_bit", Value: "1024"}, {Key: "allow_discards"}},
		},
		"d 0 32 R 1 new_thing:a:b": {
			Device: "d", TagSize: 32, Mode: dm.IntegrityRecovery, Settings: []dm.Setting{{Key: "new_thing", Value: "a:b"}},
		},
	})
	assertUnknown(t, "integrity", "d 0 4 X 0", "d 0  4 JJ 1 recalculate ")
	assertRefused(t, "integrity",
		"", "d 0 4", "d x 4 J 0", "d 36028797018963968 4 J 0", "d 0 x J 0", "d 0 4294967296 J 0", "d 0 4 J x", "d 0 4 J 1", "d 0 4 J 0 recalculate",
		"d 0 4 J 1 recalculate:1", "d 0 4 J 1 :", "d 0 4 J 1 :a", "d 0 4 J 1 fix_padding:", "d 0 4 J 1 block_size", "d 0 4 J 1 block_size:x", "d 0 4 J 1 meta_device:", "d 0 4 J 1 internal_hash")
	assertInvalid(t,
		dm.Integrity{Mode: 'J'}, dm.Integrity{Device: "d", Mode: ' '}, dm.Integrity{Device: "d", Mode: 'J', InternalHash: "a b"},
		dm.Integrity{Device: "d"}, dm.Integrity{Device: "d", Mode: 'J', Settings: []dm.Setting{{}}}, dm.Integrity{Device: "d", Mode: 'J', MetaDevice: "a b"})
	apart, together := dm.Integrity{Device: "d", MetaDevice: "m"}, dm.Integrity{Device: "d"}
	for _, x := range []struct{ devices, apart, together []string }{
		{nil, []string{"d", "m"}, []string{"d"}},
		{[]string{"x"}, []string{"x", "m"}, []string{"x"}},
		{[]string{"x", "y"}, []string{"x", "y"}, []string{"x"}},
	} {
		assert.Equal(t, x.apart, apart.WithDevices(x.devices).Devices())
		assert.Equal(t, x.together, together.WithDevices(x.devices).Devices())
	}
	for mode, want := range map[dm.IntegrityMode]string{
		'J': "journal", 'D': "direct", 'B': "bitmap", 'R': "recovery", 'X': "IntegrityMode(88)",
	} {
		assert.Equal(t, want, mode.String())
	}
}

func TestParseIntegrityStatus(t *testing.T) {
	t.Parallel()
	for _, x := range []struct {
		text    string
		want    dm.IntegrityStatus
		percent string
	}{
		{"0 32768 32768", dm.IntegrityStatus{Provided: 32768, Recalculated: 32768, Recalculating: true}, "100.00"},
		{"7 32768 8192 later", dm.IntegrityStatus{Mismatches: 7, Provided: 32768, Recalculated: 8192, Recalculating: true}, "25.00"},
		{"0 32768 0", dm.IntegrityStatus{Provided: 32768, Recalculating: true}, "0.00"},
		{"0 32768 - ", dm.IntegrityStatus{Provided: 32768}, "100.00"},
	} {
		s, err := dm.ParseIntegrityStatus(x.text)
		require.NoError(t, err, x.text)
		assert.Equal(t, x.want, s, x.text)
		assert.Equal(t, x.percent, s.Percent().String(), x.text)
	}
	for _, text := range []string{"", "0", "0 1", "x 1 -", "0 x -", "0 1 x", "0 36028797018963968 -", "0 1 36028797018963968", "-1 1 -"} {
		s, err := dm.ParseIntegrityStatus(text)
		assert.ErrorIs(t, err, dm.ErrInvalid, text)
		assert.Zero(t, s, text)
	}
}

func FuzzParseIntegrityStatus(f *testing.F) {
	f.Add("0 32768 32768")
	f.Add("0 32768 -")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := dm.ParseIntegrityStatus(text)
		if err != nil {
			require.ErrorIs(t, err, dm.ErrInvalid)
			require.Zero(t, s)
			return
		}
		require.True(t, s.Recalculating || s.Percent() == 10000)
	})
}
