// Package assets holds the files that sslwizard brings along. It knows nothing of what they are for.
package assets
