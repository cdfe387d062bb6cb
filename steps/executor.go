package steps

// Executor turns a site into changes. It plans only: it is never given a host.
type Executor interface {
	// Name is what the answers file calls it.
	Name() string
	// Fit says whether it can serve this site on this host and, if not, what to do.
	Fit(Site, Facts) []Finding
	// Changes returns what has to be there for all of these sites to be served, steps 1 to 6, in the order in which
	// it is done. The sites are all sites that this executor shall serve, not only those that differ.
	Changes([]Site, Facts) ([]Change, error)
	// Removal returns the changes that take this executor's traces of these sites away and, when last is true,
	// those of the executor itself (units, shared files, never packages).
	Removal(sites []Site, last bool, f Facts) ([]Change, error)
}
