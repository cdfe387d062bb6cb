package inspect

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// sentinel is a directive that no nginx knows. nginx reads its configuration to the end and checks each http block as
// it closes: certificates, duplicates, zones. Only after that does it create folders, logs and the pid file and bind
// the ports. An unknown directive as the very last one stops it in between: the whole configuration is checked, and
// nothing on the host has changed (strace: no open for writing, no mkdir, no bind).
const sentinel = "sslwizard_end_of_check"

// origin is where a line of the flat text came from.
type origin struct {
	file string
	line int
}

// flat is a configuration as one text with the includes in place, for standard input.
type flat struct {
	strings.Builder
	base    string
	origins []origin // by line
}

// flatten writes the configuration that begins in the folder base. Paths that nginx would seek beside its
// configuration file are made absolute, since that file is now /dev/stdin.
func flatten(c *configuration, base string) (string, []origin) {
	f := &flat{base: base}
	f.list(c.top)
	f.write(sentinel+";", origin{})
	return f.String(), f.origins
}

func (f *flat) list(all []conf.Directive) {
	for _, d := range all {
		at := origin{d.File, d.Line}
		raw := f.absolute(d)
		switch {
		case d.Block != nil && len(d.Block) == 0:
			f.write(raw+" {"+d.Lua+"}", at)
		case d.Block != nil:
			f.write(raw+" {", at)
			f.list(d.Block)
			f.write("}", at)
		default:
			f.write(raw+";", at)
		}
	}
}

func (f *flat) write(text string, at origin) {
	f.WriteString(text + "\n")
	for range strings.Count(text, "\n") + 1 {
		f.origins = append(f.origins, at)
	}
}

// besideConf names the directives whose first argument nginx seeks beside its configuration file.
var besideConf = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(^|_)ssl_(certificate|certificate_key|client_certificate|trusted_certificate|` +
		`crl|dhparam|password_file|session_ticket_key|stapling_file)$|^auth_basic_user_file$|^geoip_(country|city|org)$|` +
		`^xslt_stylesheet$|^xml_entities$`)
})

func (f *flat) absolute(d conf.Directive) string {
	words := slices.Clone(d.Words)
	if len(d.Args) > 0 && besideConf().MatchString(d.Name) {
		first := d.Args[0]
		if !path.IsAbs(first) && first != "off" && !strings.ContainsAny(first, ":$") {
			if quoted, err := conf.Quote(path.Join(f.base, first)); err == nil {
				words[1] = quoted
			}
		}
	}
	return strings.Join(words, " ")
}

var (
	emergency = regexp.MustCompile(`(?m)^(?:nginx: |\d{4}/\d\d/\d\d \d\d:\d\d:\d\d )\[(?:emerg|alert)\] (?:\d+#\d+: )?(.*)`)
	flatPlace = regexp.MustCompile(`/dev/stdin:(\d+)`)
)

// verdict reads what nginx said of the flat text: nothing but the sentinel is a good configuration. Otherwise it is
// the first error, at its place in the user's file.
func verdict(stderr string, origins []origin) (ok bool, problem string) {
	found := emergency.FindStringSubmatch(stderr)
	if found == nil {
		return false, ""
	}
	if strings.Contains(found[1], `"`+sentinel+`"`) {
		return true, ""
	}
	return false, clean(flatPlace.ReplaceAllStringFunc(found[1], func(s string) string {
		n, err := strconv.Atoi(s[strings.LastIndexByte(s, ':')+1:])
		if err != nil || n < 1 || n > len(origins) || origins[n-1].file == "" {
			return s
		}
		return fmt.Sprintf("%s:%d", origins[n-1].file, origins[n-1].line)
	}))
}
