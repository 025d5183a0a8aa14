//! Packed codes on the device. They are packed and uploaded when first needed, and kept while they
//! fit.

use std::collections::HashMap;

use super::kernels::count_kernel::CountKernel;
use super::visit::{Block, Role};
use crate::codes::Codes;
use crate::device::failure::Failure;
use crate::device::submissions::Submissions;
use crate::support::stopwatch::Stopwatch;

/// The codes that were uploaded.
#[derive(Debug)]
pub(crate) struct Uploads {
    kept: HashMap<Block, Vec<wgpu::Buffer>>,
    bytes: u64,
    /// The most bytes to keep.
    budget: u64,
}

impl Uploads {
    pub(crate) fn new(budget: u64) -> Self {
        Self { kept: HashMap::new(), bytes: 0, budget }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.kept.clear();
        self.bytes = 0;
    }

    /// Returns the number of bytes that are kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Returns the buffers of a block. They are uploaded now if they are not on the device.
    ///
    /// If room is short, the block that is needed last, according to `next_use`, is dropped.
    /// Submissions under way keep its buffers until they are done.
    pub(crate) async fn get<T>(
        &mut self,
        kernel: &dyn CountKernel,
        codes: &Codes,
        block: &Block,
        next_use: impl Fn(&Block) -> usize,
        submissions: &mut Submissions<'_, T>,
    ) -> Result<Vec<wgpu::Buffer>, Failure> {
        if let Some(kept) = self.kept.get(block) {
            return Ok(kept.clone());
        }
        let clock = Stopwatch::start();
        let (neurons, samples) = (block.neurons.clone(), block.samples.clone());
        let data = match block.role {
            Role::Rows => kernel.row_data(codes, neurons, samples),
            Role::Columns => kernel.column_data(codes, neurons, samples),
        };
        let bytes = data.iter().map(|words| size_of_val(words.as_slice()) as u64).sum::<u64>();
        let elapsed = clock.elapsed();
        self.make_room(bytes, next_use);
        submissions.make_room(bytes).await?;
        let clock = Stopwatch::start();
        let mut buffers = Vec::new();
        for words in &data {
            buffers.push(submissions.upload("codes", words).await?);
        }
        self.kept.insert(block.clone(), buffers.clone());
        self.bytes += bytes;
        submissions.transfer.upload += elapsed + clock.elapsed();
        Ok(buffers)
    }

    fn make_room(&mut self, bytes: u64, next_use: impl Fn(&Block) -> usize) {
        while self.bytes + bytes > self.budget {
            let last = self.kept.keys().max_by_key(|block| next_use(block)).cloned();
            let Some(buffers) = last.and_then(|block| self.kept.remove(&block)) else { return };
            self.bytes -= buffers.iter().map(wgpu::Buffer::size).sum::<u64>();
        }
    }
}
