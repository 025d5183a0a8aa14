//! What one turn of a kernel's loops gets done: the one thing that its machine code does not tell.

use serde::{Deserialize, Serialize};

/// The constants of a kernel after the host's values were set, by name.
#[derive(Debug)]
pub(crate) struct Constants(Vec<(String, u32)>);

impl Constants {
    /// Those of a module, and the values that the host set.
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

    /// Whether the kernel sums f(n) over the cells itself instead of leaving counts in memory.
    pub(crate) fn sums(&self) -> bool {
        self.get("SUMS") == Some(1.0)
    }
}

/// What a kernel's loops get done.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Work {
    /// Pair-samples that one invocation counts in a turn of the loop that counts and, behind it, of
    /// the loops within. Empty for a kernel that counts nothing.
    pub(crate) pair_samples: Vec<f64>,
    /// What lists of samples are filled up to a multiple of, for each code of the row neuron.
    pub(crate) samples_a_group: f64,
    /// Cells that are visited for each sample, in a kernel that can do so where a row of the
    /// histogram has fewer samples than cells. Its loop comes before the one over all cells.
    pub(crate) visits_a_sample: Option<f64>,
}

impl Work {
    /// `None` for a kernel that is not known here.
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
            // A group of samples, in each of them a word of codes: two one-hot words a part, with
            // some neurons each. One turn for each band of 32 bins.
            "positional_popcount" => {
                let group = get("GROUP")?;
                let neurons = 2.0 * get("PARTS")? * get("SLOTS")?;
                let bands = bins.div_ceil(32) as f64;
                Some(work(&[group * neurons / bands], group))
            }
            // Four samples; visits are to words of two counters.
            "private_counters" => Some(Self { visits_a_sample: Some(2.0), ..work(&[4.0], 4.0) }),
            // A word of samples of four row neurons and four column neurons.
            "bitset" => Some(work(&[32.0 * 4.0 * 4.0], 1.0)),
            _ => None,
        }
    }
}
