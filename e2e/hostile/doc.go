// Package hostile says what an enemy would say, in every place where sslwizard listens, and looks at what becomes of it. Its tests
// need the build tag e2e:
//
//	go test -tags e2e ./e2e/hostile                                     the slice that CI runs
//	go test -tags e2e -timeout 90m ./e2e/hostile -full -update          the whole, which writes docs/hostile.md
package hostile
