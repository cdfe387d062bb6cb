package assets

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"sync"
)

//go:embed pages/page.html
var pageSource string

// pageText is what a page says: a heading, and what the visitor can do.
type pageText struct {
	Status        int
	Title, Advice string
}

var pageTexts = []pageText{
	{http.StatusMovedPermanently, "This page has moved", "Your browser will take you there."},
	{http.StatusPermanentRedirect, "This page has moved", "Your browser will take you there."},
	{http.StatusBadRequest, "This request could not be understood", "Please check the address and try again."},
	{http.StatusNotFound, "There is nothing here", "Please check the address and try again."},
	{http.StatusMethodNotAllowed, "This is not possible here", "The request used a method that is not accepted."},
	{http.StatusRequestTimeout, "The request took too long to arrive", "Please check your connection and try again."},
	{http.StatusRequestEntityTooLarge, "This is too large", "What you are sending is larger than this site accepts."},
	{http.StatusMisdirectedRequest, "Wrong connection for this site", "Please reload the page; your browser will connect anew."},
	{http.StatusRequestHeaderFieldsTooLarge, "Your browser sends too much", "Please delete the cookies of this site and try again."},
	{http.StatusNotImplemented, "This is not possible here", "The request asked for something that is not offered at this address."},
	{http.StatusServiceUnavailable, "There are too many visitors just now", "Please try again in a moment."},
	{http.StatusBadGateway, "This site is not answering just now", "Please try again in a moment."},
	{http.StatusGatewayTimeout, "This site is taking too long to answer", "Please try again in a moment."},
}

//go:embed pages/ca.html
var caSource string

// CAPage is the page of a server's own CA, from what is to be told of it and how machines come to trust it. File is the
// name of the certificate beside the page.
func CAPage(ca, guides any, file string) ([]byte, error) {
	t, err := template.New("ca").Parse(caSource)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]any{"CA": ca, "Guides": guides, "File": file})
	return b.Bytes(), err
}

var pages = sync.OnceValue(renderPages)

// Page is the HTML page for a status that the proxy answers by itself. It names neither software nor what is behind
// it. The slice is shared: do not change it.
func Page(status int) []byte {
	if page, ok := pages()[status]; ok {
		return page
	}
	return pages()[http.StatusBadRequest]
}

func renderPages() map[int][]byte {
	t := template.Must(template.New("page").Parse(pageSource))
	all := make(map[int][]byte, len(pageTexts))
	for _, text := range pageTexts {
		var b bytes.Buffer
		if err := t.Execute(&b, text); err != nil {
			panic(err) // the template and its data are ours; a test renders every page
		}
		all[text.Status] = b.Bytes()
	}
	return all
}
