module github.com/c93d5bcb/sslwizard/e2e/conform/library

go 1.26.0

toolchain go1.26.8

require github.com/gorilla/websocket v1.5.3
