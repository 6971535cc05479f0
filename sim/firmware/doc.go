// Package firmware is EFI firmware as boot code meets it: boot services that hand out
// memory, an image loader, page tables, and a policy that protects memory, each of
// whose answers becomes a step of the boot.
//
//   - firmware.go: pages and pool blocks
//   - image.go: where a PE image goes, and how its sections are mapped
//   - protect.go: the memory attribute protocol and the DXE services
//   - map.go: the memory map that the firmware starts from
package firmware
