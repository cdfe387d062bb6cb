package main

import (
	"fmt"
	"strconv"
	"strings"
)

// lengths are values of Content-Length. What is hidden lies where the body would be: who takes the value for something
// else than the one before or behind him reads it as a request.
func lengths() []payload {
	p := payloads{class: "Content-Length"}
	n := strconv.Itoa(len(hidden))
	for _, value := range []string{
		"+" + n, "-" + n, "-0", "-1", "0x" + strconv.FormatInt(int64(len(hidden)), 16), "0o66", "0b1", n + ".0", n + "e0", "1e2", n + ";", n + ";x=y", n + " a", "a " + n, n + "x",
		"x" + n, n + "\v", "\v" + n, n + "\f", n + "\x00", "\x00" + n, `"` + n + `"`, "'" + n + "'", "", "abc", "NaN", "infinity", n[:1] + " " + n[1:], n[:1] + "_" + n[1:], n[:1] + "\t" + n[1:],
		n + ", 0", "0, " + n, n + ",", "," + n, n + ", abc", n + " " + n, "٤٢", "４２", "\xa0" + n, n + "\xa0", "\x85" + n, n + "\r", n + "\rx",
		"9223372036854775808", "18446744073709551616", strconv.Itoa(len(hidden)) + "00000000000000000000", "18446744073709551" + "670", "-9223372036854775808", "=" + n, "(" + n + ")", "{" + n + "}", "%" + n,
	} {
		p.add(refuse, fmt.Sprintf("%q", strings.ReplaceAll(value, n, "N")), post(hidden, "Content-Length: "+value))
	}
	for _, value := range []string{"  " + n, n + "  ", "\t" + n, n + " \t", "000" + n, strings.Repeat("0", 60) + n} {
		p.add(either, fmt.Sprintf("%q", strings.ReplaceAll(value, n, "N")), post(hidden, "Content-Length: "+value), carrying(hidden))
	}
	p.add(either, `"N, N"`, post(hidden, "Content-Length: "+n+", "+n), carrying(hidden))
	p.add(either, "twice the same", post(hidden, "Content-Length: "+n, "Content-Length: "+n), carrying(hidden))
	p.add(refuse, "two, the first is 0", post(hidden, "Content-Length: 0", "Content-Length: "+n))
	p.add(refuse, "two, the second is 0", post(hidden, "Content-Length: "+n, "Content-Length: 0"))
	p.add(refuse, "two, one with a zero before", post(hidden, "Content-Length: "+n, "Content-Length: 1"+n))
	p.add(refuse, "two, written differently", post(hidden, "content-length: "+n, "CONTENT-LENGTH: 0"))
	p.add(refuse, "two, one is empty", post(hidden, "Content-Length: "+n, "Content-Length:"))
	p.add(refuse, "two, one is no number", post(hidden, "Content-Length: x", "Content-Length: "+n))
	p.add(refuse, "three, two agree", post(hidden, "Content-Length: "+n, "Content-Length: "+n, "Content-Length: 0"))
	p.add(refuse, "two with a field between", post(hidden, "Content-Length: "+n, "X-Between: y", "Content-Length: 0"))
	p.add(pass, "right", post(hidden, "Content-Length: "+n), carrying(hidden))
	p.add(pass, "0", post("", "Content-Length: 0"))
	p.add(refuse, "more than comes", post("x=1", "Content-Length: 30"), cut)
	p.add(refuse, "very much more than comes", post("x=1", "Content-Length: 4611686018427387904"), cut)
	return p.all
}

// lengthNames are fields that some reader takes for Content-Length.
func lengthNames() []payload {
	p := payloads{class: "name of Content-Length"}
	n := strconv.Itoa(len(hidden))
	for _, name := range []string{
		"Content-Length ", "Content-Length\t", "Content-Length\x00", "\x00Content-Length", "Content Length", "Content-Length\v", "Content-Length\r", "Content-Length\xa0",
		"Content-Length,", "Content-Length;", "(Content-Length)", `"Content-Length"`, "Content\u2010Length", "Content-Length\x7f",
	} {
		p.add(refuse, fmt.Sprintf("%q", name), post(hidden, name+": "+n))
	}
	// These are names like any other: nobody else may take them for a length.
	for _, name := range []string{"Content_Length", "Content.Length", "Content-Length_", "X-Content-Length", "Content-Lengths", "Contentlength", "HTTP_CONTENT_LENGTH", "Content--Length"} {
		p.add(either, fmt.Sprintf("%q", name), post("", name+": 5"))
		p.add(either, fmt.Sprintf("%q on a GET", name), get(name+": 5"))
	}
	return p.all
}

// codings are values of Transfer-Encoding that are not "chunked": one reader takes them for it, another does not.
func codings() []payload {
	p := payloads{class: "Transfer-Encoding"}
	for _, value := range []string{
		"xchunked", "chunkedx", "chunk", "x chunked", "chunked x", "chunked;", "chunked;q=1", `"chunked"`, "'chunked'", "[chunked]", "chunked\x00", "\x00chunked", "\vchunked", "chunked\v",
		"\fchunked", "\x85chunked", "\xa0chunked", "chunked\xa0", "\xffchunked", "chunked\r", "\rchunked", "cow", "", "identity", "chunked, identity", "identity, chunked", "chunked, chunked",
		"chunked, cow", "cow, chunked", "chunKed\u212a", "\u212ahunked", "chun\u212aed", "deflate", "chunked-", "chu\tnked", "chu nked", "{chunked}", "chunked=1", "1", "chunked:", ": chunked", "trailers, chunked",
		"chunked, gzip", "chunked chunked", "=chunked", "chunked\x7f", "\bchunked",
	} {
		p.add(refuse, fmt.Sprintf("%q", value), post(zero+hidden, "Transfer-Encoding: "+value))
		p.add(refuse, fmt.Sprintf("%q and a length", value), post(zero+hidden, length(zero+hidden), "Transfer-Encoding: "+value))
	}
	body := chunk("x=1") + zero
	for _, value := range []string{"chunked", "Chunked", "CHUNKED", " chunked", "\tchunked", "chunked ", "chunked\t", "   chunked   "} {
		p.add(pass, fmt.Sprintf("%q", value), post(body, "Transfer-Encoding:"+value), carrying("x=1"), closesPerhaps)
	}
	for _, value := range []string{"chunked,", ",chunked", ", chunked ,", "gzip, chunked", "deflate,chunked"} {
		p.add(either, fmt.Sprintf("%q", value), post(body, "Transfer-Encoding: "+value), carrying("x=1"))
	}
	for _, other := range []string{"identity", "cow", "chunked", "gzip", "xchunked"} {
		p.add(refuse, "chunked and a second field with "+other, post(zero+hidden, chunked, "Transfer-Encoding: "+other))
		p.add(refuse, other+" and a second field with chunked, and a length", post(zero+hidden, length(zero+hidden), "Transfer-Encoding: "+other, chunked))
	}
	return p.all
}

// codingNames are fields that some reader takes for Transfer-Encoding.
func codingNames() []payload {
	p := payloads{class: "name of Transfer-Encoding"}
	for _, name := range []string{
		"Transfer-Encoding ", "Transfer-Encoding\t", "Transfer-Encoding\x00", "\x00Transfer-Encoding", "Transfer Encoding", "Transfer-Encoding\v", "Transfer-Encoding\r", "Transfer-Encoding\xa0",
		":Transfer-Encoding", "Transfer-Encoding,", `"Transfer-Encoding"`, "Transfer\u2010Encoding", "X: y\rTransfer-Encoding", "\rTransfer-Encoding", "Transfer-Encoding\x7f",
	} {
		p.add(refuse, fmt.Sprintf("%q", name), post(zero+hidden, length(zero+hidden), name+": chunked"))
	}
	for _, name := range []string{"Transfer_Encoding", "Transfer.Encoding", "Transfer-Encoding-", "X-Transfer-Encoding", "TransferEncoding", "HTTP_TRANSFER_ENCODING"} {
		p.add(either, fmt.Sprintf("%q", name), post("x=1", length("x=1"), name+": chunked"), carrying("x=1"))
		p.add(either, fmt.Sprintf("%q on a GET", name), get(name+": chunked"))
	}
	p.add(refuse, "no colon", post(zero+hidden, length(zero+hidden), "Transfer-Encoding chunked"))
	p.add(refuse, "two colons", post(zero+hidden, length(zero+hidden), "Transfer-Encoding:: chunked"))
	p.add(refuse, "equals sign", post(zero+hidden, length(zero+hidden), "Transfer-Encoding= chunked"))
	return p.all
}

// bothFramings have a length and chunks that are both right in form. A server may refuse that or go by the chunks, and
// has to close the connection behind it (RFC 9112 section 6.1).
func bothFramings() []payload {
	p := payloads{class: "length and chunks"}
	p.add(either, "CL.TE", post(zero+hidden, length(zero+hidden), chunked), closing)
	p.add(either, "TE before CL", post(zero+hidden, chunked, length(zero+hidden)), closing)
	p.add(either, "CL.TE, the length ends the first chunk", post(chunk("x")+zero+hidden, length(chunk("x")), chunked), closing, carrying("x"))
	p.add(either, "TE.CL", post(chunk(hidden)+zero, "Content-Length: 4", chunked), closing, carrying(hidden))
	p.add(either, "TE.CL, length 0", post(chunk(hidden)+zero, "Content-Length: 0", chunked), closing, carrying(hidden))
	p.add(either, "the length is right", post(chunk("x=1")+zero, length(chunk("x=1")+zero), chunked), closing, carrying("x=1"))
	p.add(either, "names in capitals", post(zero+hidden, "CONTENT-LENGTH: "+strconv.Itoa(len(zero+hidden)), "TRANSFER-ENCODING: CHUNKED"), closing)
	p.add(either, "on a GET", get(length(zero+hidden), chunked)+zero+hidden, closing)
	p.add(either, "Connection names the length", post(zero+hidden, length(zero+hidden), chunked, "Connection: Content-Length"), closing)
	p.add(either, "Connection names the chunks", post(zero+hidden, length(zero+hidden), chunked, "Connection: Transfer-Encoding"), closing)
	p.add(refuse, "the length is no number", post(zero+hidden, "Content-Length: x", chunked), closing)
	p.add(refuse, "two lengths", post(zero+hidden, "Content-Length: 5", "Content-Length: 6", chunked), closing)
	p.add(refuse, "a negative length", post(zero+hidden, "Content-Length: -5", chunked), closing)
	return p.all
}
