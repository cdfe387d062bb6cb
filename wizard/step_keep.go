package wizard

import (
	"sync"

	tea "github.com/charmbracelet/bubbletea"

	"github.com/c93d5bcb/sslwizard/steps"
)

// keeping sees to it that what is kept of a conversation is the newest, although every save is a command of its own and
// two of them may overtake each other. The zero value is ready.
type keeping struct {
	asked int // counts in the event loop
	lock  sync.Mutex
	done  int // the newest that was kept or forgotten
}

// keep keeps what was answered, with the step that is open.
func (s *shared) keep(open steps.ID) tea.Cmd {
	session := s.talk.session(open)
	return s.kept.next(func() { _ = s.machine.Save(s.ctx, session) }) // that it cannot be kept is no reason to stop
}

// forgets reports that nothing can be kept: what is kept lies where only root may write.
func (s *shared) forgets() bool { return s.talk != nil && !s.talk.facts.Root }

// forget has nothing kept any more.
func (s *shared) forget() tea.Cmd {
	return s.kept.next(func() { _ = s.machine.Forget(s.ctx) }) // what cannot be forgotten is overwritten by the next step
}

// next is a command that does something unless something newer was done already.
func (k *keeping) next(do func()) tea.Cmd {
	k.asked++
	n := k.asked
	return func() tea.Msg {
		k.lock.Lock()
		defer k.lock.Unlock()
		if n > k.done {
			do()
			k.done = n
		}
		return nil
	}
}
