// Package cert makes, judges and keeps keys and certificates: private keys, signing requests, the local CA of this
// server, and the versioned store from which both executors read.
//
// Everything but the store is pure. The store goes through the host's door only: a version is written whole and never
// changed, and key and certificate become current together, by one rename of a link. Nothing here contacts a CA, and
// no private key ever appears in an error.
package cert
