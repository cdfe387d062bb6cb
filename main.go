// Sslwizard turns "my app runs on port 3000" into HTTPS and WSS that are proven to work.
package main

func main() {}
