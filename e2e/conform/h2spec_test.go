package main

import (
	"testing"
)

func TestReadReport(t *testing.T) {
	t.Parallel()
	bad, total, err := readReport([]byte(`<?xml version="1.0"?><testsuites>
<testsuite name="1" tests="2"><testcase package="generic/1" classname="one"></testcase>
<testcase package="generic/1" classname="two"><failure>GOAWAY
Connection closed</failure></testcase></testsuite>
<testsuite name="2"><testcase package="hpack/2" classname="three"><error>no answer</error></testcase></testsuite></testsuites>`))
	if err != nil || total != 3 || len(bad) != 2 || bad[0].String() != "generic/1: two: GOAWAY Connection closed" {
		t.Errorf("%d of %d: %v, %v", len(bad), total, bad, err)
	}
	if _, _, err := readReport([]byte("h2spec: no such host")); err == nil {
		t.Error("what is no report is taken for one")
	}
}
