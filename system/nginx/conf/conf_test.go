package conf

import (
	"slices"
	"strings"
	"testing"
)

func TestParseReadsAsNginxDoes(t *testing.T) {
	t.Parallel()
	text := "# a comment; with { signs\n" +
		"user www-data; # more\n" +
		"map $http_upgrade $c { default upgrade; '' ''; ~^x{2} \"a b\"; }\n" +
		"events{}\n" +
		"http { log_format m '$remote_addr \"$request\" ' \"\\t;\"; set $x ${host}y; path a\\ b\\;c; n \"q\\\"\\x\"; }\n"
	tree, err := Parse([]byte(text))
	if err == nil {
		t.Fatalf("the bare brace in ~^x{2} opens a block, as in nginx; got %v", tree)
	}
	tree, err = Parse([]byte(strings.Replace(text, "~^x{2}", `"~^x{2}"`, 1)))
	if err != nil {
		t.Fatal(err)
	}
	want := []Directive{
		D("user", "www-data"),
		B("map", []string{"$http_upgrade", "$c"}, D("default", "upgrade"), D("", ""), D("~^x{2}", "a b")),
		B("events", nil),
		B("http", nil,
			D("log_format", "m", `$remote_addr "$request" `, "\t;"),
			D("set", "$x", "${host}y"),
			D("path", `a\ b\;c`),
			D("n", `q"\x`)),
	}
	if !Equal(tree, want) {
		t.Errorf("got  %v\nwant %v", tree, want)
	}
	if tree[0].Line != 2 || tree[3].Block[1].Line != 5 {
		t.Errorf("lines are %d and %d, want 2 and 5", tree[0].Line, tree[3].Block[1].Line)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, line := range map[string]int{
		"a b":                    1,
		"a b;\n}":                2,
		"a {\n b;\n":             3,
		"a 'b;\n":                2,
		"a 'b'c;":                1,
		";":                      1,
		"{}":                     1,
		"a { b }":                1,
		"a\n\"b\"\"c\";":         2,
		"x_by_lua_block {":       1,
		"x_by_lua_block {\n-- }": 2,
	} {
		_, err := Parse([]byte(text))
		syntax, ok := err.(*SyntaxError)
		if !ok || syntax.Line != line {
			t.Errorf("Parse(%q) = %v, want an error on line %d", text, err, line)
		}
	}
	if _, err := Parse([]byte(strings.Repeat("a{", 1000))); err == nil {
		t.Error("blocks that nest without end are read")
	}
}

func TestParseSkipsLua(t *testing.T) {
	t.Parallel()
	tree, err := Parse([]byte("location / { content_by_lua_block { local t = {a = 'x'}\n } }\nb;"))
	if err != nil || len(tree) != 2 || tree[1].Line != 3 {
		t.Errorf("got %v, %v", tree, err)
	}
	if lua := tree[0].Block[0]; lua.Lua != " local t = {a = 'x'}\n " || lua.Block == nil || len(lua.Block) != 0 {
		t.Errorf("got %+v", lua)
	}
	const body = ` s = "}" -- }` + "\n" + ` s = '\'}\` + "\n" + `}' t = {} - {} -- it's ` + "\n"
	tree, err = Parse([]byte("x_by_lua_block {" + body + "} y;"))
	if err != nil || len(tree) != 2 || tree[0].Lua != body || tree[1].Line != 4 {
		t.Errorf("got %+v, %v", tree, err)
	}
}

// Every directive knows its place and how it was written.
func TestParseFileKeepsPlacesAndWords(t *testing.T) {
	t.Parallel()
	tree, err := ParseFile("/etc/x.conf", []byte("a 'b c'\n\"d\\\"\" e\\ f {\n \"g\"; }"))
	if err != nil {
		t.Fatal(err)
	}
	a := tree[0]
	if want := []string{"a", `'b c'`, `"d\""`, `e\ f`}; !slices.Equal(a.Words, want) || a.File != "/etc/x.conf" || a.Line != 1 {
		t.Errorf("got %+v", a)
	}
	if g := a.Block[0]; g.Name != "g" || !slices.Equal(g.Words, []string{`"g"`}) || g.File != "/etc/x.conf" || g.Line != 3 {
		t.Errorf("got %+v", g)
	}
}

// What stands before an error is returned with it, blocks that it cuts off included.
func TestParseKeepsWhatStandsBeforeAnError(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]Directive{
		"a; b { c; d }":                  {D("a"), B("b", nil, D("c"))},
		"a; b { c; { e; ":                {D("a"), B("b", nil, D("c"))},
		"a { b { c;":                     {B("a", nil, B("b", nil, D("c")))},
		"a; 'b":                          {D("a")},
		"a; x_by_lua_block { {}":         {D("a"), B("x_by_lua_block", nil)},
		"\ufeffa;}":                      {D("\ufeffa")}, // a byte order mark is a part of the word, as in nginx
		"a { b; } c { d;\n e 'f'g; } h;": {B("a", nil, D("b")), B("c", nil, D("d"))},
	} {
		tree, err := ParseFile("f", []byte(text))
		syntax, ok := err.(*SyntaxError)
		if !ok || syntax.File != "f" || !Equal(tree, want) {
			t.Errorf("%q: %v, %v; want %v", text, tree, err, want)
		}
	}
}

func TestPrintQuotes(t *testing.T) {
	t.Parallel()
	tree := []Directive{B("server", nil,
		D("a", "", "x y", `say "no"`, `back\slash`, "semi;colon", "br{ace", "#hash", "a#b", "it's", "ünïcode", "$host").About("Why it is so.\n\nTwice.")),
	}
	got, err := Print(tree)
	if err != nil {
		t.Fatal(err)
	}
	want := "server {\n" +
		"    # Why it is so.\n    #\n    # Twice.\n" +
		`    a "" "x y" "say \"no\"" "back\\slash" "semi;colon" "br{ace" "#hash" "a#b" "it's" "ünïcode" $host;` + "\n}\n"
	if string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestPrintKeepsLua(t *testing.T) {
	t.Parallel()
	const text = "location / {\n    content_by_lua_block {\n\tngx.say(\"}\") -- }\n}\n}\n"
	tree, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := Print(tree); err != nil || string(got) != text {
		t.Errorf("got %q, %v", got, err)
	}
	for _, body := range []string{"}", "{", "\x1b[2J", "\xff", "-- }"} {
		lua := B("x_by_lua_block", nil)
		lua.Lua = body
		if out, err := Print([]Directive{lua}); err == nil {
			t.Errorf("Print wrote the program %q as %q", body, out)
		}
	}
}

func TestPrintRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{"a\nb", "a\x00b", "\x1b[2J", "\xff", "a\u202eb"} {
		if out, err := Print([]Directive{D("x", s)}); err == nil {
			t.Errorf("Print wrote %q as %q", s, out)
		}
		if out, err := Print([]Directive{D("x").About(s + "\x01")}); err == nil {
			t.Errorf("Print wrote the comment %q as %q", s, out)
		}
	}
}

func TestEachKnowsTheParents(t *testing.T) {
	t.Parallel()
	tree := []Directive{D("user"), B("http", nil, D("include", "a"), B("server", nil, D("include", "conf.d/*.conf", "b")))}
	var under []string
	Each(tree, func(d Directive, parents []Directive) {
		if d.Is("include", "conf.d/*.conf") {
			for _, p := range parents {
				under = append(under, p.Name)
			}
		}
	})
	if !slices.Equal(under, []string{"http", "server"}) {
		t.Errorf("the include stands under %v", under)
	}
}

// FuzzPrint: whatever word goes in comes out as one word, and nothing else does; Print itself checks the round trip, so
// here the parser is held against it with surroundings.
func FuzzPrint(f *testing.F) {
	for _, s := range []string{"", "a", "a; } server {", `\`, `\\"`, "${", "$", "#", "'", "a.test; access_log /etc/x; b", `x\`} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		tree := []Directive{B("s", []string{a}, D("k", b), D(a, b)), D("end")}
		text, err := Print(tree)
		if err != nil {
			return
		}
		again, err := Parse(text)
		if err != nil || !Equal(tree, again) {
			t.Fatalf("%q reads back as %v, %v", text, again, err)
		}
	})
}

// FuzzParse: no text makes the parser panic or run away, and what it accepts can be printed and read again unless it
// has words that Print refuses.
func FuzzParse(f *testing.F) {
	f.Add([]byte("http { server { listen 80; } } # x\n"))
	f.Add([]byte("a 'b\\'' \"c\" ${d}e;"))
	f.Add([]byte("x_by_lua_block { s = \"}\" -- }\n { } }"))
	f.Fuzz(func(t *testing.T, text []byte) {
		tree, err := Parse(text)
		if err != nil {
			return
		}
		if printed, err := Print(tree); err == nil {
			if again, err := Parse(printed); err != nil || !Equal(tree, again) {
				t.Fatalf("%q reads back as %v, %v", printed, again, err)
			}
		} else if strings.Contains(err.Error(), "reads back") {
			t.Fatal(err)
		}
	})
}
