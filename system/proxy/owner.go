package proxy

import "time"

// ownerFault is what the owner of the site can do something about: its row of the catalogue of failures, and what to type.
type ownerFault struct{ code, fix string }

var (
	faultFiles = ownerFault{"W12", "LimitNOFILE=200000 under [Service] in: sudo systemctl edit sslwizard-proxy.service, then: sudo systemctl restart sslwizard-proxy.service"}
	faultLarge = ownerFault{"W13", "raise proxy.maxBody in the answers, then the same run again; sslwizard answers explain proxy.maxBody"}
	faultCut   = ownerFault{"W14", "nothing is to be done: browsers connect again; sudo sslwizard status shows how many are open before the next restart"}
)

// attributes are those of a line in the log.
func (f ownerFault) attributes(more ...any) []any {
	return append([]any{"code", f.code, "do", f.fix}, more...)
}

// tell has the log tell of a fault once in a while.
func (c *cuts) tell(f ownerFault, text string, attributes ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := time.Now(); now.Sub(c.told[f.code]) > refusalPause {
		c.told[f.code] = now
		c.log.Warn(text, f.attributes(attributes...)...)
	}
}
