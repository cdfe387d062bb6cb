// Package conf is the language of nginx configuration files: a tree of directives, one printer with one rule for
// quoting, and a parser that reads what nginx itself would read.
//
// It knows no directive by its meaning, opens no file and follows no include.
package conf

import "slices"

// Directive is one directive with its arguments and, if it has one, its block. In blocks such as map{} the key stands
// in Name.
type Directive struct {
	Comment string // printed above it, line by line; the parser drops comments
	Name    string
	Args    []string
	Block   []Directive // nil: no block, ends with ";"; empty but not nil: an empty block
	Lua     string      // body of a *_by_lua_block, which is in another language; Block is then empty

	// What only the parser sets.
	File  string   // as given to ParseFile
	Line  int      // where its name begins, counted from 1
	Words []string // Name and Args as they were written, in their quotes
}

// D makes a directive that ends with ";".
func D(name string, args ...string) Directive { return Directive{Name: name, Args: args} }

// B makes a directive with a block.
func B(name string, args []string, block ...Directive) Directive {
	if block == nil {
		block = []Directive{}
	}
	return Directive{Name: name, Args: args, Block: block}
}

// About sets the comment of a directive.
func (d Directive) About(comment string) Directive {
	d.Comment = comment
	return d
}

// Is reports whether d has this name and, when args are given, begins with these arguments.
func (d Directive) Is(name string, args ...string) bool {
	return d.Name == name && len(d.Args) >= len(args) && slices.Equal(d.Args[:len(args)], args)
}

// Each calls visit for every directive of the tree, outer ones first. parents are those around d, outermost first; the
// slice is reused after the call.
func Each(tree []Directive, visit func(d Directive, parents []Directive)) {
	each(tree, nil, visit)
}

func each(tree, parents []Directive, visit func(Directive, []Directive)) {
	for _, d := range tree {
		visit(d, parents)
		each(d.Block, append(parents, d), visit)
	}
}

// Equal reports whether two trees mean the same to nginx: comments, places and ways of quoting do not count.
func Equal(a, b []Directive) bool {
	return slices.EqualFunc(a, b, func(x, y Directive) bool {
		return x.Name == y.Name && slices.Equal(x.Args, y.Args) &&
			x.Lua == y.Lua && (x.Block == nil) == (y.Block == nil) && Equal(x.Block, y.Block)
	})
}
