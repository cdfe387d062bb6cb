package steps

import (
	"slices"
)

// SiteNotify is who is told when the site's certificate cannot be renewed, or is not the one that is served, and when all is
// well again.
type SiteNotify struct {
	Command string // path of a program of the user's; empty: none
	Webhook string // path of a file that only root can read, with an https URL; empty: none
	Email   string // empty: nobody
	Login   bool   // a line for who logs in, as long as something is wrong
}

// Somebody reports whether there is anybody to send a message to.
func (n SiteNotify) Somebody() bool { return n.Command != "" || n.Webhook != "" || n.Email != "" }

// Delivery is what became of one message with one of those who are told.
type Delivery struct {
	Channel string `json:"channel"` // "webhook /etc/sslwizard-webhook"
	Text    string `json:"text"`
	Error   string `json:"error,omitempty"` // empty: it was taken
}

// NotifyFacts is what this host has of what SiteNotify names.
type NotifyFacts struct {
	Command, Webhook RootFile
	Mailer           bool // there is a sendmail
}

// MotdDir has the programs that say things to who logs in, on Debian and Ubuntu (update-motd(5), pam_motd(8)); MotdFile is ours.
// Elsewhere, shells read ProfileFile.
const (
	MotdDir     = "/etc/update-motd.d"
	MotdFile    = MotdDir + "/95-sslwizard"
	ProfileFile = "/etc/profile.d/sslwizard.sh"
)

// Sendmail is where every mail server has its program for handing mail in.
const Sendmail = "/usr/sbin/sendmail"

func (b *siteBuilder) notify(a NotifyAnswers) SiteNotify {
	if a.Command != "" {
		b.check("trusted.notify.command", checkFilePath(a.Command))
	}
	if a.Webhook != "" {
		b.secretFile("trusted.notify.webhook", a.Webhook, "the URL belongs into that file, for who knows it can post there")
	}
	if a.Email != "" {
		b.check("trusted.notify.email", checkEmail(a.Email))
	}
	return SiteNotify(a)
}

func notifyQuestions() []Question {
	return []Question{
		{
			Key: "trusted.notify.command", Kind: KindText, Label: "Program that is told when renewal fails", Default: "", Advanced: true,
			Help: "The path of a program of yours, root's own and writable by nobody else. It gets the message on its standard input and in SSLWIZARD_SITE, SSLWIZARD_ABOUT, SSLWIZARD_TEXT; it has a minute.",
			Why:  "Let's Encrypt sends no mail any more when a certificate is about to end.",
		},
		{
			Key: "trusted.notify.webhook", Kind: KindText, Label: "File with the URL of a webhook", Default: "", Advanced: true,
			Help: "A file that only root can read, with one https URL: of Slack, Mattermost, Discord, or of your own (ntfy: docs/notify.md). Lines below it are header fields (Authorization: …). The message is posted as JSON.",
			Why:  "Who knows the URL can post there, so it is a secret.", Shell: []string{"sudo sh -c 'umask 077; cat > /etc/sslwizard-webhook'    then paste the URL, and press ctrl+d"},
		},
		{
			Key: "trusted.notify.email", Kind: KindText, Label: "E-mail address that is told", Default: "", Advanced: true,
			Help: "Mail is handed to " + Sendmail + ", which every mail server brings, and small ones like msmtp-mta too.",
			Why:  "Most servers send no mail.", Shell: []string{"sudo apt install msmtp-mta"},
		},
		{
			Key: "trusted.notify.login", Kind: KindBool, Label: "Tell who logs in?", Default: "yes", Advanced: true,
			Help: "While something is wrong with the certificate, who logs in reads one line about it. When all is well there is none.",
			Why:  "Who comes to look should see it first.",
		},
	}
}

// notifyFindings say before a run who could not be told.
func notifyFindings(s Site, f Facts) []Finding {
	n, seen := s.Trusted.Notify, f.Notify[s.Name]
	all := rootFileFindings("trusted.notify.command", n.Command, seen.Command, "755")
	all = append(all, rootFileFindings("trusted.notify.webhook", n.Webhook, seen.Webhook, "600")...)
	if n.Email != "" && !seen.Mailer {
		all = append(all, Finding{Code: "R12", Severity: Blocker, Text: "cannot send mail to " + n.Email + ": this server has no " + Sendmail,
			Fix: []string{"sudo apt install msmtp-mta    and tell it, in /etc/msmtprc, which mail server takes your mail", "or leave trusted.notify.email empty"}})
	}
	return all
}

// rootFileFindings are about a file that an answer names.
func rootFileFindings(key, name string, file RootFile, mode string) []Finding {
	name = CleanLine(name)
	cannot := "cannot use " + name + " (" + key + "): "
	blocker := func(text string, fix ...string) []Finding {
		return []Finding{{Code: "R12", Severity: Blocker, Text: cannot + text, Fix: append(fix, "or leave "+key+" empty")}}
	}
	switch {
	case name == "":
		return nil
	case file.Sealed:
		return []Finding{{Code: "H01", Severity: Warning, Text: name + " can be read by root only, so it is not looked at", Fix: []string{"sudo sslwizard"}}}
	case file.Absent:
		return blocker(file.Wrong(), "make it, or correct "+key)
	case file.Open != "":
		return blocker(file.Wrong(), "sudo chown root:root "+name+" && sudo chmod "+mode+" "+name)
	case file.Fault != "":
		return blocker(file.Wrong(), "correct it: sudo nano "+name)
	}
	return nil
}

// loginLine has who logs in see LoginText while a site wants it, and only then.
func loginLine(sites []Site, f Facts, script []byte) []Change {
	wanted := ""
	if slices.ContainsFunc(sites, func(s Site) bool { return s.Trusted.Notify.Login }) {
		if wanted = ProfileFile; f.MotdDir {
			wanted = MotdFile
		}
	}
	var all []Change
	for _, file := range []string{MotdFile, ProfileFile} {
		_, ours := f.Managed.Files[file]
		switch {
		case file == wanted:
			all = append(all, WriteFile{For: For(IDTrusted), Path: file, Content: script, Mode: 0o755})
		case ours:
			all = append(all, RemoveFile{For: For(IDTrusted), Path: file})
		}
	}
	return all
}
