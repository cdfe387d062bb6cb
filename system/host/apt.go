package host

// AptPolicy asks apt which versions of these packages it would install. As root apt would write its cache by that, and a look
// writes nothing: it is told to keep none.
func AptPolicy(names ...string) Command {
	return Command{Argv: append([]string{"apt-cache", "-oDir::Cache::pkgcache=", "-oDir::Cache::srcpkgcache=", "policy"}, names...)}
}
