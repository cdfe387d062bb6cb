package inspect

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// confInclude is an include directive as it was met.
type confInclude struct {
	pattern string // absolute
	context string // name of the enclosing block, "" at top level
}

// configuration is a whole one, read without running nginx: "nginx -T" creates folders, logs and a pid file, binds the
// ports for a moment, and says nothing at all about a configuration that is broken.
type configuration struct {
	top      []conf.Directive // includes are replaced by what they include
	includes []confInclude
}

// The bounds of a configuration that is read: nginx itself fails on a file that includes itself.
const (
	maxNesting = 20
	maxFiles   = 5000
)

type confReader struct {
	host  host.Reader
	base  string // folder that relative includes begin at
	files int
	conf  *configuration
}

// readConf reads the configuration that begins at file. With an error comes what stands before it.
func readConf(r host.Reader, file string) (*configuration, error) {
	c := &confReader{host: r, base: path.Dir(file), conf: &configuration{}}
	top, err := c.file(file, "", 0)
	c.conf.top = top
	return c.conf, err
}

func (c *confReader) file(name, context string, nested int) ([]conf.Directive, error) {
	if c.files++; nested > maxNesting || c.files > maxFiles {
		return nil, fmt.Errorf("too many files include each other, at %s", name)
	}
	_, f, err := follow(c.host, name)
	if err != nil {
		return nil, err
	}
	tree, broken := conf.ParseFile(name, f.Data)
	all, err := c.expand(tree, context, nested)
	if err != nil {
		return all, err // it stands before what broke the tree
	}
	return all, inNginxWords(broken)
}

// inNginxWords is err as nginx would put it.
func inNginxWords(err error) error {
	var syntax *conf.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("%s in %s:%d", syntax.Text, syntax.File, syntax.Line)
	}
	return err
}

// expand puts what it includes in the place of each include; context is the block that the tree stands in.
func (c *confReader) expand(tree []conf.Directive, context string, nested int) ([]conf.Directive, error) {
	all := []conf.Directive{}
	for _, d := range tree {
		var err error
		if d.Name == "include" && len(d.Args) == 1 && d.Block == nil {
			var included []conf.Directive
			included, err = c.include(d, context, nested)
			all = append(all, included...)
		} else {
			if d.Block != nil {
				d.Block, err = c.expand(d.Block, d.Name, nested)
			}
			all = append(all, d)
		}
		if err != nil {
			return all, err
		}
	}
	return all, nil
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

// include reads what the pattern matches now, in the order of glob(3).
func (c *confReader) include(d conf.Directive, context string, nested int) ([]conf.Directive, error) {
	pattern := d.Args[0]
	if !path.IsAbs(pattern) {
		pattern = path.Join(c.base, pattern)
	}
	pattern = path.Clean(pattern)
	c.conf.includes = append(c.conf.includes, confInclude{pattern, context})
	files := []string{pattern}
	if strings.ContainsAny(pattern, "*?[") {
		files = glob(c.host, pattern)
	}
	var all []conf.Directive
	for _, file := range files {
		included, err := c.file(file, context, nested+1)
		all = append(all, included...)
		if errors.Is(err, fs.ErrNotExist) {
			return all, fmt.Errorf("open() %q failed (2: No such file or directory) in %s:%d", file, d.File, d.Line)
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
