package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/c93d5bcb/sslwizard/steps"
)

// setUpTime is how long the operator of another proxy has.
const setUpTime = time.Minute

// remote is a proxy that somebody else runs.
func remote(at string) driver {
	return driver{
		name: at,
		find: func(context.Context, string) (string, error) { return "", nil },
		configure: func(s *stage, dir string, f *front) ([]string, error) {
			f.http, f.https, _ = strings.Cut(at, ",")
			fmt.Fprintf(os.Stderr, "The certificates are in %s, tokens in %s. These are the sites:\n", s.certs, s.webroot)
			for _, p := range s.places {
				fmt.Println("---")
				fmt.Print(p.answers(steps.ExecutorNative))
				if err := os.WriteFile(filepath.Join(dir, p.name()+".yaml"), []byte(p.answers(steps.ExecutorNative)), 0o644); err != nil {
					return nil, err
				}
			}
			return nil, nil
		},
	}
}
