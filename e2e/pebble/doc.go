// Package pebbletest runs Pebble, the ACME server for tests of Let's Encrypt, inside a test process or as a neighbour
// host, together with a DNS server whose answers a test decides. It is for tests only: nothing that is shipped
// imports it.
package pebbletest
