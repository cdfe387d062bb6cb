package command

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/c93d5bcb/sslwizard/e2e/promises"
	"github.com/c93d5bcb/sslwizard/steps"
)

var updateFigures = flag.Bool("figures", false, "write the figures into docs/promises.md")

// fragments are what moves a cursor, changes a title or a clipboard, hides, turns or breaks text.
var fragments = []string{
	"\x1b[2J", "\x1b[31m", "\x1b]0;owned\x07", "\x1b]52;c;ZXZpbA==\x07", "\x1b]8;;http://evil.example\x1b\\link\x1b]8;;\x1b\\", "\x1bP+q\x1b\\", "\x1bc", "\x1b[?1049h", "\x1b[6n",
	"\u009b31m", "\u0090q\u009c", "\u0085", "\u202e", "\u2066", "\u2069", "\u200b", "\u200d", "\ufeff", "\u00ad", "\u2028", "\u2029", "\U000e0041", "\x00", "\x07", "\x08\x08\x08", "\x7f",
	"\r", "\r\n", "\x0b", "\x0c", "\x9b31m", "\xff\xfe", "\xc3\x28", "\xed\xa0\x80", "\x0e", "\x1a",
}

// payloads are the fragments alone, within words, twice, in other lines, and with much behind.
func payloads() []string {
	var all []string
	for _, f := range fragments {
		all = append(all, f, "a"+f, f+"b", "example.com"+f+"evil", f+f, "a\n"+f, f+"\nb", "a\t"+f, "a "+f+" b", f+strings.Repeat("x", 3000), "漢字"+f, "%s"+f, "{\""+f+"\":1}", "✓ ok "+f)
	}
	return all
}

// fill sets every text below v.
func fill(v reflect.Value, text string, depth int) {
	if !v.CanSet() || depth > 8 {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), text, depth+1)
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), text, depth+1)
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes([]byte(text))
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), text, depth+1)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, text, depth+1)
		fill(value, text, depth+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Interface:
		for _, example := range []any{&steps.Failure{Text: "cannot " + text, Code: text, Err: errors.New(text), Fixes: []string{text}}, steps.WriteFile{Path: text, Content: []byte(text)}} {
			if reflect.TypeOf(example).Implements(v.Type()) {
				v.Set(reflect.ValueOf(example))
				return
			}
		}
	}
}

func filled[T any](text string) T {
	var v T
	fill(reflect.ValueOf(&v).Elem(), text, 0)
	return v
}

// raw says what of an output can steer a terminal.
func raw(out string) string {
	if !utf8.ValidString(out) {
		return "bytes that are no UTF-8"
	}
	for _, r := range out {
		if r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return fmt.Sprintf("%U", r)
		}
	}
	return ""
}

// TestNoTextSteersTheTerminal: whatever stands in any text of all that is printed, in lines for people and in JSON, no byte of it
// reaches the terminal that could steer it (P20).
func TestNoTextSteersTheTerminal(t *testing.T) {
	t.Parallel()
	all, shown := payloads(), 0
	for _, text := range all {
		for _, format := range []string{"text", "json", "diff"} {
			var stdout, stderr bytes.Buffer
			a := &App{Stdout: &stdout, Stderr: &stderr, Width: 80, Env: func(string) string { return "" }}
			a.flags.output, a.flags.color = format, "never"
			for what, prints := range hostilePrints(text) {
				stdout.Reset()
				stderr.Reset()
				a.out = nil
				prints(a.printer())
				if format == "diff" {
					stdout.Reset() // the diffs are for patch, byte for byte
				}
				if bad := raw(stdout.String() + stderr.String()); bad != "" {
					t.Errorf("%s, %s of %.40q: %s is printed", format, what, text, bad)
				}
				if stdout.Len()+stderr.Len() > 0 {
					shown++
				}
			}
		}
		if t.Failed() {
			break
		}
	}
	if len(all) < 500 || shown < len(all)*2*9 {
		t.Errorf("%d payloads in %d prints: too few", len(all), shown)
	}
	if *updateFigures && !t.Failed() {
		const command = "go test ./wizard/command -run 'TestNoTextSteersTheTerminal$' -figures"
		promises.Record(t,
			promises.Figure{Promise: 20, What: "payloads in every text of everything that is printed", Target: "≥ 500", Measured: promises.Count(len(all)), Command: command},
			promises.Figure{Promise: 20, What: "of what was printed with them, in lines and in JSON, had a byte that steers a terminal", Target: "0", Measured: "0 of " + promises.Count(shown), Command: command})
	}
}

func hostilePrints(text string) map[string]func(printer) {
	return map[string]func(printer){
		"preview": func(p printer) {
			v := filled[steps.Preview](text)
			v.Hash = strings.Repeat("0f", 32) // it is made here, of all the rest
			p.preview(v, previewMode{})
		},
		"event":      func(p printer) { p.event(filled[steps.Event](text)) },
		"check":      func(p printer) { p.check(filled[steps.Check](text)) },
		"result":     func(p printer) { p.result(filled[steps.Result](text), ending{}) },
		"report":     func(p printer) { p.report(filled[steps.Report](text)) },
		"diagnosis":  func(p printer) { p.diagnosis(filled[steps.Report](text)) },
		"status":     func(p printer) { p.status(filled[steps.HostStatus](text), true) },
		"own CA":     func(p printer) { p.ownCA(filled[steps.OwnCA](text), filled[[]steps.TrustGuide](text)) },
		"deliveries": func(p printer) { p.deliveries(filled[[]steps.Delivery](text)) },
		"accounts":   func(p printer) { p.accounts(filled[[]steps.ACMEAccount](text)) },
		"failure":    func(p printer) { p.failure(filled[error](text)) },
		"an error":   func(p printer) { p.failure(errors.New(text)) },
	}
}
