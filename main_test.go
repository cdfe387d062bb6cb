package main

import (
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
)

// TestAnswersWithoutEnd: a name that leads to a device without end is a file that is too large, and no machine without
// memory.
func TestAnswersWithoutEnd(t *testing.T) {
	t.Parallel()
	text, err := readFile("/dev/zero")
	if err != nil || len(text) > steps.MaxAnswers+1 {
		t.Fatalf("%d bytes, %v", len(text), err)
	}
	if _, err := steps.Sites("zero", text); err == nil || !strings.Contains(err.Error(), "larger than 1M") {
		t.Errorf("%.200v", err)
	}
}
