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

// All returns the seven steps in order.
func All() []Step {
	return []Step{
		&step{IDInstall, "Install", installQuestions, installFindings},
		&step{IDCerts, "Certificates", certsQuestions, certsFindings},
		&step{IDSSL, "TLS settings", sslQuestions, sslFindings},
		&step{IDRedirect, "HTTP redirect", redirectQuestions, redirectFindings},
		&step{IDProxy, "Reverse proxy", proxyQuestions, proxyFindings},
		&step{IDWebSockets, "WebSockets", webSocketsQuestions, webSocketsFindings},
		&step{IDTrusted, "Trusted certificate", trustedQuestions, trustedFindings},
	}
}

// step is a Step; each is written in the file of its name.
type step struct {
	id        ID
	title     string
	questions func(Facts) []Question
	check     func(Site, Facts) []Finding
}

// ID implements Step.
func (s *step) ID() ID { return s.id }

// Title implements Step.
func (s *step) Title() string { return s.title }

// Questions implements Step: those that make sense after the answers so far.
func (s *step) Questions(a Answers, f Facts) []Question {
	var asked []Question
	for _, q := range s.all(f) {
		if q.Relevant(a) {
			asked = append(asked, q.After(a))
		}
	}
	return asked
}

// Check implements Step.
func (s *step) Check(site Site, f Facts) []Finding {
	found := s.check(site, f)
	for i := range found {
		found[i].Step = s.id
	}
	return found
}

func (s *step) all(f Facts) []Question {
	all := s.questions(f)
	for i := range all {
		all[i].Step = s.id
	}
	return all
}
