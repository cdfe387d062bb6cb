// Package apply is the transaction: it previews a plan against the host, does it with a journal written first, and takes
// it back, at once when something fails, at the next start when the process was killed, or later when a person asks.
//
// How it stays safe, in the order in which it happens:
//
//   - Preview gets a host.Reader: by its type it cannot write.
//   - One run at a time: a lock on steps.LockFile (lock.go, the only system calls outside system/host).
//   - The run has its folder steps.DoneDir/ID from the beginning. What the host is before each change is written there
//     (manifest.json, phase-N.json, bk/N) and only then the link steps.JournalDir → done/ID is made. That link is the
//     open run: it is made, and removed, in one step, and as long as it is not there nothing has changed.
//   - Each change: its intent, the act, what was observed. Whatever fails is answered by reverting.
//   - A plan has phases, each ended by a steps.Checkpoint. The record of the next phase is the commit of the one before:
//     only the last phase is ever reverted.
//   - Reverting looks at the host, never only at the journal: a file that is neither what it was nor what we made of it
//     belongs to somebody else and stays; packages, units, users and ports are asked about before they are touched. So
//     it can be done again after it was killed itself, and an undo is the same work, asked for later.
//
// What never happens here: a decision about what a site needs (that is the plan), a shell, a package removed that was
// there before, a firewall enabled, a certificate of a CA thrown away by an undo.
package apply
