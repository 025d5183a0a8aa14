//! A device that never returns wrong results silently: opening it, submitting work at a pace,
//! reading results back, and recovering from its failures. Nothing here depends on the computation.

mod adapter;
pub(crate) mod buffers;
pub(crate) mod commands;
pub(crate) mod driver;
pub(crate) mod failure;
#[cfg(test)]
pub(crate) mod faults;
pub(crate) mod gpu;
pub(crate) mod incidents;
mod job_threads;
pub(crate) mod limits;
pub(crate) mod pace;
pub(crate) mod pipelines;
mod poller;
pub(crate) mod raw_device;
pub(crate) mod recovery;
pub(crate) mod shader;
pub(crate) mod submissions;
pub(crate) mod tagged_sums;
pub(crate) mod tile_queue;
pub(crate) mod upload_sum;

pub use adapter::{AdapterLimits, FoundAdapter, adapters, adapters_async};
pub use gpu::Gpu;
