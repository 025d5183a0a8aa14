//! The results for one kernel on one family of cards.

use std::collections::BTreeMap;

use cofire::gpu::KernelSource;
use serde::{Deserialize, Serialize};

use crate::assembly;
use crate::costs::{Costs, of_spirv};
use crate::counts::Counts;
use crate::error::Error;
use crate::loops::{Loop, loops};
use crate::operations;
use crate::radv::Device;
use crate::spirv;
use crate::work::{Constants, Work};

/// The results for one kernel on one family of cards.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The requested family.
    pub(crate) family: String,
    /// The driver's name for the device.
    pub(crate) device: String,
    /// The kernel's name.
    pub(crate) kernel: String,
    /// `true` if the kernel sums f(n) over the cells itself.
    pub(crate) sums: bool,
    /// The number of bins.
    pub(crate) bins: usize,
    /// The number of invocations that run in lockstep.
    pub(crate) subgroup_size: u32,
    /// The driver's statistics, by its own names.
    pub(crate) statistics: BTreeMap<String, u64>,
    /// All instructions of the machine code, each counted once.
    pub(crate) whole: Counts,
    /// Every loop of the machine code, in its order.
    pub(crate) loops: Vec<Loop>,
    /// The cost of a pair-sample in the counting loop. `None` if it is unknown.
    pub(crate) pair_sample: Option<Counts>,
    /// The cost of a cell.
    pub(crate) cell: Option<Counts>,
    /// The cost of a cell in the loop that visits only cells reached by samples.
    pub(crate) visited_cell: Option<Counts>,
    /// The cost of a pair-sample in naga's SPIR-V, before any driver. `None` if it is unknown.
    pub(crate) spirv_pair_sample: Option<Counts>,
    /// The largest number of samples that the kernel counts at once. `None` for the kernel that
    /// sums counts.
    pub(crate) samples_a_chunk: Option<usize>,
    /// The work of the loops. `None` if it is unknown.
    pub(crate) work: Option<Work>,
    /// The machine code.
    pub(crate) assembly: String,
}

impl Record {
    /// Compiles a kernel and analyses the result.
    pub(crate) fn new(
        device: &Device,
        family: &str,
        bins: usize,
        source: &KernelSource,
    ) -> Result<Self, Error> {
        let kernel = spirv::compile(source)?;
        let compiled = device.compile(&kernel.words, &spirv::uniforms(&kernel.module))?;
        let assembly = compiled.assembly.ok_or_else(|| Error::NotReported {
            what: "machine code",
            kernel: source.name.to_owned(),
        })?;
        let constants = Constants::new(&kernel.module, &source.constants);
        let blocks = assembly::blocks(&assembly);
        let loops = loops(&blocks);
        let work = Work::of(source.name, bins, &constants);
        let costs = work
            .as_ref()
            .and_then(|work| Costs::of_assembly(&blocks, &loops, work, constants.sums()))
            .unwrap_or_default();
        let spirv_loops = operations::loops(&kernel.words);
        let spirv_pair_sample = work.as_ref().and_then(|work| of_spirv(&spirv_loops, work));
        Ok(Self {
            family: family.to_owned(),
            device: device.name().to_owned(),
            kernel: source.name.to_owned(),
            sums: constants.sums(),
            bins,
            subgroup_size: compiled.subgroup_size,
            statistics: compiled.statistics.into_iter().collect(),
            whole: blocks.iter().fold(Counts::default(), |sum, block| sum + block.counts),
            loops,
            pair_sample: costs.pair_sample,
            cell: costs.cell,
            visited_cell: costs.visited_cell,
            spirv_pair_sample,
            samples_a_chunk: source.max_chunk,
            work,
            assembly,
        })
    }

    /// Returns the kernel's name, with its output if it has a choice.
    pub(crate) fn title(&self) -> String {
        if self.sums { format!("{}, sums", self.kernel) } else { self.kernel.clone() }
    }

    /// Returns one of the driver's statistics.
    pub(crate) fn statistic(&self, name: &str) -> Option<u64> {
        self.statistics.get(name).copied()
    }
}
