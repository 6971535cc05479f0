// Package firmware is EFI firmware as boot code meets it: boot services that hand out
// memory, an image loader, page tables, and a policy that protects memory, each of
// whose answers becomes a step of the boot.
//
//   - firmware.go: how boot services begin and end
//   - map.go: the memory map that the firmware starts from
//   - services.go: which allocator hands out memory; pages.go, pool.go: what it hands out
//   - tables.go: page tables, and how they follow the policy
//   - image.go: where a PE image goes; image_accept.go: whether it is loaded at all;
//     image_protect.go: how its sections are mapped
//   - attributes.go: the memory attribute protocol; dxe.go: the DXE services;
//     protect.go: how boot code uses them
//   - accept.go: memory that a confidential guest must accept
package firmware
