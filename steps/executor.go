package steps

// Executor turns sites into changes. It plans only: it is never given a host.
type Executor interface {
	// Name is what the answers file calls it.
	Name() string
	// Fit says whether it can serve this site on this host and, if not, what to do.
	Fit(Site, Facts) []Finding
	// Changes returns what has to be there for all of these sites to be served. The sites are all that this executor
	// shall serve, not only those that differ.
	Changes([]Site, Facts) (Stages, error)
	// Removal returns the changes that take the traces of these sites away and, when last is true, those of the
	// executor itself (units, shared files; never packages).
	Removal(sites []Site, last bool, f Facts) ([]Change, error)
}

// Stages is an executor's part of a plan, in the order in which Build places it.
type Stages struct {
	KeyGroup string   // the group that may read private keys; "" for root only
	Prepare  []Change // packages, users, folders: nothing live changes
	Serve    []Change // after the rehearsal: files, units, test, start, reload
	Renewed  []Change // what makes a new certificate live
	// Announced is what makes live what the changes of these keys have come to.
	Announced func(on []string) Change
}
