package acme

import (
	"context"
	"crypto"
	"net"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// Request is one certificate to obtain.
type Request struct {
	Directory string         // https URL of the ACME directory
	Roots     []byte         // PEM of the CAs to trust for the directory itself; nil: the system's
	Email     string         // contact of the account; may be empty
	Terms     bool           // the user agreed to the CA's terms
	Domains   []steps.Domain // exactly what the CSR asks for
	CSR       []byte         // DER; its key is stored already
	Order     string         // URL of an unfinished order of the same CSR to go on with; may be empty
	Challenge string         // steps.HTTP01, TLSALPN01, DNS01 or DNSPersist01; empty: HTTP01
	Replaces  string         // CertID of the certificate of the same CA that this one is the renewal of; may be empty
	Profile   string         // of the certificate; empty: the CA's default, or the one for addresses
	// Binding is asked for what ties a new account to one on the CA's website, when the account is made; nil: there is
	// none.
	Binding func() (Binding, error)
}

// Binding is an external account binding (RFC 8555 section 7.3.4). The HMAC key is a secret: it is signed with, once, and
// stands in no message.
type Binding struct {
	KeyID string
	HMAC  string // base64url
}

// Account is an account at one directory.
type Account struct {
	Key   crypto.Signer
	Next  crypto.Signer // that shall take Key's place, and may have at the CA; nil: none
	URL   string        // empty until the CA has confirmed it
	Email string        // as the CA knows it
}

// Accounts keeps one account for each directory URL. Load fails with fs.ErrNotExist when there is none. Save returns
// when the account is on the disk.
type Accounts interface {
	Load(directory string) (Account, error)
	Save(directory string, a Account) error
	Registering(directory string) error // asked before an account is registered; an error keeps the CA from being asked
}

// Proof is what answers a challenge for a name. HTTP-01 has Body under steps.ChallengePath + Token, TLS-ALPN-01 its
// SHA-256 in a certificate for Domain, DNS-01 likewise in a TXT record. DNS-PERSIST-01 has neither: the record is there already. A wildcard is proved by the name below its star, which
// then is Domain.
type Proof struct {
	Domain      steps.Domain
	Token, Body string
}

// Presenter has the site answer a challenge. It is called from several goroutines. Present may take its time: it is not
// counted as the CA's. What it did before it failed it takes back itself.
type Presenter interface {
	Present(Proof) error
	CleanUp(Proof) error
}

// Orders remembers what was ordered, so that an order can be gone on with after a crash, and what counts for the CA's
// limits. Each returns when it is on the disk; an error ends Obtain.
type Orders interface {
	Ordering() error             // a new order is about to be made; an error keeps the CA from being asked
	Save(url string) error       // it was made
	Finalizing(url string) error // its signing request is about to be handed in: from now on it may bring a certificate
	Void(url string) error       // it brought none and, as it stands, will bring none
}

// Client runs orders. The zero value of every option is right outside tests.
type Client struct {
	Accounts  Accounts
	UserAgent string           // "sslwizard/1.0"
	Progress  func(string)     // told what is happening, in plain words; nil: nobody
	Now       func() time.Time // nil: time.Now
	Dialer    *net.Dialer      // to the CA; nil: a plain one
	Pace      Pace
}

// Pace is how long a client waits for what.
type Pace struct {
	Poll     time.Duration // first pause between two looks at the same thing; 0: 20 ms
	PollMax  time.Duration // longest such pause that the CA did not ask for; 0: 5 s
	Validate time.Duration // for all validations of an order; 0: 3 min
	Issue    time.Duration // from finalize to certificate; 0: 3 min
	Patience time.Duration // for a CA that cannot be reached or says 5xx, for each request; 0: 20 s
	Retry    time.Duration // first pause before such a request is repeated; 0: 250 ms
	Request  time.Duration // for one reply; 0: 30 s
}

func (p Pace) filled() Pace {
	fill := func(d *time.Duration, otherwise time.Duration) {
		if *d == 0 {
			*d = otherwise
		}
	}
	fill(&p.Poll, 20*time.Millisecond)
	fill(&p.PollMax, 5*time.Second)
	fill(&p.Validate, 3*time.Minute)
	fill(&p.Issue, 3*time.Minute)
	fill(&p.Patience, 20*time.Second)
	fill(&p.Retry, 250*time.Millisecond)
	fill(&p.Request, 30*time.Second)
	return p
}

// Obtain runs one order to its end and returns the chain as PEM, leaf first. The order's URL is saved as soon as it is
// known. It is the caller who verifies the chain: a CA can be wrong.
//
// Errors are steps.Failure for people; *Limited tells when it is possible again, *Refused which names failed.
func (c *Client) Obtain(ctx context.Context, r Request, present Presenter, orders Orders) ([]byte, error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	s, err := c.open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer s.close()
	s.orders = orders
	o, err := s.order()
	if err != nil {
		return nil, err
	}
	if err := s.authorize(o, present); err != nil {
		return nil, err
	}
	if err := s.finalize(o); err != nil {
		return nil, err
	}
	return s.download(o)
}

func (c *Client) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}
