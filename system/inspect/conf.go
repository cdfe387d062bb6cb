package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
)

// directive is one directive of an nginx configuration, with its block if it has one. Includes are already replaced
// by what they include.
type directive struct {
	name  string
	args  []string // as meant, quotes taken away
	raw   []string // name and args as written
	file  string
	line  int
	block []*directive
	open  bool   // has a block
	text  string // body of a *_by_lua_block, which is not nginx's language
}

// confInclude is an include directive as it was met.
type confInclude struct {
	pattern string // absolute
	context string // name of the enclosing block, "" at top level
}

// conf is a whole configuration, read without running nginx: "nginx -T" creates folders, logs and a pid file, binds
// the ports for a moment, and says nothing at all about a configuration that is broken.
type conf struct {
	top      []*directive
	includes []confInclude
}

// The bounds of a configuration that is read: nginx itself fails on a file that includes itself.
const (
	maxDepth = 20
	maxFiles = 5000
)

type confReader struct {
	host  host.Reader
	base  string // folder that relative includes begin at
	files int
	conf  *conf
}

// readConf reads the configuration that begins at file.
func readConf(r host.Reader, file string) (*conf, error) {
	c := &confReader{host: r, base: path.Dir(file), conf: &conf{}}
	top, err := c.file(file, "", 0)
	c.conf.top = top
	return c.conf, err
}

func (c *confReader) file(name, context string, depth int) ([]*directive, error) {
	if c.files++; depth > maxDepth || c.files > maxFiles {
		return nil, fmt.Errorf("too many files include each other, at %s", name)
	}
	_, f, err := follow(c.host, name)
	if err != nil {
		return nil, err
	}
	p := &confParser{reader: c, lexer: lexer{src: string(f.Data), line: 1}, file: name, depth: depth}
	return p.directives(context, false)
}

// follow reads the file at name, through links to it; it returns where it really is.
func follow(r host.Reader, name string) (string, host.File, error) {
	for range 20 {
		f, err := r.ReadFile(name)
		if err != nil || f.Mode.Type() != fs.ModeSymlink {
			return name, f, err
		}
		target := f.Link
		if !path.IsAbs(target) {
			target = path.Join(path.Dir(name), target)
		}
		name = path.Clean(target)
	}
	return name, host.File{}, fmt.Errorf("cannot read %s: too many links", name)
}

type confParser struct {
	reader *confReader
	lexer
	file  string
	depth int
}

// directives reads until the end of the file or, inside a block, its closing brace.
func (p *confParser) directives(context string, inside bool) ([]*directive, error) {
	var all []*directive
	d := &directive{}
	for {
		tok, err := p.next()
		if err != nil {
			return all, fmt.Errorf("%w in %s:%d", err, p.file, p.line)
		}
		switch tok.kind {
		case word:
			if d.name == "" && len(d.raw) == 0 {
				d.name, d.file, d.line = tok.text, p.file, tok.line
			} else {
				d.args = append(d.args, tok.text)
			}
			d.raw = append(d.raw, tok.raw)
			continue
		case semicolon:
			err = p.simple(d, context, &all)
		case openBrace:
			err = p.opened(d)
			all = append(all, d)
		case closeBrace:
			if !inside || d.raw != nil {
				err = fmt.Errorf("unexpected \"}\" in %s:%d", p.file, tok.line)
			}
			return all, err
		case end:
			if inside || d.raw != nil {
				err = fmt.Errorf("unexpected end of file, expecting \";\" or \"}\" in %s:%d", p.file, tok.line)
			}
			return all, err
		}
		if err != nil {
			return all, err
		}
		d = &directive{}
	}
}

func (p *confParser) simple(d *directive, context string, all *[]*directive) error {
	if d.raw == nil {
		return fmt.Errorf("unexpected \";\" in %s:%d", p.file, p.line)
	}
	if d.name != "include" || len(d.args) != 1 {
		*all = append(*all, d)
		return nil
	}
	included, err := p.include(d, context)
	*all = append(*all, included...)
	return err
}

func (p *confParser) opened(d *directive) (err error) {
	d.open = true
	if d.raw == nil {
		return fmt.Errorf("unexpected \"{\" in %s:%d", p.file, p.line)
	}
	if strings.HasSuffix(d.name, "_by_lua_block") {
		if d.text, err = p.verbatim(); err != nil {
			err = fmt.Errorf("%w in %s:%d", err, p.file, p.line)
		}
		return err
	}
	d.block, err = p.directives(d.name, true)
	return err
}

// include reads what the pattern matches now, in the order of glob(3).
func (p *confParser) include(d *directive, context string) ([]*directive, error) {
	pattern := d.args[0]
	if !path.IsAbs(pattern) {
		pattern = path.Join(p.reader.base, pattern)
	}
	pattern = path.Clean(pattern)
	p.reader.conf.includes = append(p.reader.conf.includes, confInclude{pattern, context})
	files := []string{pattern}
	if strings.ContainsAny(pattern, "*?[") {
		files = glob(p.reader.host, pattern)
	}
	var all []*directive
	for _, file := range files {
		included, err := p.reader.file(file, context, p.depth+1)
		all = append(all, included...)
		if errors.Is(err, fs.ErrNotExist) {
			return all, fmt.Errorf("open() %q failed (2: No such file or directory) in %s:%d", file, d.file, d.line)
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
}

// glob returns the files that match, sorted; as in glob(3) a leading dot has to be written out.
func glob(r host.Reader, pattern string) []string {
	found := []string{"/"}
	for _, part := range strings.Split(strings.Trim(pattern, "/"), "/") {
		var next []string
		for _, dir := range found {
			if !strings.ContainsAny(part, "*?[") {
				next = append(next, path.Join(dir, part))
				continue
			}
			_, f, err := follow(r, dir)
			if err != nil {
				continue
			}
			for _, name := range f.Entries {
				ok, _ := path.Match(part, name)
				if ok && (name[0] != '.' || part[0] == '.') {
					next = append(next, path.Join(dir, name))
				}
			}
		}
		found = next
	}
	slices.Sort(found)
	return found
}

// walk calls visit for each directive at any depth, with the names of the blocks that it is in.
func (c *conf) walk(visit func(d *directive, in []string)) { walk(c.top, nil, visit) }

func walk(list []*directive, in []string, visit func(*directive, []string)) {
	for _, d := range list {
		visit(d, in)
		walk(d.block, append(slices.Clip(in), d.name), visit)
	}
}
