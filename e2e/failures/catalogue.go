package failures

import "slices"

// Row is one way in which it goes wrong.
type Row struct {
	Code      string // its name in the catalogue: H host, N web server, A certificate and DNS, R renewal, W proxy, X hostile
	Situation string
	As        string   // the code under which it is told, where that is another row's
	Why       string   // why it is told so, or is not produced here
	Tests     []string // what produces it: the folder and the test
}

// handed are the tests that give sslwizard what a program, a disk or a CA would have said, or a host in memory: what is said of it
// is seen in them, and yet the row was not produced.
var handed = []string{
	"system/apply TestAPlaceThatCannotBeWrittenStopsTheRun", "system/apply TestDamagedJournal", "system/apply TestDrift",
	"system/apply TestMaskedUnitBlocks", "system/apply TestPackageFailures", "system/apply TestRecoverAfterEveryKill",
	"system/apply TestTamperedBackupIsRefused", "system/nginx TestFit", "system/nginx TestTest",
	"system/acme TestBoulderTexts", "system/acme TestTextsOfHandshakes", "system/apply TestDiskFaults",
}

// real reports whether one of its tests produces the row.
func (r Row) real() bool {
	return slices.ContainsFunc(r.Tests, func(test string) bool { return !slices.Contains(handed, test) })
}

// CodeOf is the code under which a row is told.
func CodeOf(row string) string {
	if r, ok := Find(row); ok && r.As != "" {
		return r.As
	}
	return row
}

// Find is the row of that name.
func Find(row string) (Row, bool) {
	if i := slices.IndexFunc(Catalogue, func(r Row) bool { return r.Code == row }); i >= 0 {
		return Catalogue[i], true
	}
	return Row{}, false
}

// Catalogue has each row.
var Catalogue = []Row{
	{Code: "H01", Situation: "not root", Tests: []string{"e2e/scenario TestNotRoot"}},
	{Code: "H02", Situation: "another run active", Tests: []string{"system/apply TestLockKeepsOtherProcessesOut", "e2e/scenario TestSecondRun"}},
	{Code: "H03", Situation: "unfinished change from before", Tests: []string{"e2e/scenario TestCatalogueAfter", "system/apply TestRecoverAfterEveryKill"}},
	{Code: "H04", Situation: "journal from a newer version", Tests: []string{"e2e/scenario TestCatalogueStanding", "system/apply TestDamagedJournal"}},
	{Code: "H05", Situation: "the record of a run cannot be read", Tests: []string{"system/apply TestDamagedJournal", "e2e/scenario TestCatalogueAfter"}},
	{Code: "H06", Situation: "the disk is full, or out of inodes or quota", Tests: []string{"system/apply TestDiskFaults", "system/apply TestRealDisks", "system/apply TestPackageFailures", "e2e/scenario TestDoctorCauses"}},
	{Code: "H07", Situation: "/ read-only", Tests: []string{"system/apply TestDiskFaults", "system/apply TestRealDisks", "system/apply TestAPlaceThatCannotBeWrittenStopsTheRun", "e2e/scenario TestDoctorCauses"}},
	{Code: "H08", Situation: "fsync fails", Tests: []string{"system/apply TestDiskFaults"}},
	{Code: "H09", Situation: "clock wrong", Tests: []string{"system/renew TestFaults", "system/doctor TestDirectoryCauses", "system/acme TestClockIsWrong"}},
	{Code: "H10", Situation: "no systemd / unknown distro", Tests: []string{"system/nginx TestFit", "e2e/scenario TestUnknownSystem"}},
	{Code: "H11", Situation: "apt/dpkg locked", Tests: []string{"system/apply TestPackageFailures"}},
	{Code: "H12", Situation: "dpkg half-configured", Tests: []string{"system/apply TestPackageFailures", "e2e/scenario TestCatalogueBefore"}},
	{Code: "H13", Situation: "package install dies half-way", Tests: []string{"system/apply TestPackageFailures", "e2e/scenario TestCatalogueBefore"}},
	{Code: "H14", Situation: "no package network", Tests: []string{"system/apply TestPackageFailures", "e2e/scenario TestCatalogueBefore"}},
	{Code: "H15", Situation: "SSH drops", Why: "no failure: the run goes on, TestWizardCut of e2e/scenario cuts the link and comes back; no code is said yet"},
	{Code: "H16", Situation: "terminal too small/dumb", Why: "no failure: the same questions are asked in lines; no code is said yet"},
	{Code: "H17", Situation: "SELinux/AppArmor denies", Why: "not here: this machine has neither SELinux nor AppArmor in its kernel; the rows of the proxy that are denied look like W01, and the audit log is theirs to read"},
	{Code: "H18", Situation: "parent dir world-writable / not root's", Tests: []string{"system/apply TestAPlaceThatCannotBeWrittenStopsTheRun", "e2e/scenario TestCatalogueBefore"}},
	{Code: "H19", Situation: "target is a symlink", Tests: []string{"system/apply TestDrift", "e2e/scenario TestCatalogueAfter"}},
	{Code: "H20", Situation: "immutable/ACL/xattr file", Tests: []string{"system/apply TestAPlaceThatCannotBeWrittenStopsTheRun", "e2e/scenario TestCatalogueBefore"}},
	{Code: "H21", Situation: "config managed by Ansible/Puppet/etckeeper", Tests: []string{"e2e/scenario TestCatalogueStanding"}},
	{Code: "H22", Situation: "a run was killed with SIGKILL, or by the kernel for want of memory", As: "H03", Why: "the next command takes back what was begun", Tests: []string{"e2e/scenario TestCatalogueAfter"}},
	{Code: "H23", Situation: "power loss", Why: "no failure that is told with a code: it is undone at the boot, and told at the login, which TestPowerCut of e2e/scenario reads"},
	{Code: "H24", Situation: "kernel/VM snapshot restored to the past", As: "N13", Why: "a whole disk goes back with the records of the runs, and nothing differs; a part of it does", Tests: []string{"e2e/scenario TestCatalogueAfter"}},
	{Code: "N01", Situation: "port 80/443 taken by Apache/Docker/Caddy", Tests: []string{"e2e/scenario TestDoctorCauses", "e2e/scenario TestNginxInTheWay", "e2e/scenario TestPortTaken"}},
	{Code: "N02", Situation: "rogue nginx outside systemd", Tests: []string{"system/nginx TestReloadWithoutUnit", "system/nginx TestFit"}},
	{Code: "N03", Situation: "existing config already broken", Tests: []string{"system/nginx TestFit", "e2e/scenario TestBrokenNginx"}},
	{Code: "N04", Situation: "ours breaks it", Tests: []string{"system/nginx TestTest", "e2e/scenario TestOursBreaksIt"}},
	{Code: "N05", Situation: "-t OK, reload refused (zone, bind)", Tests: []string{"system/nginx TestReloadThatDoesNothingIsSeen", "system/nginx TestReloadThatNginxRefusesIsSeen", "e2e/scenario TestReloadRefused"}},
	{Code: "N06", Situation: "reload accepted, old cert still served", Tests: []string{"system/renew TestRenewGoesLiveLater", "system/nginx TestOldCertificateIsSeen", "system/nginx TestOldWorkersAreSeen", "system/probe TestBrokenCertificates"}},
	{Code: "N07", Situation: "include directory not included", Tests: []string{"system/nginx TestFit", "e2e/scenario TestCatalogueBefore"}},
	{Code: "N08", Situation: "duplicate server_name / default_server", Tests: []string{"system/nginx TestFit", "e2e/scenario TestNameTaken"}},
	{Code: "N09", Situation: "empty nginx.pid", Tests: []string{"e2e/scenario TestCatalogueAfter"}},
	{Code: "N10", Situation: "nginx has no needed module / too old", Tests: []string{"system/nginx TestFit"}},
	{Code: "N11", Situation: "upstream hostname fails at boot", Tests: []string{"system/nginx TestFit", "e2e/scenario TestCatalogueBefore"}},
	{Code: "N12", Situation: "user deleted our include later", Tests: []string{"system/apply TestDrift", "e2e/scenario TestCatalogueAfter"}},
	{Code: "N13", Situation: "user edited our file", Tests: []string{"system/apply TestDrift", "e2e/scenario TestCatalogueAfter"}},
	{Code: "N14", Situation: "unit masked / fails / start limit", Tests: []string{"e2e/scenario TestCatalogueBefore", "system/nginx TestReloadWithoutUnit", "system/apply TestMaskedUnitBlocks", "system/nginx TestFit"}},
	{Code: "N15", Situation: "package upgrade replaced conf", As: "N07", Why: "no file of a package is written to; an nginx.conf that comes with an upgrade may not include ours any more", Tests: []string{"e2e/scenario TestCatalogueBefore"}},
	{Code: "N16", Situation: "firewall active, 80/443 closed", Tests: []string{"e2e/scenario TestDoctorCauses", "e2e/scenario TestFirewallLeftAlone"}},
	{Code: "N17", Situation: "cloud firewall/NAT", As: "A05", Why: "the network before the server drops port 80, and the CA says so", Tests: []string{"e2e/scenario TestNoTrustedCertificate"}},
	{Code: "N18", Situation: "native proxy crashes in loop", Tests: []string{"e2e/scenario TestCatalogueStanding"}},
	{Code: "A01", Situation: "name does not resolve", Tests: []string{"system/doctor TestNameCauses", "system/acme TestBoulderTexts", "system/acme TestTextsOfHandshakes"}},
	{Code: "A02", Situation: "A points elsewhere", Tests: []string{"system/doctor TestAddressCauses", "e2e/scenario TestDoctorCauses", "e2e/scenario TestNoTrustedCertificate"}},
	{Code: "A03", Situation: "AAAA wrong", Tests: []string{"system/doctor TestAddressCauses", "e2e/scenario TestDoctorCauses", "e2e/scenario TestNoTrustedCertificate"}},
	{Code: "A04", Situation: "behind CDN", Tests: []string{"system/doctor TestAddressCauses", "system/doctor TestHandshakeCauses", "e2e/scenario TestDoctorCauses"}},
	{Code: "A05", Situation: "port 80 closed/ISP", Tests: []string{"system/renew TestFaults", "system/probe TestBrokenConnections", "system/doctor TestClosedHandshake"}},
	{Code: "A06", Situation: "redirect eats challenge", Tests: []string{"system/probe TestBrokenRedirects", "system/doctor TestReachCauses", "system/acme TestBoulderTexts"}},
	{Code: "A07", Situation: "challenge body wrong (> 128 B, HTML, 403)", Tests: []string{"system/doctor TestHandshakeCauses", "system/doctor TestReachCauses", "system/acme TestBoulderTexts"}},
	{Code: "A08", Situation: "some vantage points fail", Tests: []string{"system/acme TestBoulderTexts", "system/acme TestTextsOfHandshakes"}},
	{Code: "A09", Situation: "CAA forbids", Tests: []string{"system/doctor TestCAACauses", "system/acme TestBoulderTexts", "system/acme TestFaultsThatStop"}},
	{Code: "A10", Situation: "SERVFAIL/DNSSEC", Tests: []string{"system/doctor TestNameCauses", "system/doctor TestRecordCauses", "system/acme TestBoulderTexts"}},
	{Code: "A11", Situation: "TXT not propagated", Tests: []string{"system/dns01 TestUntilTimeIsUp"}},
	{Code: "A12", Situation: "DNS API token wrong/too broad", Tests: []string{"system/doctor TestRecordCauses", "e2e/scenario TestDoctorCauses"}},
	{Code: "A13", Situation: "badNonce storm", Tests: []string{"system/renew TestFaults", "system/acme TestNonceStorm"}},
	{Code: "A14", Situation: "429 duplicate/failed/orders", Tests: []string{"system/renew TestFaults", "system/doctor TestLedgerCause", "system/acme TestFaultsThatStop"}},
	{Code: "A15", Situation: "paused ('zombie')", Tests: []string{"system/acme TestFaultsThatStop", "system/renew TestFaults"}},
	{Code: "A16", Situation: "503/CA down", Tests: []string{"system/renew TestFaults", "system/doctor TestDirectoryCauses", "system/acme TestCAIsDown"}},
	{Code: "A17", Situation: "account gone/deactivated", Tests: []string{"system/renew TestFaults"}},
	{Code: "A18", Situation: "ToS changed / EAB needed", Tests: []string{"system/doctor TestDirectoryCauses", "system/acme TestBinding", "system/acme TestConsent"}},
	{Code: "A19", Situation: "order stuck processing / reply lost", Tests: []string{"system/renew TestFaults", "system/acme TestProcessingIsWaitedFor"}},
	{Code: "A20", Situation: "issued, not saved", As: "A16", Why: "the certificate is made and cannot be fetched; the next run fetches it with the same order", Tests: []string{"system/renew TestFullLedgerHoldsUpNoFinishedCertificate"}},
	{Code: "A21", Situation: "SAN set ≠ request", Tests: []string{"system/acme TestFaultsThatStop", "system/renew TestJudge", "system/renew TestFaults"}},
	{Code: "A22", Situation: "staging cert in production", Tests: []string{"system/probe TestBrokenCertificates", "system/renew TestFaults"}},
	{Code: "A23", Situation: "chain incomplete/other root", Tests: []string{"system/renew TestFaults", "system/probe TestBrokenCertificates", "system/renew TestJudge"}},
	{Code: "A24", Situation: "key does not match", Tests: []string{"system/renew TestJudge", "system/renew TestFaults"}},
	{Code: "A25", Situation: "wildcard asked with HTTP-01", Tests: []string{"system/doctor TestAskedCauses", "system/acme TestRefusedBeforeTheCA", "system/nginx TestFit"}},
	{Code: "A26", Situation: "IP certificate", Tests: []string{"system/doctor TestAskedCauses", "system/doctor TestDirectoryCauses", "e2e/scenario TestDoctorCauses"}},
	{Code: "A27", Situation: "> 100 (25) names", Tests: []string{"system/doctor TestAskedCauses", "system/acme TestRefusedBeforeTheCA", "e2e/scenario TestDoctorCauses"}},
	{Code: "A28", Situation: "CA rejects name (policy, blocklist)", Tests: []string{"system/doctor TestAskedCauses", "system/acme TestFaultsThatStop", "system/renew TestRehearsalFails"}},
	{Code: "R01", Situation: "timer not running/masked/never fired", Tests: []string{"e2e/scenario TestCatalogueStanding"}},
	{Code: "R02", Situation: "renewal failed k times", Tests: []string{"system/probe TestBrokenCertificates"}},
	{Code: "R03", Situation: "renewed, not served", Tests: []string{"system/renew TestRenewGoesLiveLater"}},
	{Code: "R04", Situation: "two tools renew the same name (certbot + us)", Tests: []string{"system/doctor TestRenewerCauses", "e2e/scenario TestDoctorCauses"}},
	{Code: "R05", Situation: "ARI says now (revocation)", Tests: []string{"system/renew TestTheCAWantsItReplacedNow"}},
	{Code: "R06", Situation: "ARI unreachable", Tests: []string{"system/renew TestTheCADoesNotSayWhen"}},
	{Code: "R07", Situation: "host was off past expiry", Tests: []string{"e2e/scenario TestCatalogueStanding"}},
	{Code: "R08", Situation: "DNS moved away", Tests: []string{"system/renew TestTheDomainMovedAway"}},
	{Code: "R09", Situation: "lifetime changed (45/6 d)", Tests: []string{"system/renew TestAnotherLifetime"}},
	{Code: "R10", Situation: "custom cert near expiry (no ACME)", Tests: []string{"e2e/scenario TestCatalogueStanding"}},
	{Code: "W01", Situation: "back end down", Tests: []string{"system/probe TestBrokenAnswers", "system/probe TestBrokenUpgrades"}},
	{Code: "W02", Situation: "back end slow", Tests: []string{"system/probe TestBrokenAnswers", "system/probe TestBrokenUpgrades"}},
	{Code: "W03", Situation: "upgrade answered 200/400", Tests: []string{"system/probe TestBrokenUpgrades", "e2e/scenario TestAppWithoutWebSockets"}},
	{Code: "W04", Situation: "upgrade header stripped by CDN/proxy before us", Tests: []string{"system/probe TestBrokenUpgrades"}},
	{Code: "W05", Situation: "closes at 60/90/100 s", Tests: []string{"system/probe TestBrokenTalk"}},
	{Code: "W06", Situation: "subprotocol lost", Tests: []string{"system/probe TestBrokenReplies"}},
	{Code: "W07", Situation: "Origin refused by app", Tests: []string{"system/probe TestBrokenUpgrades"}},
	{Code: "W08", Situation: "mixed content ws:// on https page", Why: "not looked at: pages are the application's own, and the probe reads none"},
	{Code: "W09", Situation: "loop to itself", Tests: []string{"e2e/scenario TestUpstreamIsOurselves"}},
	{Code: "W10", Situation: "SNI/Host mismatch", Tests: []string{"system/probe TestBrokenAnswers", "system/probe TestBrokenUpgrades"}},
	{Code: "W11", Situation: "back end speaks TLS/HTTP wrong way", Tests: []string{"system/probe TestBrokenAnswers", "system/probe TestBrokenUpgrades", "e2e/scenario TestAppSpeaksTLS"}},
	{Code: "W12", Situation: "too many open files", Tests: []string{"system/proxy TestNoFileIsFree"}},
	{Code: "W13", Situation: "body too large", Tests: []string{"system/proxy TestBodyLimit"}},
	{Code: "W14", Situation: "drain timeout at reload", Tests: []string{"system/proxy TestWhatTheDrainCutsIsTold"}},
	{Code: "X01", Situation: "injection in a field", Tests: []string{"system/renew TestFaults"}},
	{Code: "X02", Situation: "IDN homograph / mixed script", Tests: []string{"e2e/scenario TestCatalogueStanding"}},
	{Code: "X03", Situation: "answers file world-readable/foreign owner", As: "D42", Why: "the answers hold no secrets, the file of the DNS provider does", Tests: []string{"system/doctor TestRecordCauses"}},
	{Code: "X04", Situation: "symlink race in target", Why: "a race is no row that comes twice in the same way: system/host TestNoPathEscapes has 100,000 of them, and none leads elsewhere"},
	{Code: "X05", Situation: "escape codes in CA/server text", As: "H10", Why: "the name of a system has them, and they are shown as ␛", Tests: []string{"e2e/scenario TestUnknownSystem"}},
	{Code: "X06", Situation: "planted binary first in PATH", Why: "no failure: programs are looked for in a fixed list of folders, which system/host TestProgramsComeFromFixedFolders checks"},
	{Code: "X07", Situation: "journal or backup tampered", Tests: []string{"system/apply TestTamperedBackupIsRefused"}},
	{Code: "X08", Situation: "CA directory URL http:// or private", Tests: []string{"system/acme TestRefusedBeforeTheCA"}},
	{Code: "X09", Situation: "huge/slow CA or probe reply", As: "A16", Why: "a reply of the CA has no end, and is given up", Tests: []string{"system/acme TestHugeReply"}},
}
