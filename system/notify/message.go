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

// Limits of a message, in bytes. A mail server may refuse a line of more than 998 (RFC 5322 section 2.1.1), and Discord takes
// 2000 characters in all.
const (
	mostText  = 700
	mostFixes = 4
	mostFix   = 240
)

// cleaned is the message without what a screen or a header could take for more than text, and no longer than everybody takes.
func (m Message) cleaned() Message {
	m.Host, m.Site, m.About, m.Text = steps.CleanLine(m.Host), steps.CleanLine(m.Site), steps.CleanLine(m.About), short(m.Text, mostText)
	fixes := make([]string, min(len(m.Fixes), mostFixes))
	for i := range fixes {
		fixes[i] = short(m.Fixes[i], mostFix)
	}
	m.Fixes, m.Time = fixes, m.Time.UTC()
	return m
}

func short(text string, most int) string {
	if text = steps.CleanLine(text); len(text) > most {
		text = strings.ToValidUTF8(text[:most-len("…")], "") + "…"
	}
	return text
}

// id is the same for a message that is written down twice, because a kill came between it and the note that it was; of is
// what it is about, a certificate mostly.
func (m Message) id(of string) string {
	return hash(m.Site, m.About, of)
}

// about names the site in a file name.
func (m Message) about() string { return hash(m.Site) }

func hash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}
