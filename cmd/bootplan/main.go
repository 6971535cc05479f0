// Command bootplan shows what the early boot of a kernel does to memory. See
// "bootplan help"; each verb lives in a file of its own.
package main

import "os"

func main() {
	os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
