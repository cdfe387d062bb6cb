package steps

import "fmt"

// Panel is a hosting panel: a program that writes the web server's configuration of a whole host itself, and writes it
// anew whenever it likes.
type Panel struct {
	Name    string
	Leaves  []string // files and folders that show it: each alone is enough
	Tool    bool     // it only helps to administer: no web server is its own
	Instead string   // how it has a site with HTTPS itself
}

// Panels are those that are known, by what their own installers put there.
var Panels = []Panel{
	{Name: "Plesk", Leaves: []string{"/usr/local/psa/version", "/etc/psa"},
		Instead: "in Plesk: the domain's SSL/TLS Certificates (SSL It!), and additional nginx directives with proxy_pass to the application"},
	{Name: "cPanel", Leaves: []string{"/usr/local/cpanel/version", "/var/cpanel"},
		Instead: "in cPanel: SSL/TLS Status (AutoSSL), and Application Manager or an include with ProxyPass to the application"},
	{Name: "DirectAdmin", Leaves: []string{"/usr/local/directadmin/directadmin", "/usr/local/directadmin/conf/directadmin.conf"},
		Instead: "in DirectAdmin: SSL Certificates (Let's Encrypt) of the domain, and Custom HTTPD Configurations with ProxyPass to the application"},
	{Name: "HestiaCP", Leaves: []string{"/usr/local/hestia/conf/hestia.conf", "/usr/local/hestia/bin"},
		Instead: "v-add-letsencrypt-domain USER DOMAIN    and a proxy template with the application's port for the domain"},
	{Name: "VestaCP", Leaves: []string{"/usr/local/vesta/conf/vesta.conf", "/usr/local/vesta/bin"},
		Instead: "v-add-letsencrypt-domain USER DOMAIN    and a proxy template with the application's port for the domain"},
	{Name: "CyberPanel", Leaves: []string{"/usr/local/CyberCP", "/usr/local/CyberPanel"},
		Instead: "in CyberPanel: Manage SSL of the website, and an external application with a proxy context in its vHost configuration"},
	{Name: "ISPConfig", Leaves: []string{"/usr/local/ispconfig/server/lib/config.inc.php", "/usr/local/ispconfig/interface"},
		Instead: "in ISPConfig: Let's Encrypt SSL of the website, and proxy_pass or ProxyPass to the application in its options"},
	{Name: "Virtualmin", Leaves: []string{"/etc/webmin/virtual-server"},
		Instead: "in Virtualmin: Setup SSL Certificate of the virtual server, and Edit Proxy Website to the application"},
	{Name: "CloudPanel", Leaves: []string{"/usr/bin/clpctl", "/home/clp/htdocs/app"},
		Instead: "clpctl site:add:reverse-proxy    then its SSL/TLS tab, or clpctl lets-encrypt:install:certificate"},
	{Name: "aaPanel", Leaves: []string{"/www/server/panel"},
		Instead: "in aaPanel: Website, Proxy Project (or Reverse proxy of the site), then its SSL tab"},
	{Name: "ISPmanager", Leaves: []string{"/usr/local/mgr5/sbin/mgrctl"},
		Instead: "in ISPmanager: SSL certificates of the site, and proxying to the application in its handler"},
	{Name: "YunoHost", Leaves: []string{"/etc/yunohost/installed"},
		Instead: "yunohost domain cert install DOMAIN    and the app \"redirect\" with a proxy to the application"},
	{Name: "Webmin", Leaves: []string{"/etc/webmin/miniserv.conf"}, Tool: true,
		Instead: "leave the files named sslwizard… alone in Webmin's modules for nginx and firewalls"},
}

// PanelHere is a panel of this host, with what shows it.
type PanelHere struct {
	Panel
	Seen string
}

// panelFindings stop before a site is put where a panel would take it away again, and where taking it away would break
// the panel. Where a site of ours is served already, it is too late for that.
func panelFindings(f Facts) []Finding {
	var found []Finding
	for _, p := range f.Panels {
		switch {
		case p.Tool:
			found = append(found, Finding{Code: "H25", Severity: Info, Text: fmt.Sprintf("%s administers this server too (%s)", p.Name, p.Seen), Fix: []string{p.Instead}})
		case len(f.Managed.Sites) > 0:
			found = append(found, Finding{Code: "H25", Severity: Warning, Text: fmt.Sprintf("%s is on this server (%s): it writes the web server's configuration itself, and may take the ports", p.Name, p.Seen),
				Fix: []string{p.Instead, "sudo sslwizard uninstall    when the panel shall have the sites"}})
		default:
			found = append(found, Finding{Code: "H25", Severity: Blocker, Text: fmt.Sprintf("cannot set up a site beside %s (%s): it writes the web server's configuration itself, and would undo ours or be broken by it", p.Name, p.Seen),
				Fix: []string{p.Instead, "if the panel is gone and only this is left of it: sudo mv " + p.Seen + " " + p.Seen + ".old"}})
		}
	}
	return found
}
