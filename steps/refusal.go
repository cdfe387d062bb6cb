package steps

import (
	"regexp"
	"strings"
	"time"
)

// Refusal is one way in which a CA says no: the words by which it is known, what stands behind them, the one thing to
// do, and whether asking again helps. The tables are refusalsOfProof and refusalsOfRequest; docs/ca-answers.md is made of
// them.
type Refusal struct {
	Kind   string // problem type without its prefix (RFC 8555 section 6.7 and later registrations); empty: any
	Text   string // part of the detail, in lower case; "…" stands for anything; empty: whatever was said
	Code   string // row of the failure catalogue
	Says   string // what stands behind it, after a colon
	Fix    []string
	Again  Again
	Status int    // exit status; zero is ExitFailed
	Words  string // the CA's words, as an example
	From   string // whose words they are
}

// Again says whether asking the CA again helps.
type Again string

// What there is to know about asking again.
const (
	AgainNow   Again = "at once"              // the next try is a fresh one
	AgainLater Again = "later, by itself"     // nothing is to be done but to wait
	AgainAt    Again = "at the time it names" // and not before: every try until then is counted or refused
	AgainFixed Again = "once it is put right" // until then every try fails, and is counted
	AgainNever Again = "not at this CA"       // it will say the same for ever
)

// OfProof finds what a CA means that looked for the proof of a name and says no. It always finds something.
func OfProof(kind, detail string) Refusal { return readRefusal(refusalsOfProof, kind, detail) }

// OfRequest finds what a CA means that refuses a request: an account, an order, a certificate. It always finds something.
func OfRequest(kind, detail string) Refusal { return readRefusal(refusalsOfRequest, kind, detail) }

// readRefusal takes the first row that fits: the narrow ones stand before the wide ones, and the last fits all.
func readRefusal(table []Refusal, kind, detail string) Refusal {
	detail = strings.ToLower(detail)
	for _, r := range table {
		if r.fits(kind, detail) {
			return r
		}
	}
	return table[len(table)-1]
}

func (r Refusal) fits(kind, detail string) bool {
	if r.Kind != "" && r.Kind != kind {
		return false
	}
	for part := range strings.SplitSeq(r.Text, "…") {
		_, rest, ok := strings.Cut(detail, part)
		if !ok {
			return false
		}
		detail = rest
	}
	return true
}

// evidences are what a detail says that was seen: each is named and cut out of the words.
var evidences = []struct {
	name string
	in   *regexp.Regexp
}{
	{"address", regexp.MustCompile(`(?:^|secondary validation: |:: )\[?([0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:]+)\]?: `)},
	{"asked", regexp.MustCompile(`(?:Fetching|Invalid response from|from HTTP:|Get) "?(https?://[^\s"]+?)"?(?::? |:?$)`)},
	{"answer", regexp.MustCompile(`Invalid response from \S+?(?: \[[^\]]*\])?: "?(\d{3})\b|returned (\d{3})\b`)},
	{"record", regexp.MustCompile(`looking up ([A-Z]+ for [^\s:;]+)`)},
	{"record", regexp.MustCompile(`CAA record for ([^\s:;]+)`)},
	{"record", regexp.MustCompile(`TXT record found at ([^\s:;]+)`)},
	{"saw", regexp.MustCompile(`\(got "([^"]{1,100})`)},
	{"where", regexp.MustCompile(`(?i)(secondary validation)`)},
}

// Evidence is what the CA saw, cut out of its words: the address that it asked, the URL at which it ended, the status, the
// DNS record. It is cleaned, and empty where the words say nothing of the kind.
func Evidence(detail string) string {
	var seen []string
	for _, e := range evidences {
		m := e.in.FindStringSubmatch(detail)
		if m == nil {
			continue
		}
		for _, value := range m[1:] {
			if value != "" && !strings.Contains(strings.Join(seen, ", "), value) {
				seen = append(seen, e.name+" "+CleanLine(value))
			}
		}
	}
	return strings.Join(seen, ", ")
}

var (
	untilPlain = regexp.MustCompile(`(?i)retry after:? (\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2})(?: ?UTC|Z| \+0000)?`)
	untilIn    = regexp.MustCompile(`(?i)(?:retry|try again) (?:in|after):? (\d+)(?: ?(s|second|m|min|minute|h|hour|d|day)s?)?(?:[^\w-]|$)`)
)

// RetryAfter reads from the CA's words when it may be asked again: "retry after 2026-11-24 14:20:00 UTC", "retry in 3600
// seconds". It is zero when they do not say.
func RetryAfter(detail string, now time.Time) time.Time {
	if m := untilPlain.FindStringSubmatch(detail); m != nil {
		at, err := time.Parse(time.DateTime, strings.Replace(m[1], "T", " ", 1))
		if err == nil {
			return at
		}
	}
	m := untilIn.FindStringSubmatch(detail)
	if m == nil {
		return time.Time{}
	}
	unit := map[byte]string{'s': "s", 'm': "m", 'h': "h", 'd': "h"}[(m[2] + "s")[0]]
	wait, err := time.ParseDuration(m[1] + unit)
	if err != nil || wait > 1000*time.Hour {
		return time.Time{}
	}
	if strings.HasPrefix(strings.ToLower(m[2]), "d") {
		wait *= 24
	}
	return now.Add(wait)
}

// UnpauseLink finds the link that lifts a pause, in the words of a CA that paused a name.
func UnpauseLink(detail string) string {
	for word := range strings.FieldsSeq(detail) {
		word = strings.Trim(word, `.,;"'()`)
		if strings.HasPrefix(word, "https://") && strings.Contains(word, "unpause") {
			return CleanLine(word)
		}
	}
	return ""
}
