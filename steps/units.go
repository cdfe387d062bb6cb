package steps

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// ParseDuration reads a time: Go's form ("90s", "1h30m"), and days ("1d", "1d12h"). It is never negative.
func ParseDuration(text string) (time.Duration, error) {
	if isDigits(text) && text != "0" {
		return 0, bad("%s has no unit; write s, m, h or d after it", quote(text)).meant(text + "s")
	}
	days, rest, hasDays := strings.Cut(text, "d")
	if !hasDays {
		days, rest = "0", text
	}
	n, err := strconv.ParseUint(days, 10, 31)
	if err != nil || n > uint64(math.MaxInt64/day) {
		return 0, notDuration(text)
	}
	total := time.Duration(n) * day
	if rest != "" {
		part, err := time.ParseDuration(rest)
		if err != nil || part < 0 || rest[0] == '+' || rest[0] == '-' || total > math.MaxInt64-part {
			return 0, notDuration(text)
		}
		total += part
	} else if !hasDays {
		return 0, notDuration(text)
	}
	return total, nil
}

func notDuration(text string) error {
	return bad("%s is not a time; write for instance 90s, 5m, 1h or 30d", quote(text))
}

// FormatDuration is the shortest text that ParseDuration reads as d: one number when one unit is enough.
func FormatDuration(d time.Duration) string {
	for _, u := range []struct {
		size time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if d != 0 && d%u.size == 0 {
			return fmt.Sprintf("%d%s", d/u.size, u.name)
		}
	}
	return d.String()
}

// sizeUnits are powers of 1024, as nginx has them.
var sizeUnits = []struct {
	size int64
	name string
}{{1 << 30, "G"}, {1 << 20, "M"}, {1 << 10, "K"}, {1, ""}}

// maxSize bounds sizes: no server here takes larger bodies, and nothing can overflow.
const maxSize = 1 << 40

// ParseSize reads a size in bytes: "20M", "1G", "512K", "1048576", or "0".
func ParseSize(text string) (int64, error) {
	upper := strings.ToUpper(text)
	digits := strings.TrimRight(upper, "BIKMGT")
	for _, u := range sizeUnits {
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil || !isDigits(digits) || upper != digits+u.name {
			continue
		}
		if n > maxSize/u.size {
			return 0, bad("%s is too much; at most %s", quote(text), FormatSize(maxSize))
		}
		return n * u.size, nil
	}
	wrong := bad("%s is not a size; write for instance 512K, 20M or 1G", quote(text))
	if unit := strings.TrimPrefix(upper, digits); isDigits(digits) && unit != "" && strings.ContainsAny(unit[:1], "KMG") {
		return 0, wrong.meant(digits + unit[:1])
	}
	return 0, wrong
}

// FormatSize is the shortest text that ParseSize reads as n.
func FormatSize(n int64) string {
	for _, u := range sizeUnits {
		if n != 0 && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return "0"
}

func isDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
