package steps

import "strings"

// Because parts the error of a run that only counts up checks into what it says before them and the checks themselves,
// so that each can be told with all that is known of it. Of any other error it is the whole text.
func (r Result) Because() (head string, checks []Check) {
	if r.Err == nil {
		return "", nil
	}
	text := r.Err.Error()
	head = text
	for _, rep := range r.Reports {
		for _, c := range rep.Failed() {
			said := CleanLine(strings.TrimSpace(c.Name + " " + c.Address + ": " + c.Detail))
			if before, _, found := strings.Cut(text, ": "+said); found && len(before) < len(head) {
				head = before
			} else if !strings.Contains(text, said) {
				continue
			}
			checks = append(checks, c)
		}
	}
	if head == text {
		return text, nil
	}
	return head, checks
}
