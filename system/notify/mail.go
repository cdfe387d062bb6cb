package notify

import (
	"context"
	"mime"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// mail hands a mail to the server's own mail program (sendmail(8) as every mail server brings it). It is marked as made by a
// program, so that nobody's absence note answers it (RFC 3834).
func (s *Sender) mail(ctx context.Context, address string, m Message) error {
	head := []string{
		"To: " + steps.CleanLine(address),
		"Subject: " + mime.QEncoding.Encode("utf-8", m.Subject()),
		"Date: " + m.Time.Format(time.RFC1123Z),
		"Auto-Submitted: auto-generated",
		"MIME-Version: 1.0",
		"Content-Type: text/plain; charset=utf-8",
		"Content-Transfer-Encoding: 8bit",
	}
	text := strings.Join(head, "\n") + "\n\n" + m.Body()
	_, err := s.Host.Run(ctx, host.Command{Argv: []string{"sendmail", "-i", "--", address}, Stdin: []byte(text), Timeout: patience})
	return err
}
