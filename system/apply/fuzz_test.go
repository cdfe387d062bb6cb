package apply

import (
	"errors"
	"path"
	"testing"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// FuzzJournal: whatever stands in the files of a run, with a right seal too, it is read or refused as what it is, and looking
// at it changes nothing.
func FuzzJournal(f *testing.F) {
	const id = "20061122-225704-0001"
	manifest := `{"version":1,"id":"` + id + `","kind":"apply","changes":[{"type":"file"}]}` + "\n"
	for _, seed := range []string{`{"number":0,"entries":[{"index":0,"key":"k","action":43,"before":{}}]}`, `{"number":0,"entries":[{"index":-1}]}`, `{"number":1}`, `[]`, ``} {
		f.Add([]byte(manifest), []byte(seed), []byte(`{"index":0,"what":"intent"}`+"\n"+`{"index":0,"what":"seen","seen":{}}`+"\n"), true)
	}
	f.Add([]byte(`{"version":1,"id":"20061122-225704-0`+"\x7f"+`01"}`+"\n"), []byte{}, []byte{}, true)
	f.Add([]byte(`{"version":99}`), []byte{}, []byte{}, false)
	h := systemtest.New(f)
	f.Fuzz(func(t *testing.T, manifest, phase, log []byte, seals bool) {
		dir := path.Join(steps.DoneDir, id)
		for name, data := range map[string][]byte{manifestName: manifest, phaseName(0): phase, eventsName: log} {
			if seals {
				data = sealed(append([]byte{}, data...))
			}
			h.Put(path.Join(dir, name), host.File{Data: data, Mode: 0o600})
		}
		changes := len(h.Mutations())
		j, err := load(h, id)
		if err == nil && (j.m.ID != id || len(j.phases) > 1) {
			t.Errorf("another run is read: %+v", j.m)
		}
		if failure, ok := errors.AsType[*steps.Failure](err); err != nil && (!ok || failure.Code == "" || len(failure.Fixes) == 0 || steps.Clean(err.Error()) != err.Error()) {
			t.Errorf("refused without a name or a way on: %v", err)
		}
		if len(h.Mutations()) != changes {
			t.Error("looking at it changed something")
		}
	})
}
