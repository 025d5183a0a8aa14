//! The plan of a job for a device: tiles of pairs, and chunks of the samples with which samples are
//! compared. Pure arithmetic.

use super::kernels;
use crate::device::limits::DeviceLimits;
use crate::error::Bytes;
use crate::neighbors::KsgAlgorithm;

/// The most neurons on an edge of a tile. More would only make progress coarser.
const MAX_EDGE: usize = 32;

/// The most bytes for the state of a tile.
const STATE_BYTES: u64 = 64 << 20;

/// The most turns of all loops of an invocation together, below the 65,535 after which lavapipe
/// ends it.
const TURNS: usize = 60_000;

/// The most samples with which a sample is compared in a dispatch. It keeps the smallest dispatch,
/// of one workgroup, short.
const MAX_CHUNK: usize = 8192;

/// The way in which a job is cut to fit a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Rows of a tile, and also columns.
    pub(crate) edge: usize,
    /// Samples with which a sample is compared in a dispatch.
    pub(crate) chunk: usize,
    pub(crate) state_words: usize,
}

impl Plan {
    /// Plans a job. If the job does not fit the device, the error says what does not fit.
    pub(crate) fn new(
        samples: usize,
        k: usize,
        algorithm: KsgAlgorithm,
        limits: &DeviceLimits,
    ) -> Result<Self, String> {
        let workgroup_bytes = limits.workgroup_storage_bytes as usize;
        if kernels::workgroup_bytes(k) > workgroup_bytes {
            let most = workgroup_bytes / kernels::workgroup_bytes(1);
            return Err(format!("k = {k} is more than the {most} neighbours that fit the device"));
        }
        // A sample that is nearer than all earlier ones moves k distances.
        let chunk = ((TURNS - 2 * k) / k).min(MAX_CHUNK);
        let state_words = kernels::state_words(k, algorithm);
        let largest = limits.largest_buffer();
        let fits = |edge: &usize| {
            let (edge, samples) = (*edge as u64, samples as u64);
            let state = (edge * edge * state_words as u64 * 4).saturating_mul(samples);
            let values = (edge * edge * 8).saturating_add((2 * edge * 16).saturating_mul(samples));
            let table = samples.saturating_add(1).saturating_mul(8);
            state <= largest.min(STATE_BYTES) && values.max(table) <= largest
        };
        let edge = (1..=MAX_EDGE).rev().find(fits);
        let edge = edge.ok_or_else(|| {
            let allowed = Bytes(limits.memory_bytes);
            format!(
                "{samples} samples do not fit the device, of whose memory {allowed} are allowed"
            )
        })?;
        Ok(Self { edge, chunk, state_words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_fits_obeys_the_limits() {
        let small = DeviceLimits {
            memory_bytes: 1 << 30,
            storage_binding_bytes: 16 << 20,
            buffer_bytes: 16 << 20,
            workgroups_per_dimension: 1024,
            workgroup_storage_bytes: 8192,
            subgroup_size: 32,
        };
        let webgpu = DeviceLimits::of(&wgpu::Limits::default(), 32, None);
        for limits in [small, webgpu] {
            for algorithm in [KsgAlgorithm::First, KsgAlgorithm::Second] {
                for k in [1, 3, 16, 32] {
                    for samples in [2, 1000, 65_536, 1 << 18, 1 << 25] {
                        let Ok(plan) = Plan::new(samples, k, algorithm, &limits) else {
                            assert!(k > 16 || samples > 65_536, "{k} {samples} {limits:?}");
                            continue;
                        };
                        let pairs = (plan.edge * plan.edge) as u64;
                        let state = pairs * plan.state_words as u64 * 4 * samples as u64;
                        assert!(state <= limits.storage_binding_bytes, "{plan:?}");
                        assert!(plan.chunk * k + 2 * k < 65_535 && plan.chunk > 0, "{plan:?}");
                    }
                }
            }
        }
        assert!(Plan::new(100, 33, KsgAlgorithm::First, &webgpu).is_err());
        assert_eq!(Plan::new(1000, 3, KsgAlgorithm::First, &webgpu).unwrap().edge, MAX_EDGE);
    }
}
