// Package scenario tells what sslwizard does on really booted servers, one story a test, in the words of package
// world. Its tests need root and the build tag e2e; e2e/run runs them.
package scenario
