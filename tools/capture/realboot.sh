#!/bin/sh
# Boots Debian kernels under QEMU in several configurations, records each boot, and lets
# bootplan verify its model against the records. Needs Debian or a system with apt; what
# is missing is installed when this runs as root.
#
#   tools/capture/realboot.sh [DIRECTORY]
#
# DIRECTORY keeps the records, the programs and the kernels (default: a new one below
# $TMPDIR). KERNELS=DIRECTORY takes vmlinuz-6.1* and vmlinuz-6.12* from there instead of
# downloading the packages. Kernels are unpacked, not installed.
set -eu
cd "$(dirname "$0")/../.."
work=${1:-$(mktemp -d -t realboot.XXXXXX)}
mkdir -p "$work/captures"
work=$(cd "$work" && pwd)

fail() {
	echo "realboot: $*" >&2
	exit 2
}

# install PROGRAM-OR-FILE PACKAGE makes sure that something is there.
install() {
	if command -v "$1" >/dev/null || test -e "$1"; then return; fi
	test "$(id -u)" = 0 || fail "$1 is missing: as root, apt-get install $2"
	apt-get install -y --no-install-recommends "$2" >"$work/apt.log" 2>&1 ||
		fail "apt-get install $2 failed: see $work/apt.log"
}

# kernel VERSION prints the image of the newest Debian kernel of that series.
kernel() {
	kernels=${KERNELS:-$work/kernels}
	if ! newest "$kernels" "$1" >/dev/null; then
		package=$(apt-cache search --names-only "^linux-image-$1\.[0-9.]*[^ ]*-amd64-unsigned\$" |
			cut -d' ' -f1 | grep -Ev -- '-(cloud|rt)-' | sort -V | tail -n1)
		test -n "$package" || fail "no package of Linux $1: run apt-get update, add a suite that has one to apt's sources, or set KERNELS"
		mkdir -p "$work/packages" "$kernels"
		(cd "$work/packages" && apt-get download "$package" && dpkg-deb -x "$package"_*.deb unpacked) \
			>"$work/apt.log" 2>&1 || fail "downloading $package failed: see $work/apt.log"
		cp "$work/packages/unpacked/boot/vmlinuz-$1"* "$kernels"
	fi
	newest "$kernels" "$1" || fail "no vmlinuz-$1* in $kernels"
}

# newest DIRECTORY VERSION prints the newest generic image of a series.
newest() {
	for image in "$1/vmlinuz-$2".*; do
		case $image in *cloud* | *-rt-*) continue ;; esac
		test -e "$image" && echo "$image"
	done | sort -V | tail -n1 | grep .
}

# boot NAME KERNEL OPTION… records one boot.
boot() {
	name=$1 image=$2
	shift 2
	"$work/capture" boot --name "$name" --kernel "$image" --output "$work/captures" "$@"
}

install qemu-system-x86_64 qemu-system-x86
install /usr/share/OVMF/OVMF_CODE_4M.fd ovmf
install /bin/busybox busybox-static
install mformat mtools
go build -o "$work/capture" ./tools/capture
go build -o "$work/bootplan" ./cmd/bootplan
v61=$(kernel 6.1)
v612=$(kernel 6.12)

boot bios-512m-6.1-nokaslr "$v61" --ram 512M --append nokaslr --debug
boot bios-2g-6.1-kaslr-la57off "$v61" --ram 2G --cpu max,la57=off --debug
boot bios-1g-6.12-kaslr "$v612" --ram 1G --debug --permissions
boot bios-q35-4g-6.12-kaslr-no5lvl "$v612" --machine q35 --ram 4G --append no5lvl --debug
boot ovmf-1g-6.1-kaslr "$v61" --firmware ovmf-4m --ram 1G --debug
boot ovmf-2g-6.12-nokaslr-la57off "$v612" --firmware ovmf-4m --ram 2G --cpu max,la57=off --append nokaslr --debug
boot shell-2g-6.12-kaslr "$v612" --firmware ovmf-4m --shell --ram 2G --debug --permissions
boot shell-2m-512m-6.1-nokaslr "$v61" --firmware ovmf-2m --shell --ram 512M --append nokaslr

"$work/bootplan" verify boot "$work/captures"
