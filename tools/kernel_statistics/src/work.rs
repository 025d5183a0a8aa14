//! The work of one iteration of a kernel's loops: the only fact that its machine code does not
//! show.

use serde::{Deserialize, Serialize};

/// The constants of a kernel by name, including the values that the host set.
#[derive(Debug)]
pub(crate) struct Constants(Vec<(String, u32)>);

impl Constants {
    /// Collects the constants of a module and the values that the host set.
    pub(crate) fn new(module: &naga::Module, set: &[(&'static str, u32)]) -> Self {
        let declared = module.constants.iter().filter_map(|(_, constant)| {
            let naga::Expression::Literal(naga::Literal::U32(value)) =
                module.global_expressions[constant.init]
            else {
                return None;
            };
            Some((constant.name.clone()?, value))
        });
        let set = set.iter().map(|&(name, value)| (name.to_owned(), value));
        Self(set.chain(declared).collect())
    }

    fn get(&self, name: &str) -> Option<f64> {
        self.0.iter().find(|(known, _)| known == name).map(|&(_, value)| value.into())
    }

    /// Returns whether the kernel sums f(n) over the cells itself instead of leaving counts in
    /// memory.
    pub(crate) fn sums(&self) -> bool {
        self.get("SUMS") == Some(1.0)
    }
}

/// The work of a kernel's loops.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Work {
    /// The pair-samples that one invocation counts in an iteration of the counting loop, followed
    /// by those of the loops inside it. Empty for a kernel that counts nothing.
    pub(crate) pair_samples: Vec<f64>,
    /// The number of samples in a group. The samples of each code of the row neuron are filled up
    /// to whole groups.
    pub(crate) samples_a_group: f64,
    /// The number of cells visited for each sample, in a kernel that can visit only such cells. It
    /// does if a row of the histogram has fewer samples than cells. Its loop for that comes before
    /// the one over all cells.
    pub(crate) visits_a_sample: Option<f64>,
}

impl Work {
    /// Returns the work of a kernel by its name, or `None` if the name is unknown here.
    pub(crate) fn of(kernel: &str, bins: usize, constants: &Constants) -> Option<Self> {
        let get = |name| constants.get(name);
        let work = |pair_samples: &[f64], samples_a_group| Self {
            pair_samples: pair_samples.to_vec(),
            samples_a_group,
            visits_a_sample: None,
        };
        match kernel {
            "cell_sum" => Some(work(&[], 1.0)),
            // A word of four codes, then code by code.
            "joint_histogram" => Some(work(&[4.0, 1.0], 1.0)),
            // A group of samples, with a word of codes for each. A part has two one-hot words with
            // some neurons each. There is one iteration for each band of 32 bins.
            "positional_popcount" => {
                let group = get("GROUP")?;
                let neurons = 2.0 * get("PARTS")? * get("SLOTS")?;
                let bands = bins.div_ceil(32) as f64;
                Some(work(&[group * neurons / bands], group))
            }
            // Four samples. Visits are to words of two counters.
            "private_counters" => Some(Self { visits_a_sample: Some(2.0), ..work(&[4.0], 4.0) }),
            // A word of samples of four row neurons and four column neurons.
            "bitset" => Some(work(&[32.0 * 4.0 * 4.0], 1.0)),
            _ => None,
        }
    }
}
