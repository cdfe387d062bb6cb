// Package dns01 proves names by TXT records (RFC 8555 section 8.4). It has the providers that keep zones, each asked in the
// few questions that a record needs, and waits until all name servers of the zone have what was given to one of them.
//
// A record is added beside what is there and only that one is taken away again. What a provider is to be told is written
// down first (Journal), so that a record outlives neither a failure nor a kill: the next run takes it away.
//
// No environment variable and no proxy setting decides anything here; a provider gets what its file says. Nothing of that
// file gets into an error: what a provider answers is cleaned of the words that are secret.
package dns01
