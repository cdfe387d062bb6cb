package command

import (
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/c93d5bcb/sslwizard/steps"
)

func (a *App) probeCommand() *cobra.Command {
	var (
		req     steps.ProbeRequest
		resolve []string
	)
	c := &cobra.Command{
		Use:   "probe URL",
		Short: "check the TLS, redirect, proxy and WebSocket of any server, live",
		Args:  exactArg("the URL of the site, like https://shop.example.com", ""),
		RunE: func(c *cobra.Command, args []string) error {
			req.URL = args[0]
			var err error
			if (req.ClientCert == "") != (req.ClientKey == "") {
				return usageError("--client-cert and --client-key go together", "--client-cert client.pem --client-key client.key")
			}
			if req.Addresses, err = parseResolve(resolve); err != nil {
				return err
			}
			return a.probe(c, req)
		},
	}
	c.Flags().StringVar(&req.WSPath, "ws", "", "open a WebSocket on this `PATH`")
	c.Flags().StringVar(&req.CAFile, "ca", "", "trust the certificates in this PEM `FILE` instead of the system's")
	c.Flags().StringVar(&req.ClientCert, "client-cert", "", "show the certificate in this PEM `FILE` where the site asks for one")
	c.Flags().StringVar(&req.ClientKey, "client-key", "", "PEM `FILE` with the private key of --client-cert")
	c.Flags().StringArrayVar(&resolve, "resolve", nil, "`NAME:ADDR`: ask this address instead of DNS (may be repeated)")
	c.Flags().IntVar(&req.Ports.HTTPS, "https-port", 0, "`PORT` of HTTPS (default: the URL's, or 443)")
	c.Flags().IntVar(&req.Ports.HTTP, "http-port", 0, "`PORT` of plain HTTP (default 80)")
	c.Flags().DurationVar(&req.Idle, "idle", 0, "keep the WebSocket silent for this `TIME`, like 75s, and see whether it survives")
	c.Flags().BoolVar(&req.HTTP3, "http3", false, "ask over HTTP/3 too, on UDP, and see whether it is announced")
	return c
}

func (a *App) probe(c *cobra.Command, req steps.ProbeRequest) error {
	out := a.printer()
	report, err := a.machine().Probe(c.Context(), req, out.check)
	if err == nil || len(report.Checks) > 0 { // a probe that was stopped tells what it saw until then
		out.report(report)
	}
	if err != nil {
		return err
	}
	if len(report.Failed()) > 0 {
		return outcome{status: steps.ExitUnverified}
	}
	return nil
}

// parseResolve reads NAME:ADDR as curl's --resolve does, without the port; the name must be there for the reader.
func parseResolve(values []string) ([]netip.Addr, error) {
	var all []netip.Addr
	for _, v := range values {
		_, addr, _ := strings.Cut(v, ":")
		ip, err := netip.ParseAddr(strings.Trim(addr, "[]"))
		if err != nil {
			return nil, usageError("--resolve \""+steps.CleanLine(v)+"\" is not NAME:ADDR", "--resolve shop.example.com:203.0.113.7")
		}
		all = append(all, ip)
	}
	return all, nil
}

// exactArg takes one argument. Who is to type the command with sudo is told so.
func exactArg(what, sudo string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			if len(args) > 1 {
				return unexpected(c, args[1])
			}
			return usageError("cannot "+c.Name()+": name "+what, sudo+c.UseLine(), c.CommandPath()+" --help")
		}
		return nil
	}
}
