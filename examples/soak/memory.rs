//! What the process holds of the machine's memory, over time.

use std::fmt;

/// Resident bytes, as often as they were looked at.
#[derive(Debug, Default)]
pub(crate) struct Memory(Vec<usize>);

const MIB: usize = 1 << 20;

/// How much more the last half of the time may hold than the first, but for its beginning: what
/// allocators and drivers keep in case it is needed again. A leak of a kilobyte a job is more.
const ALLOWED: usize = 64 * MIB;

impl Memory {
    pub(crate) fn look(&mut self) {
        if let Some(stats) = memory_stats::memory_stats() {
            self.0.push(stats.physical_mem);
        }
    }

    pub(crate) fn now_mib(&self) -> usize {
        self.0.last().map_or(0, |bytes| bytes / MIB)
    }

    /// The medians of the second and of the last quarter: in the first, pipelines are built, and pools
    /// filled.
    fn early_and_late(&self) -> (usize, usize) {
        let quarter = self.0.len() / 4;
        let median = |begin: usize, end: usize| {
            let mut part = self.0[begin..end].to_vec();
            part.sort_unstable();
            part.get(part.len() / 2).copied().unwrap_or(0)
        };
        (median(quarter, 2 * quarter), median(self.0.len() - quarter, self.0.len()))
    }

    pub(crate) fn has_grown(&self) -> bool {
        let (early, late) = self.early_and_late();
        late > early + ALLOWED
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (early, late) = self.early_and_late();
        let peak = self.0.iter().max().unwrap_or(&0) / MIB;
        let (early, late) = (early / MIB, late / MIB);
        write!(
            f,
            "resident memory: {early} MiB in the second quarter of the time, {late} MiB in the \
             last, {peak} MiB at most"
        )
    }
}
