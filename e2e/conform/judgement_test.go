package main

import (
	"net/http"
	"testing"
)

// TestJudgement: who is deceived, who deviates, and who does as he should.
func TestJudgement(t *testing.T) {
	t.Parallel()
	by := http.Header{"X-Forwarded-For": {"127.0.0.1"}}
	outer := request{method: "POST", target: "/outer", header: by, body: "x", whole: true}
	end := request{method: "GET", target: "/end", header: by, whole: true}
	hidden := request{method: "GET", target: "/hidden", header: by, whole: true}
	smuggled := request{method: "GET", target: "/hidden", header: http.Header{}, whole: true}
	half := request{method: "POST", target: "/outer", header: by}
	for _, c := range []struct {
		name    string
		want    want
		closes  bool
		seen    []request
		answers []answer
		grade   grade
	}{
		{"passed as it is", pass, false, []request{outer, end}, nil, ok},
		{"not passed", pass, false, nil, []answer{{status: 400}}, differs},
		{"passed without the end", pass, false, []request{outer}, nil, differs},
		{"refused", refuse, false, nil, []answer{{status: 400}}, ok},
		{"begun and broken off", refuse, false, []request{half}, []answer{{status: 400}}, ok},
		{"passed but to be refused", refuse, false, []request{outer, end}, nil, differs},
		{"refused, but it goes on", refuse, false, []request{end}, []answer{{status: 400}}, differs},
		{"left to the proxy, refused", either, false, nil, []answer{{status: 400}}, ok},
		{"left to the proxy, passed", either, false, []request{outer, end}, nil, ok},
		{"to be closed, and goes on", either, true, []request{outer, end}, nil, differs},
		{"taken for a request", either, false, []request{outer, hidden}, nil, differs},
		{"smuggled", either, false, []request{outer, smuggled}, nil, broken},
		{"another body", either, false, []request{{method: "POST", target: "/outer", header: by, body: "y", whole: true}}, nil, broken},
		{"twice", either, false, []request{outer, outer}, nil, broken},
		{"the answer to another", either, false, nil, []answer{{status: 200, seen: "GET /hidden"}}, broken},
	} {
		j := judgement{p: payload{want: c.want, closes: c.closes}, sees: []string{"POST /outer", "GET /end"}, body: "x", seen: c.seen, answers: c.answers}
		if v := j.verdict(); v.grade != c.grade {
			t.Errorf("%s: %v (%s), want %v", c.name, v.grade, v.said, c.grade)
		}
	}
}
