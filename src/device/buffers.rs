//! Buffers for kernels, empty or with contents.

use super::raw_device::Device;

/// Makes a buffer that kernels read and write.
pub(crate) fn storage_buffer(device: &Device, name: &str, bytes: usize) -> wgpu::Buffer {
    device.raw.create_buffer(&wgpu::BufferDescriptor {
        label: Some(&format!("cofire.{name}")),
        size: bytes as u64,
        usage: wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

/// Makes a buffer with these contents. They are written before the next submission.
pub(crate) fn filled_buffer(device: &Device, name: &str, words: &[u32]) -> wgpu::Buffer {
    // wgpu's own helper for this panics if the device is lost.
    let buffer = storage_buffer(device, name, size_of_val(words));
    device.driver.write(&device.raw, &device.queue, &buffer, words);
    buffer
}

/// Converts 64-bit numbers to the `vec2<u32>` of shaders, low word first on any host.
pub(crate) fn words_of(values: impl Iterator<Item = u64>) -> Vec<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the number")]
    let halves = |value: u64| [value as u32, (value >> 32) as u32];
    values.flat_map(halves).collect()
}
