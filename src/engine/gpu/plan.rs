//! What fits the device: tile edge, chunk of samples, where sums are made. Pure arithmetic.

use super::count_kernel::CountKernel;

/// The most samples a kernel counts before it adds to the histograms in memory: a count then fits
/// the 15 planes of the positional population count, and no invocation loops more than 2,048
/// times (lavapipe silently ends an invocation after 65,535 iterations).
pub(super) const SAMPLES_PER_CHUNK: usize = 16_384;

/// The most bytes for the joint histograms of a tile. More would not make dispatches any longer
/// or tables any better shared.
const COUNTS_BYTES: u64 = 64 << 20;

/// Neurons on an edge of a tile. More would only make progress coarser.
const MAX_EDGE: usize = 512;

/// The limits of a device that the plan has to obey.
#[derive(Debug, Clone, Copy)]
pub(super) struct DeviceLimits {
    pub(super) storage_binding_bytes: u64,
    pub(super) buffer_bytes: u64,
    pub(super) workgroups_per_dimension: u32,
    pub(super) workgroup_storage_bytes: u32,
}

impl DeviceLimits {
    pub(super) fn of(limits: &wgpu::Limits) -> Self {
        Self {
            storage_binding_bytes: limits.max_storage_buffer_binding_size,
            buffer_bytes: limits.max_buffer_size,
            workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
            workgroup_storage_bytes: limits.max_compute_workgroup_storage_size,
        }
    }

    fn largest_buffer(&self) -> u64 {
        self.storage_binding_bytes.min(self.buffer_bytes)
    }
}

/// How a job is cut to fit a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Plan {
    /// Rows and columns of a tile.
    pub(super) edge: usize,
    /// Samples that are uploaded and counted together.
    pub(super) chunk: usize,
    /// Whether the table of `f(n)` fits a binding, so that histograms can be reduced on the device.
    pub(super) reduce_on_device: bool,
}

impl Plan {
    /// `table_values` is the length of a table that covers every count, or `None` where there is
    /// no such table.
    pub(super) fn new(
        samples: usize,
        neurons: usize,
        bins: usize,
        kernel: &dyn CountKernel,
        table_values: Option<usize>,
        limits: &DeviceLimits,
    ) -> Self {
        let largest = limits.largest_buffer();
        let chunk = samples.min(SAMPLES_PER_CHUNK);
        let cells_bytes = (bins * bins * size_of::<u32>()) as u64;
        let pairs = (largest.min(COUNTS_BYTES) / cells_bytes).max(1);
        let neuron_bytes = kernel.bytes_per_neuron(chunk) as u64;
        let edge = pairs
            .isqrt()
            .min(largest / neuron_bytes)
            .min(u64::from(limits.workgroups_per_dimension))
            .clamp(1, MAX_EDGE as u64);
        let reduce_on_device =
            table_values.is_some_and(|values| (values * size_of::<u64>()) as u64 <= largest);
        let edge = usize::try_from(edge).unwrap_or(MAX_EDGE).min(neurons);
        Self { edge, chunk, reduce_on_device }
    }
}

#[cfg(test)]
mod tests {
    use super::super::joint_histogram::JointHistogram;
    use super::super::positional_popcount::PositionalPopcount;
    use super::*;

    const WEBGPU: DeviceLimits = DeviceLimits {
        storage_binding_bytes: 128 << 20,
        buffer_bytes: 256 << 20,
        workgroups_per_dimension: 65_535,
        workgroup_storage_bytes: 16_384,
    };

    #[test]
    fn plans_obey_limits_smaller_than_any_device_has() {
        for storage_binding_bytes in [1 << 24, 1 << 25, 128 << 20] {
            for bins in [2, 16, 32, 100, 256] {
                for samples in [2, 1000, 16_384, 16_385, 1 << 30] {
                    let limits = DeviceLimits { storage_binding_bytes, ..WEBGPU };
                    let counters = JointHistogram::new(bins, &limits);
                    let popcount = PositionalPopcount::new(bins.min(32));
                    let kernels: [&dyn CountKernel; 2] = [&counters, &popcount];
                    for kernel in kernels {
                        let plan = Plan::new(samples, 5000, bins, kernel, Some(samples), &limits);
                        let counts = (plan.edge * plan.edge * bins * bins * 4) as u64;
                        assert!(counts <= storage_binding_bytes, "{plan:?}");
                        let upload = plan.edge * kernel.bytes_per_neuron(plan.chunk);
                        assert!(upload as u64 <= storage_binding_bytes, "{plan:?}");
                        let table = samples as u64 * 8;
                        assert_eq!(
                            plan.reduce_on_device,
                            table <= storage_binding_bytes,
                            "{plan:?}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn tiles_are_large_where_they_can_be() {
        let kernel = PositionalPopcount::new(10);
        let plan = Plan::new(10_000, 5000, 10, &kernel, Some(10_001), &WEBGPU);
        assert_eq!((plan.edge, plan.chunk), (409, 10_000));
        let plan = Plan::new(10_000, 7, 10, &kernel, None, &WEBGPU);
        assert_eq!((plan.edge, plan.reduce_on_device), (7, false));
    }
}
