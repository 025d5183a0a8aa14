//! Memory of the process over time.

use std::fmt;

use peak_alloc::PeakAlloc;

/// A counter of all allocations of this crate, wgpu and the example. Allocations of drivers are not
/// counted.
#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const MIB: usize = 1 << 20;

/// The most by which allocated memory may grow from the second to the last quarter of the time,
/// because jobs differ. A leak of a kilobyte per job exceeds it after ten thousand jobs.
const ALLOWED_ALLOCATED: usize = 8 * MIB;

/// The most by which resident memory may grow: allocators and drivers keep freed memory, and
/// drivers keep compiled code. SwiftShader's takes longest to stop growing.
const ALLOWED_RESIDENT: usize = 192 * MIB;

/// Bytes of memory, measured again and again.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// Resident memory of the process, as the system counts it.
    resident: Series,
    /// Memory that is allocated and not freed.
    allocated: Series,
}

#[derive(Debug, Default)]
struct Series(Vec<usize>);

impl Series {
    fn last(&self) -> usize {
        self.0.last().copied().unwrap_or(0)
    }

    /// Returns the medians of the second and of the last quarter. The first is left out: there,
    /// pipelines are built and pools filled.
    fn early_and_late(&self) -> (usize, usize) {
        let quarter = self.0.len() / 4;
        let median = |begin: usize, end: usize| {
            let mut part = self.0[begin..end].to_vec();
            part.sort_unstable();
            part.get(part.len() / 2).copied().unwrap_or(0)
        };
        (median(quarter, 2 * quarter), median(self.0.len() - quarter, self.0.len()))
    }

    fn has_grown_by_more_than(&self, allowed: usize) -> bool {
        let (early, late) = self.early_and_late();
        late > early + allowed
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (early, late) = self.early_and_late();
        let peak = self.0.iter().max().unwrap_or(&0) / MIB;
        let (early, late) = (early / MIB, late / MIB);
        write!(
            f,
            "{early} MiB in the second quarter of the time, {late} in the last, {peak} at most"
        )
    }
}

impl Memory {
    pub(crate) fn look(&mut self) {
        if let Some(stats) = memory_stats::memory_stats() {
            self.resident.0.push(stats.physical_mem);
        }
        self.allocated.0.push(ALLOCATED.current_usage());
    }

    pub(crate) fn now(&self) -> String {
        let (resident, allocated) = (self.resident.last() / MIB, self.allocated.last() / MIB);
        format!("{resident} MiB resident, {allocated} MiB of them allocated by Rust code")
    }

    pub(crate) fn has_grown(&self) -> bool {
        self.resident.has_grown_by_more_than(ALLOWED_RESIDENT)
            || self.allocated.has_grown_by_more_than(ALLOWED_ALLOCATED)
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "resident: {}\nallocated by Rust code: {}", self.resident, self.allocated)
    }
}
