package wizard

import (
	"fmt"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
)

// kindMore is the row at the end of a form behind which the advanced questions are folded. No question of the answers file
// has such a key.
const (
	kindMore steps.Kind = "more"
	keyMore             = string(kindMore)
)

// more is the row for these questions.
func more(advanced []steps.Question) steps.Question {
	return steps.Question{Key: keyMore, Kind: kindMore, Label: fmt.Sprintf("More settings (%d)", len(advanced)),
		Help: "Hardly anybody needs them: " + naming(advanced) + ". What they are now is right for nearly every site."}
}

// naming names questions in one line.
func naming(questions []steps.Question) string {
	var all []string
	for _, q := range questions {
		all = append(all, strings.TrimSuffix(q.Label, "?"))
	}
	return strings.Join(all, "; ")
}

// apart takes the advanced questions out of the others.
func apart(questions []steps.Question) (ordinary, advanced []steps.Question) {
	for _, q := range questions {
		if q.Advanced {
			advanced = append(advanced, q)
		} else {
			ordinary = append(ordinary, q)
		}
	}
	return ordinary, advanced
}

// special reports whether somebody has answered one of the questions otherwise than it is answered by itself: that must
// not be hidden.
func (t *talk) special(questions []steps.Question) bool {
	return slices.ContainsFunc(questions, func(q steps.Question) bool {
		_, drafted := t.drafts[q.Key]
		return drafted || t.value(q.Key) != q.Default
	})
}
