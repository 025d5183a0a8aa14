//! A few graphics cards with the figures that their makers publish.

/// The performance of a card.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Card {
    /// The name under which the card is sold.
    pub(crate) name: &'static str,
    /// The family whose machine code represents the card: its own, or the nearest.
    pub(crate) family: &'static str,
    /// `true` if scalar instructions run beside vector instructions. Otherwise each takes the place
    /// of a vector instruction.
    pub(crate) has_scalar_unit: bool,
    /// The number of compute units, multiprocessors, cores or execution units.
    pub(crate) units: f64,
    /// The clock rate in hertz, the highest that the maker gives.
    pub(crate) hertz: f64,
    /// The 32-bit logic instructions that a unit executes in a clock, one for each invocation.
    pub(crate) lanes: f64,
    /// The time to count the bits of a word and add the count, in clocks of such an instruction.
    pub(crate) bit_count_turns: f64,
    /// The accesses to workgroup memory, without conflicts, of a unit in a clock.
    pub(crate) workgroup_lanes: f64,
    /// The bytes that a unit gets in a clock from its nearest cache.
    pub(crate) cache_bytes: f64,
    /// The bandwidth of the card's memory in bytes a second.
    pub(crate) memory_bytes: f64,
}

/// Two integrated GPUs, an Apple M-series, and two large discrete cards. `docs/GPU_COST.md` gives
/// the sources of the figures.
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
