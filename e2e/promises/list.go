package promises

// A Promise is what a user may rely on.
type Promise struct {
	Short string
	Long  string
	Open  string // why a figure is not what was aimed at, or is missing; "" where all are
}

// List has the promises; the number of one is its place, from 1.
var List = []Promise{
	{Short: "Two outcomes", Long: "Kill it anywhere: your server is exactly as before, or exactly as asked."},
	{Short: "Recovery can be killed too", Long: "What takes an unfinished change back can itself be killed, more than once, and is then finished the same way."},
	{Short: "Power loss", Long: "The power may go at any moment, whatever the disk had not yet stored."},
	{Short: "Nothing of yours is lost", Long: "What was on the server is there afterwards or in a backup that is named, and what you edited is never overwritten."},
	{Short: "Undo always works", Long: "After install, edits and undo, an uninstall leaves the tree as it was, and names what it had to leave."},
	{Short: "Full, read-only and broken disks", Long: "A disk that takes nothing more ends a change in one of the two outcomes, and an error of a disk is never tried away."},
	{Short: "Losing SSH changes nothing", Long: "A run ends by itself when its terminal goes, and who comes back sees it."},
	{Short: "One at a time", Long: "However many are started, one runs, and the others say who holds the lock."},
	{Short: "Twice is once", Long: "The same answers again change nothing, reload nothing and ask no CA."},
	{Short: "Preview is the truth", Long: "What a plan shows is what happens, and a dry run writes nothing."},
	{Short: "Your other sites stay up", Long: "Sites that were there answer through install, failure, undo and renewal, with their own certificates."},
	{Short: "A reload is proven", Long: "A server that did not take its new configuration is found out, and everything is put back."},
	{Short: "Certificate and key never disagree", Long: "Whoever loads the pair at any moment gets two halves that belong together."},
	{Short: "No certificate in vain", Long: "A killed or failed issuance is gone on with, not repeated, and a limit is kept before the CA has to."},
	{Short: "Renewal is never silent", Long: "No certificate runs out while its CA could be reached, and no failure is told to nobody."},
	{Short: "You keep your SSH", Long: "A firewall is never switched on by us, and a new login works after every run."},
	{Short: "No input becomes code", Long: "Whatever is typed in a field stays a value."},
	{Short: "No path escapes", Long: "Links and folders that somebody swaps under our hands lead no write elsewhere."},
	{Short: "Secrets stay where they belong", Long: "No token, key or passphrase reaches a log, a screen, an argument or a foreign file."},
	{Short: "The screen does not lie", Long: "Text from outside cannot steer the terminal."},
	{Short: "Least privilege", Long: "The services may do what they need and nothing else.", Open: "No figures on this page. CI has `systemd-analyze security` of the proxy be at most 1.5, on a booted server too, and of the renewal at most 3.0 (TestExposure, TestOperated); what the services may write and call was not counted from outside."},
	{Short: "The proxy adds no lie", Long: "What the application reads of a request is what the client sent, or what the proxy itself knows.", Open: "The figures are in docs/conformance.md, with nginx, Caddy and HAProxy beside."},
	{Short: "The proxy does not fall", Long: "Floods, slow clients and reloads leave the others served.", Open: "No figures on this page. docs/proxy.md has the limits, the tests of system/proxy have floods and slow clients, and `go run ./e2e/chaos` has reloads, hand-overs and killed applications under load: it fails at a wrong or lost answer."},
	{Short: "WebSockets work for real", Long: "A verdict that WSS works was tried on the wire.", Open: "The figures of the wire are in docs/conformance.md; a WebSocket that is silent for five minutes has none here."},
	{Short: "Every failure has a name", Long: "A failure says its code, its cause and what to type next, and has an exit status."},
	{Short: "The probe agrees with others", Long: "What the probe says of a server is what browsers and other probes say.", Open: "No figures on this page. testssl.sh and Chromium look at each executor's site in CI (TestScan, TestBrowser), but their verdicts are not compared with the probe's, on these or on broken servers."},
	{Short: "You can check the binary", Long: "The same source gives the same binary.", Open: "No figures on this page: CI builds it twice, in two folders, and compares (e2e/run)."},
	{Short: "When unsure, it stops", Long: "A server that is not understood is left alone, with the reason."},
}
