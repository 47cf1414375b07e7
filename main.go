// The desktop program.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/wailsapp/wails/v2"

	"evident/app"
	"evident/frontend"
)

func main() {
	window, err := app.New(os.Args[1:], frontend.Pages())
	if err == nil {
		err = wails.Run(window)
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "evident:", err)
		os.Exit(1)
	}
}
