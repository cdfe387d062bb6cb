package steps

// Where the native executor writes which requests it has answered, and how.
const (
	LogJournal  = "journal"  // JSON lines on standard output, which is the journal
	LogJSON     = "json"     // the same lines in LogFile
	LogCombined = "combined" // Apache's and nginx's combined form in LogFile
	LogOff      = "off"
)

// LogFile is where the requests of the site are logged below the folder, "" when they are in no file.
func (s Site) LogFile(dir string) string {
	switch s.Proxy.AccessLog {
	case LogJSON:
		return dir + "/" + s.Name + ".json"
	case LogCombined:
		return dir + "/" + s.Name + ".log"
	}
	return ""
}

func accessLogQuestion() Question {
	return Question{
		Key: "proxy.accessLog", Kind: KindChoice, Label: "Access log", Default: LogJournal, Advanced: true,
		Help: "Where native writes which requests it has answered, always without their queries. A file is " + LogDir +
			"/NAME.json or NAME.log, and logrotate rotates it where that is installed.",
		Why: "The journal is bounded and rotated already. A file is for programs that read one, such as fail2ban or GoAccess.",
		Shell: []string{"journalctl -u sslwizard-proxy.service -o cat",
			"for nginx, inside server { }: access_log /var/log/nginx/shop.log combined;"},
		Options: []Option{{Value: LogJournal, Label: "JSON lines in the journal"}, {Value: LogJSON, Label: "JSON lines in a file"},
			{Value: LogCombined, Label: "Apache's and nginx's combined form in a file"}, {Value: LogOff, Label: "none"}},
		When: func(a Answers) bool { return a.Install.Executor == ExecutorNative },
	}
}

func accessLogFindings(s Site) []Finding {
	if log := s.Proxy.AccessLog; s.Install.Executor != ExecutorNginx || log == LogJournal || log == "" {
		return nil
	}
	return []Finding{{Code: "log-unused", Severity: Warning,
		Text: "nginx writes the access log that its own configuration names, so proxy.accessLog has no effect",
		Fix:  []string{"proxy.accessLog: " + LogJournal, "or install.executor: native"}}}
}
