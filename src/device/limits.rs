//! The limits of a device, and how much of them a job may use. Pure arithmetic.

use crate::error::Bytes;

/// How much a device is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Care {
    /// As much as it grants.
    Usual,
    /// A part of that, as others before it have failed.
    Smaller,
}

/// What a device is trusted with where care is taken: a part of its largest buffers and of its memory,
/// but not less than every device has.
const CAREFUL_SHARE: u64 = 8;
const CAREFUL_BYTES: u64 = 16 << 20;

/// The most bytes of a device's memory for a job that is given no limit. No interface tells how much is
/// free; a device with less than this has a driver that makes room, or says that it cannot.
pub(crate) const MEMORY_BYTES: u64 = 2 << 30;

/// Parts of a device's memory, none of which any buffer exceeds: one each for the table, counts and sums of
/// a tile; one for what each of three submissions reads back; [`UPLOAD_PARTS`]; two for what is uploaded before
/// all submissions are waited for, as the driver copies it, and two for what had to make room for it; the
/// rest for a second kernel while kernels are measured.
const MEMORY_PARTS: u64 = 24;
/// For the packed codes that are kept.
const UPLOAD_PARTS: u64 = 8;

/// The limits of a device that the plan has to obey.
#[derive(Debug, Clone, Copy)]
pub(crate) struct DeviceLimits {
    /// What a job may have of the device's memory, all buffers together.
    pub(crate) memory_bytes: u64,
    pub(crate) storage_binding_bytes: u64,
    pub(crate) buffer_bytes: u64,
    pub(crate) workgroups_per_dimension: u32,
    pub(crate) workgroup_storage_bytes: u32,
    /// Invocations that run in lockstep, or a guess.
    pub(crate) subgroup_size: u32,
}

impl DeviceLimits {
    /// `subgroup_size` is the largest that the adapter names, `memory_limit` what the caller set.
    pub(crate) fn of(limits: &wgpu::Limits, subgroup_size: u32, memory_limit: Option<u64>) -> Self {
        Self {
            memory_bytes: memory_limit.unwrap_or(MEMORY_BYTES),
            storage_binding_bytes: limits.max_storage_buffer_binding_size,
            buffer_bytes: limits.max_buffer_size,
            workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
            workgroup_storage_bytes: limits.max_compute_workgroup_storage_size,
            // Adapters that do not know name 128.
            subgroup_size: if subgroup_size > 64 { 32 } else { subgroup_size.clamp(8, 64) },
        }
    }

    /// What to make use of.
    pub(crate) fn with(mut self, care: Care) -> Self {
        if care == Care::Smaller {
            let buffers = [&mut self.storage_binding_bytes, &mut self.buffer_bytes];
            for bytes in buffers.into_iter().chain([&mut self.memory_bytes]) {
                *bytes = (*bytes / CAREFUL_SHARE).max(CAREFUL_BYTES).min(*bytes);
            }
        }
        self
    }

    /// The most bytes of any buffer.
    pub(crate) fn largest_buffer(&self) -> u64 {
        self.storage_binding_bytes.min(self.buffer_bytes).min(self.memory_part())
    }

    /// A part of the memory: the most that a submission of several tiles reads back, and that is
    /// uploaded before all submissions are waited for.
    pub(crate) fn memory_part(&self) -> u64 {
        self.memory_bytes / MEMORY_PARTS
    }

    /// The most bytes of packed codes to keep on the device.
    pub(crate) fn upload_bytes(&self) -> u64 {
        self.memory_part() * UPLOAD_PARTS
    }

    /// What to say of a job that cannot have `bytes` in a buffer, as it would have to.
    pub(crate) fn too_small_for(&self, bytes: u64) -> Option<String> {
        let needed = bytes.saturating_mul(MEMORY_PARTS);
        (needed > self.memory_bytes).then(|| {
            let (needed, allowed) = (Bytes(needed), Bytes(self.memory_bytes));
            format!("{needed} of device memory are needed and {allowed} are allowed")
        })
    }
}
