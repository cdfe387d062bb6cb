// Package notify tells people outside of this server of a certificate that cannot be renewed: by a program of theirs, a webhook,
// or mail. A message is written down first, and stays until each of those who are to be told has taken it, or a week is over.
package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Message is what somebody is told. All of it is cleaned of control characters.
type Message struct {
	Host  string    `json:"host"`
	Site  string    `json:"site,omitempty"` // empty: it is about the server
	About string    `json:"about"`          // "notice", "warning", "critical", "expired", …
	Text  string    `json:"text"`
	Fixes []string  `json:"fixes,omitempty"`
	Time  time.Time `json:"time"`
}

// Subject is the message in one line.
func (m Message) Subject() string { return "sslwizard on " + m.Host + ": " + m.Text }

// Body is the message with what to do.
func (m Message) Body() string {
	var b strings.Builder
	b.WriteString(m.Subject() + "\n")
	if len(m.Fixes) > 0 {
		b.WriteString("\nWhat to do:\n")
	}
	for _, fix := range m.Fixes {
		b.WriteString("  " + fix + "\n")
	}
	return b.String()
}

// cleaned is the message without what a screen or a header could take for more than text.
func (m Message) cleaned() Message {
	m.Host, m.Site, m.About, m.Text = steps.CleanLine(m.Host), steps.CleanLine(m.Site), steps.CleanLine(m.About), steps.CleanLine(m.Text)
	fixes := make([]string, len(m.Fixes))
	for i, fix := range m.Fixes {
		fixes[i] = steps.CleanLine(fix)
	}
	m.Fixes, m.Time = fixes, m.Time.UTC()
	return m
}

// id is the same for a message that is written down twice, because a kill came between it and the note that it was; of is
// what it is about, a certificate mostly.
func (m Message) id(of string) string {
	sum := sha256.Sum256([]byte(strings.Join([]string{m.Site, m.About, of}, "\x00")))
	return hex.EncodeToString(sum[:8])
}
