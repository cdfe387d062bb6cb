package assets

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func units() map[string][]byte {
	const binary = "/usr/local/bin/sslwizard"
	return map[string][]byte{
		ProxyHTTP3Socket: ProxySocketUnit("http3", 443, true),
		ProxyService:     ProxyServiceUnit(binary, true, true),
		ProxyHTTPSocket:  ProxySocketUnit("http", 80, true),
		ProxyHTTPSSocket: ProxySocketUnit("https", 443, false),
		RenewService:     RenewServiceUnit(binary),
		RenewTimer:       RenewTimerUnit(),
		NotifyService:    NotifyServiceUnit(binary),
		RecoverService:   RecoverServiceUnit("/var/lib/sslwizard/journal", []string{binary, "/root/sslwizard"}),
	}
}

func TestUnitsListenWhereTheyShould(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		ProxyHTTPSocket:  {"ListenStream=0.0.0.0:80", "ListenStream=[::]:80", "FileDescriptorName=http"},
		ProxyHTTPSSocket: {"ListenStream=0.0.0.0:443", "FileDescriptorName=https"},
		ProxyHTTP3Socket: {"ListenDatagram=0.0.0.0:443", "ListenDatagram=[::]:443", "FileDescriptorName=http3"},
		ProxyService: {"ExecStart=/usr/local/bin/sslwizard serve",
			"Sockets=sslwizard-proxy-http.socket sslwizard-proxy-https.socket sslwizard-proxy-http3.socket"},
		RenewService:  {"ExecStart=/usr/local/bin/sslwizard renew --scheduled", "OnFailure=sslwizard-notify.service", "OnSuccess=sslwizard-notify.service"},
		NotifyService: {"ExecStart=/usr/local/bin/sslwizard notify send --scheduled", "KillMode=process"},
		RecoverService: {"ExecStart=-/usr/local/bin/sslwizard undo --unended --boot", "ExecStart=-/root/sslwizard undo --unended --boot",
			"ConditionPathIsSymbolicLink=/var/lib/sslwizard/journal", "Before=nginx.service sslwizard-proxy.service sslwizard-renew.service"},
		RenewTimer: {"OnCalendar=hourly", "OnBootSec=2min", "Persistent=true"},
	} {
		for _, line := range want {
			if !strings.Contains(string(units()[name]), line+"\n") {
				t.Errorf("%s lacks %q", name, line)
			}
		}
	}
	if strings.Contains(string(units()[ProxyHTTPSSocket]), "[::]") {
		t.Error("a socket without IPv6 listens on IPv6")
	}
}

func systemdAnalyze(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is missing here: the units were not checked")
	}
	return path
}

func writeUnits(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	for name, content := range units() {
		// verify wants the program to be there
		text := strings.ReplaceAll(string(content), "/usr/local/bin/sslwizard", "/bin/true")
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// TestUnitsAreUnderstood has systemd itself read the units: an unknown or misspelt directive is a line of its output.
func TestUnitsAreUnderstood(t *testing.T) {
	t.Parallel()
	tool, folder := systemdAnalyze(t), writeUnits(t)
	args := []string{"verify", "--man=no", "--recursive-errors=no"}
	for name := range units() {
		args = append(args, filepath.Join(folder, name))
	}
	out, err := exec.Command(tool, args...).CombinedOutput()
	if strings.Contains(string(out), "Failed to initialize manager") || strings.Contains(string(out), "cgroup") {
		t.Skipf("systemd-analyze verify does not run here: %s", out)
	}
	if err != nil || strings.Contains(string(out), folder) {
		t.Errorf("systemd complains: %v\n%s", err, out)
	}
}

// TestExposure keeps the sandbox: systemd scores 0 (nothing exposed) to 10.
func TestExposure(t *testing.T) {
	t.Parallel()
	tool, folder := systemdAnalyze(t), writeUnits(t)
	for name, most := range map[string]string{ProxyService: "15", RenewService: "30"} {
		out, err := exec.Command(tool, "security", "--offline=true", "--no-pager", "--threshold="+most, filepath.Join(folder, name)).CombinedOutput()
		if err != nil {
			t.Errorf("%s is more exposed than %s tenths: %v\n%s", name, most, err, exposed(out))
		}
	}
}

// exposed keeps the lines of the report that cost something.
func exposed(out []byte) string {
	var lines []string
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "✓") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "")
}

// TestLoginScript: who logs in reads the text, from what builds the message of the day and from a profile; what a program reads
// from a login shell stays as it is, and without a text nothing is said.
func TestLoginScript(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	text, motd := filepath.Join(folder, "login"), filepath.Join(folder, "update-motd.d", "95-sslwizard")
	if err := os.Mkdir(filepath.Dir(motd), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(motd, LoginScript(text), 0o755); err != nil {
		t.Fatal(err)
	}
	profile := filepath.Join(folder, "sslwizard.sh")
	if err := os.WriteFile(profile, LoginScript(text), 0o755); err != nil {
		t.Fatal(err)
	}
	says := func(argv ...string) string {
		out, err := exec.Command(argv[0], argv[1:]...).Output()
		if err != nil {
			t.Errorf("%q: %v", argv, err)
		}
		return string(out)
	}
	read := ". " + profile + "; echo dump"
	if got := says("sh", motd) + says("sh", "-c", read); got != "dump\n" {
		t.Errorf("without a text: %q", got)
	}
	if err := os.WriteFile(text, []byte("trouble\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := says("sh", motd); got != "trouble\n" {
		t.Errorf("the message of the day: %q", got)
	}
	if got := says("sh", "-c", read); got != "dump\n" {
		t.Errorf("a program's shell: %q", got)
	}
	if got := says("sh", "-i", "-c", read); got != "trouble\ndump\n" {
		t.Errorf("a person's shell: %q", got)
	}
}
