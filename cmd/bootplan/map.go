package main

import (
	"errors"

	"github.com/spf13/cobra"

	"bootplan/memmap/parse"
)

func newMapCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "map",
		Short: "What does this machine's firmware say about memory?",
	}
	return cmd
}

// readDocument reads the maps of path: a file in any form, "-" for standard input,
// or a directory with a captured tree. The form is sniffed when from is "".
func (a *app) readDocument(path, from string) (*parse.Document, error) {
	return nil, errors.ErrUnsupported
}
