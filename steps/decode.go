package steps

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// decoder turns one YAML document into Answers. The library's own decoding is not used: this one is strict to the
// letter, says every problem at once with its place, and never follows an alias.
type decoder struct {
	document
	origin   *origin
	problems []Problem
}

func (d *decoder) answers(root *yaml.Node) (Answers, []Problem, bool) {
	a := Defaults()
	a.origin = d.origin
	d.origin.start = d.mark(root)
	if root.Kind != yaml.MappingNode {
		d.fail(root, "", "", "expected the keys of a site (certs:, proxy:, …), found %s", described(root))
		return a, d.problems, false
	}
	d.value(root, reflect.ValueOf(&a).Elem(), "")
	d.version(a)
	if !d.said("trusted.source") && !d.said("trusted.directory") {
		if value, _ := ownCAInstead(a); value != "" {
			a.Trusted.Source = value
		}
	}
	return a, d.problems, true
}

// version refuses formats of other versions of sslwizard.
func (d *decoder) version(a Answers) {
	if a.APIVersion != APIVersion {
		d.problems = append(d.problems, a.problem("apiVersion", APIVersion,
			"unknown version "+quote(a.APIVersion)+"; this sslwizard reads "+APIVersion))
	}
	if a.Kind != AnswersKind {
		d.problems = append(d.problems, a.problem("kind", AnswersKind, "unknown kind "+quote(a.Kind)))
	}
}

func (d *decoder) said(path string) bool {
	_, ok := d.origin.marks[path]
	return ok
}

func (d *decoder) mark(n *yaml.Node) mark {
	length := utf8.RuneCountInString(n.Value)
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		length += 2
	}
	return mark{line: n.Line + d.from, col: n.Column, length: length}
}

func (d *decoder) fail(n *yaml.Node, path, suggestion, format string, args ...any) {
	d.origin.broken[path] = path != ""
	d.problems = append(d.problems, d.origin.source.problem(d.mark(n), path, fmt.Sprintf(format, args...), suggestion))
}

// value reads n into v, which is one of the few kinds that Answers is made of.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	if path != "" {
		d.origin.marks[path] = d.mark(n)
	}
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.fail(n, path, "", "anchors and aliases (& and *) are not used in answers files; write the value out")
	case n.Style&yaml.TaggedStyle != 0:
		d.fail(n, path, "", "tags (%s) are not used in answers files", quote(n.Tag))
	case n.Kind == yaml.ScalarNode && n.Tag == "!!null":
		// Nothing was said: the default stands.
	case v.Kind() == reflect.Struct:
		d.mapping(n, path, func(key *yaml.Node, value *yaml.Node) { d.field(key, value, v, path) })
	case v.Kind() == reflect.Map:
		d.headers(n, v, path)
	case v.Kind() == reflect.Slice:
		d.list(n, v, path)
	default:
		d.scalar(n, v, path)
	}
}

// mapping calls each for every key once.
func (d *decoder) mapping(n *yaml.Node, path string, each func(key, value *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		d.fail(n, path, "", "expected keys and values, found %s", described(n))
		return
	}
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			d.fail(key, "", "", "a key is a plain word, found %s", described(key))
			continue
		}
		if line, ok := seen[key.Value]; ok {
			d.fail(key, "", "", "%s: this key was already given in line %d", join(path, key.Value), line)
			continue
		}
		seen[key.Value] = key.Line + d.from
		each(key, n.Content[i+1])
	}
}

// field reads one key of a section.
func (d *decoder) field(key, value *yaml.Node, section reflect.Value, path string) {
	names := keysOf(section.Type())
	i := slices.Index(names, key.Value)
	if i >= 0 {
		d.value(value, section.Field(i), join(path, key.Value))
		return
	}
	d.fail(key, join(path, key.Value), d.meant(key.Value, names), "unknown key")
	d.origin.broken[join(path, key.Value)] = false
}

// meant looks for the key that was meant: a slip among the neighbours, or a key of another section.
func (d *decoder) meant(word string, names []string) string {
	if len(d.problems) > maxShown {
		return "" // nobody will see it
	}
	if s := nearest(word, names); s != "" {
		return s
	}
	last := map[string]string{}
	var lasts []string
	for _, key := range Keys() {
		name := key[strings.LastIndex(key, ".")+1:]
		if at := last[name]; at == "" || strings.Count(key, ".") < strings.Count(at, ".") {
			last[name] = key
		}
		lasts = append(lasts, name)
	}
	if s := nearest(word, lasts); s != "" {
		return last[s]
	}
	return ""
}

func (d *decoder) headers(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.ScalarNode { // whose text may be a secret
		d.fail(n, path, "", "expected keys and values, found text")
		return
	}
	all := reflect.MakeMap(v.Type())
	d.mapping(n, path, func(key, value *yaml.Node) {
		at := join(path, key.Value)
		text := reflect.New(v.Type().Elem()).Elem()
		d.value(value, text, at)
		all.SetMapIndex(reflect.ValueOf(key.Value), text)
	})
	v.Set(all)
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.SequenceNode {
		suggestion := ""
		if n.Kind == yaml.ScalarNode {
			suggestion = "[" + n.Value + "]"
		}
		d.fail(n, path, suggestion, "expected a list, found %s", described(n))
		return
	}
	all := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		d.value(item, all.Index(i), fmt.Sprintf("%s[%d]", path, i))
	}
	v.Set(all)
}

func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	switch {
	case n.Kind != yaml.ScalarNode:
		d.fail(n, path, "", "expected %s, found %s", kindName(v.Kind()), described(n))
	case v.Kind() == reflect.String:
		v.SetString(n.Value)
	case v.Kind() == reflect.Bool && n.Tag == "!!bool":
		v.SetBool(strings.EqualFold(n.Value, "true"))
	case v.Kind() == reflect.Int && n.Tag == "!!int":
		i, err := strconv.Atoi(n.Value)
		if err != nil {
			d.fail(n, path, "", "%s is not a whole number that can be used here", quote(n.Value))
			return
		}
		v.SetInt(int64(i))
	case v.Kind() == reflect.Int && isDigits(n.Value):
		d.fail(n, path, "", "expected a whole number, found the text %s; write it without quotes", quote(n.Value))
	default:
		d.fail(n, path, meantBool(n, v.Kind()), "expected %s, found %s", kindName(v.Kind()), described(n))
	}
}

// meantBool guesses what a word of older YAML was meant to be.
func meantBool(n *yaml.Node, want reflect.Kind) string {
	if b, err := YesNo(n.Value); err == nil && want == reflect.Bool {
		return strconv.FormatBool(b)
	}
	return ""
}

func kindName(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	}
	return "text"
}

func described(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "keys and values"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	if n.Tag == "!!null" {
		return "nothing"
	}
	if n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 {
		return "the text " + quote(n.Value)
	}
	return quote(n.Value)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
