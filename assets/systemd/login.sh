#!/bin/sh
# Written by sslwizard, which overwrites it. It says nothing while all is well. Not wanted: trusted.notify.login: false
# A profile is read by shells of programs too: what they read from such a shell stays as it is.
case "$0:$-" in
*/update-motd.d/* | *:*i*) if [ -r {{.File}} ]; then cat {{.File}}; fi ;;
esac
