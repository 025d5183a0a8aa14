//! The host's halves of the kernels, each named as its shader, and the one function that makes
//! them.

pub(crate) mod bitset;
pub(crate) mod cell_sum;
pub(crate) mod count_kernel;
pub(crate) mod joint_histogram;
mod packed_codes;
pub(crate) mod positional_popcount;
pub(crate) mod private_counters;
mod sample_lists;

use crate::device::limits::DeviceLimits;
use crate::execution::Kernel;
use bitset::Bitset;
use count_kernel::CountKernel;
use joint_histogram::JointHistogram;
use positional_popcount::PositionalPopcount;
use private_counters::PrivateCounters;

/// Returns the host's half of a kernel.
pub(crate) fn new(kernel: Kernel, bins: usize, limits: &DeviceLimits) -> Box<dyn CountKernel> {
    match kernel {
        Kernel::JointHistogram => Box::new(JointHistogram::new(bins, limits)),
        Kernel::PositionalPopcount => Box::new(PositionalPopcount::new(bins, limits)),
        Kernel::PrivateCounters => Box::new(PrivateCounters::new(bins, limits)),
        Kernel::Bitset => Box::new(Bitset),
    }
}

/// Returns the kernel that is likely to be the fastest for a number of bins.
pub(crate) fn fastest(bins: usize) -> Kernel {
    match bins {
        ..=2 => Kernel::Bitset,
        3..=32 => Kernel::PositionalPopcount,
        33.. => Kernel::PrivateCounters,
    }
}
