package main

import "fmt"

// grade is how a case went.
type grade int

const (
	ok      grade = iota
	differs       // not as it should be, but nobody is deceived
	broken        // a back end or another client was deceived
)

// verdict is a grade with what was seen.
type verdict struct {
	grade grade
	said  string
}

func fine() verdict                             { return verdict{} }
func odd(format string, args ...any) verdict    { return verdict{differs, fmt.Sprintf(format, args...)} }
func breach(format string, args ...any) verdict { return verdict{broken, fmt.Sprintf(format, args...)} }
