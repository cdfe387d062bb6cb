package proxy

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// maxFile bounds the files that the proxy answers with itself: an authorization of a CA has under 200 bytes, the page of
// this server's own CA some thousands.
const maxFile = 256 << 10

// file answers with a small file of the webroot. The name is one that cannot lead anywhere else.
func (x *exchange) file(folder, name, kind string) {
	if x.in.Method != http.MethodGet && x.in.Method != http.MethodHead {
		x.Header().Set("Allow", "GET, HEAD")
		x.refuse(http.StatusMethodNotAllowed)
		return
	}
	content, err := readFile(x.table.config.Webroot, folder, name)
	if err != nil {
		x.refuse(http.StatusNotFound)
		return
	}
	h := x.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	x.WriteHeader(http.StatusOK)
	if x.in.Method == http.MethodGet {
		_, _ = x.Write(content)
	}
}

// readFile reads a file of the webroot; a link or anything but a regular file is not there.
func readFile(webroot, folder, name string) ([]byte, error) {
	if webroot == "" || name == "" {
		return nil, os.ErrNotExist
	}
	f, err := os.OpenFile(filepath.Join(webroot, folder, name), os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, os.ErrNotExist
	}
	return io.ReadAll(io.LimitReader(f, maxFile))
}
