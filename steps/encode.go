package steps

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
)

// changeTypes holds one value of each change; a test compares it with the declarations in change.go.
var changeTypes = byName(InstallPackages{}, EnsureUser{}, EnsureDir{}, WriteFile{}, RemoveFile{}, InstallBinary{},
	ReloadUnits{}, EnableUnit{}, DisableUnit{}, OpenPort{}, IssueLocal{}, ImportCertificate{}, ObtainCertificate{},
	TestConfig{}, Rehearse{}, Reload{}, Restart{}, Verify{}, Checkpoint{}, Drain{}, Announce{}, TrustCA{}, PublishCA{})

func byName(all ...Change) map[string]reflect.Type {
	types := make(map[string]reflect.Type, len(all))
	for _, c := range all {
		types[ChangeType(c)] = reflect.TypeOf(c)
	}
	return types
}

// ChangeType is the name of the type of a change ("WriteFile"), as it stands in the journal.
func ChangeType(c Change) string { return reflect.TypeOf(c).Name() }

// encodedChange is a change in the journal. Step and Key are there for those who read it without us.
type encodedChange struct {
	Type   string          `json:"type"`
	Step   ID              `json:"step"`
	Key    string          `json:"key"`
	Change json.RawMessage `json:"change"`
}

// EncodeChange writes a change, with everything that is needed to do or undo it, as one line of JSON.
func EncodeChange(c Change) ([]byte, error) {
	if c == nil || changeTypes[ChangeType(c)] != reflect.TypeOf(c) {
		return nil, fmt.Errorf("cannot encode a change of type %T", c)
	}
	fields, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("cannot encode the change %s: %w", c.Key(), err)
	}
	return json.Marshal(encodedChange{Type: ChangeType(c), Step: c.Step(), Key: c.Key(), Change: fields})
}

// DecodeChange reads what EncodeChange wrote. It is strict: an unknown type or field, or a key that does not fit the
// fields, is an error, because what was decoded is going to be undone.
func DecodeChange(data []byte) (Change, error) {
	var e encodedChange
	if err := decodeStrict(data, &e); err != nil {
		return nil, fmt.Errorf("cannot decode a change: %s", CleanLine(err.Error()))
	}
	kind, ok := changeTypes[e.Type]
	if !ok {
		return nil, fmt.Errorf("cannot decode a change of the unknown type %q", CleanLine(e.Type))
	}
	v := reflect.New(kind)
	if err := decodeStrict(e.Change, v.Interface()); err != nil {
		return nil, fmt.Errorf("cannot decode a change of type %s: %s", e.Type, CleanLine(err.Error()))
	}
	c := v.Elem().Interface().(Change)
	if c.Key() != e.Key || c.Step() != e.Step {
		return nil, fmt.Errorf("cannot decode a change of type %s: it says key %q and step %q, its fields say %q and %q",
			e.Type, CleanLine(e.Key), CleanLine(string(e.Step)), CleanLine(c.Key()), CleanLine(string(c.Step())))
	}
	return c, nil
}

func decodeStrict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return fmt.Errorf("something follows the JSON value")
	}
	return nil
}
