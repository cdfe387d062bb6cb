package command

import (
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
)

func (a *App) accountCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "account",
		Short: "the accounts at certificate authorities",
		Args:  maxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.needRoot(false); err != nil {
				return err
			}
			all, err := a.machine().Accounts(c.Context())
			if err != nil {
				return err
			}
			a.printer().accounts(all)
			return nil
		},
	}
	c.AddCommand(a.rollOverCommand(), a.importCommand())
	return c
}

func (a *App) rollOverCommand() *cobra.Command {
	var directory, roots string
	c := &cobra.Command{
		Use:   "rollover",
		Short: "give an account a new key; the CA forgets the old one",
		Args:  maxArgs(0),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.needRoot(false); err != nil {
				return err
			}
			req, err := a.accountRequest(c, directory, roots)
			if err != nil {
				return err
			}
			if err := a.machine().RollOver(c.Context(), req, a.printer().event); err != nil {
				return err
			}
			a.printer().event(steps.Event{Status: steps.Done, Text: "the account at " + req.Directory + " has a new key"})
			return nil
		},
	}
	accountFlags(c, &directory, &roots)
	return c
}

func (a *App) importCommand() *cobra.Command {
	var directory, roots string
	var replace bool
	c := &cobra.Command{
		Use:   "import KEYFILE|FOLDER",
		Short: "move the account of another ACME client in, by its key",
		Long:  "The key is PEM, or JSON as certbot keeps it (/etc/letsencrypt/accounts/…/private_key.json). Of certbot its whole folder can be named: /etc/letsencrypt.",
		Args:  exactArg("the file with the account's private key", "sudo "),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.needRoot(false); err != nil {
				return err
			}
			if directory == "" {
				directory = steps.AliasLetsEncrypt
			}
			req, err := a.accountRequest(c, directory, roots)
			if err != nil {
				return err
			}
			if req.KeyFile, err = filepath.Abs(args[0]); err != nil {
				return err
			}
			req.Replace = replace
			if err := a.machine().ImportAccount(c.Context(), req, a.printer().event); err != nil {
				return err
			}
			a.printer().event(steps.Event{Status: steps.Done, Text: "the account at " + req.Directory + " is used from now on"})
			return nil
		},
	}
	accountFlags(c, &directory, &roots)
	c.Flags().BoolVar(&replace, "replace", false, "give up the account that this server has there")
	return c
}

func accountFlags(c *cobra.Command, directory, roots *string) {
	c.Flags().StringVar(directory, "directory", "", "the CA: letsencrypt, another name that trusted.directory takes, or its https `URL`")
	c.Flags().StringVar(roots, "ca", "", "trust the certificates in this PEM `FILE` for the CA's own server")
}

// accountRequest is about the directory that was named, or the only one at which there is an account.
func (a *App) accountRequest(c *cobra.Command, directory, roots string) (steps.AccountRequest, error) {
	req := steps.AccountRequest{CARoots: roots}
	if roots != "" {
		absolute, err := filepath.Abs(roots)
		if err != nil {
			return req, err
		}
		req.CARoots = absolute
	}
	if directory != "" {
		url, err := steps.DirectoryOf(directory)
		if err != nil {
			return req, usageError("--directory: "+err.Error(), "sslwizard account    shows what there is")
		}
		req.Directory = url
		return req, nil
	}
	all, err := a.machine().Accounts(c.Context())
	if err != nil {
		return req, err
	}
	if len(all) != 1 {
		return req, usageError("cannot tell which account is meant: say --directory", "sudo sslwizard account    shows them")
	}
	req.Directory = all[0].Directory
	return req, nil
}

func (a *App) revokeCommand() *cobra.Command {
	req := steps.RevokeRequest{}
	reason, yes := string(steps.Unspecified), false
	c := &cobra.Command{
		Use:   "revoke SITE",
		Short: "have the CA revoke a site's certificate, once another one is served",
		Long:  "It cannot be taken back. With --only no other certificate is made first, and browsers may turn visitors away.",
		Args:  exactArg("the site, as `sslwizard status` shows it", "sudo "),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.needRoot(false); err != nil {
				return err
			}
			if req.Site, req.Reason = args[0], steps.RevocationReason(reason); !req.Reason.Known() {
				return usageError("--reason is \"" + steps.CleanLine(reason) + "\"; it can be " + reasons())
			}
			if !yes && !req.DryRun {
				return usageError("cannot revoke without --yes: it cannot be taken back", "sudo sslwizard revoke --yes "+steps.CleanLine(req.Site))
			}
			if err := a.machine().Revoke(c.Context(), req, a.printer().event); err != nil {
				return err
			}
			said := "the certificate of " + steps.CleanLine(req.Site) + " is revoked"
			switch {
			case req.DryRun && req.Only:
				said = "nothing was changed; without --dry-run it would be revoked at once, and browsers may turn visitors away"
			case req.DryRun:
				said = "nothing was changed; without --dry-run another certificate, with another key, would be made and served first"
			}
			a.printer().event(steps.Event{Status: steps.Done, Text: said})
			return nil
		},
	}
	c.Flags().StringVar(&reason, "reason", reason, "`WHY`: "+reasons())
	c.Flags().BoolVar(&req.Only, "only", false, "make no other certificate first")
	c.Flags().BoolVar(&req.Again, "again", false, "also a certificate that took the place of one that was revoked")
	c.Flags().BoolVar(&req.DryRun, "dry-run", false, "only say what would be revoked")
	c.Flags().BoolVar(&yes, "yes", false, "I know that it cannot be taken back")
	return c
}

func reasons() string {
	var all []string
	for _, r := range steps.RevocationReasons() {
		all = append(all, string(r))
	}
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

func (p *textPrinter) accounts(all []steps.ACMEAccount) {
	if len(all) == 0 {
		p.line("There is no account yet: the first order makes one.")
	}
	for _, acc := range all {
		p.line("%s", acc.Directory)
		for _, field := range [][2]string{
			{"account", acc.URL}, {"e-mail", acc.Email}, {"key", acc.KeyFile + ", since " + day(acc.Since)}, {"SHA-256", acc.Key}, {"RFC 7638", acc.Thumb}, {"EAB key ID", acc.EAB}, {"sites", strings.Join(acc.Sites, ", ")},
		} {
			if field[1] == "" {
				field[1] = "none"
			}
			p.lineTo(p.out, hanging+10, "  %-10s %s", field[0], steps.CleanLine(field[1]))
		}
		if acc.Moving {
			p.line("  A new key was made, and is not in use yet: sudo sslwizard account rollover")
		}
	}
}

func (p jsonPrinter) accounts(all []steps.ACMEAccount) {
	if all == nil {
		all = []steps.ACMEAccount{}
	}
	p.put("accounts", map[string]any{"accounts": all})
}
