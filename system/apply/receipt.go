package apply

import (
	"maps"
	"slices"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// receipt is what we last wrote: path → SHA-256 of its content. A file that is not in it is not ours.
type receipt = map[string]string

// Receipt returns what we last wrote: path → SHA-256 of the content, in hexadecimal. To who may not read the journal it
// is empty.
func Receipt(r host.Reader) (map[string]string, error) {
	found, err := receiptOf(r)
	if permission(err) {
		return receipt{}, nil
	}
	return found, err
}

// receiptOf is the receipt of the last finished run.
func receiptOf(r host.Reader) (receipt, error) {
	ids, err := runIDs(r)
	if err != nil {
		return nil, err
	}
	for _, id := range slices.Backward(ids) {
		var end result
		err := readJSON(r, newJournal(nil, manifest{ID: id}).file(resultName), &end)
		if absent(err) {
			continue
		}
		if _, err := readManifest(r, id); ofNewer(err) { // what it says is ours may mean another thing
			return nil, err
		}
		if end.Receipt == nil {
			end.Receipt = receipt{}
		}
		return end.Receipt, err
	}
	return receipt{}, nil
}

// receipt is what is ours after the run, without the phases that were taken back.
func (j *journal) receipt(reverted []int) receipt {
	after := receipt{}
	maps.Copy(after, j.m.Receipt)
	for _, p := range j.phases {
		if slices.Contains(reverted, p.Number) {
			continue
		}
		for _, e := range p.Entries {
			enter(after, j.m, e)
		}
	}
	return after
}

// enter applies one change to a receipt.
func enter(r receipt, m manifest, e entry) {
	if e.Index >= len(m.Changes) {
		return
	}
	c, err := steps.DecodeChange(m.Changes[e.Index])
	if err != nil {
		return
	}
	switch c := c.(type) {
	case steps.WriteFile:
		r[c.Path] = hashOf(c.Content)
	case steps.InstallBinary:
		r[c.Path] = c.SHA256
	case steps.RemoveFile:
		delete(r, c.Path)
	}
}
