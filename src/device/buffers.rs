//! Buffers that kernels use, empty or with contents.

#[cfg(test)]
use super::faults::{Fault, Stage};
use super::gpu::Gpu;

/// A buffer that kernels read and write.
pub(crate) fn storage_buffer(gpu: &Gpu, name: &str, bytes: usize) -> wgpu::Buffer {
    gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some(&format!("cofire.{name}")),
        size: bytes as u64,
        usage: wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// A buffer with these contents; they are written before what is submitted next.
pub(crate) fn filled_buffer(gpu: &Gpu, name: &str, words: &[u32]) -> wgpu::Buffer {
    // wgpu's own helper for this panics when the device is lost.
    let buffer = storage_buffer(gpu, name, size_of_val(words));
    #[cfg(test)]
    let end = match gpu.faults().strike(Stage::Upload, gpu.device()) {
        // As the submission that it is a part of, or by itself: the buffer has zeros.
        Some(Fault::Dropped | Fault::Zeros) => return buffer,
        Some(Fault::HalfZeros) => words.len() / 2,
        _ => words.len(),
    };
    #[cfg(test)]
    let words = &words[..end];
    gpu.queue().write_buffer(&buffer, 0, bytemuck::cast_slice(words));
    buffer
}

/// 64-bit numbers as a shader's `vec2<u32>`, low word first on any host.
pub(crate) fn words_of(values: impl Iterator<Item = u64>) -> Vec<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the number")]
    let halves = |value: u64| [value as u32, (value >> 32) as u32];
    values.flat_map(halves).collect()
}
