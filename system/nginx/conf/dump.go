package conf

import (
	"fmt"
	"strings"
)

// File is one configuration file of a dump.
type File struct {
	Path string
	Tree []Directive
}

// marker begins each file in what "nginx -T" prints.
const marker = "# configuration file "

// Dump reads the output of "nginx -T": every file that nginx reads, in the order in which it was read first. A file
// that cannot be parsed fails the whole with its path.
func Dump(text []byte) ([]File, error) {
	var files []File
	var body strings.Builder
	finish := func() error {
		if len(files) == 0 {
			return nil
		}
		last := &files[len(files)-1]
		tree, err := Parse([]byte(body.String()))
		if err != nil {
			return fmt.Errorf("%s: %w", last.Path, err)
		}
		last.Tree = tree
		body.Reset()
		return nil
	}
	for line := range strings.Lines(string(text)) {
		path, ok := strings.CutPrefix(strings.TrimRight(line, "\r\n"), marker)
		if path, found := strings.CutSuffix(path, ":"); ok && found {
			if err := finish(); err != nil {
				return nil, err
			}
			files = append(files, File{Path: path})
			continue
		}
		if len(files) > 0 {
			body.WriteString(line)
		}
	}
	return files, finish()
}
