package steps

// Meaning says in a sentence or two what stands behind a failure of that code, to somebody who has not met it before.
// It is empty for a code that is not known, and for none.
func Meaning(code string) string {
	if said := meanings[code]; said != "" || len(code) != len("N04") {
		return said
	}
	if cause, ok := CauseOf(code); ok {
		return cause.Meaning
	}
	return families[code[0]]
}

// families are what the codes of the probe have in common: of most of them the check itself says more.
var families = map[byte]string{
	'L': "Plain HTTP is not redirected to HTTPS as it was asked for.",
	'R': "The certificate is near its end, or past it.",
	'T': "The server does not speak TLS as it was set up to.",
	'U': "What comes through the site is not what the application answers by itself.",
	'W': "A WebSocket does not get through as it should.",
}

var meanings = map[string]string{
	"H01": "Only root may change this server.",
	"H02": "Another run is at work on this server. Only one at a time may change it.",
	"H03": "The run before this one was cut off, by a restart or by somebody. What it had begun is taken back.",
	"H04": "A newer sslwizard was at work here. This one does not touch what it cannot read.",
	"H05": "The record of an earlier run is damaged. Whoever goes on by hand finds its backups, and nothing is guessed.",
	"H08": "The disk took data and did not store it. It may be dying: look at your backups first.",
	"H10": "This system is not one that sslwizard knows how to change.",
	"H11": "Another program is installing packages. Often these are the automatic updates, which end by themselves.",
	"H12": "An installation of packages was cut off before. Until that is repaired nothing can be installed.",
	"H13": "The package manager could not install what is needed. The reason is its own, not the site's.",
	"H14": "This server cannot fetch packages: no network, no DNS, or a mirror that does not answer.",
	"H18": "Somebody beside root may write in a folder on the way, and could swap what is put there.",
	"H19": "A file that has to be written is a link to somewhere else, and what it leads to may be somebody's.",
	"H21": "A file of the web server or of the firewall belongs to a program that writes it anew, from its own plan of the server.",
	"H25": "A hosting panel is on this server. It writes the web server's configuration itself, and two cannot do that.",
	"H20": "Somebody locked a file or folder with chattr, so that not even root may change it.",

	"H30": "Something that should never happen did, inside sslwizard. What a run had begun can be taken back all the same.",

	"N02": "An nginx runs that the service manager did not start, so it cannot be given a configuration.",
	"N03": "The configuration of nginx had this fault before sslwizard touched anything.",
	"N04": "nginx does not accept its configuration with the new site in it. Often something that was there before stands against it.",
	"N05": "The server was given the new configuration, and went on with the old one.",
	"N06": "The server answers, but not with the certificate that it was given.",
	"N07": "nginx reads no folder into which a site could be put without an edit of your own files.",
	"N08": "Another site of this nginx claims the same name or address already.",
	"N09": "nginx's pid file is empty: nobody can tell that nginx anything, not even the rotation of its logs.",
	"N10": "This nginx is too old for what was asked.",
	"N11": "nginx looks the application's name up when it starts, and does not start without an answer.",
	"N12": "A file that sslwizard wrote was deleted since. It is not put back unasked.",
	"N13": "A file that sslwizard wrote was edited since. Your edit is not overwritten.",
	"N14": "A service could not be started, or may not be. Why is in its own journal.",
	"N18": "The service ends by itself whenever it is started. The last lines of its journal say why.",

	"R11": "Somebody should have been told of a certificate, and could not be reached yet.",
	"R13": "A revocation was begun and cut off.",
	"R12": "Somebody wants to be told when a certificate cannot be renewed, and could not be.",

	"A08": "The CA asks from several parts of the world, and some of them are kept out: by country, by fail2ban, by a firewall.",
	"A11": "A name server of the domain does not have the record of the proof yet.",
	"A13": "The CA took every request for an old one. That is its own trouble, and it passes.",
	"A15": "The CA has paused this name, because it was asked for in vain too often.",
	"A17": "The CA does not know our account there, or has closed it.",
	"A19": "The CA is still at work on the certificate. The next run goes on with the same order.",
	"A29": "What was asked for is done already, or belongs to somebody else: the next run asks for it anew.",
	"A30": "What the CA made is no certificate for a web server now: out of its time, too weak, or for something else.",
	"A21": "The certificate is not for the names that were asked for.",
	"A22": "This is a certificate for tests. No browser trusts it.",
	"A23": "The certificate does not lead to a CA that is trusted: a piece of the chain is missing, or its end is unknown.",
	"A24": "The certificate belongs to another key.",

	"T01": "Nobody listens on the port.",
	"T02": "Nobody answers on the port: something drops the packets, mostly a firewall.",
	"W01": "The application behind the site does not run, or listens somewhere else.",
	"W02": "The application behind the site takes too long to answer.",
	"W03": "The application itself does not open a WebSocket on this path.",
	"W04": "The application opens a WebSocket, but on the way through the proxy it is lost.",
	"W09": "The site would send its visitors to itself, in a circle.",
	"W10": "Requests arrive at another site than the one that was asked for.",
	"W11": "The application speaks otherwise than was said: with or without TLS, or another version of HTTP.",
}
