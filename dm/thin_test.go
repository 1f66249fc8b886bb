package dm_test

import (
	"testing"

	"github.com/lvm-go/lvm/dm"
	"github.com/lvm-go/lvm/units"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// assertTargets parses parameters and prints them again.
func assertTargets[T dm.Target](t *testing.T, typ string, targets map[string]T) {
	t.Helper()
	for params, want := range targets {
		got, err := dm.ParseTarget(typ, params)
		require.NoError(t, err, params)
		assert.Equal(t, dm.Target(want), got, params)
		assert.Equal(t, typ, got.Type())
		assert.Equal(t, params, got.Params())
		assert.Equal(t, got, got.WithDevices(got.Devices()), params)
		assert.NoError(t, dm.Table{{Length: 8, Target: got}}.Validate(), params)
	}
}

// assertUnknown parses parameters that are kept as they stand.
func assertUnknown(t *testing.T, typ string, list ...string) {
	t.Helper()
	for _, params := range list {
		got, err := dm.ParseTarget(typ, params)
		require.NoError(t, err, params)
		assert.Equal(t, dm.Unknown{Name: typ, Text: params}, got)
	}
}

func assertRefused(t *testing.T, typ string, list ...string) {
	t.Helper()
	for _, params := range list {
		_, err := dm.ParseTarget(typ, params)
		assert.ErrorIs(t, err, dm.ErrInvalid, params)
	}
}

// assertInvalid validates targets that the kernel would read otherwise.
func assertInvalid(t *testing.T, list ...dm.Target) {
	t.Helper()
	for _, target := range list {
		assert.ErrorIs(t, dm.Table{{Length: 8, Target: target}}.Validate(), dm.ErrInvalid, "%+v", target)
	}
}

func TestThinPool(t *testing.T) {
	t.Parallel()
	assertTargets(t, "thin-pool", map[string]dm.ThinPool{
		"254:0 254:1 128 0 0": {Metadata: "254:0", Data: "254:1", BlockSize: 128},
		"m d 2097152 18446744073709551615 4 skip_block_zeroing ignore_discard read_only error_if_no_space": {
			Metadata: "m", Data: "d", BlockSize: 2097152, LowWater: 1<<64 - 1,
			SkipZeroing: true, Discard: dm.ThinDiscardIgnore, ReadOnly: true, ErrorIfNoSpace: true,
		},
		"m d 128 5 1 no_discard_passdown": {Metadata: "m", Data: "d", BlockSize: 128, LowWater: 5, Discard: dm.ThinDiscardNoPassdown},
	})
	for _, params := range []string{
		"m d 128 5 2 ignore_discard no_discard_passdown", "m d 128 5 2 no_discard_passdown ignore_discard ",
	} {
		got, err := dm.ParseTarget("thin-pool", params)
		require.NoError(t, err)
		assert.Equal(t, dm.ThinPool{Metadata: "m", Data: "d", BlockSize: 128, LowWater: 5, Discard: dm.ThinDiscardIgnore}, got)
	}
	assertUnknown(t, "thin-pool", "m d 128 5 1 faster", "m d 128  5 2 read_only faster ")
	assertRefused(t, "thin-pool",
		"", "m", "m d", "m d 128", "m d x 0", "m d 4294967296 0", "m d 128 x", "m d 128 -1", "m d 128 0 1", "m d 128 0 0 read_only",
		"m d 128 0 2 read_only", "m d 128 0 18446744073709551615", "m d 128 0 read_only")
	assertInvalid(t, dm.ThinPool{Data: "d", BlockSize: 128}, dm.ThinPool{Metadata: "m", BlockSize: 128}, dm.ThinPool{Metadata: "a b", Data: "d"})
	pool := dm.ThinPool{Metadata: "m", Data: "d"}
	assert.Equal(t, []string{"x", "d"}, pool.WithDevices([]string{"x"}).Devices())
	assert.Equal(t, []string{"x", "y"}, pool.WithDevices([]string{"x", "y", "z"}).Devices())
	assert.Equal(t, []string{"m", "d"}, pool.WithDevices(nil).Devices())
}

func TestThin(t *testing.T) {
	t.Parallel()
	assertTargets(t, "thin", map[string]dm.Thin{
		"254:2 1":              {Pool: "254:2", ID: 1},
		"254:2 16777215 254:8": {Pool: "254:2", ID: dm.MaxThinID, ExternalOrigin: "254:8"},
	})
	assertRefused(t, "thin", "", "p", "p x", "p -1", "p 16777216", "p 1 o x")
	assertInvalid(t, dm.Thin{ID: 1}, dm.Thin{Pool: "p", ExternalOrigin: "a b"})
	plain, external := dm.Thin{Pool: "p", ID: 1}, dm.Thin{Pool: "p", ID: 1, ExternalOrigin: "o"}
	for _, x := range []struct{ devices, plain, external []string }{
		{nil, []string{"p"}, []string{"p", "o"}},
		{[]string{"x"}, []string{"x"}, []string{"x", "o"}},
		{[]string{"x", "y"}, []string{"x"}, []string{"x", "y"}},
		{[]string{"x", "y", "z"}, []string{"x"}, []string{"x", "y"}},
	} {
		assert.Equal(t, x.plain, plain.WithDevices(x.devices).Devices())
		assert.Equal(t, x.external, external.WithDevices(x.devices).Devices())
	}
}

func TestParseThinPoolStatus(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]dm.ThinPoolStatus{
		"Fail":   {Mode: dm.ThinPoolFailed},
		" Error": {Mode: dm.ThinPoolUnknown},
		"1 112/1024 3/512 - rw discard_passdown queue_if_no_space - 256 ": {
			Mode: dm.ThinPoolReadWrite, TransactionID: 1, UsedMetadata: 112, Metadata: 1024, UsedData: 3, Data: 512, MetadataLowWater: 256,
		},
		"18446744073709551615 114/1024 128/128 51 out_of_data_space no_discard_passdown error_if_no_space needs_check 256 later": {
			Mode: dm.ThinPoolOutOfDataSpace, TransactionID: 1<<64 - 1, UsedMetadata: 114, Metadata: 1024, UsedData: 128, Data: 128,
			MetadataSnapshot: 51, Discard: dm.ThinDiscardNoPassdown, ErrorIfNoSpace: true, NeedsCheck: true, MetadataLowWater: 256,
		},
		"0 1/2 3/4 - ro ignore_discard": {
			Mode: dm.ThinPoolReadOnly, UsedMetadata: 1, Metadata: 2, UsedData: 3, Data: 4, Discard: dm.ThinDiscardIgnore,
		},
	} {
		s, err := dm.ParseThinPoolStatus(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, s, text)
	}
	for _, text := range []string{
		"", "rw", "fail", "Fail 1", "1 112/1024 3/512 - rw", "x 1/2 3/4 - rw discard_passdown", "1 1 3/4 - rw discard_passdown",
		"1 1/x 3/4 - rw discard_passdown", "1 1/2 3 - rw discard_passdown", "1 1/2 3/4 x rw discard_passdown", "1 1/2 3/4 - wr discard_passdown",
		"1 1/2 3/4 - Fail discard_passdown", "1 1/2 3/4 - rw discard", "1 1/2 3/4 - rw discard_passdown if_no_space",
		"1 1/2 3/4 - rw discard_passdown queue_if_no_space x", "1 1/2 3/4 - rw discard_passdown queue_if_no_space - x",
		"18446744073709551616 1/2 3/4 - rw discard_passdown",
	} {
		s, err := dm.ParseThinPoolStatus(text)
		assert.ErrorIs(t, err, dm.ErrInvalid, text)
		assert.Zero(t, s, text)
	}
	s := dm.ThinPoolStatus{UsedMetadata: 112, Metadata: 1024, UsedData: 512, Data: 512}
	data, ok := s.DataPercent()
	assert.True(t, ok)
	assert.Equal(t, "100.00", data.String())
	metadata, ok := s.MetadataPercent()
	assert.True(t, ok)
	assert.Equal(t, "10.94", metadata.String())
	_, ok = dm.ThinPoolStatus{}.DataPercent()
	assert.False(t, ok)
	_, ok = dm.ThinPoolStatus{}.MetadataPercent()
	assert.False(t, ok)
}

func TestParseThinStatus(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]dm.ThinStatus{
		"12800 12799": {State: dm.ThinValid, Mapped: 12800, Highest: 12799},
		"0 - ":        {State: dm.ThinValid},
		"-":           {},
		"Error":       {},
		"Fail":        {State: dm.ThinFailed},
	} {
		s, err := dm.ParseThinStatus(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, s, text)
	}
	for _, text := range []string{"", "0", "fail", "x -", "0 x", "0 - -", "- -", "36028797018963968 0", "-1 0"} {
		s, err := dm.ParseThinStatus(text)
		assert.ErrorIs(t, err, dm.ErrInvalid, text)
		assert.Zero(t, s, text)
	}
	p, ok := dm.ThinStatus{State: dm.ThinValid, Mapped: 128}.Percent(8192)
	assert.True(t, ok)
	assert.Equal(t, "1.56", p.String())
	p, ok = dm.ThinStatus{State: dm.ThinValid, Mapped: 128}.Percent(8)
	assert.True(t, ok)
	assert.Equal(t, "100.00", p.String())
	_, ok = dm.ThinStatus{}.Percent(8192)
	assert.False(t, ok)
}

func TestThinWords(t *testing.T) {
	t.Parallel()
	assert.Equal(t, "discard_passdown", dm.ThinDiscardPassdown.String())
	assert.Equal(t, "no_discard_passdown", dm.ThinDiscardNoPassdown.String())
	assert.Equal(t, "ignore_discard", dm.ThinDiscardIgnore.String())
	assert.Equal(t, "ThinDiscard(3)", dm.ThinDiscard(3).String())
	assert.Equal(t, "Error", dm.ThinPoolUnknown.String())
	assert.Equal(t, "rw", dm.ThinPoolReadWrite.String())
	assert.Equal(t, "out_of_data_space", dm.ThinPoolOutOfDataSpace.String())
	assert.Equal(t, "ro", dm.ThinPoolReadOnly.String())
	assert.Equal(t, "Fail", dm.ThinPoolFailed.String())
	assert.Equal(t, "ThinPoolMode(5)", dm.ThinPoolMode(5).String())
	assert.Equal(t, "unknown", dm.ThinUnknown.String())
	assert.Equal(t, "valid", dm.ThinValid.String())
	assert.Equal(t, "failed", dm.ThinFailed.String())
	assert.Equal(t, "ThinState(3)", dm.ThinState(3).String())
}

func TestMessages(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"create_thin 16777215":                      dm.ThinCreate(dm.MaxThinID),
		"create_snap 2 1":                           dm.ThinSnap(2, 1),
		"delete 7":                                  dm.ThinDelete(7),
		"set_transaction_id 0 1":                    dm.ThinSetTransactionID(0, 1),
		"set_transaction_id 5 18446744073709551615": dm.ThinSetTransactionID(5, 1<<64-1),
		"migration_threshold 4096":                  dm.CacheSet(dm.Setting{Key: "migration_threshold", Value: "4096"}),
		"invalidate_cblocks 3-12":                   dm.CacheInvalidate(3, 12),
		"check":                                     string(dm.RAIDCheck),
	} {
		assert.Equal(t, want, got)
	}
}

func FuzzParseThinPoolStatus(f *testing.F) {
	f.Add("1 112/1024 3/512 - rw discard_passdown queue_if_no_space - 256 ")
	f.Add("0 1/2 3/4 51 out_of_data_space ignore_discard error_if_no_space needs_check")
	f.Add("Fail")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := dm.ParseThinPoolStatus(text)
		if err != nil {
			require.ErrorIs(t, err, dm.ErrInvalid)
			require.Zero(t, s)
			return
		}
		if s.Mode == dm.ThinPoolUnknown || s.Mode == dm.ThinPoolFailed {
			require.Equal(t, dm.ThinPoolStatus{Mode: s.Mode}, s)
		}
		require.NotContains(t, s.Mode.String(), "(")
		require.NotContains(t, s.Discard.String(), "(")
	})
}

func FuzzParseThinStatus(f *testing.F) {
	f.Add("12800 12799")
	f.Add("0 -")
	f.Add("Fail")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := dm.ParseThinStatus(text)
		if err != nil {
			require.ErrorIs(t, err, dm.ErrInvalid)
		}
		if s.State != dm.ThinValid {
			require.Equal(t, dm.ThinStatus{State: s.State}, s)
		}
		_, ok := s.Percent(units.Sectors(8))
		require.Equal(t, s.State == dm.ThinValid, ok)
	})
}
