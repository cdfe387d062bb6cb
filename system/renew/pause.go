package renew

import (
	"errors"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// backOff is how long the timer waits after so many failures in a row (Let's Encrypt's integration guide); after more it
// tries daily.
var backOff = []time.Duration{time.Minute, 10 * time.Minute, 100 * time.Minute}

// Daily is a little less than a day: the timer may come late, and a CA that can be reached for a day has to be met.
const (
	daily       = 20 * time.Hour
	dailyJitter = 2 * time.Hour
	whenExpired = 6 * time.Hour // visitors are turned away: what is wrong may be gone in an hour
)

// failed notes an attempt that failed, and when the timer tries again. What the CA asked for wins, but never to the point
// where half of what is left would be lost by it.
func (s *state) failed(err error, f steps.CertFacts, now time.Time, draw func(time.Duration) time.Duration) {
	if s.Failures == 0 {
		s.Since = now
	}
	s.Tried = now
	s.Failures++
	s.Error, s.Code, s.Fixes = steps.CleanLine(err.Error()), "", steps.Fixes(err)
	var failure *steps.Failure
	if errors.As(err, &failure) {
		s.Code = failure.Code
	}
	life, remains := lifetime(f), f.NotAfter.Sub(now)
	wait := pauseAfter(s.Failures, life, draw)
	if asked := askAgain(err); asked.After(now) {
		wait = asked.Sub(now)
	}
	most := max(remains/2, time.Hour)
	if remains <= 0 {
		most = whenExpired
	}
	s.Pause = now.Add(min(wait, most))
}

// pauseAfter is shorter for a short-lived certificate: a day is a third of what it has when it is due.
func pauseAfter(failures int, life time.Duration, draw func(time.Duration) time.Duration) time.Duration {
	if failures <= len(backOff) {
		return backOff[max(failures, 1)-1]
	}
	wait := daily + draw(dailyJitter)
	if 0 < life && life < short {
		wait = min(wait, life/12)
	}
	return wait
}

// succeeded forgets the failures.
func (s *state) succeeded() {
	s.Failures, s.Error, s.Code, s.Fixes, s.Pause, s.Since = 0, "", "", nil, time.Time{}, time.Time{}
}

// failure is the last error, for a run that does not try again yet.
func (s *state) failure(site string) error {
	return &steps.Failure{
		Text: "cannot renew the certificate of " + site + " since " + clock(s.Tried) + " (" + s.Error + ")", Code: s.Code,
		Fixes: append([]string{"the timer tries again after " + clock(s.Pause) + "; now: sudo sslwizard renew " + site}, s.Fixes...),
	}
}
