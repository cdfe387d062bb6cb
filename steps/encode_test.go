package steps

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// filled sets every field of a change to something that is not its zero value.
func filled(t *testing.T, kind reflect.Type) Change {
	t.Helper()
	v := reflect.New(kind).Elem()
	fill(t, v)
	return v.Interface().(Change)
}

func fill(t *testing.T, v reflect.Value) {
	t.Helper()
	if v.Type() == reflect.TypeFor[netip.Prefix]() {
		v.Set(reflect.ValueOf(netip.MustParsePrefix("2001:db8::/32")))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("words; with \"signs\" \n and ü")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(90*time.Second) + 7)
	case reflect.Uint8:
		v.SetUint(0xff)
	case reflect.Uint32:
		v.SetUint(0o640)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(t, v.Index(0))
		fill(t, v.Index(1))
	case reflect.Struct:
		for i := range v.NumField() {
			fill(t, v.Field(i))
		}
	default:
		t.Fatalf("a change has a field of kind %v, which this test cannot fill", v.Kind())
	}
}

func TestChangeRoundTrip(t *testing.T) {
	t.Parallel()
	for name, kind := range changeTypes {
		for _, c := range []Change{filled(t, kind), reflect.Zero(kind).Interface().(Change)} {
			data, err := EncodeChange(c)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if bytes.ContainsRune(data, '\n') {
				t.Errorf("%s: more than one line: %s", name, data)
			}
			back, err := DecodeChange(data)
			if err != nil || !reflect.DeepEqual(back, c) {
				t.Errorf("%s: got %#v, %v; want %#v", name, back, err, c)
			}
		}
	}
}

// Every type of change.go that embeds For has to be known to the journal.
func TestChangeTypesAreComplete(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "change.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []string
	for _, d := range file.Decls {
		for _, spec := range specs(d) {
			if s, ok := spec.Type.(*ast.StructType); ok && embedsFor(s) {
				declared = append(declared, spec.Name.Name)
			}
		}
	}
	if len(declared) == 0 {
		t.Fatal("found no change in change.go")
	}
	for _, name := range declared {
		if _, ok := changeTypes[name]; !ok {
			t.Errorf("%s is missing in changeTypes", name)
		}
	}
	if len(declared) != len(changeTypes) {
		t.Errorf("%d changes are declared, %d are in changeTypes", len(declared), len(changeTypes))
	}
}

func specs(d ast.Decl) []*ast.TypeSpec {
	var found []*ast.TypeSpec
	if g, ok := d.(*ast.GenDecl); ok {
		for _, s := range g.Specs {
			if ts, ok := s.(*ast.TypeSpec); ok {
				found = append(found, ts)
			}
		}
	}
	return found
}

func embedsFor(s *ast.StructType) bool {
	return slices.ContainsFunc(s.Fields.List, func(f *ast.Field) bool {
		id, ok := f.Type.(*ast.Ident)
		return ok && len(f.Names) == 0 && id.Name == "For"
	})
}

func TestDecodeChangeRefuses(t *testing.T) {
	t.Parallel()
	good, err := EncodeChange(RemoveFile{For: For(IDSSL), Path: "/etc/x"})
	if err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{
		"nothing":       "",
		"no JSON":       "{",
		"unknown type":  strings.Replace(string(good), `"RemoveFile"`, `"Explode"`, 1),
		"unknown field": strings.Replace(string(good), `"Path"`, `"Pfad"`, 1),
		"other key":     strings.Replace(string(good), `"file:/etc/x"`, `"file:/etc/y"`, 1),
		"other step":    strings.Replace(string(good), `"ssl"`, `"certs"`, 1),
		"two values":    string(good) + string(good),
	} {
		if c, err := DecodeChange([]byte(data)); err == nil {
			t.Errorf("%s: decoded to %#v", name, c)
		} else if !strings.HasPrefix(err.Error(), "cannot decode") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEncodeChangeRefusesPointers(t *testing.T) {
	t.Parallel()
	for _, c := range []Change{nil, &RemoveFile{Path: "/x"}} {
		if data, err := EncodeChange(c); err == nil {
			t.Errorf("EncodeChange(%T) = %s", c, data)
		}
	}
}
