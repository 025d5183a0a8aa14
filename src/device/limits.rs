//! The limits of a device, and the part of them that a job may use. Pure arithmetic.

use crate::error::Bytes;

/// The part of a device's limits that a job may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// All that the device grants.
    Usual,
    /// A part of that, because earlier devices have failed.
    Smaller,
}

/// The divisor of a device's largest buffers and of its memory for [`Care::Smaller`].
const CAREFUL_SHARE: u64 = 8;
/// The least that remains after the division. Every device has this much.
const CAREFUL_BYTES: u64 = 16 << 20;

/// The most bytes of a device's memory for a job without a limit. No interface tells how much
/// memory is free. The driver of a device with less memory makes room, or reports that it cannot.
pub(crate) const MEMORY_BYTES: u64 = 2 << 30;

/// The number of parts of a device's memory. No buffer exceeds one part.
///
/// One part each is for the table, the counts and the sums of a tile. Three are for the data that
/// three submissions read back. [`UPLOAD_PARTS`] are for packed codes. Two are for uploads before
/// all submissions are waited for, because the driver copies them, and two for the buffers that
/// these uploads replaced. The rest is for a second kernel while kernels are measured.
const MEMORY_PARTS: u64 = 24;
/// The parts for the packed codes that are kept.
const UPLOAD_PARTS: u64 = 8;

/// The limits of a device that the plan has to obey.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeviceLimits {
    /// The device memory that a job may use, in all buffers together.
    pub(crate) memory_bytes: u64,
    pub(crate) storage_binding_bytes: u64,
    pub(crate) buffer_bytes: u64,
    pub(crate) workgroups_per_dimension: u32,
    pub(crate) workgroup_storage_bytes: u32,
    /// The number of invocations that run in lockstep, or a guess.
    pub(crate) subgroup_size: u32,
}

impl DeviceLimits {
    /// Makes the limits of a device. `subgroup_size` is the largest that the adapter reports, and
    /// `memory_limit` is the caller's.
    pub(crate) fn of(limits: &wgpu::Limits, subgroup_size: u32, memory_limit: Option<u64>) -> Self {
        Self {
            memory_bytes: memory_limit.unwrap_or(MEMORY_BYTES),
            storage_binding_bytes: limits.max_storage_buffer_binding_size,
            buffer_bytes: limits.max_buffer_size,
            workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
            workgroup_storage_bytes: limits.max_compute_workgroup_storage_size,
            // Adapters that do not know their subgroup size report 128.
            subgroup_size: if subgroup_size > 64 { 32 } else { subgroup_size.clamp(8, 64) },
        }
    }

    /// Reduces the limits to the part that may be used.
    pub(crate) fn with(mut self, care: Care) -> Self {
        if care == Care::Smaller {
            let buffers = [&mut self.storage_binding_bytes, &mut self.buffer_bytes];
            for bytes in buffers.into_iter().chain([&mut self.memory_bytes]) {
                *bytes = (*bytes / CAREFUL_SHARE).max(CAREFUL_BYTES).min(*bytes);
            }
        }
        self
    }

    /// Returns the most bytes of any buffer.
    pub(crate) fn largest_buffer(&self) -> u64 {
        self.storage_binding_bytes.min(self.buffer_bytes).min(self.memory_part())
    }

    /// Returns the size of a part of the memory. A submission of several tiles reads back at most
    /// this much, and at most this much is uploaded before all submissions are waited for.
    pub(crate) fn memory_part(&self) -> u64 {
        self.memory_bytes / MEMORY_PARTS
    }

    /// Returns the most bytes of packed codes to keep on the device.
    pub(crate) fn upload_bytes(&self) -> u64 {
        self.memory_part() * UPLOAD_PARTS
    }

    /// Returns a message if a job needs `bytes` in one buffer and the memory limit does not allow
    /// that.
    pub(crate) fn too_small_for(&self, bytes: u64) -> Option<String> {
        let needed = bytes.saturating_mul(MEMORY_PARTS);
        (needed > self.memory_bytes).then(|| {
            let (needed, allowed) = (Bytes(needed), Bytes(self.memory_bytes));
            format!("{needed} of device memory are needed and {allowed} are allowed")
        })
    }
}
