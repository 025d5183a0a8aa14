//! Sums as shaders write them. Each has the number of samples in it and the tag of its tile.

use crate::pairs::sums::PairSum;
use crate::pairs::tile::Tile;

/// The number of words that a shader writes per pair.
pub(crate) const WORDS: usize = 4;

/// The tile and the tag that data read back should have.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) tile: Tile,
    pub(crate) tag: u32,
}

/// Decodes the sums of a tile. A pair without this tile's tag was not written. It gets 0 samples,
/// which every check refuses.
pub(crate) fn decode(words: &[u32], tag: u32) -> Vec<PairSum> {
    words
        .chunks_exact(WORDS)
        .map(|word| {
            if word[3] == tag {
                let cells = u64::from(word[0]) | u64::from(word[1]) << 32;
                PairSum { cells, samples: u64::from(word[2]) }
            } else {
                PairSum::default()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_without_the_tag_do_not_count() {
        let sums = decode(&[1, 2, 3, 7, 1, 2, 3, 6], 7);
        let written = PairSum { cells: (2 << 32) + 1, samples: 3 };
        assert_eq!(sums, [written, PairSum::default()]);
    }
}
