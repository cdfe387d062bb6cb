package proxy

import "time"

// pace is how fast the body of a request has to come.
type pace struct {
	patience time.Duration // with silence
	rate     float64       // bytes in a second
	spare    time.Duration // how much longer than its bytes need the client may keep us waiting
	loose    bool          // only silence counts: the answer has begun, or the application is known to hold such talks
}

// newPace is for the body of the exchange's request. Applications that speak HTTP/2 only hold talks in both directions, and
// gRPC has them begin with silence on the one side.
func (x *exchange) newPace() pace {
	scheme := x.site.Proxy.Upstream.Scheme
	return pace{
		patience: x.patience(), rate: x.server.options.limits.rate, spare: x.patience(), loose: scheme == "h2" || scheme == "h2c",
	}
}

// wait is how long the client may keep us waiting now.
func (p *pace) wait() time.Duration {
	if p.loose {
		return p.patience
	}
	return min(p.patience, p.spare)
}

// came counts what was waited for. Silence in one place and haste in another are as good as an even flow.
func (p *pace) came(n int, waited time.Duration) {
	earned := time.Duration(float64(n) / p.rate * float64(time.Second))
	p.spare = min(p.spare-waited+earned, p.patience)
}
