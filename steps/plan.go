package steps

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
)

// Plan is what shall be so: an ordered list of changes for all of these sites. It describes and never acts, and it
// does not know what is there already; that is the preview's work.
type Plan struct {
	Sites    []Site
	Executor string
	Changes  []Change
}

// Hash identifies the plan: the same answers on the same host give the same.
func (p Plan) Hash() (string, error) {
	sum := sha256.New()
	for _, c := range p.Changes {
		line, err := EncodeChange(c)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(sum, "%s\n", line)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// changeList collects the changes of a plan, by key. The zero value is empty.
type changeList struct {
	changes []Change
	byKey   map[string]Change
}

// add appends changes. A change that is there already, word for word, is not said twice; two that want different
// things of one key are a mistake in an executor.
func (l *changeList) add(changes ...Change) error {
	if l.byKey == nil {
		l.byKey = map[string]Change{}
	}
	for _, c := range changes {
		other, ok := l.byKey[c.Key()]
		if !ok {
			l.byKey[c.Key()] = c
			l.changes = append(l.changes, c)
		} else if !reflect.DeepEqual(other, c) {
			return fmt.Errorf("cannot plan: two changes want different things of %s (%q and %q)", c.Key(), other.Summary(), c.Summary())
		}
	}
	return nil
}
