package assets

import (
	"bytes"
	"strconv"
	"testing"
)

func TestEveryPageSaysWhatHappenedAndNothingMore(t *testing.T) {
	t.Parallel()
	for _, text := range pageTexts {
		page := Page(text.Status)
		for _, want := range []string{strconv.Itoa(text.Status), text.Title, text.Advice, "<!doctype html>"} {
			if !bytes.Contains(page, []byte(want)) {
				t.Errorf("%d: the page lacks %q", text.Status, want)
			}
		}
		if bytes.Contains(bytes.ToLower(page), []byte("sslwizard")) || bytes.Contains(page, []byte("{{")) {
			t.Errorf("%d: the page tells too much: %s", text.Status, page)
		}
	}
	if !bytes.Equal(Page(999), Page(400)) {
		t.Error("an unknown status has no page")
	}
}
