//! The plan of a job for a device: the edge of tiles, the chunk of samples, and where sums are
//! made. Pure arithmetic.

use super::kernels::count_kernel::{CountKernel, Output};
use crate::device::limits::DeviceLimits;
use crate::device::tagged_sums;

/// The most bytes for the joint histograms of a tile. More would make dispatches no longer, and
/// would share tables no better.
const COUNTS_BYTES: u64 = 64 << 20;

/// The most neurons on an edge of a tile. More would only make progress coarser.
const MAX_EDGE: usize = 512;

/// The way in which a job is cut to fit a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Rows of a tile, and also columns.
    pub(crate) edge: usize,
    /// Samples that are uploaded and counted together.
    pub(crate) chunk: usize,
    pub(crate) reduction: Reduction,
}

/// The place where f(n) is summed over the cells of the joint histograms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reduction {
    /// The counting kernel, if it can sum and all samples fit one chunk. No counts go to memory.
    InKernel,
    /// The kernel `cell_sum`, after the counts of all chunks have been added.
    CellSum,
    /// The host, if there is no table for every count, if the table does not fit a binding, or if
    /// the histograms themselves are wanted.
    OnHost,
}

impl Reduction {
    /// Returns the output of the counting kernel.
    pub(crate) fn output(self) -> Output {
        match self {
            Self::InKernel => Output::Sums,
            Self::CellSum | Self::OnHost => Output::Counts,
        }
    }
}

impl Plan {
    /// Plans a job. `table_values` is the length of a table that covers every count. It is `None`
    /// if there is no such table or if histograms are wanted. If not even one pair fits, the error
    /// says what does not fit.
    pub(crate) fn new(
        samples: usize,
        neurons: usize,
        bins: usize,
        kernel: &dyn CountKernel,
        table_values: Option<usize>,
        limits: &DeviceLimits,
    ) -> Result<Self, String> {
        let largest = limits.largest_buffer();
        let chunk = samples.min(kernel.max_chunk());
        let table_fits =
            table_values.is_some_and(|values| (values * size_of::<u64>()) as u64 <= largest);
        let reduction = match table_fits {
            true if chunk == samples && kernel.can_sum() => Reduction::InKernel,
            true => Reduction::CellSum,
            false => Reduction::OnHost,
        };
        let pair_bytes = match reduction.output() {
            Output::Counts => bins * bins * size_of::<u32>(),
            Output::Sums => tagged_sums::WORDS * size_of::<u32>(),
        };
        let pairs = (largest.min(COUNTS_BYTES) / pair_bytes as u64).max(1);
        let neuron_bytes = kernel.bytes_per_neuron(chunk) as u64;
        if let Some(problem) = limits.too_small_for(neuron_bytes.max(pair_bytes as u64)) {
            return Err(problem);
        }
        let edge = pairs
            .isqrt()
            .min(largest / neuron_bytes)
            .min(u64::from(limits.workgroups_per_dimension))
            .clamp(1, MAX_EDGE as u64);
        let edge = usize::try_from(edge).unwrap_or(MAX_EDGE).min(neurons);
        Ok(Self { edge, chunk, reduction })
    }

    /// Returns the number of rows of tiles, with as many columns of tiles, whose samples can all be
    /// kept on the device.
    pub(crate) fn panels(
        &self,
        samples: usize,
        kernel: &dyn CountKernel,
        limits: &DeviceLimits,
    ) -> usize {
        let chunks = samples.div_ceil(self.chunk.max(1));
        let chunk_bytes = (self.edge * kernel.bytes_per_neuron(self.chunk)) as u64;
        let panels = limits.upload_bytes() / 2 / (chunk_bytes * chunks as u64).max(1);
        usize::try_from(panels).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::limits;
    use crate::engine::gpu::kernels;
    use crate::execution::Kernel;

    const WEBGPU: DeviceLimits = DeviceLimits {
        memory_bytes: limits::MEMORY_BYTES,
        storage_binding_bytes: 128 << 20,
        buffer_bytes: 256 << 20,
        workgroups_per_dimension: 65_535,
        workgroup_storage_bytes: 16_384,
        subgroup_size: 32,
    };

    #[test]
    fn plans_obey_limits_smaller_than_any_device_has() {
        for storage_binding_bytes in [1 << 24, 1 << 25, 128 << 20] {
            for bins in [2, 16, 32, 100, 256] {
                for samples in [2, 1000, 16_384, 16_385, 1 << 30] {
                    let limits = DeviceLimits { storage_binding_bytes, ..WEBGPU };
                    for kernel in Kernel::ALL.into_iter().filter(|k| bins <= k.max_bins()) {
                        let kernel = kernels::new(kernel, bins, &limits);
                        let kernel = kernel.as_ref();
                        let plan = Plan::new(samples, 5000, bins, kernel, Some(samples), &limits);
                        let plan = plan.unwrap();
                        let pair_bytes = match plan.reduction {
                            Reduction::InKernel => 16,
                            Reduction::CellSum | Reduction::OnHost => bins * bins * 4,
                        };
                        let counts = (plan.edge * plan.edge * pair_bytes) as u64;
                        assert!(counts <= storage_binding_bytes, "{plan:?}");
                        let upload = plan.edge * kernel.bytes_per_neuron(plan.chunk);
                        assert!(upload as u64 <= storage_binding_bytes, "{plan:?}");
                        let table = samples as u64 * 8;
                        assert_eq!(
                            plan.reduction != Reduction::OnHost,
                            table <= limits.largest_buffer(),
                            "{plan:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn tiles_are_large_where_they_can_be() {
        let kernel = kernels::new(Kernel::PositionalPopcount, 10, &WEBGPU);
        let plan = |neurons, table| {
            let plan = Plan::new(10_000, neurons, 10, kernel.as_ref(), table, &WEBGPU).unwrap();
            (plan.edge, plan.chunk, plan.reduction)
        };
        assert_eq!(plan(5000, Some(10_001)), (MAX_EDGE, 10_000, Reduction::InKernel));
        // The limit of 64 MiB of counts.
        assert_eq!(plan(5000, None), (409, 10_000, Reduction::OnHost));
        assert_eq!(plan(7, None), (7, 10_000, Reduction::OnHost));
    }

    #[test]
    fn plans_obey_a_limit_on_memory_or_say_what_they_need() {
        let kernel = kernels::new(Kernel::JointHistogram, 256, &WEBGPU);
        let plan = |mib: u64| {
            let limits = DeviceLimits { memory_bytes: mib << 20, ..WEBGPU };
            Plan::new(10_000, 5000, 256, kernel.as_ref(), Some(10_001), &limits)
        };
        // A part, one twenty-fourth of the memory, must hold 256 × 256 counts of 4 bytes.
        assert_eq!(plan(6).unwrap().edge, 1);
        assert_eq!(plan(24).unwrap().edge, 2);
        let problem = plan(5).unwrap_err();
        assert!(problem.contains("6.0 MiB") && problem.contains("5.0 MiB"), "{problem}");
    }
}
