#!/bin/busybox sh
# First process of a captured boot: shows the report and resets the machine,
# which ends QEMU with -no-reboot; without ACPI nothing could power it off.
export PATH=/bin
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
# Nothing of the kernel between the lines of the report.
echo 0 >/sys/module/printk/parameters/ignore_loglevel
echo 1 >/proc/sys/kernel/printk
sh /report.sh
sleep 1 # the serial line, and a debugger that waits for the last line
reboot -f
