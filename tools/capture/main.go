// Command capture records boots of x86 Linux kernels, as ground truth for bootplan: it
// boots a kernel under QEMU and writes down what the machine printed and, if asked, what
// a debugger saw. It also turns the log of a real machine into such a record.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := newRoot().ExecuteContext(ctx)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "capture: %v\n", err)
		os.Exit(2)
	}
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "capture",
		Short:         "Record how a kernel boots",
		SilenceErrors: true,
		SilenceUsage:  true,
		Example: `  capture boot --kernel vmlinuz --ram 1G --append nokaslr --debug
  capture boot --kernel vmlinuz --firmware ovmf-4m --shell -o captures
  capture script >report.sh           what to run on a real machine
  capture facts machine.log           the record of that machine's boot`,
	}
	root.AddCommand(newBootCmd(), newFactsCmd(), newScriptCmd())
	return root
}
