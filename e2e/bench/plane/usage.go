package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const ticks = 100 // of the clock in a second: USER_HZ of every Linux that Go runs on

// used is the processor time of a process and its children.
func used(pid int) (time.Duration, error) {
	var all time.Duration
	for _, one := range tree(pid) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", one))
		if err != nil {
			return 0, err
		}
		fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
		for _, field := range fields[11:13] { // utime and stime
			n, err := strconv.Atoi(field)
			if err != nil {
				return 0, err
			}
			all += time.Duration(n) * time.Second / ticks
		}
	}
	return all, nil
}

// resident is the memory of a process and its children, shared pages divided among those that share them.
func resident(pid int) (kib int) {
	for _, one := range tree(pid) {
		text, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", one))
		for line := range strings.Lines(string(text)) {
			if rest, ok := strings.CutPrefix(line, "Pss:"); ok {
				n, _ := strconv.Atoi(strings.Fields(rest)[0])
				kib += n
			}
		}
	}
	return kib
}

func tree(pid int) []int {
	all := []int{pid}
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, task := range tasks {
		text, _ := os.ReadFile(task)
		for _, word := range strings.Fields(string(text)) {
			if child, err := strconv.Atoi(word); err == nil {
				all = append(all, tree(child)...)
			}
		}
	}
	return all
}
