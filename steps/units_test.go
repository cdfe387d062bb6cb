package steps

import (
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "60s": time.Minute, "1h": time.Hour, "1h30m": 90 * time.Minute, "1d": day, "1d12h": 36 * time.Hour, "365d": 365 * day, "500ms": 500 * time.Millisecond, "1.5h": 90 * time.Minute,
	} {
		if got, err := ParseDuration(text); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", text, got, err, want)
		}
		if again, err := ParseDuration(FormatDuration(want)); err != nil || again != want {
			t.Errorf("%v is printed %q and read %v, %v", want, FormatDuration(want), again, err)
		}
	}
	for _, text := range []string{"", "60", "-1s", "+1s", "1d-1s", "1d+1s", "d", "1w", "1d1d", "1 h", "h", "106752d", "99999999999d", "9223372036854775807h", "1h1", "0x1s", "1D"} {
		if got, err := ParseDuration(text); err == nil {
			t.Errorf("ParseDuration(%q) = %v", text, got)
		}
	}
}

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{"0": 0, "1": 1, "512K": 512 << 10, "20M": 20 << 20, "20m": 20 << 20, "1G": 1 << 30, "1024G": 1 << 40, "1048576": 1 << 20, "1500": 1500} {
		if got, err := ParseSize(text); err != nil || got != want {
			t.Errorf("ParseSize(%q) = %d, %v; want %d", text, got, err, want)
		}
		if again, err := ParseSize(FormatSize(want)); err != nil || again != want {
			t.Errorf("%d is printed %q and read %d, %v", want, FormatSize(want), again, err)
		}
	}
	for _, text := range []string{"", "M", "-1", "+1", "1.5M", "20MB", "20 M", "1025G", "99999999999999999999", "9223372036854775807G", "0x10", "1T", "1MM"} {
		if got, err := ParseSize(text); err == nil {
			t.Errorf("ParseSize(%q) = %d", text, got)
		}
	}
}
