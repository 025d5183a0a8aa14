//! The file of the digests of all blocks of pairs, which `cofire verify` compares with.

use cofire::digest::{Digest, Digests};
use serde::{Deserialize, Serialize};

use crate::analyze::to_json;
use crate::failure::Failure;

/// The name of the file.
pub(crate) const NAME: &str = "digests.json";

/// The key of the file among those that a summary lists.
pub(crate) const KEY: &str = "digests";

const FORMAT: &str = "cofire digests";
const FORMAT_VERSION: u64 = 1;

/// The contents of the file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct DigestsFile {
    format: String,
    format_version: u64,
    /// The digest of the neurons.
    pub(crate) neurons: String,
    /// The number of neurons along the edge of a block.
    pub(crate) block_edge: usize,
    /// The digest of each block; none of those that have pairs that were not computed.
    pub(crate) blocks: Vec<Option<String>>,
}

impl DigestsFile {
    pub(crate) fn of(digests: &Digests) -> Self {
        let grid = digests.grid();
        let block = |number| digests.block(number).map(|digest: Digest| digest.to_string());
        Self {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            neurons: digests.neurons().to_string(),
            block_edge: grid.edge(),
            blocks: (0..grid.blocks()).map(block).collect(),
        }
    }

    pub(crate) fn text(&self) -> Result<String, Failure> {
        to_json(self)
    }

    /// Reads the contents of a file. Otherwise returns a description of the problem.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let parsed: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        if parsed.format != FORMAT || parsed.format_version != FORMAT_VERSION {
            let Self { format, format_version, .. } = parsed;
            return Err(format!(
                "it is {format:?}, version {format_version}, and not {FORMAT:?}, version \
                 {FORMAT_VERSION}"
            ));
        }
        Ok(parsed)
    }
}
