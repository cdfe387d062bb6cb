package assets

import (
	"bytes"
	"embed"
	"strconv"
	"strings"
	"text/template"
)

//go:embed systemd
var systemdFiles embed.FS

// The units, by name.
const (
	ProxyService     = "sslwizard-proxy.service"
	ProxyHTTPSocket  = "sslwizard-proxy-http.socket"
	ProxyHTTPSSocket = "sslwizard-proxy-https.socket"
	ProxyHTTP3Socket = "sslwizard-proxy-http3.socket"
	RenewService     = "sslwizard-renew.service"
	RenewTimer       = "sslwizard-renew.timer"
	NotifyService    = "sslwizard-notify.service"
	RecoverService   = "sslwizard-recover.service"
)

// UnitFolder is where units of the administrator are (systemd.unit(5)).
const UnitFolder = "/etc/systemd/system/"

// ProxyServiceUnit is the unit of the native executor; binary is the absolute path of sslwizard. With files it may write
// logs below /var/log; with http3 it gets that socket too.
func ProxyServiceUnit(binary string, files, http3 bool) []byte {
	sockets := []string{ProxyHTTPSocket, ProxyHTTPSSocket}
	if http3 {
		sockets = append(sockets, ProxyHTTP3Socket)
	}
	return renderUnit("proxy.service", struct {
		Binary, Sockets string
		Files, HTTP3    bool
	}{binary, strings.Join(sockets, " "), files, http3})
}

// LogRotation has logrotate rotate the access logs in the folder, which are the user's.
func LogRotation(folder, user string) []byte {
	return renderUnit("logrotate", struct{ Folder, User string }{folder, user})
}

// ProxySocketUnit is one of its sockets: "http" on port 80, "https" on 443, or "http3" on 443 of UDP. Without ipv6 it
// listens on IPv4 only: where the kernel has no IPv6 the unit would fail.
func ProxySocketUnit(name string, port int, ipv6 bool) []byte {
	kind := "ListenStream"
	if name == "http3" {
		kind = "ListenDatagram"
	}
	listen := []string{"0.0.0.0:" + strconv.Itoa(port)}
	if ipv6 {
		listen = append(listen, "[::]:"+strconv.Itoa(port))
	}
	return renderUnit("proxy.socket", struct {
		Name, Kind string
		Port       int
		Listen     []string
	}{name, kind, port, listen})
}

// RenewServiceUnit is the unit that renews what is due; binary is the absolute path of sslwizard.
func RenewServiceUnit(binary string) []byte {
	return renderUnit("renew.service", struct{ Binary string }{binary})
}

// RecoverServiceUnit is the unit that undoes a run at boot: the one that the link open leads to. The programs are absolute
// paths of sslwizard, of which at least one has to be there; they are written as they are.
func RecoverServiceUnit(open string, programs []string) []byte {
	return renderUnit("recover.service", struct {
		Open     string
		Programs []string
	}{open, programs})
}

// NotifyServiceUnit is the unit that sends what somebody has to be told; binary is the absolute path of sslwizard.
func NotifyServiceUnit(binary string) []byte {
	return renderUnit("notify.service", struct{ Binary string }{binary})
}

// LoginScript shows who logs in the text in a file, when there is one. It is a program for update-motd(5) and at the same time
// one for the profile of a shell, so it leaves nothing behind in either.
func LoginScript(file string) []byte {
	return renderUnit("login.sh", struct{ File string }{file})
}

// RenewTimerUnit starts RenewService every hour, at a random time so that a CA is not asked by everybody at once. Hardly any of
// its rounds has something to do.
func RenewTimerUnit() []byte { return renderUnit("renew.timer", nil) }

// renderUnit renders a template of ours with data of ours; a test renders them all.
func renderUnit(name string, data any) []byte {
	t := template.Must(template.ParseFS(systemdFiles, "systemd/"+name))
	var b bytes.Buffer
	if err := t.Execute(&b, data); err != nil {
		panic(err)
	}
	return b.Bytes()
}
