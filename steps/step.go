package steps

// ID names one of the seven steps. It is the key in the answers file, in --only, in the plan and in the report.
type ID string

// The seven steps, in the order in which they are asked, planned and reported.
const (
	IDInstall    ID = "install"
	IDCerts      ID = "certs"
	IDSSL        ID = "ssl"
	IDRedirect   ID = "redirect"
	IDProxy      ID = "proxy"
	IDWebSockets ID = "websockets"
	IDTrusted    ID = "trusted"
)

// IDs returns the seven step names in order.
func IDs() []ID {
	return []ID{IDInstall, IDCerts, IDSSL, IDRedirect, IDProxy, IDWebSockets, IDTrusted}
}

// Step is one of the seven: the questions that it asks and what it finds wrong with the answers on a given host.
type Step interface {
	ID() ID
	Title() string
	Questions(Answers, Facts) []Question
	Check(Site, Facts) []Finding
}
