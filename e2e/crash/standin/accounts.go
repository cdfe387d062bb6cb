package main

import (
	"fmt"
	"os"
	"strings"
)

const accountID = 990

// account is a file of accounts with the line that useradd adds to it.
type account struct {
	file, line string
	mode       os.FileMode
}

func accounts(name string) []account {
	return []account{
		{"/etc/passwd", fmt.Sprintf("%s:x:%d:%d::/nonexistent:/usr/sbin/nologin\n", name, accountID, accountID), 0o644},
		{"/etc/shadow", name + ":!:20000::::::\n", 0o640},
		{"/etc/group", fmt.Sprintf("%s:x:%d:\n", name, accountID), 0o644},
		{"/etc/gshadow", name + ":!::\n", 0o640},
	}
}

func useradd(args []string) error {
	name := args[len(args)-1]
	if known("/etc/passwd", name) {
		return failed(9, "useradd: user '%s' already exists", name)
	}
	return each(accounts(name), func(text, line string) string {
		if strings.Contains("\n"+text, "\n"+name+":") {
			return text
		}
		return text + line
	})
}

func userdel(args []string) error {
	name := args[len(args)-1]
	if len(args) != 1 || !known("/etc/passwd", name) {
		return failed(6, "userdel: user '%s' does not exist", name)
	}
	return each(accounts(name), func(text, _ string) string { return without(text, name) })
}

func groupdel(args []string) error {
	name := args[len(args)-1]
	if len(args) != 1 || !known("/etc/group", name) {
		return failed(6, "groupdel: group '%s' does not exist", name)
	}
	return each(accounts(name)[2:], func(text, _ string) string { return without(text, name) })
}

func known(file, name string) bool {
	text, _ := read(file)
	return strings.Contains("\n"+text, "\n"+name+":")
}

func without(text, name string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, name+":") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// each changes the files one after the other; each keeps what it was in a copy, as the real tools do.
func each(files []account, change func(text, line string) string) error {
	lock, err := os.OpenFile("/etc/.pwd.lock", os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer lock.Close()
	for _, a := range files {
		text, err := read(a.file)
		if err != nil {
			return err
		}
		if err := put(a.file+"-", text, a.mode); err != nil {
			return err
		}
		if err := put(a.file, change(text, a.line), a.mode); err != nil {
			return err
		}
	}
	return nil
}
