package main

import (
	"context"
	"fmt"
	"os"

	"github.com/c93d5bcb/sslwizard/system/nginx/conf"
)

// nestedBacks are strict applications behind one nginx, as one finds it: it takes what it can take.
func nestedBacks(ctx context.Context, dir string) ([]*back, error) {
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	serve := []conf.Directive{
		conf.D("underscores_in_headers", "on"), conf.D("ignore_invalid_headers", "off"), conf.D("merge_slashes", "off"),
		conf.D("client_max_body_size", "0"), conf.D("large_client_header_buffers", "8", "128k"),
	}
	var all []*back
	for i := range width {
		b := newStrict()
		all = append(all, b)
		address, err := freePort()
		if err != nil {
			return all, err
		}
		inner := fmt.Sprintf("inner%d", i)
		serve = append(serve,
			conf.B("upstream", []string{inner}, conf.D("server", b.address), conf.D("keepalive", "8")),
			conf.B("server", nil, conf.D("listen", address),
				conf.D("proxy_http_version", "1.1"), conf.D("proxy_set_header", "Connection", ""), conf.D("proxy_set_header", "Host", "$http_host"),
				conf.B("location", []string{"/"}, conf.D("proxy_pass", "http://"+inner))))
		b.address, b.blind = address, true
	}
	argv, err := nginxCommand(dir, serve...)
	if err != nil {
		return all, err
	}
	p, err := run(dir, argv...)
	if err != nil {
		return all, err
	}
	application := all[0].stop
	all[0].stop = func() {
		p.stop()
		application()
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := p.answers(ctx, all[width-1].address); err != nil {
		return all, fmt.Errorf("nginx as a back end: %w\n%s", err, p.said.String())
	}
	return all, nil
}
