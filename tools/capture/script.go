package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"bootplan/tools/capture/internal/initrd"
)

func newScriptCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "script",
		Short: "Print the script that reports the facts of a running machine",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), initrd.Report)
			return err
		},
	}
}
