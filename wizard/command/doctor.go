package command

import (
	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
)

func (a *App) doctorCommand() *cobra.Command {
	var (
		req       steps.DoctorRequest
		directory string
	)
	c := &cobra.Command{
		Use:   "doctor [DOMAIN...]",
		Short: "find what would keep a certificate from being had, before a CA is asked",
		Long:  "Without a domain it looks at the sites that are stored here.",
		RunE: func(c *cobra.Command, args []string) error {
			var err error
			if req.Domains, err = parseDomains(args); err != nil {
				return err
			}
			if directory != "" {
				if req.Directory, err = steps.ParseDirectory(directory); err != nil {
					return usageError("--directory: "+err.Error(), "--directory letsencrypt")
				}
			}
			if req.Challenge != "" && !oneOf(req.Challenge, steps.HTTP01, steps.TLSALPN01, steps.DNS01, steps.DNSPersist01) {
				return usageError("--challenge is \"" + steps.CleanLine(req.Challenge) + "\"; it can be http-01, tls-alpn-01 or dns-01")
			}
			return a.diagnose(c, req)
		},
	}
	c.Flags().StringVar(&directory, "directory", "", "the CA: a `NAME` like letsencrypt, or the https URL of its directory")
	c.Flags().StringVar(&req.Challenge, "challenge", "", "how the names are proved: `KIND` http-01, tls-alpn-01 or dns-01")
	c.Flags().StringVar(&req.CAFile, "ca", "", "trust the certificates in this PEM `FILE` for the CA's own server")
	return c
}

func (a *App) diagnose(c *cobra.Command, req steps.DoctorRequest) error {
	out := a.printer()
	report, err := a.machine().Doctor(c.Context(), req, out.check)
	if err == nil || len(report.Checks) > 0 {
		out.diagnosis(report)
	}
	if err != nil {
		return err
	}
	if len(report.Failed()) > 0 {
		return outcome{status: steps.ExitUnverified}
	}
	return nil
}

// parseDomains reads names that a certificate can be for.
func parseDomains(args []string) ([]steps.Domain, error) {
	var all []steps.Domain
	for _, arg := range args {
		d, err := steps.ParseDomain(arg)
		if err != nil {
			return nil, usageError("cannot examine it: "+err.Error(), "sslwizard doctor shop.example.com")
		}
		all = append(all, d)
	}
	return all, nil
}
