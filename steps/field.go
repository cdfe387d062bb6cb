package steps

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// keysOf returns the yaml keys of the exported fields of a struct, in order; the position is that of the field. Nobody may
// change them.
func keysOf(t reflect.Type) []string {
	if known, ok := knownKeys.Load(t); ok {
		return known.([]string)
	}
	var names []string
	for i := range t.NumField() {
		if tag := t.Field(i).Tag.Get("yaml"); tag != "" {
			names = append(names, tag)
		}
	}
	knownKeys.Store(t, names)
	return names
}

var knownKeys sync.Map // reflect.Type → []string: each site that is read asks for them many times

// Keys returns the path of every key of an answers file, in the order of the file ("apiVersion", "kind",
// "install.executor", …).
func Keys() []string { return keysBelow(reflect.TypeFor[Answers](), "") }

func keysBelow(t reflect.Type, path string) []string {
	var all []string
	for i, name := range keysOf(t) {
		if f := t.Field(i); f.Type.Kind() == reflect.Struct {
			all = append(all, keysBelow(f.Type, join(path, name))...)
		} else {
			all = append(all, join(path, name))
		}
	}
	return all
}

// field finds the field of a key.
func (a *Answers) field(key string) (reflect.Value, bool) {
	v := reflect.ValueOf(a).Elem()
	for _, name := range strings.Split(key, ".") {
		if v.Kind() != reflect.Struct {
			return v, false
		}
		i := slices.Index(keysOf(v.Type()), name)
		if i < 0 {
			return v, false
		}
		v = v.Field(i)
	}
	return v, v.Kind() != reflect.Struct
}

// Text returns the answer to a key as a person would type it: lists with ", ", headers as "Name: value" with "; ",
// yes or no. An unknown key has none.
func (a Answers) Text(key string) string {
	v, ok := a.field(key)
	if !ok {
		return ""
	}
	switch x := v.Interface().(type) {
	case bool:
		if x {
			return "yes"
		}
		return "no"
	case int:
		return strconv.Itoa(x)
	case []string:
		return strings.Join(x, ", ")
	case map[string]string:
		var all []string
		for _, name := range slices.Sorted(maps.Keys(x)) {
			all = append(all, name+": "+x[name])
		}
		return strings.Join(all, "; ")
	}
	return v.String()
}

// Set takes the answer to a key as a person types it, in the form of Text; lists may also be separated by spaces. It
// refuses what is of the wrong form; Question.Check refuses what is of the wrong value.
func (a *Answers) Set(key, text string) error {
	v, ok := a.field(key)
	if !ok {
		return bad("there is no key %s", quote(key)).meant(nearest(key, Keys()))
	}
	text = strings.TrimSpace(text)
	switch v.Interface().(type) {
	case bool:
		b, err := YesNo(text)
		if err != nil {
			return err
		}
		v.SetBool(b)
	case int:
		n, err := strconv.Atoi(text)
		if err != nil {
			return bad("a whole number, please; not %s", quote(text))
		}
		v.SetInt(int64(n))
	case []string:
		v.Set(reflect.ValueOf(strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })))
	case map[string]string:
		headers, err := splitHeaders(text)
		if err != nil {
			return err
		}
		v.Set(reflect.ValueOf(headers))
	default:
		v.SetString(text)
	}
	return nil
}

func splitHeaders(text string) (map[string]string, error) {
	headers := map[string]string{}
	for _, line := range strings.Split(text, ";") {
		if strings.TrimSpace(line) == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, bad("a header is written Name: value")
		}
		headers[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return headers, nil
}

// YesNo is what a person means who types one of the words for it.
func YesNo(text string) (bool, error) {
	switch strings.ToLower(text) {
	case "y", "yes", "true", "on":
		return true, nil
	case "n", "no", "false", "off":
		return false, nil
	}
	return false, bad("yes or no, please; not %s", quote(text))
}
