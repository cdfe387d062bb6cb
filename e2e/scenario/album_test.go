//go:build e2e

package scenario

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/e2e/robot"
)

// The pictures of the README, and the environment variable that has them made anew.
const (
	gallery     = "../../docs/pictures"
	picturesEnv = "SSLWIZARD_PICTURES"
	anew        = "sudo e2e/run --pictures makes the pictures anew; look at them, and commit them"
)

// album takes pictures of what a person sees.
type album struct {
	*user
	film robot.Film
}

// The times of a film: long enough to read a screen, to see that something happened, and to see a letter.
const (
	toRead   = 1800 * time.Millisecond
	toSee    = 600 * time.Millisecond
	aLetter  = 70 * time.Millisecond
	atTheEnd = 5 * time.Second
)

// takes compares what is seen with the picture of that name. One that is not the same, and does not become so while the
// rest of a frame may be under way, is made anew, or told.
func (a *album) takes(name, title string) {
	a.Helper()
	file := filepath.Join(gallery, name+".svg")
	was, _ := os.ReadFile(file) // none at first
	late := time.After(robot.Patience / 6)
	for {
		changed, is := a.r.Changed(), a.r.SVG(title)
		if masked(is) == masked(string(was)) {
			return
		}
		select {
		case <-changed:
		case <-late:
			a.put(file, is, differing(string(was), is)+"\n"+a.r.Screen())
			return
		}
	}
}

// put writes a picture, when they are made anew; otherwise it is wrong that it is another.
func (a *album) put(file, svg, difference string) {
	a.Helper()
	if os.Getenv(picturesEnv) != "write" {
		a.Errorf("%s is not what the wizard shows any more:\n%s\n%s", file, difference, anew)
	} else if err := os.WriteFile(file, []byte(svg), 0o644); err != nil {
		a.Fatal(err)
	}
}

// What differs from one run to the next: how long something took, which is not there when it took no time; names of
// runs, hashes, numbers, and the machine.
var (
	took     = regexp.MustCompile(`<text [^>]*>[0-9.]+ s</text>\n`)
	volatile = regexp.MustCompile(`[0-9]{8}-[0-9]{6}-[0-9a-z]+|[0-9a-f]{8,}|[0-9]+(\.[0-9]+)?|\b(amd|arm)64\b`)
)

// masked is a picture without what differs from one run to the next. Where something stands is among that; what it says,
// in which order and in which colour is not.
func masked(svg string) string {
	return volatile.ReplaceAllString(took.ReplaceAllString(svg, ""), "0")
}

// differing are the lines of which one picture has more than the other.
func differing(was, is string) string {
	count := map[string]int{}
	for _, line := range strings.Split(masked(is), "\n") {
		count[line]++
	}
	for _, line := range strings.Split(masked(was), "\n") {
		count[line]--
	}
	var lines []string
	for line, n := range count {
		if n != 0 {
			lines = append(lines, map[bool]string{true: "+ ", false: "- "}[n > 0]+line)
		}
	}
	return strings.Join(lines, "\n")
}

// films adds what is seen now, when it is all there: a frame may arrive in pieces.
func (a *album) films(lasts time.Duration) {
	const still = 60 * time.Millisecond
	for whole := false; !whole; {
		changed := a.r.Changed()
		select {
		case <-changed:
		case <-time.After(still):
			whole = true
		}
	}
	a.film.Add(a.r.Picture(), lasts)
}

// types types a text and films every letter of it; after is what stands before it on the screen.
func (a *album) types(after, text string) {
	a.Helper()
	for n, letter := range text {
		a.presses(string(letter)).sees(after + text[:n] + string(letter) + "█")
		a.films(aLetter)
	}
}

// follows films what changes on the screen until it shows the text.
func (a *album) follows(text string) {
	a.Helper()
	late := time.After(longRun)
	for changed := a.r.Changed(); !strings.Contains(a.r.Screen(), text); changed = a.r.Changed() {
		a.film.Add(a.r.Picture(), toSee/4)
		select {
		case <-changed:
		case <-late:
			a.Fatalf("%q was not seen; the screen is\n%s", text, a.r.Screen())
		}
	}
}

// shows ends the film. It is not compared, for no two runs paint the same frames.
func (a *album) shows(name, title string) {
	a.Helper()
	const few, heavy = 30, 300 << 10
	svg := a.film.SVG(title)
	if n := a.film.Pictures(); n < few || len(svg) > heavy {
		a.Errorf("a film of %d pictures and %d bytes; at least %d and at most %d are wanted", n, len(svg), few, heavy)
	}
	a.Logf("the film has %d pictures and %d kB", a.film.Pictures(), len(svg)>>10)
	file := filepath.Join(gallery, name+".svg")
	if was, err := os.ReadFile(file); os.Getenv(picturesEnv) == "write" || !strings.Contains(string(was), "@keyframes") {
		a.put(file, svg, fmt.Sprint("it is no film: ", err))
	}
}
