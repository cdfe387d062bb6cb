// Package renew has the certificate of a site be what a plan asks for: made by the local CA, copied from the user's
// files, or obtained from an ACME CA. It says what is missing without asking anybody (Pending), does it (Make), and
// does it again in time (Renew).
//
// A certificate that works is never touched before its successor is complete, judged and stored. The key and the
// order's URL are on the disk before the CA can issue, so that a kill at any point costs no certificate: the next run
// goes on with that order.
package renew
