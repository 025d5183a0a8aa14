//! A few graphics cards, by what their makers publish.

/// What a card can do in a second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Card {
    /// The name it is sold by.
    pub(crate) name: &'static str,
    /// The family whose machine code stands for it: its own, or the nearest.
    pub(crate) family: &'static str,
    /// Whether scalar instructions run beside vector ones. Else each takes a vector one's place.
    pub(crate) has_scalar_unit: bool,
    /// Compute units, multiprocessors, cores, execution units.
    pub(crate) units: f64,
    /// Clocks a second, at the highest rate its maker names.
    pub(crate) hertz: f64,
    /// 32-bit logic instructions that a unit does in a clock, counted by invocations.
    pub(crate) lanes: f64,
    /// Clocks, in instructions such as these, of counting a word's bits and adding the count.
    pub(crate) bit_count_turns: f64,
    /// Accesses to workgroup memory without conflicts of a unit in a clock.
    pub(crate) workgroup_lanes: f64,
    /// Bytes of a unit in a clock from the cache beside it.
    pub(crate) cache_bytes: f64,
    /// Bytes a second of the card's memory.
    pub(crate) memory_bytes: f64,
}

/// Two integrated GPUs, an Apple M-series, and two large discrete cards. `docs/GPU_COST.md` says
/// where the figures are from.
pub(crate) const CARDS: [Card; 5] = [
    Card {
        name: "Intel Iris Xe (Xe-LP, 96 EU)",
        family: "polaris10",
        has_scalar_unit: false,
        units: 96.0,
        hertz: 1.35e9,
        lanes: 8.0,
        bit_count_turns: 5.0,
        // 128 bytes a clock for 16 execution units.
        workgroup_lanes: 2.0,
        cache_bytes: 8.0,
        memory_bytes: 68.3e9,
    },
    Card {
        name: "AMD Radeon 780M",
        family: "gfx1100",
        has_scalar_unit: true,
        units: 12.0,
        hertz: 2.7e9,
        lanes: 64.0,
        bit_count_turns: 1.0,
        workgroup_lanes: 32.0,
        cache_bytes: 64.0,
        memory_bytes: 89.6e9,
    },
    Card {
        name: "Apple M2, 10 cores",
        family: "polaris10",
        has_scalar_unit: false,
        units: 10.0,
        hertz: 1.4e9,
        lanes: 128.0,
        bit_count_turns: 5.0,
        workgroup_lanes: 32.0,
        cache_bytes: 64.0,
        memory_bytes: 100e9,
    },
    Card {
        name: "AMD Radeon RX 7900 XTX",
        family: "gfx1100",
        has_scalar_unit: true,
        units: 96.0,
        hertz: 2.5e9,
        lanes: 64.0,
        bit_count_turns: 1.0,
        workgroup_lanes: 32.0,
        cache_bytes: 64.0,
        memory_bytes: 960e9,
    },
    Card {
        name: "NVIDIA GeForce RTX 4090",
        family: "gfx1100",
        has_scalar_unit: true,
        units: 128.0,
        hertz: 2.52e9,
        lanes: 64.0,
        bit_count_turns: 5.0,
        workgroup_lanes: 32.0,
        cache_bytes: 128.0,
        memory_bytes: 1008e9,
    },
];
