package nginx

import (
	"slices"
	"strings"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// announces reports whether the site has something to say of HTTP/3: that it has it, or that it has it no more.
func announces(s steps.Site, t target) bool {
	return s.SSL.HTTP3 || slices.Contains(t.announced, steps.AltSvcFile(steps.ExecutorNginx, s.Name))
}

// announcement includes the file that says so once it is proven. Before that there is none: nginx takes a pattern that
// matches nothing, and nothing but a pattern.
func announcement(s steps.Site, t target) []conf.Directive {
	if !announces(s, t) {
		return nil
	}
	file := strings.TrimSuffix(steps.AltSvcFile(steps.ExecutorNginx, s.Name), "conf") + "con[f]"
	return []conf.Directive{conf.D("include", t.root+file).About("Step ssl: HTTP/3 is announced once it was reached.")}
}
