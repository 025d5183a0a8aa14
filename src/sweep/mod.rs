//! All pairs of a layer, block by block, where a matrix of them would be too large.

/// A pair of neurons and the information they share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InformationPair {
    /// Index of the first neuron.
    pub first: u32,
    /// Index of the second neuron, which is larger.
    pub second: u32,
    /// Mutual information of the two.
    pub mutual_information: f64,
}
