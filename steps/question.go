package steps

// Question is one thing that is asked.
type Question struct {
	Key string // path in the answers file: "certs.domains"
}
