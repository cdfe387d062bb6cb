#!/bin/sh
# Written by sslwizard, which overwrites it. It says nothing while all is well. Not wanted: trusted.notify.login: false
if [ -r {{.File}} ]; then cat {{.File}}; fi
