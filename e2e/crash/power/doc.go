//go:build linux && amd64

// Package power takes the power away from a change of a server, on paper: it records the system calls of real runs with
// their data, works out every state in which a disk may be when the power goes after any of them, lays each of these states
// out as files, and has the real recovery go on from it.
//
// What a disk may do is what POSIX lets it, not the kinder thing that ext4 does: what was written and not stored with fsync
// may be there, be there in part, or not at all; a name that was made, changed or taken away is sure only after an fsync of
// its folder, and of several that are not yet sure any may be there without the others.
//
// It then leaves single fsyncs out of the record, and has to find a state that nothing recovers from each time.
package power
