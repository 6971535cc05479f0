#!/bin/bash
# Prints what a running kernel shows of its boot, in sections. Run it as root with bash
# or busybox's sh. What the kernel hides (lockdown, no /proc/kcore) is left out.

symbols='_text _stext _etext __start_rodata __end_rodata _sdata _edata __bss_start __bss_stop
__brk_base __brk_limit _end __init_begin __init_end startup_64 secondary_startup_64
real_mode_blob real_mode_blob_end init_top_pgt boot_params'

longs='phys_base real_mode_header page_offset_base vmalloc_base vmemmap_base initrd_start
initrd_end _brk_end max_pfn max_low_pfn max_pfn_mapped max_low_pfn_mapped
trampoline_cr4_features'
ints='__pgtable_l5_enabled pgdir_shift'

section() { echo "=== $1 ==="; }

# The PT_LOAD segments of /proc/kcore, an ELF file of the kernel's memory: for each
# virtual address, physical address, size, and offset in the file.
segments() {
	local count
	count=$(od -An -tu2 -j56 -N2 /proc/kcore 2>/dev/null) || return
	od -An -v -tx8 -w56 -j64 -N$((56 * count)) /proc/kcore |
		while read -r type offset virt phys _ size _; do
			case $type in
			*00000001) echo "0x$virt 0x$phys 0x$size 0x$offset" ;;
			esac
		done
}

# value ADDRESS BYTES prints a number in the kernel's memory. Addresses are above 2^63,
# so that differences are right though the shell's numbers have a sign.
value() {
	local distance
	echo "$loads" | while read -r virt _ size offset; do
		distance=$(($1 - virt))
		if [ $distance -ge 0 ] && [ $distance -lt $((size)) ]; then
			dd if=/proc/kcore bs="$2" skip=$(((offset + distance) / $2)) count=1 2>/dev/null |
				od -An -tx"$2"
			break
		fi
	done
}

# values BYTES NAME… prints variables of the kernel by name.
values() {
	local bytes=$1 name at number
	shift
	for name; do
		at=$(echo "$table" | sed -n "s/^\([0-9a-f]*\) . $name\$/0x\1/p" | head -n1)
		number=$(test -n "$at" && value "$at" "$bytes")
		test -n "$number" && printf 'val %s 0x%x\n' "$name" "0x${number# }"
	done
}

kernel_facts() {
	local pattern loads table
	loads=$(segments)
	pattern=$(echo $symbols $longs $ints | tr ' ' '|')
	table=$(grep -E " ($pattern)\$" /proc/kallsyms)
	echo "$loads" | while read -r virt phys size _; do
		test -n "$virt" && printf 'kcore-load vaddr=0x%x paddr=0x%x memsz=0x%x\n' "$virt" "$phys" "$size"
	done
	values 8 $longs
	values 4 $ints
	for name in $symbols; do
		echo "$table" | sed -n "s/^\([0-9a-f]*\) . $name\$/sym $name 0x\1/p" | head -n1
	done
	test -r /sys/kernel/boot_params/data || return
	echo "boot_params (zero lines left out):"
	od -Ax -v -tx1 -w32 /sys/kernel/boot_params/data |
		sed -e 's/ \(..\) \(..\) \(..\) \(..\)/ \1\2\3\4/g' -e 's/^0*\(...\) /\1: /' \
			-e '/^...:\( 00000000\)*$/d' -e '/:/!d'
}

# files DIRECTORY NAME… prints the contents of the files on one line.
files() {
	local directory=$1 line name
	shift
	line=
	for name; do line="$line $(cat "$directory/$name" 2>/dev/null)"; done
	echo "${line# }"
}

echo
echo "=== REPORT ==="
section CMDLINE
cat /proc/cmdline
section VERSION
cat /proc/version
section CPU
grep -m1 '^model name' /proc/cpuinfo
grep -c '^processor' /proc/cpuinfo
echo "la57flag: $(grep -m1 -ow la57 /proc/cpuinfo | head -n1)"
echo "nxflag: $(grep -m1 -ow nx /proc/cpuinfo | head -n1)"
grep -m1 '^address sizes' /proc/cpuinfo
section MEMINFO
grep -E '^(MemTotal|MemFree|HugePages_Total)' /proc/meminfo
section IOMEM
cat /proc/iomem
section KFACTS
kernel_facts
section MEMMAP
for entry in /sys/firmware/memmap/*; do
	test -d "$entry" && files "$entry" start end type
done
section RUNTIMEMAP
for entry in /sys/firmware/efi/runtime-map/*; do
	test -d "$entry" && files "$entry" phys_addr virt_addr num_pages type attribute
done
section SETUPDATA
for entry in /sys/kernel/boot_params/setup_data/*; do
	test -d "$entry" && echo "$entry type $(cat "$entry/type") len $(wc -c <"$entry/data")"
done
section MEMBLOCKS
echo "block_size $(cat /sys/devices/system/memory/block_size_bytes 2>/dev/null)"
for node in /sys/devices/system/node/node*; do
	test -d "$node" && echo "$node $(grep MemTotal "$node/meminfo")"
done
section END
