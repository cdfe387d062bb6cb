package apply

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/c93d5bcb/sslwizard/steps"
	"github.com/c93d5bcb/sslwizard/system/host"
)

// portVerb opens a port in the firewall that is in charge.
type portVerb struct{ c steps.OpenPort }

// PortState is what has to be taken back: the commands that were missing before, each with its opposite.
type PortState struct {
	Firewall string     `json:"firewall"`
	Table    string     `json:"table,omitempty"`
	Port     steps.Port `json:"port"`
	Rules    []rule     `json:"rules"` // those that were not there before
	Saved    []Path     `json:"saved"` // files that the firewall itself rewrites
}

// rule is one rule of a firewall: how it is asked for, added and taken away.
type rule struct {
	Has  []string `json:"has"` // status 0: it is there
	Add  []string `json:"add"`
	Take []string `json:"take"`
}

// firewall knows the words of one kind of firewall. The rules are those that a port needs, with those that are there
// already left out.
type firewall interface {
	missing(context.Context, host.Reader, steps.Port) ([]rule, error)
	// files are rewritten by the firewall's own tools whenever a rule is added.
	files() []string
	// persist returns the commands that store the running rules, and the file of ours that does, if there is one.
	persist(context.Context, host.Reader, steps.Port) (persistence, error)
}

// persistence is how a rule survives a restart.
type persistence struct {
	command []string // stores all running rules
	snippet string   // file of ours
	content []byte
	check   []string // proves that the snippet loads
	warning string   // it cannot be made to survive; what to add by hand
}

func firewallOf(c steps.OpenPort) (firewall, error) {
	switch c.Firewall {
	case "", "none":
		return nil, nil
	case "ufw":
		return ufw{}, nil
	case "firewalld":
		return firewalld{}, nil
	case "nftables":
		return nftables{table: c.Table}, nil
	case "iptables":
		return iptables{}, nil
	}
	return nil, failf("cannot open port %d: the firewall %q is not known", c.Port.Number, c.Firewall)
}

func (v portVerb) look(ctx context.Context, w *view) (steps.Effect, []steps.Finding, error) {
	e := steps.Effect{Change: v.c, Action: steps.Nothing}
	fw, err := firewallOf(v.c)
	if err != nil || fw == nil {
		return e, nil, err
	}
	rules, err := fw.missing(ctx, w, v.c.Port)
	if err != nil || len(rules) == 0 {
		return e, nil, err
	}
	e.Action = steps.Create
	for _, r := range rules {
		e.Commands = append(e.Commands, r.Add)
	}
	p, err := fw.persist(ctx, w, v.c.Port)
	if err != nil {
		return e, nil, err
	}
	if p.command != nil {
		e.Commands = append(e.Commands, p.command)
	}
	if p.snippet != "" {
		e.Note = "kept over a restart by " + p.snippet
	}
	return e, v.warn(p), nil
}

func (v portVerb) warn(p persistence) []steps.Finding {
	if p.warning == "" {
		return nil
	}
	return []steps.Finding{{
		Step: v.c.Step(), Code: "N16", Severity: steps.Warning,
		Text: fmt.Sprintf("port %d/%s is opened now, but nothing here would open it again after a restart", v.c.Port.Number, v.c.Port.Proto),
		Fix:  []string{p.warning},
	}}
}

func (v portVerb) record(ctx context.Context, r *recorder) (Before, error) {
	fw, err := firewallOf(v.c)
	if err != nil || fw == nil {
		return Before{}, err
	}
	s := &PortState{Firewall: v.c.Firewall, Table: v.c.Table, Port: v.c.Port}
	if s.Rules, err = fw.missing(ctx, r, v.c.Port); err != nil {
		return Before{}, err
	}
	for _, name := range fw.files() {
		p, err := r.path(name, nil)
		if err != nil {
			return Before{}, err
		}
		s.Saved = append(s.Saved, p)
	}
	p, err := fw.persist(ctx, r, v.c.Port)
	if err != nil || p.snippet == "" {
		return Before{Port: s}, err
	}
	b, err := r.file(p.snippet, &State{Kind: kindFile, SHA256: hashOf(p.content), Mode: 0o644})
	b.Port = s
	return b, err
}

func (v portVerb) do(ctx context.Context, d *doing) error {
	fw, err := firewallOf(v.c)
	if err != nil || fw == nil {
		return err
	}
	for _, r := range d.before.Port.Rules {
		if _, err := d.Run(ctx, host.Command{Argv: r.Add}); err != nil {
			return fmt.Errorf("cannot open port %d/%s: %w", v.c.Port.Number, v.c.Port.Proto, err)
		}
	}
	p, err := fw.persist(ctx, d, v.c.Port)
	if err != nil {
		return err
	}
	if p.command != nil {
		if _, err := d.Run(ctx, host.Command{Argv: p.command}); err != nil {
			return err
		}
	}
	if err := v.snippet(ctx, d, p); err != nil {
		return err
	}
	return v.observe(d)
}

// snippet writes our own file and proves that the firewall's whole configuration still loads with it; otherwise the
// server would come up without any firewall.
func (v portVerb) snippet(ctx context.Context, d *doing, p persistence) error {
	if p.snippet == "" {
		return nil
	}
	if err := d.put(p.snippet, p.content, 0o644, "", ""); err != nil {
		return err
	}
	out, err := d.Query(ctx, host.Command{Argv: p.check})
	if err == nil && out.Status == 0 {
		return nil
	}
	d.progress(p.snippet + " does not fit the rest of the firewall's configuration, so it is left out: port " +
		fmt.Sprint(v.c.Port.Number) + " stays open until the next restart only")
	return d.Remove(p.snippet)
}

// observe remembers the files that the firewall rewrote, so that they are put back only if nobody changed them since.
func (v portVerb) observe(d *doing) error {
	seen := Seen{Files: map[string]string{}}
	for _, p := range d.before.Port.Saved {
		if s, _, err := stateAt(d, p.Path); err == nil && s.Kind == kindFile {
			seen.Files[p.Path] = s.SHA256
		}
	}
	if len(seen.Files) == 0 {
		return nil
	}
	return d.observe(seen)
}

// closePort takes away the rules that we added, where they are there, and has the rest stored as it was.
func (u *undoing) closePort(ctx context.Context, s *PortState, seen *Seen) error {
	taken := false
	for _, r := range s.Rules {
		there, err := u.ruleThere(ctx, s, r)
		if err != nil {
			return err
		}
		if !there {
			continue
		}
		if err := u.takeRule(ctx, s, r); err != nil {
			return err
		}
		taken = true
	}
	if taken {
		u.undone(fmt.Sprintf("closed port %d/%s again in %s", s.Port.Number, s.Port.Proto, s.Firewall))
	}
	return u.restoreSaved(ctx, s, seen)
}

// restoreSaved puts the firewall's own files back byte by byte when only our rule made the difference: they are what
// they were right after it was added, or right after it was taken.
func (u *undoing) restoreSaved(ctx context.Context, s *PortState, seen *Seen) error {
	stored := true
	for _, p := range s.Saved {
		now, _, err := stateAt(u, p.Path)
		if err != nil {
			return err
		}
		switch {
		case now.equal(p.Before):
		case p.Before.Kind == kindFile && seen != nil && now.SHA256 == seen.Files[p.Path]:
			if err := u.write(p.Path, p.Before); err != nil {
				return err
			}
		case p.Before.Kind == kindNone && seen != nil && now.SHA256 == seen.Files[p.Path]:
			if err := u.Remove(p.Path); err != nil {
				return err
			}
		default:
			stored = false
		}
	}
	if stored || s.Firewall != "iptables" {
		return nil
	}
	if _, err := u.ReadFile(persistentTool); err != nil {
		return nil
	}
	_, err := u.Run(ctx, host.Command{Argv: []string{"netfilter-persistent", "save"}})
	return err
}

func (u *undoing) ruleThere(ctx context.Context, s *PortState, r rule) (bool, error) {
	if s.Firewall == "nftables" {
		handles, err := nftables{table: s.Table}.ours(ctx, u, r.Has, s.Port)
		return len(handles) > 0, err
	}
	out, err := u.Query(ctx, host.Command{Argv: r.Has})
	if absent(err) {
		return false, nil // the firewall was removed, its rules with it
	}
	if err != nil {
		return false, err
	}
	if s.Firewall == "ufw" {
		return ufwHas(string(out.Stdout), s.Port) || ufwHalf(string(out.Stdout), s.Port), nil
	}
	return out.Status == 0, nil
}

func (u *undoing) takeRule(ctx context.Context, s *PortState, r rule) error {
	if s.Firewall != "nftables" {
		_, err := u.Run(ctx, host.Command{Argv: r.Take})
		return err
	}
	handles, err := nftables{table: s.Table}.ours(ctx, u, r.Has, s.Port)
	if err != nil {
		return err
	}
	for _, h := range handles {
		if _, err := u.Run(ctx, host.Command{Argv: append(append([]string{}, r.Take...), "handle", fmt.Sprint(h))}); err != nil {
			return err
		}
	}
	return nil
}

// exists reports whether there is a regular file or folder.
func exists(r host.Reader, name string) bool {
	f, err := r.ReadFile(name)
	return err == nil && f.Mode&fs.ModeSymlink == 0
}
