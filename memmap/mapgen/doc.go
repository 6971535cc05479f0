// Package mapgen generates memory maps for property tests with pgregory.net/rapid.
//
// [E820] and [EFI] give any proper map: sorted, disjoint, page aligned. [RealisticE820]
// and [RealisticEFI] give maps as firmware makes them: [SeaBIOS], [OVMF] and big
// servers ([Server]) with holes, hot-pluggable, mirrored, special-purpose, persistent
// and unaccepted memory. [HostileE820] and [HostileEFI] give what firmware must not
// say: overlaps, wrap-around, no length, unknown types, any order. [CrowdE820] and
// [CrowdEFI] repeat such entries up to 10,000 times, for tests of cost.
//
// Every generator draws a slice of small independent pieces and hands them to a
// function without randomness that places them. A failing map therefore shrinks by
// losing pieces, to the few entries that matter.
package mapgen
