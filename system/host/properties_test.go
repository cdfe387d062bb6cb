package host

import (
	"maps"
	"testing"
)

func TestProperties(t *testing.T) {
	t.Parallel()
	want := map[string]string{"Result": "exit-code", "ExecStart": "{ argv[]=/bin/x --a=b }", "Empty": ""}
	if got := Properties("Result=exit-code\r\n\nExecStart={ argv[]=/bin/x --a=b }\nEmpty=\nno property\n"); !maps.Equal(got, want) {
		t.Errorf("%q", got)
	}
}
