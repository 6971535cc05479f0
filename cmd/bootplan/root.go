package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"bootplan/rule"
	"bootplan/sim/report"
)

// schema names the version of all JSON output.
const schema = report.Schema

// Exit statuses that scripts rely on.
const (
	exitFindings  = 1 // findings at or above --fail-on; for map diff and verify: a difference
	exitUsage     = 2 // wrong usage or unreadable input
	exitFails     = 3 // the simulated boot cannot complete
	exitInternal  = 4
	exitStatusFmt = "exit status %d"
)

// status is an error that only sets the exit status: the answer has been printed.
type status int

func (s status) Error() string { return fmt.Sprintf(exitStatusFmt, int(s)) }

// app is one invocation: its streams and the flags that every verb knows.
type app struct {
	in       io.Reader
	out, err io.Writer

	json    bool
	quiet   bool
	verbose bool
	ascii   bool
	color   string // auto, always, never
	colors  bool   // what came of it
	width   int    // columns of the terminal; 0: the output is none
	failOn  string // error, warning, info
}

// standardInput is the name of what "-" reads.
const standardInput = "standard input"

// stdin is standard input for the first who asks.
func (a *app) stdin() (io.Reader, error) {
	if a.in == nil {
		return nil, errors.New("-: standard input can be read only once")
	}
	in := a.in
	a.in = nil
	return in, nil
}

// readFile reads a whole file, "-" for standard input.
func (a *app) readFile(path string) ([]byte, error) {
	if path != "-" {
		return os.ReadFile(path)
	}
	in, err := a.stdin()
	if err != nil {
		return nil, err
	}
	return io.ReadAll(in)
}

// severity returns the chosen --fail-on.
func (a *app) severity() (rule.Severity, error) {
	s, err := rule.ParseSeverity(a.failOn)
	if err != nil {
		return 0, fmt.Errorf("--fail-on: %w", err)
	}
	return s, nil
}

// note prints a remark for people on standard error, unless -q.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		fmt.Fprintf(a.err, "bootplan: "+format+"\n", args...)
	}
}

// execute runs one command line and returns the exit status.
func execute(args []string, in io.Reader, out, errw io.Writer) (code int) {
	a := &app{in: in, out: out, err: errw}
	defer func() {
		if bug := recover(); bug != nil {
			fmt.Fprintf(errw, "bootplan: internal error: %v\n%s\nThis is a fault of bootplan: please report it with the command line and the files.\n", bug, debug.Stack())
			code = exitInternal
		}
	}()
	root := newRoot(a)
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	err := root.Execute()
	var s status
	switch {
	case err == nil:
		return 0
	case errors.As(err, &s):
		return int(s)
	}
	fmt.Fprintf(errw, "bootplan: %v\n", err)
	return exitUsage
}

// group makes cmd a verb that only holds others: by itself it prints its help.
func group(cmd *cobra.Command, verbs ...*cobra.Command) *cobra.Command {
	cmd.Args = func(cmd *cobra.Command, args []string) error { // before anything else is taken for a verb
		if len(args) > 0 {
			return fmt.Errorf("unknown command %q; %s --help lists what there is", args[0], cmd.CommandPath())
		}
		return nil
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.DisableFlagsInUseLine = true
	cmd.AddCommand(verbs...)
	return cmd
}

// usage is check, with an error that says what the verb expects.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if check(cmd, args) == nil {
			return nil
		}
		return fmt.Errorf("got %s: expected %s; see %s --help",
			report.Count(uint64(len(args)), "argument"), cmd.UseLine(), cmd.CommandPath())
	}
}

// wrongValue is the error of a flag that does not take a value, in words.
func wrongValue(err error) error {
	var wrong *pflag.InvalidValueError
	if !errors.As(err, &wrong) {
		return err
	}
	flag := wrong.GetFlag()
	expected, known := map[string]string{
		"bool":   "true or false",
		"uint16": "a number from 0 to 0xffff",
		"uint64": "a number from 0 to 2^64-1",
	}[flag.Value.Type()]
	if !known {
		return err
	}
	return fmt.Errorf("--%s: %q: expected %s", flag.Name, wrong.GetValue(), expected)
}

func newRoot(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "bootplan",
		Short: "Show what the early boot of a kernel does to memory",
		Long: `Shows what the early boot of a Linux x86 kernel does to memory: every allocation,
copy, jump and permission change between firmware and the kernel's first steps.

Exit status: 0 nothing found at or above --fail-on; 1 findings, or a difference where
things are compared; 2 wrong usage or unreadable input; 3 the simulated boot cannot
complete; 4 a fault of bootplan.`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return a.prepare() },
		Example: `  bootplan compare                      boot designs on an embedded machine, side by side
  bootplan run --map dmesg.txt          one boot, step by step, on your machine
  bootplan map lint dmesg.txt           what is odd in this firmware's memory map`,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", wrongValue(err), cmd.CommandPath())
	})
	flags := root.PersistentFlags()
	flags.BoolVar(&a.json, "json", false, "print one JSON object instead of text")
	flags.BoolVarP(&a.quiet, "quiet", "q", false, "print the answer only")
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "print details")
	flags.BoolVar(&a.ascii, "ascii", false, "use ASCII characters only")
	flags.StringVar(&a.color, "color", "auto", "colour the output: auto, always or never")
	flags.StringVar(&a.failOn, "fail-on", "error", "exit with 1 on findings of this severity or above: error, warning or info")
	return group(root,
		newImageCmd(a),
		newExplainCmd(a),
		newMapCmd(a),
		newRunCmd(a),
		newCompareCmd(a),
		newKASLRCmd(a),
		newTrampolineCmd(a),
		newVerifyCmd(a),
	)
}
