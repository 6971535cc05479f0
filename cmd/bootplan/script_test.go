package main

import (
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets scripts run the command.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"bootplan": main})
}

// TestScripts runs the command as people do. What the scripts expect was worked out
// by hand or recorded from real boots.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			here, err := os.Getwd()
			if err != nil {
				return err
			}
			env.Setenv("BOOTS", here+"/testdata/boots")
			return nil
		},
	})
}
