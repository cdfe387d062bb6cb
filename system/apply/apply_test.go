package apply

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/c93d5bcb/sslwizard/e2e/failures"
	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
	"github.com/c93d5bcb/sslwizard/system/systemtest"
)

// kept is what a revert leaves by design: what a CA gave.
var keptByDesign = []string{steps.CertsDir, steps.ACMEDir}

func plans() map[string]steps.Plan {
	return map[string]steps.Plan{"native": nativePlan(), "nginx": nginxPlan("server {}\n")}
}

func TestApplyTwiceIsOnce(t *testing.T) {
	t.Parallel()
	for name, plan := range plans() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.ufw()
			w.mustApply(t, plan)
			before, mutations := w.Snapshot(), len(w.Mutations())
			shown := w.preview(t, plan)
			for _, e := range shown.Effects {
				if e.Action != steps.Nothing {
					t.Errorf("the second run would %c %s (%s)", e.Action, e.Change.Key(), e.Note)
				}
			}
			res, err := w.Apply(t.Context(), shown, nil)
			if err != nil || res.Outcome != steps.OutcomeNothing {
				t.Errorf("second run: %+v, %v", res, err)
			}
			if after := w.Mutations(); len(after) != mutations || len(before.Diff(w.Snapshot())) > 0 {
				t.Errorf("the second run changed: %q", after[mutations:])
			}
		})
	}
}

func TestPreviewOnlyReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	before := w.Snapshot()
	shown := w.preview(t, nativePlan())
	if !shown.Pending() || len(w.Mutations()) > 0 || len(before.Diff(w.Snapshot())) > 0 {
		t.Errorf("pending %t, mutations %q", shown.Pending(), w.Mutations())
	}
	if again := w.preview(t, nativePlan()); again.Hash != shown.Hash || shown.Hash == "" {
		t.Errorf("the hash of the same preview is %s and %s", shown.Hash, again.Hash)
	}
}

func TestPreviewShowsDiffsAndCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	shown := w.preview(t, nginxPlan("server {}\n"))
	effects := map[string]steps.Effect{}
	for _, e := range shown.Effects {
		effects[e.Change.Key()] = e
	}
	if d := effects["file:"+nginxFile].Diff; d != "--- /dev/null\n+++ b"+nginxFile+"\n@@ -0,0 +1 @@\n+server {}\n" {
		t.Errorf("diff %q", d)
	}
	install := effects["packages:nginx"].Commands
	if len(install) != 1 || !strings.HasSuffix(strings.Join(install[0], " "), "--force-confold install -- nginx") {
		t.Errorf("commands %q", install)
	}
	if c := effects["port:443/tcp"].Commands; len(c) != 1 || strings.Join(c[0], " ") != "ufw allow 443/tcp comment sslwizard" {
		t.Errorf("commands %q", c)
	}
}

// TestPreviewHidesHeaders: what the application is sent as a header is not shown, on either side, and yet that it changes is.
func TestPreviewHidesHeaders(t *testing.T) {
	t.Parallel()
	with := func(token string) []byte {
		return []byte("server {\n\tproxy_set_header Host $host;\n\tproxy_set_header Authorization \"Bearer " + token + "\";\n}\n")
	}
	const want = "@@ -1,4 +1,4 @@\n server {\n \tproxy_set_header Host $host;\n-\tproxy_set_header Authorization \"*************\";\n+\tproxy_set_header Authorization \"*************\";\n }\n"
	d, note := Difference("/x", with("CANARY"), with("YRANAC"), "mode 0644 → 0600")
	if !strings.HasSuffix(d, want) || note != "the values of headers are set, and not shown; mode 0644 → 0600" {
		t.Errorf("%q with the note %q", d, note)
	}
	if d, note := Difference("/x", nil, []byte("server {}\n"), ""); d == "" || note != "" {
		t.Errorf("%q with the note %q", d, note)
	}
}

// TestFailAtEveryMutation has the n-th mutation of a run fail, for every n: the machine is as before, or, after the
// checkpoint, as it was at the checkpoint.
func TestFailAtEveryMutation(t *testing.T) {
	t.Parallel()
	for name, plan := range plans() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			total := countMutations(t, plan)
			for n := 1; n <= total; n++ {
				failAt(t, plan, n)
			}
		})
	}
}

func countMutations(t *testing.T, plan steps.Plan) int {
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, plan)
	return len(w.Mutations())
}

func failAt(t *testing.T, plan steps.Plan, n int) {
	t.Helper()
	w := newWorld(t)
	ufw := w.ufw()
	before := w.Snapshot()
	w.FailAt(n, errBroken)
	res, _, err := w.apply(t, plan)
	if !errors.Is(err, errBroken) && err != nil && !strings.Contains(err.Error(), errBroken.Error()) {
		t.Errorf("n=%d: %v", n, err)
	}
	mutation := w.Mutations()[n-1]
	switch res.Outcome {
	case steps.OutcomeReverted, "":
		w.same(t, before)
		if ufw.open {
			t.Errorf("n=%d: the port is still open", n)
		}
	case steps.OutcomePartial:
		w.checkpointed(t)
	case steps.OutcomeDone:
		if !strings.HasSuffix(mutation, resultName) && !strings.HasPrefix(mutation, "remove ") {
			t.Errorf("n=%d: %s failed unseen", n, mutation)
		}
	default:
		t.Errorf("n=%d (%s): %+v, %v", n, mutation, res, err)
	}
	closing := mutation == "remove "+steps.JournalDir || strings.HasPrefix(mutation, "remove ") && strings.HasSuffix(mutation, steps.RecoverService)
	if closing { // the result is written: the next start takes what is left away
		if _, found, err := w.Recover(t.Context(), nil); !found || err != nil {
			t.Errorf("n=%d: the run was not closed: %v", n, err)
		}
	}
	if w.Exists(steps.JournalDir) && res.Outcome != steps.OutcomeInconsistent {
		t.Errorf("n=%d (%s): the run is still open", n, mutation)
	}
	if t.Failed() {
		t.Fatalf("n=%d (%s): outcome %q, %v", n, mutation, res.Outcome, err)
	}
}

// checkpointed checks that steps 1 to 6 are live with the local certificate.
func (w *world) checkpointed(t *testing.T) {
	t.Helper()
	f, err := w.ReadFile(steps.CertsDir + "/" + shop.Name + "/current")
	if err != nil || f.Link != "v-local" {
		t.Errorf("the current certificate is %q, %v", f.Link, err)
	}
	if !w.Exists(steps.SiteFile(shop.Name)) {
		t.Error("the site is gone")
	}
}

// TestFailAtEveryMutationOfRemoval does the same for a plan that takes away.
func TestFailAtEveryMutationOfRemoval(t *testing.T) {
	t.Parallel()
	for n := 1; ; n++ {
		w := newWorld(t)
		w.ufw()
		w.mustApply(t, nativePlan())
		before := w.Snapshot()
		already := len(w.Mutations())
		w.FailAt(n, errBroken)
		res, _, _ := w.apply(t, removalPlan())
		if res.Outcome == steps.OutcomeDone {
			if n < 10 || len(w.Mutations())-already > n {
				t.Fatalf("n=%d was not seen: %q", n, w.Mutations()[already:])
			}
			return
		}
		w.same(t, before)
		if t.Failed() {
			t.Fatalf("n=%d (%s): %+v", n, w.Mutations()[already+n-1], res)
		}
	}
}

func TestCheckpointKeepsWhatWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.prober.fail[true] = "chain.trusted"
	res, events, err := w.apply(t, nativePlan())
	if res.Outcome != steps.OutcomePartial || err == nil || steps.ExitStatus(res.Outcome, err) != steps.ExitUnverified {
		t.Fatalf("%+v, %v", res, err)
	}
	if !slices.Equal(steps.Fixes(err), []string{"do this"}) || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("%q, fixes %q", err, steps.Fixes(err))
	}
	w.checkpointed(t)
	if !w.Exists(steps.CertsDir+"/"+shop.Name+"/v-acme/key.pem") || !w.Exists(steps.ACMEDir+"/ledger.json") {
		t.Error("what the CA gave was thrown away")
	}
	if !slices.ContainsFunc(res.Kept, func(k string) bool { return strings.Contains(k, "what the CA gave stays") }) {
		t.Errorf("kept %q", res.Kept)
	}
	if seen := checksIn(events); !slices.Equal(seen, []string{"tls.versions ok", "tls.versions ok", "chain.trusted fail"}) {
		t.Errorf("of two verifications these checks were told while they went on: %q", seen)
	}
	if events[0].Status != steps.Started || events[len(events)-1].Status != steps.Failed {
		t.Errorf("events begin with %v and end with %v", events[0], events[len(events)-1])
	}
	w.prober.fail = nil
	w.mustApply(t, nativePlan())
	if records, err := Runs(w.machine); err != nil || len(records) != 2 || records[1].Outcome != steps.OutcomePartial {
		t.Errorf("runs %+v, %v", records, err)
	}
}

// checksIn are the checks of events, each before the report that it is in.
func checksIn(events []steps.Event) []string {
	var seen []string
	for _, e := range events {
		if e.Check != nil {
			seen = append(seen, e.Check.Name+" "+string(e.Check.Verdict))
		}
		if e.Report != nil && !slices.ContainsFunc(e.Report.Checks, func(c steps.Check) bool { return slices.Contains(seen, c.Name+" "+string(c.Verdict)) }) {
			seen = append(seen, "a report came first")
		}
	}
	return seen
}

// Who watches sees the commands of a run and what they say, each with the change that it belongs to.
func TestOutputIsTold(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	_, events, err := w.apply(t, nativePlan())
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, e := range events {
		if e.Output != "" {
			said = append(said, string(e.Change.Step())+": "+e.Output)
		}
	}
	if !slices.Contains(said, "install: $ systemctl daemon-reload") {
		t.Errorf("%q", said)
	}
}

func TestVerificationFailureReverts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ufw := w.ufw()
	before := w.Snapshot()
	w.prober.fail[false] = "tls.versions"
	res, _, err := w.apply(t, nginxPlan("server {}\n"))
	if res.Outcome != steps.OutcomeReverted || err == nil || len(res.Undone) == 0 || len(res.Reports) != 1 {
		t.Fatalf("%+v, %v", res, err)
	}
	w.same(t, before)
	if ufw.open {
		t.Error("the port is still open")
	}
}

func TestCancelReverts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	before := w.Snapshot()
	ctx, cancel := context.WithCancel(t.Context())
	w.FailOn(func(mutation string) error {
		if strings.Contains(mutation, serviceFile) {
			cancel()
		}
		return nil
	})
	res, err := w.Apply(ctx, w.preview(t, nativePlan()), nil)
	if res.Outcome != steps.OutcomeReverted || steps.ExitStatus(res.Outcome, err) != steps.ExitCancelled {
		t.Fatalf("%+v, %v", res, err)
	}
	w.same(t, before)
}

// A change that ends with the bare error of the context, as probes and programs do, was stopped and did not fail.
func TestInterruptInsideAChangeIsAStop(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	ctx, cancel := context.WithCancelCause(t.Context())
	w.FailOn(func(mutation string) error {
		if strings.Contains(mutation, serviceFile) {
			cancel(errors.New("interrupt signal received"))
			return ctx.Err()
		}
		return nil
	})
	res, err := w.Apply(ctx, w.preview(t, nativePlan()), nil)
	if steps.ExitStatus(res.Outcome, err) != steps.ExitCancelled || !strings.Contains(err.Error(), "stopped") {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestApplyRefusesWhenTheServerChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	shown := w.preview(t, nginxPlan("server {}\n"))
	w.d.Install("nginx")
	before := w.Snapshot()
	_, err := w.Apply(t.Context(), shown, nil)
	if err == nil || !strings.Contains(err.Error(), "changed since the preview") || len(steps.Fixes(err)) == 0 {
		t.Errorf("%v", err)
	}
	w.same(t, before)
}

func TestLockHeld(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	release, err := w.services.Locker.Lock("")
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, _, err := w.apply(t, nativePlan()); steps.ExitStatus("", err) != steps.ExitTryLater {
		t.Errorf("%v", err)
	}
	if len(w.Mutations()) > 0 {
		t.Errorf("mutations %q", w.Mutations())
	}
}

// A stalled screen delays nothing.
func TestStalledSink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	block := make(chan struct{})
	defer close(block)
	res, err := w.Apply(t.Context(), w.preview(t, nativePlan()), func(steps.Event) { <-block })
	if err != nil || res.Outcome != steps.OutcomeDone {
		t.Errorf("%+v, %v", res, err)
	}
}

func TestUndo(t *testing.T) {
	t.Parallel()
	for name, plan := range plans() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ufw := w.ufw()
			before := w.Snapshot()
			w.mustApply(t, plan)
			res, err := w.Undo(t.Context(), "", nil)
			if err != nil || res.Outcome != steps.OutcomeDone {
				t.Fatalf("%+v, %v", res, err)
			}
			w.same(t, before, keptByDesign...)
			if ufw.open {
				t.Error("the port is still open")
			}
			f, err := w.ReadFile(steps.CertsDir + "/" + shop.Name + "/v-acme/key.pem")
			if err != nil || f.GID != 0 {
				t.Errorf("the CA's key: %+v, %v", f, err)
			}
			if w.Exists(steps.CertsDir+"/"+shop.Name+"/current") || w.Exists(steps.CertsDir+"/"+shop.Name+"/v-local") || w.Exists(steps.CADir) {
				t.Error("what is not a CA's was left")
			}
			if again, err := w.Undo(t.Context(), "", nil); err != nil || again.Outcome != steps.OutcomeNothing {
				t.Errorf("a second undo: %+v, %v", again, err)
			}
			if r, err := Receipt(w.machine); err != nil || len(r) != 0 {
				t.Errorf("receipt after undo: %v, %v", r, err)
			}
		})
	}
}

func TestUndoTwoRuns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	first := w.mustApply(t, nginxPlan("server { one; }\n"))
	between := w.Snapshot()
	w.mustApply(t, nginxPlan("server { two; }\n"))
	if _, err := w.Undo(t.Context(), "", nil); err != nil {
		t.Fatal(err)
	}
	w.same(t, between)
	w.mustApply(t, nginxPlan("server { three; }\n"))
	res, err := w.Undo(t.Context(), first.Run, nil)
	if err != nil || w.Exists(nginxFile) {
		t.Errorf("%+v, %v", res, err)
	}
	if _, err := w.Undo(t.Context(), "20000101-000000-0001", nil); err == nil || len(steps.Fixes(err)) == 0 {
		t.Errorf("an unknown run: %v", err)
	}
}

func TestUndoAllLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		w := newWorld(t)
		w.ufw()
		before := w.Snapshot()
		w.mustApply(t, nativePlan())
		w.mustApply(t, removalPlan())
		res, err := w.UndoAll(t.Context(), keep, func(e steps.Event) {
			if e.Status == steps.Kept {
				t.Errorf("told before it is known: %s", e.Text)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range res.Kept {
			if name, _, _ := strings.Cut(line, ": "); !w.Exists(name) {
				t.Errorf("said to be kept, and gone (keep %t): %s", keep, line)
			}
		}
		if keep != (len(res.Kept) > 0) || keep == slices.Contains(res.Undone, "removed the certificates, their keys and the ACME accounts") || res.Run != "" {
			t.Errorf("keep %t: %+v", keep, res)
		}
		diff := before.Diff(w.Snapshot())
		if keep {
			diff = before.Without(steps.StateDir).Diff(w.Snapshot().Without(steps.StateDir))
			if !w.Exists(steps.CertsDir + "/" + shop.Name + "/v-acme/key.pem") {
				t.Error("the certificate is gone")
			}
		}
		if len(diff) > 0 {
			t.Errorf("left (keep %t):\n%s", keep, strings.Join(diff, "\n"))
		}
	}
}

func TestUndoKeepsEdits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.mustApply(t, nginxPlan("server { one; }\n"))
	w.mustApply(t, nginxPlan("server { two; }\n"))
	w.File(nginxFile, "server { mine; }\n")
	res, err := w.Undo(t.Context(), "", nil)
	if err != nil || w.Content(nginxFile) != "server { mine; }\n" || w.Content(nginxFile+".sslwizard-saved") != "server { one; }\n" {
		t.Fatalf("%+v, %v", res, err)
	}
	if !slices.ContainsFunc(res.Kept, func(k string) bool { return strings.HasPrefix(k, nginxFile) }) {
		t.Errorf("kept %q", res.Kept)
	}
	res, err = w.Undo(t.Context(), "", nil)
	if err != nil || w.Exists(nginxFile) || w.Content(nginxFile+".sslwizard-kept") != "server { mine; }\n" {
		t.Fatalf("an edited file stays where nginx reads it, or is lost: %+v, %v", res, err)
	}
	if _, installed := w.d.Installed["nginx"]; !installed {
		t.Error("a package whose configuration holds the user's work was purged")
	}
}

func TestDrift(t *testing.T) {
	t.Parallel()
	plan := nginxPlan("server { two; }\n")
	cases := []struct {
		name, code string
		damage     func(*world)
	}{
		{"edited", "N13", func(w *world) { w.File(nginxFile, "server { mine; }\n") }},
		{"deleted", "N12", func(w *world) { w.Take(nginxFile) }},
		{"a link", "H19", func(w *world) { w.Take(nginxFile); w.Link(nginxFile, "/etc/passwd") }},
	}
	for _, c := range cases {
		w := newWorld(t)
		w.ufw()
		w.mustApply(t, nginxPlan("server { one; }\n"))
		c.damage(w)
		before := w.Snapshot()
		shown := w.preview(t, plan)
		b := blockers(shown)
		failures.MetFindings(t, b)
		if len(b) != 1 || b[0].Code != c.code || len(b[0].Fix) == 0 || !strings.HasPrefix(b[0].Text, "cannot ") {
			t.Fatalf("%s: %+v", c.name, b)
		}
		if _, err := w.Apply(t.Context(), shown, nil); err == nil || len(steps.Fixes(err)) == 0 {
			t.Errorf("%s: applied: %v", c.name, err)
		}
		w.same(t, before)
	}
}

func TestForeignFileBlocksUnlessReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.d.Install("nginx")
	w.File(nginxFile, "theirs\n")
	if b := blockers(w.preview(t, nginxPlan("ours\n"))); len(b) != 1 || b[0].Code != "drift" {
		t.Fatalf("%+v", b)
	}
	before := w.Snapshot()
	w.services.Replace = []string{nginxFile}
	w.Engine = New(w.machine, w.services)
	w.mustApply(t, nginxPlan("ours\n"))
	if w.Content(nginxFile) != "ours\n" {
		t.Error("not replaced")
	}
	if _, err := w.Undo(t.Context(), "", nil); err != nil || w.Content(nginxFile) != "theirs\n" {
		t.Errorf("%v: %q", err, w.Content(nginxFile))
	}
	w.same(t, before, keptByDesign...)
}

// What the administrator had below /etc/nginx before the package came is there after it went.
func TestPurgeKeepsWhatWasThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	w.File("/etc/nginx/nginx.conf", "theirs\n")
	before := w.Snapshot()
	w.mustApply(t, nginxPlan("server {}\n"))
	if _, err := w.Undo(t.Context(), "", nil); err != nil {
		t.Fatal(err)
	}
	w.same(t, before, keptByDesign...)
}

// An interrupted disk: nothing is begun when the journal cannot be written, and the disk's fault has a name.
func TestJournalCannotBeWritten(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ufw()
	before := w.Snapshot()
	w.FailOn(func(m string) error {
		if strings.HasPrefix(m, "write "+steps.DoneDir) {
			return full{}
		}
		return nil
	})
	res, _, err := w.apply(t, nativePlan())
	var f *steps.Failure
	if res.Outcome != "" || !errors.As(err, &f) || f.Code != "H06" || len(f.Fixes) == 0 {
		t.Errorf("%+v, %v", res, err)
	}
	w.same(t, before)
}

var (
	_ host.Host    = (*machine)(nil)
	_              = systemtest.ErrDead
	_ Certificates = (*store)(nil)
	_ Executor     = (*executor)(nil)
	_ Prober       = (*prober)(nil)
)
