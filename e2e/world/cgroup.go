package world

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Each server gets a control group of its own, for two of systemd-nspawn in one group would share their units' groups.
// On a machine with the legacy or hybrid layout that is one in systemd's own hierarchy and one in the unified one.

func cgroupRoots() []string {
	var roots []string
	for _, dir := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(filepath.Join(dir, "cgroup.procs")); err == nil {
			roots = append(roots, dir)
		}
	}
	return roots
}

// groupName is unique among the runs on this machine: the kit's folder is.
func groupName(server string) string { return filepath.Base(tools().Dir) + "-" + server }

// newGroup makes the control group and returns the files to write a process to.
func newGroup(server string) ([]string, error) {
	var files []string
	for _, root := range cgroupRoots() {
		dir := filepath.Join(root, groupName(server))
		if err := os.Mkdir(dir, 0o755); err != nil && !os.IsExist(err) {
			return nil, err
		}
		files = append(files, filepath.Join(dir, "cgroup.procs"))
	}
	return files, nil
}

// dropGroups removes the empty control groups of runs that are over: ours, and those of any that was killed.
func dropGroups() {
	ours := filepath.Base(tools().Dir)
	prefix := strings.TrimRight(ours, "0123456789")
	for _, root := range cgroupRoots() {
		groups, _ := filepath.Glob(filepath.Join(root, prefix+"*"))
		for _, dir := range groups {
			removeEmpty(dir)
		}
	}
}

// removeEmpty removes a group and those below it; the kernel refuses where a process still is.
func removeEmpty(dir string) {
	below, _ := os.ReadDir(dir)
	for _, entry := range below {
		if entry.IsDir() {
			removeEmpty(filepath.Join(dir, entry.Name()))
		}
	}
	_ = os.Remove(dir)
}

// children are the processes that pid started.
func children(pid int) []int {
	id := strconv.Itoa(pid)
	data, _ := os.ReadFile("/proc/" + id + "/task/" + id + "/children")
	var pids []int
	for _, field := range strings.Fields(string(data)) {
		if n, err := strconv.Atoi(field); err == nil {
			pids = append(pids, n)
		}
	}
	return pids
}
