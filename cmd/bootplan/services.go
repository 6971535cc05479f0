package main

import (
	"fmt"
	"strconv"
	"strings"

	"bootplan/sim"
)

// parseServices reads what EFI firmware offers besides memory: "rng,tpm=3K,vendor=…".
func parseServices(text string) (sim.Services, error) {
	var s sim.Services
	if text == "" {
		return s, nil
	}
	for _, item := range strings.Split(text, ",") {
		name, value, _ := strings.Cut(item, "=")
		var err error
		switch name {
		case "rng":
			s.RNG = true
		case "tpm":
			s.EventLog, err = parseSize(value)
		case "apple":
			s.AppleProperties, err = parseSize(value)
		case "vendor":
			s.Vendor = value
		case "uefi":
			s.Revision, err = parseRevision(value)
		default:
			err = fmt.Errorf("%q: expected rng, tpm=SIZE, apple=SIZE, vendor=NAME or uefi=VERSION", item)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// parseRevision reads a version of UEFI as a system table states it: "2.0", "2.70".
func parseRevision(text string) (uint32, error) {
	major, minor, _ := strings.Cut(text, ".")
	high, err1 := strconv.ParseUint(major, 10, 16)
	low, err2 := strconv.ParseUint(minor, 10, 16)
	if err1 != nil || err2 != nil {
		return 0, fmt.Errorf("%q: expected a version of UEFI such as 2.0 or 2.70", text)
	}
	return uint32(high<<16 | low), nil
}
