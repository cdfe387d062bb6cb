package apply

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// newID returns an ID that sorts after all others, also when the clock was set back.
func newID(now time.Time, ids []string) string {
	stamp := now.UTC().Format("20060102-150405")
	id := stamp + "-0001"
	if len(ids) == 0 {
		return id
	}
	last := slices.Max(ids)
	if id > last {
		return id
	}
	i := strings.LastIndexByte(last, '-')
	n, _ := strconv.Atoi(last[i+1:])
	return fmt.Sprintf("%s-%04d", last[:i], n+1)
}

func validID(id string) bool {
	if len(id) != len("20061122-225704-0001") {
		return false
	}
	for i, r := range id {
		if i == 8 || i == 15 {
			if r != '-' {
				return false
			}
		} else if r < '0' || r > '9' {
			return false
		}
	}
	return true
}
