package main

import (
	"fmt"
	"strings"
)

// The rules of ufw, one a line and family.
var rules = []struct{ file, family string }{{"/etc/ufw/user.rules", ""}, {"/etc/ufw/user6.rules", " (v6)"}}

func ufw(args []string) error {
	switch {
	case len(args) == 1 && args[0] == "status":
		return ufwStatus()
	case len(args) == 4 && args[0] == "allow" && args[2] == "comment":
		return eachFamily(func(text string) string {
			if strings.Contains("\n"+text, "\n"+args[1]+" ") {
				return text
			}
			return text + args[1] + " # " + args[3] + "\n"
		})
	case len(args) == 3 && args[0] == "delete" && args[1] == "allow":
		return eachFamily(func(text string) string {
			var b strings.Builder
			for line := range strings.Lines(text) {
				if !strings.HasPrefix(line, args[2]+" ") {
					b.WriteString(line)
				}
			}
			return b.String()
		})
	}
	return errUnknown
}

func ufwStatus() error {
	fmt.Print("Status: active\n\nTo                         Action      From\n--                         ------      ----\n")
	for _, r := range rules {
		text, err := read(r.file)
		if err != nil {
			return err
		}
		for line := range strings.Lines(text) {
			port, note, _ := strings.Cut(strings.TrimSpace(line), " ")
			fmt.Printf("%-26s ALLOW       Anywhere%-16s %s\n", port+r.family, r.family, note)
		}
	}
	return nil
}

func eachFamily(change func(string) string) error {
	for _, r := range rules {
		text, err := read(r.file)
		if err != nil {
			return err
		}
		if err := put(r.file, change(text), 0o640); err != nil {
			return err
		}
	}
	return nil
}
