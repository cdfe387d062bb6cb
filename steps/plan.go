package steps

// Plan is what shall be so: an ordered list of changes for all of these sites. It describes and never acts, and it
// does not know what is there already; that is the preview's work.
type Plan struct {
	Sites    []Site
	Executor string
	Changes  []Change
}
