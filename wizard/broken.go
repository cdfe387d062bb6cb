package wizard

import (
	"fmt"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/wizard/theme"
)

// broken is what went wrong in a run: in the server's own words, what they mean, what was put back and what stays, and
// the ways on.
type broken struct {
	*done
	over    *done // the card that is below, when there is one
	at      int
	story   scroll
	copying bool // the text stands on the normal screen
}

func newBroken(d *done) *broken {
	b := &broken{done: d}
	if isLive(d.result) {
		b.over = d
	}
	return b
}

func (b *broken) interrupt() (screen, tea.Cmd) { return b, leave(b.ending()) }

// way is one of the ways on.
type way struct {
	label, note string
	do          func() tea.Cmd
}

func (b *broken) ways() []way {
	var all []way
	step := b.where()
	switch {
	case b.over != nil && b.again:
		all = append(all, way{"Back to the report", "", back}, way{"Try again", "a new plan, of what is left", func() tea.Cmd { return open(newPlan(b.shared)) }})
	case b.over != nil:
		all = append(all, way{"Back to the report", "", back})
	case b.again:
		all = append(all, way{"Back to the plan", "your answers are kept", back})
	default:
		all = append(all, way{"Back to the first screen", "", back})
	}
	if b.again && step != "" {
		all = append(all, way{fmt.Sprintf("Change step %d, %s", number(step), titleOf(step)), "this failed there", func() tea.Cmd { return replace(mendStep(b.shared, step)) }})
	}
	status := b.ending().status
	return append(all, way{"Show the log", "all that was done and said", func() tea.Cmd { b.reads("l"); return nil }},
		way{"Quit", fmt.Sprintf("exit status %d", status), func() tea.Cmd { return leave(b.ending()) }})
}

// where is the step that it is about: that of the first check that failed, or of the change; "" if nobody knows.
func (b *broken) where() steps.ID {
	if _, checks := b.result.Because(); len(checks) > 0 && number(checks[0].Step) > 0 {
		return checks[0].Step
	}
	if r := b.failed(); r != nil && number(r.step) > 0 {
		return r.step
	}
	return ""
}

func (b *broken) update(msg tea.Msg) (screen, tea.Cmd) {
	stroke, ok := msg.(tea.KeyMsg)
	switch key := stroke.String(); {
	case !ok:
		_, cmd := b.done.update(msg)
		return b, cmd
	case b.copying && (key == "enter" || key == "esc" || key == "c"):
		b.copying = false
		return b, tea.EnterAltScreen
	case b.copying || b.reads(key):
		return b, nil
	default:
		return b, b.key(key)
	}
}

func (b *broken) key(key string) tea.Cmd {
	all := b.ways()
	if p := pressed(key); p.vertical() != 0 {
		b.at = p.among(b.at, len(all))
		return nil
	}
	switch key {
	case "enter":
		return all[b.at].do()
	case "esc":
		return back()
	case "q":
		return leave(b.ending())
	case "c":
		b.copying = true
		return tea.Sequence(tea.ExitAltScreen, tea.Println(strings.Join(b.plainly(), "\n")))
	default:
		b.story.key(key)
	}
	return nil
}

// plainly is all of it, to be copied: what the server said and what is to be typed are not broken.
func (b *broken) plainly() []string {
	said := "sslwizard, " + strings.TrimSpace("run "+steps.CleanLine(b.name)) + ": " + b.theme.Fold(ended(b.result))
	return append(hung(said, 0, b.width), b.tell(b.width, unbroken)...)
}

// bare implements bare: while somebody copies, nothing else is drawn.
func (b *broken) bare() (string, bool) { return "enter leads back", b.copying }

// unbroken is a width that no line has.
const unbroken = 1 << 16

func (b *broken) body(width, height int) []string {
	if b.view != "" {
		return b.text.shown(b.page(width), height)
	}
	menu := b.menu(width)
	if b.story.lines = b.tell(width, width); height >= tight {
		b.story.lines = append([]string{""}, b.story.lines...)
	}
	room := height - len(menu) - 1
	shown := b.story.shown(room)
	shown = append(shown[:len(shown):len(shown)], make([]string, max(0, room-len(shown)))...)
	return append(append(shown, ""), menu...)
}

// menu are the ways on, the chosen one marked.
func (b *broken) menu(width int) []string {
	all, labels := b.ways(), 0
	for _, w := range all {
		labels = max(labels, len(w.label)+len("    "))
	}
	var lines []string
	for n, w := range all {
		text := w.label
		if full := pad(w.label, labels) + w.note; w.note != "" && len(full) < width-3 {
			text = full
		}
		if n == b.at {
			lines = append(lines, b.theme.Paint(theme.Active, cut(" > "+text, width, b.theme)))
			continue
		}
		lines = append(lines, cut("   "+text, width, b.theme))
	}
	return lines
}

// tell is the story: what failed, in whose words, what it means, what to do, and what this server is now. Literal is how
// wide the lines may be that somebody else wrote, or that are to be typed.
func (b *broken) tell(width, literal int) []string {
	lines := append(b.head(width), wrong(b.shared, b.result, b.words(), width, literal)...)
	return append(append(lines, b.meaning(width)...), b.aftermath(width)...)
}

// head is the change that failed.
func (b *broken) head(width int) []string {
	r := b.failed()
	if r == nil {
		return nil
	}
	text, margin := b.theme.Fold(steps.CleanLine(r.text)), len("   x failed  ")
	if after := ", after " + seconds(r.took); seconds(r.took) != "" && ansi.StringWidth(text+after) < width-margin {
		text += after
	}
	lines := wrap(text, width-margin-1)
	for n := range lines {
		sign := pad("", margin)
		if n == 0 {
			sign = "   " + b.theme.Paint(theme.Red, b.theme.Shape("✗", "x")+" failed") + "  "
		}
		lines[n] = sign + lines[n]
	}
	return append(lines, "")
}

// words are what the server itself said: the last command of the change that failed, with every line that it wrote.
func (b *broken) words() []string {
	if r := b.failed(); r != nil && len(r.words()) > 1 {
		return r.words()
	}
	return nil
}

// wrong is an error with the server's words and the ways on. Checks that failed are told one by one.
func wrong(s *shared, r steps.Result, words []string, width, literal int) []string {
	if r.Err == nil {
		return nil
	}
	head, checks := r.Because()
	if len(checks) > 0 {
		return append(margined(s.theme.Fold(steps.CleanLine(head))+":", width), unwell(s, checks, width)...)
	}
	var lines []string
	for line := range strings.Lines(unsaid(steps.Clean(head), words)) {
		lines = append(lines, margined(s.theme.Fold(steps.CleanLine(line)), width)...)
	}
	for _, line := range words {
		lines = append(lines, margined(s.theme.Fold(line), literal)...)
	}
	for _, fix := range steps.Fixes(r.Err) {
		room := width
		if isCommand(fix) {
			room = literal
		}
		lines = append(lines, advice(fix, s.theme, inset+2, room)...)
	}
	return lines
}

// unwell are checks that failed; what to do is said once where it is the same.
func unwell(s *shared, checks []steps.Check, width int) []string {
	var lines []string
	all := sightsOf(checks)
	for n, one := range all {
		if n+1 < len(all) && slices.Equal(one.Fix, all[n+1].Fix) {
			one.Fix = nil
		}
		lines = append(lines, one.whole(s.theme, width)...)
	}
	return lines
}

// unsaid takes off the end of an error what the server's own words say again.
func unsaid(text string, words []string) string {
	said := strings.Join(words, "\n")
	for n := range text {
		if rest, found := strings.CutPrefix(text[n:], ": "); found && strings.Contains(said, rest) {
			return text[:n+1]
		}
	}
	return text
}

func margined(text string, width int) []string {
	lines := wrap(text, width-inset-1)
	for n := range lines {
		lines[n] = pad("", inset) + lines[n]
	}
	return lines
}

// meaning is what stands behind the code of the failure.
func (b *broken) meaning(width int) []string {
	said := steps.Meaning(codeOf(b.result.Err))
	if said == "" {
		return nil
	}
	return append([]string{"", "   " + b.theme.Paint(theme.Bold, "What it means")}, margined(b.theme.Fold(said), width)...)
}

// aftermath is what this server is now.
func (b *broken) aftermath(width int) []string {
	undone, kept := b.list("What was put back", b.result.Undone, width), b.list("What stays", b.result.Kept, width)
	const twoColumns = 76
	half := width / 2
	lines := []string{""}
	for _, line := range wrap(capital(ended(b.result)), width-4) {
		lines = append(lines, "   "+line)
	}
	if width < twoColumns || len(undone) == 0 || len(kept) == 0 {
		return append(append(lines, undone...), kept...)
	}
	undone, kept = b.list("What was put back", b.result.Undone, half), b.list("What stays", b.result.Kept, width-half)
	for n := range max(len(undone), len(kept)) {
		left, right := "", ""
		if n < len(undone) {
			left = undone[n]
		}
		if n < len(kept) {
			right = kept[n]
		}
		lines = append(lines, pad(left, half)+right)
	}
	return lines
}

func (b *broken) list(title string, all []string, width int) []string {
	if len(all) == 0 {
		return nil
	}
	lines := []string{"", "   " + b.theme.Paint(theme.Bold, title)}
	sign := b.theme.Paint(theme.Green, b.theme.Shape("✓", "+")) + " "
	for _, line := range all {
		for n, part := range wrap(b.theme.Fold(steps.CleanLine(line)), width-inset-4) {
			lines = append(lines, pad("", inset)+map[bool]string{true: sign, false: "  "}[n == 0]+part)
		}
	}
	return lines
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }

// below says what is to be found further down.
func (b *broken) below() string {
	said := "There is more below: pgdn."
	if n := len(b.result.Undone); n > 0 {
		said += fmt.Sprintf(" %d %s put back.", n, many(n, "thing was", "things were"))
	}
	return said
}

func (b *broken) status() string {
	switch {
	case b.view != "":
		return b.done.status()
	case b.story.from+b.story.room < len(b.story.lines):
		return b.below()
	case b.over != nil:
		return "The site is served; this is what is missing."
	case b.result.Outcome == steps.OutcomeInconsistent:
		return "Not everything could be put back: see what is said above."
	case b.result.Outcome == "":
		return "What is known of the run is said above."
	case len(b.result.Kept) > 0:
		return "Only what stays, above, is left of this run."
	}
	return "Nothing of this run is left."
}

func (b *broken) keys() []key {
	if b.view != "" {
		return b.done.keys()
	}
	keys := []key{{"↑↓", "move"}, {"enter", "choose"}, {"l", "log"}, {"c", "print it to copy"}}
	if len(lastOf(b.result).Checks) > 0 {
		keys = append(keys, key{"v", "checks"})
	}
	return append(keys, key{"pgup pgdn", "scroll"})
}

func (b *broken) help() []string {
	return []string{"When a change fails, or the proof at the end does, everything that the run did is put back in reverse order, from the copies that were made before. What a CA has given stays: it gives only so much.",
		"c prints all of this on the normal screen of the terminal, where it can be selected and copied and where it stays."}
}
