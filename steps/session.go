package steps

import "time"

// Session is a conversation of the wizard that was begun and not ended: what is kept for people whose connection breaks.
// It holds no secret, for answers hold none.
type Session struct {
	Answers []byte    `json:"answers"` // as an answers file, perhaps not complete
	Step    ID        `json:"step"`    // the step that was open
	Time    time.Time `json:"time"`
}
