// Package linux holds what all models of Linux boot code share: which version is
// modelled, how the boot code reads text (command-line words, numbers with
// suffixes), odd spellings included, and what it reads of the BIOS.
package linux

import (
	"fmt"
	"strconv"
	"strings"
)

// Version is a mainline release whose behaviour is modelled; versions compare with < and >.
type Version uint16

// Of returns the version major.minor.
func Of(major, minor uint8) Version { return Version(major)<<8 | Version(minor) }

// The versions between which the modelled code differs.
const (
	V4_18 Version = 4<<8 | 18
	V4_19 Version = 4<<8 | 19
	V5_0  Version = 5 << 8
	V5_1  Version = 5<<8 | 1
	V5_3  Version = 5<<8 | 3
	V5_10 Version = 5<<8 | 10
	V5_13 Version = 5<<8 | 13
	V5_15 Version = 5<<8 | 15
	V5_19 Version = 5<<8 | 19
	V6_1  Version = 6<<8 | 1
	V6_3  Version = 6<<8 | 3
	V6_5  Version = 6<<8 | 5
	V6_6  Version = 6<<8 | 6
	V6_7  Version = 6<<8 | 7
	V6_11 Version = 6<<8 | 11
	V6_12 Version = 6<<8 | 12
	V7_2  Version = 7<<8 | 2
)

// String is "v6.12".
func (v Version) String() string {
	return "v" + strconv.Itoa(int(v>>8)) + "." + strconv.Itoa(int(v&0xff))
}

// ParseVersion reads "6.12", "v6.12" or the beginning of a release string such as
// "6.12.117+deb12-amd64".
func ParseVersion(s string) (Version, error) {
	parts := strings.SplitN(strings.TrimPrefix(s, "v"), ".", 3)
	if len(parts) >= 2 {
		minor := parts[1]
		if i := strings.IndexFunc(minor, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
			minor = minor[:i]
		}
		major, err1 := strconv.ParseUint(parts[0], 10, 8)
		low, err2 := strconv.ParseUint(minor, 10, 8)
		if err1 == nil && err2 == nil {
			return Of(uint8(major), uint8(low)), nil
		}
	}
	return 0, fmt.Errorf("kernel version %q: expected something like 6.12", s)
}
