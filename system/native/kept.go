package native

import (
	"crypto/sha256"
	"sync"
)

// kept remembers what was made of contents, so that a reload makes anew what has changed only. It may be used from many goroutines.
type kept[T any] struct {
	mu          sync.Mutex
	before, now map[string]made[T] // by what the content is of
}

type made[T any] struct {
	of [sha256.Size]byte
	it T
}

// of returns what was made of the same content before, or makes it.
func (k *kept[T]) of(name string, content [sha256.Size]byte, create func() (T, error)) (T, error) {
	k.mu.Lock()
	one, known := k.before[name]
	k.mu.Unlock()
	if !known || one.of != content {
		it, err := create()
		if err != nil {
			return it, err
		}
		one = made[T]{content, it}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.now == nil {
		k.now = map[string]made[T]{}
	}
	k.now[name] = one
	return one.it, nil
}

// last is what was made or found of a name since the last turn.
func (k *kept[T]) last(name string) T {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.now[name].it
}

// turn begins anew: what was not asked for since the last time is forgotten.
func (k *kept[T]) turn() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.before, k.now = k.now, nil
}
