package qemu

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// ovmfDirs are where distributions put OVMF.
var ovmfDirs = []string{"/usr/share/OVMF", "/usr/share/edk2/x64", "/usr/share/edk2/ovmf", "/usr/share/qemu"}

// FindFirmware returns UEFI firmware and the template of its variables: for "ovmf-2m"
// and "ovmf-4m" those that are installed, else the file code with vars, which may be
// empty where both names differ by CODE and VARS.
func FindFirmware(code, vars string) (string, string, error) {
	if name, known := map[string]string{"ovmf-2m": "OVMF_CODE.fd", "ovmf-4m": "OVMF_CODE_4M.fd"}[code]; known {
		found := ""
		for _, dir := range ovmfDirs {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				found = filepath.Join(dir, name)
				break
			}
		}
		if found == "" {
			return "", "", fmt.Errorf("%s: no %s in %s: install it (Debian: apt-get install ovmf), or name the firmware's file", code, name, strings.Join(ovmfDirs, ", "))
		}
		code = found
	}
	if vars == "" {
		vars = varsOf(code)
	}
	for _, file := range []string{code, vars} {
		if _, err := os.Stat(file); err != nil {
			return "", "", fmt.Errorf("firmware: %w; expected seabios, ovmf-2m, ovmf-4m or a file, and its variables in a file that --vars names", err)
		}
	}
	return code, vars, nil
}

// varsOf is the template of variables for firmware called code: OVMF_VARS_4M.fd for
// OVMF_CODE_4M.secboot.fd.
func varsOf(code string) string {
	name, _, _ := strings.Cut(filepath.Base(code), ".")
	return filepath.Join(filepath.Dir(code), strings.Replace(name, "CODE", "VARS", 1)+".fd")
}

// FirmwareVersion tells the version of the Debian package that file came from, such as
// "edk2 2022.11 (Debian ovmf 2022.11-6+deb12u2)"; it is empty where that is not known.
func FirmwareVersion(file string) string {
	out, err := exec.Command("dpkg-query", "--search", file).Output()
	if err != nil {
		return ""
	}
	pkg, _, _ := strings.Cut(string(out), ":")
	out, err = exec.Command("dpkg-query", "--show", "--showformat=${Version}", pkg).Output()
	if err != nil {
		return ""
	}
	upstream, _, _ := strings.Cut(string(out), "-")
	return fmt.Sprintf("edk2 %s (Debian %s %s)", upstream, pkg, out)
}
