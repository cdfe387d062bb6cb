// Standin is systemctl, apt-get, dpkg, useradd, ufw, nginx and what else a run of sslwizard calls, as far as it calls it,
// by the name under which it is started. All that they keep is in files of the tree that they run in, and they change it
// in several steps, as the real ones do: whoever ends them half-way leaves half of it. A use that nobody thought of is
// refused, and noted in a file that no run makes.
package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// Refused is where a use is noted that is not known.
const Refused = "/standin-refused"

// status is how a tool ends: the text goes to standard error.
type status struct {
	code int
	text string
}

func (s status) Error() string { return s.text }

func failed(code int, format string, args ...any) error {
	return status{code, fmt.Sprintf(format, args...)}
}

var errUnknown = errors.New("nobody thought of this use")

var tools = map[string]func([]string) error{
	"systemctl": systemctl, "apt-get": aptGet, "apt-cache": aptCache, "dpkg": dpkg, "dpkg-query": dpkgQuery,
	"useradd": useradd, "userdel": userdel, "groupdel": groupdel, "ufw": ufw, "nginx": nginx, "tee": tee, "stat": stat,
	"journalctl": func([]string) error { return nil },
}

func main() {
	syscall.Umask(0o022) // as dpkg and the others do, whatever they were started with
	name := filepath.Base(os.Args[0])
	tool, ok := tools[name]
	if !ok {
		tool = func([]string) error { return errUnknown }
	}
	err := tool(os.Args[1:])
	var ended status
	switch {
	case err == nil:
		return
	case errors.Is(err, errUnknown):
		text := fmt.Sprintf("%s: %v\n", strings.Join(append([]string{name}, os.Args[1:]...), " "), err)
		_ = os.WriteFile(Refused, []byte(text), 0o600)
		fmt.Fprint(os.Stderr, text)
		os.Exit(64)
	case errors.As(err, &ended):
		fmt.Fprintln(os.Stderr, ended.text)
		os.Exit(ended.code)
	}
	fmt.Fprintln(os.Stderr, name+":", err)
	os.Exit(1)
}

// put writes a file as the real tools do: whole, under another name first.
func put(name, text string, mode fs.FileMode) error {
	temp := name + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(temp, name)
	}
	return err
}

// read is the text of a file, empty when there is none.
func read(name string) (string, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return string(text), err
}

// take removes a file; nothing there is no error.
func take(name string) error {
	if err := os.Remove(name); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func there(name string) bool {
	_, err := os.Lstat(name)
	return err == nil
}

// plain are the arguments that are no options.
func plain(args []string) []string {
	var all []string
	for i := 0; i < len(args); i++ {
		switch {
		case args[i] == "-o" || args[i] == "-p" || args[i] == "-c" || args[i] == "-f":
			i++
		case !strings.HasPrefix(args[i], "-"):
			all = append(all, args[i])
		}
	}
	return all
}

// tee copies its input into a file in place, as into a setting of the kernel.
func tee(args []string) error {
	if len(args) != 1 || !strings.HasPrefix(args[0], "/proc/sys/") {
		return errUnknown
	}
	text, err := io.ReadAll(os.Stdin)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(args[0], os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(text)
	return err
}

func stat([]string) error {
	fmt.Println("4711")
	return nil
}

func nginx(args []string) error {
	switch strings.Join(args, " ") {
	case "-v":
		fmt.Fprintln(os.Stderr, "nginx version: nginx/1.26.3")
		return nil
	case "-t":
		if !there("/etc/nginx/nginx.conf") {
			return failed(1, "nginx: [emerg] open() \"/etc/nginx/nginx.conf\" failed (2: No such file or directory)")
		}
		fmt.Fprintln(os.Stderr, "nginx: configuration file /etc/nginx/nginx.conf test is successful")
		return nil
	}
	return errUnknown
}
