//! Upper bounds on pair-samples a second: the rate that the busiest part of a card allows if
//! nothing ever waits.

use crate::cards::Card;
use crate::counts::Counts;
use crate::record::Record;
use crate::table::{Table, figure};

/// The size of a job.
#[derive(Debug)]
pub(crate) struct Workload {
    name: &'static str,
    samples: usize,
    neurons: usize,
    /// The number of bins.
    pub(crate) bins: usize,
}

/// The reference workloads of `PERFORMANCE.md`; the last one has neurons that either fire or do
/// not.
pub(crate) const WORKLOADS: [Workload; 5] = [
    Workload { name: "W1", samples: 1_000, neurons: 256, bins: 10 },
    Workload { name: "W2", samples: 1_000, neurons: 256, bins: 100 },
    Workload { name: "W3", samples: 10_000, neurons: 512, bins: 16 },
    Workload { name: "W4", samples: 50_000, neurons: 256, bins: 30 },
    Workload { name: "W5", samples: 100_000, neurons: 2_048, bins: 2 },
];

/// The bytes moved by a visit to a count in memory: a read and a write.
const COUNT_VISIT_BYTES: f64 = 8.0;

/// The bytes of codes for a pair-sample, times the number of neurons. Codes are read from memory at
/// least once: N · S bytes for N² / 2 · S pair-samples.
const CODE_BYTES: f64 = 2.0;

/// Pair-samples a second, and the part of the card that limits them.
#[derive(Debug, PartialEq)]
struct Bound {
    rate: f64,
    part: &'static str,
}

/// Makes a table of a card's bounds: kernels by workloads, each in G pair-samples a second.
pub(crate) fn table(card: &Card, records: &[Record]) -> Table {
    let titles: Vec<&str> =
        ["kernel"].into_iter().chain(WORKLOADS.iter().map(|workload| workload.name)).collect();
    let mut table = Table::new(&titles);
    let mut kernels: Vec<String> = Vec::new();
    for record in records.iter().filter(|record| record.kernel != "cell_sum") {
        if !kernels.contains(&record.title()) {
            kernels.push(record.title());
        }
    }
    for kernel in kernels {
        let bounds = WORKLOADS.iter().map(|workload| {
            let with = |title: &str| {
                records.iter().find(|one| one.bins == workload.bins && one.title() == title)
            };
            let bound = bound(card, workload, with(&kernel)?, with("cell_sum")?)?;
            Some(format!("{} {}", figure(Some(bound.rate / 1e9)), bound.part))
        });
        let cells = bounds.map(|bound| bound.unwrap_or_else(|| "–".to_owned()));
        let row = std::iter::once(kernel.clone()).chain(cells).collect();
        table.push(row);
    }
    table
}

/// Returns the bound, or `None` if the kernel's cost is unknown, or the kernel would have to hold
/// all samples at once but cannot.
fn bound(card: &Card, workload: &Workload, kernel: &Record, cell_sum: &Record) -> Option<Bound> {
    let chunks = workload.samples.div_ceil(kernel.samples_a_chunk?);
    if kernel.sums && chunks > 1 {
        return None;
    }
    let [samples, neurons, bins, chunks] =
        [workload.samples, workload.neurons, workload.bins, chunks].map(to_f64);
    let cells_a_sample = bins * bins / samples;
    // Lists of samples are filled up to whole groups, by half a group on average.
    let work = kernel.work.as_ref()?;
    let filled = 1.0 + chunks * bins * (work.samples_a_group - 1.0) / 2.0 / samples;

    let mut memory = CODE_BYTES / neurons;
    let mut cells = match (kernel.visited_cell, work.visits_a_sample) {
        // On average, a row of the histogram has fewer samples than cells.
        (Some(cell), Some(visits)) if samples / chunks < bins * bins => vec![(cell, visits)],
        _ => vec![(kernel.cell?, chunks * cells_a_sample)],
    };
    if !kernel.sums {
        cells.push((cell_sum.cell?, cells_a_sample));
        memory += COUNT_VISIT_BYTES * cells.iter().map(|(_, times)| times).sum::<f64>();
    }
    let pair_sample = kernel.pair_sample?;
    let total = |of: &dyn Fn(&Counts) -> f64| {
        of(&pair_sample) * filled
            + cells.iter().map(|(counts, times)| of(counts) * times).sum::<f64>()
    };
    let scalar_share = if card.has_scalar_unit { 0.0 } else { 1.0 };
    let clocks = card.units * card.hertz;
    let parts = [
        (
            "arithmetic",
            total(&|counts| {
                counts.vector_turns(card.bit_count_turns) + scalar_share * counts.scalar
            }) / (clocks * card.lanes),
        ),
        ("workgroup memory", total(&|counts| counts.workgroup) / (clocks * card.workgroup_lanes)),
        (
            "cache",
            total(&|counts| counts.load_bytes + counts.store_bytes) / (clocks * card.cache_bytes),
        ),
        ("memory", memory / card.memory_bytes),
    ];
    let (part, seconds) = parts.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))?;
    Some(Bound { rate: 1.0 / seconds, part })
}

#[expect(clippy::cast_precision_loss, reason = "sizes of jobs are far below 2⁵³")]
fn to_f64(size: usize) -> f64 {
    size as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cards::CARDS;
    use crate::work::Work;

    fn record(kernel: &str, sums: bool, pair_sample: Counts, cell: Counts) -> Record {
        Record {
            family: String::new(),
            device: String::new(),
            kernel: kernel.to_owned(),
            sums,
            bins: 10,
            subgroup_size: 64,
            statistics: std::collections::BTreeMap::new(),
            whole: Counts::default(),
            loops: Vec::new(),
            pair_sample: Some(pair_sample),
            cell: Some(cell),
            visited_cell: None,
            spirv_pair_sample: None,
            samples_a_chunk: Some(65_535),
            work: Some(Work {
                pair_samples: vec![1.0],
                samples_a_group: 1.0,
                visits_a_sample: None,
            }),
            assembly: String::new(),
        }
    }

    #[test]
    fn the_busiest_part_decides() {
        let card = Card { units: 1.0, hertz: 1.0, lanes: 10.0, workgroup_lanes: 1.0, ..CARDS[1] };
        let card = Card { cache_bytes: 1e9, memory_bytes: 1e9, ..card };
        let workload = &WORKLOADS[0];
        let nothing = Counts::default();
        let cell_sum = record("cell_sum", false, nothing, nothing);
        let vector = Counts { vector: 20.0, workgroup: 1.0, ..nothing };
        let kernel = record("kernel", true, vector, nothing);
        let found = bound(&card, workload, &kernel, &cell_sum).unwrap();
        assert_eq!(found, Bound { rate: 0.5, part: "arithmetic" });

        let workgroup = Counts { vector: 20.0, workgroup: 4.0, ..nothing };
        let kernel = record("kernel", true, workgroup, nothing);
        let found = bound(&card, workload, &kernel, &cell_sum).unwrap();
        assert_eq!(found, Bound { rate: 0.25, part: "workgroup memory" });

        // There is a tenth of a cell for each sample. The cell is counted and summed: two visits.
        let card = Card { memory_bytes: 1.6 + CODE_BYTES / 256.0, ..card };
        let kernel = record("kernel", false, nothing, nothing);
        let found = bound(&card, workload, &kernel, &cell_sum).unwrap();
        assert_eq!(found, Bound { rate: 1.0, part: "memory" });
    }
}
