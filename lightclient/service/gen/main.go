// Command gen writes the types of the seam for the pages, from the method table.
package main

import (
	"log"
	"os"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gen FILE")
	}
	if err := os.WriteFile(os.Args[1], []byte(typeScript()), 0o644); err != nil {
		log.Fatal(err)
	}
}
