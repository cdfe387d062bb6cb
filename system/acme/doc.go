// Package acme obtains certificates from an ACME CA (RFC 8555): it runs an order (Client). What would go wrong is looked
// for before, by package doctor. It is the only package that knows lego, and of lego only the signed requests; the order of
// events, the waiting, the retries and the words are ours.
//
// What never happens here: no file is written and no key of a certificate is seen. The caller gives a signing request
// whose key is stored already, an account store, a place for the order's URL and one for challenge tokens. lego's
// logger, its environment variables and its own storage are not used. Every call ends when its context does.
package acme
