//! File formats of a block, and of the entropy and occupied bins of neurons.
//!
//! ```text
//! magic       8 bytes   "cofire" 0x02 0x0a
//! job        16 bytes   the job's identity; 0 for neurons
//! number      8 bytes   the block's number, or the number of neurons
//! kind        8 bytes   0 passed over, 1 pairs, 2 matrix, 3 neurons
//! length      8 bytes   the number of bytes of the contents
//! parts       8 bytes   the number of parts of digests
//! contents              pairs: first u32, second u32, information f64; matrix: f64, row by row;
//!                       neurons: entropy f64, occupied bins u32
//! parts                 block u32, pairs u64, two sums u64
//! checksum   16 bytes   XXH3 of everything before
//! ```
//!
//! Everything is little-endian. Reading any bytes returns the contents or a description of the problem,
//! and takes no more memory than the bytes do.

use std::ops::Range;

use ndarray::Array2;
use twox_hash::XxHash3_128;

use cofire::digest::{DigestGrid, DigestPart};
use cofire::sweep::{Block, BlockBounds, InformationPair};

const MAGIC: [u8; 8] = *b"cofire\x02\n";
const HEADER_BYTES: usize = 56;
const CHECKSUM_BYTES: usize = 16;
const PAIR_BYTES: usize = 16;
const NEURON_BYTES: usize = 12;
const PART_BYTES: usize = 28;

/// The place of the length of the contents.
const LENGTH: Range<usize> = HEADER_BYTES - 16..HEADER_BYTES - 8;

const PASSED_OVER: u64 = 0;
const PAIRS: u64 = 1;
const MATRIX: u64 = 2;
const NEURONS: u64 = 3;

/// Returns the largest number of bytes that the file of a tile's block can have, in a layer of `neurons`
/// neurons.
pub(super) fn most_bytes(bounds: &BlockBounds, neurons: usize) -> u64 {
    let pairs = bounds.pairs() as u64 * PAIR_BYTES as u64;
    let matrix = bounds.rows.len() as u64 * bounds.columns.len() as u64 * size_of::<f64>() as u64;
    let parts = DigestGrid::within(neurons).blocks().min(bounds.pairs()) as u64;
    pairs.max(matrix) + parts * PART_BYTES as u64 + (HEADER_BYTES + CHECKSUM_BYTES) as u64
}

/// Returns the number of bytes of the file of `neurons` neurons.
pub(super) fn neurons_bytes(neurons: u64) -> u64 {
    let contents = neurons.saturating_mul(NEURON_BYTES as u64);
    contents.saturating_add((HEADER_BYTES + CHECKSUM_BYTES) as u64)
}

/// Returns the file of a block. `job` is the job's identity.
pub(super) fn of_block(job: u128, number: usize, block: &Block) -> Vec<u8> {
    let parts = block.digest_parts();
    if let Some((_, _, information)) = block.matrix() {
        let contents = information.iter().flat_map(|x| x.to_le_bytes());
        return file(job, number as u64, MATRIX, contents, parts);
    }
    if block.is_passed_over() {
        return file(job, number as u64, PASSED_OVER, [], parts);
    }
    let contents = block.pairs().iter().flat_map(|pair| {
        let mut bytes = [0; PAIR_BYTES];
        bytes[..4].copy_from_slice(&pair.first.to_le_bytes());
        bytes[4..8].copy_from_slice(&pair.second.to_le_bytes());
        bytes[8..].copy_from_slice(&pair.mutual_information.to_le_bytes());
        bytes
    });
    file(job, number as u64, PAIRS, contents, parts)
}

/// Reads the block of a tile from its file.
pub(super) fn block(
    bytes: &[u8],
    job: u128,
    number: usize,
    bounds: &BlockBounds,
) -> Result<Block, &'static str> {
    let parsed = parse(bytes)?;
    if parsed.job != job {
        return Err("it is of another job");
    }
    if parsed.number != number as u64 {
        return Err("it is of another block");
    }
    let contents = parsed.contents;
    let block = match parsed.kind {
        PASSED_OVER if contents.is_empty() => Ok(Block::passed_over()),
        PAIRS if contents.len().is_multiple_of(PAIR_BYTES) => pairs(contents).map(Block::of_pairs),
        MATRIX => {
            let shape = (bounds.rows.len(), bounds.columns.len());
            let (values, rest) = contents.as_chunks::<8>();
            let values: Vec<f64> = values.iter().map(|&x| f64::from_le_bytes(x)).collect();
            if !rest.is_empty() || values.iter().any(|x| !x.is_finite()) {
                return Err("its contents are not those of a block");
            }
            let matrix = Array2::from_shape_vec(shape, values);
            let matrix = matrix.map_err(|_| "its matrix has another size")?;
            Ok(Block::of_matrix(bounds.rows.start, bounds.columns.start, matrix))
        }
        _ => Err("its contents are not those of a block"),
    };
    Ok(block?.with_digest_parts(parts(parsed.parts)))
}

fn parts(parts: &[[u8; PART_BYTES]]) -> Vec<DigestPart> {
    let part = |&[b0, b1, b2, b3, ref numbers @ ..]: &[u8; PART_BYTES]| {
        let (numbers, _) = numbers.as_chunks::<8>();
        let number = |at: usize| numbers.get(at).map_or(0, |&bytes| u64::from_le_bytes(bytes));
        let block = u32::from_le_bytes([b0, b1, b2, b3]);
        DigestPart { block, pairs: number(0), sums: [number(1), number(2)] }
    };
    parts.iter().map(part).collect()
}

fn pairs(contents: &[u8]) -> Result<Vec<InformationPair>, &'static str> {
    let (pairs, _) = contents.as_chunks::<PAIR_BYTES>();
    let pair = |bytes: &[u8; PAIR_BYTES]| {
        let [a0, a1, a2, a3, b0, b1, b2, b3, information @ ..] = *bytes;
        let pair = InformationPair {
            first: u32::from_le_bytes([a0, a1, a2, a3]),
            second: u32::from_le_bytes([b0, b1, b2, b3]),
            mutual_information: f64::from_le_bytes(information),
        };
        let is_sound = pair.first < pair.second && pair.mutual_information.is_finite();
        is_sound.then_some(pair).ok_or("its contents are not those of a block")
    };
    pairs.iter().map(pair).collect()
}

/// Returns the file of the entropy and occupied bins of neurons.
pub(super) fn of_neurons(entropy: &[f64], occupied: &[u32]) -> Vec<u8> {
    let contents = entropy.iter().zip(occupied).flat_map(|(entropy, occupied)| {
        let mut bytes = [0; NEURON_BYTES];
        bytes[..8].copy_from_slice(&entropy.to_le_bytes());
        bytes[8..].copy_from_slice(&occupied.to_le_bytes());
        bytes
    });
    file(0, entropy.len() as u64, NEURONS, contents, &[])
}

/// Reads the entropy and occupied bins of neurons from their file. Also returns the file's checksum.
pub(super) fn neurons(bytes: &[u8]) -> Result<(Vec<f64>, Vec<u32>, u128), &'static str> {
    let parsed = parse(bytes)?;
    let (neurons, rest) = parsed.contents.as_chunks::<NEURON_BYTES>();
    let is_sound = parsed.kind == NEURONS && rest.is_empty() && parsed.parts.is_empty();
    if !is_sound || parsed.number != neurons.len() as u64 {
        return Err("its contents are not those of neurons");
    }
    let of_neuron = |&[e0, e1, e2, e3, e4, e5, e6, e7, occupied @ ..]: &[u8; NEURON_BYTES]| {
        let entropy = f64::from_le_bytes([e0, e1, e2, e3, e4, e5, e6, e7]);
        (entropy, u32::from_le_bytes(occupied))
    };
    let (entropy, occupied) = neurons.iter().map(of_neuron).unzip();
    Ok((entropy, occupied, parsed.checksum))
}

/// Returns the checksum at the end of a file that this module has made.
pub(super) fn checksum(bytes: &[u8]) -> u128 {
    XxHash3_128::oneshot(&bytes[..bytes.len().saturating_sub(CHECKSUM_BYTES)])
}

fn file(
    job: u128,
    number: u64,
    kind: u64,
    contents: impl IntoIterator<Item = u8>,
    parts: &[DigestPart],
) -> Vec<u8> {
    let mut bytes = Vec::from(MAGIC);
    bytes.extend(job.to_le_bytes());
    bytes.extend(number.to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend([0; 8]);
    bytes.extend((parts.len() as u64).to_le_bytes());
    bytes.extend(contents);
    let length = (bytes.len() - HEADER_BYTES) as u64;
    bytes[LENGTH].copy_from_slice(&length.to_le_bytes());
    for DigestPart { block, pairs, sums } in parts {
        bytes.extend(block.to_le_bytes());
        bytes.extend([pairs, &sums[0], &sums[1]].iter().flat_map(|number| number.to_le_bytes()));
    }
    bytes.extend(XxHash3_128::oneshot(&bytes).to_le_bytes());
    bytes
}

struct Parsed<'a> {
    job: u128,
    number: u64,
    kind: u64,
    contents: &'a [u8],
    parts: &'a [[u8; PART_BYTES]],
    checksum: u128,
}

fn parse(bytes: &[u8]) -> Result<Parsed<'_>, &'static str> {
    let short = "it ends too early";
    let (body, checksum) = bytes.split_last_chunk().ok_or(short)?;
    let (magic, rest) = body.split_first_chunk::<8>().ok_or(short)?;
    let (job, rest) = rest.split_first_chunk().ok_or(short)?;
    let (number, rest) = rest.split_first_chunk().ok_or(short)?;
    let (kind, rest) = rest.split_first_chunk().ok_or(short)?;
    let (length, rest) = rest.split_first_chunk().ok_or(short)?;
    let (parts, rest) = rest.split_first_chunk().ok_or(short)?;
    if *magic != MAGIC {
        return Err("it does not begin as such a file does");
    }
    let other_length = "it has another length than it claims";
    let length = usize::try_from(u64::from_le_bytes(*length)).map_err(|_| other_length)?;
    let (contents, rest) = rest.split_at_checked(length).ok_or(other_length)?;
    let (all_parts, rest) = rest.as_chunks::<PART_BYTES>();
    if u64::from_le_bytes(*parts) != all_parts.len() as u64 || !rest.is_empty() {
        return Err(other_length);
    }
    let checksum = u128::from_le_bytes(*checksum);
    if checksum != XxHash3_128::oneshot(body) {
        return Err("its checksum is wrong");
    }
    let (number, kind) = (u64::from_le_bytes(*number), u64::from_le_bytes(*kind));
    let job = u128::from_le_bytes(*job);
    Ok(Parsed { job, number, kind, contents, parts: all_parts, checksum })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JOB: u128 = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;

    fn bounds() -> BlockBounds {
        BlockBounds { rows: 4..7, columns: 10..14 }
    }

    fn blocks() -> Vec<Block> {
        let pair = |first, second, mutual_information| InformationPair {
            first,
            second,
            mutual_information,
        };
        vec![
            Block::passed_over(),
            Block::of_pairs(Vec::new()),
            Block::of_pairs(vec![pair(4, 11, 0.1), pair(5, 10, f64::MIN_POSITIVE)]),
            Block::of_matrix(4, 10, Array2::from_shape_fn((3, 4), |(i, j)| (i * 5 + j) as f64))
                .with_digest_parts(vec![
                    DigestPart { block: 3, pairs: 11, sums: [u64::MAX, 1] },
                    DigestPart { block: 0, pairs: 1, sums: [7, 1 << 40] },
                ]),
        ]
    }

    #[test]
    fn blocks_come_back() {
        for written in blocks() {
            let bytes = of_block(JOB, 12, &written);
            assert!(bytes.len() as u64 <= most_bytes(&bounds(), 50), "{written:?}");
            assert_eq!(block(&bytes, JOB, 12, &bounds()), Ok(written));
        }
        let (entropy, occupied) = (vec![0.5, 0.0, 1.25], vec![3, 1, 10]);
        let bytes = of_neurons(&entropy, &occupied);
        assert_eq!(bytes.len() as u64, neurons_bytes(3));
        assert_eq!(neurons(&bytes), Ok((entropy, occupied, checksum(&bytes))));
    }

    #[test]
    fn every_truncation_and_every_flipped_bit_is_noticed() {
        for written in blocks() {
            let bytes = of_block(JOB, 12, &written);
            for length in 0..bytes.len() {
                let read = block(&bytes[..length], JOB, 12, &bounds());
                assert!(read.is_err(), "{length} bytes of {written:?}");
            }
            for bit in 0..8 * bytes.len() {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let read = block(&flipped, JOB, 12, &bounds());
                assert!(read.is_err(), "bit {bit} of {written:?}");
            }
        }
    }

    #[test]
    fn what_is_of_something_else_is_noticed() {
        let bytes = of_block(JOB, 12, &blocks()[3]);
        assert_eq!(block(&bytes, JOB + 1, 12, &bounds()), Err("it is of another job"));
        assert_eq!(block(&bytes, JOB, 13, &bounds()), Err("it is of another block"));
        let other = BlockBounds { rows: 4..7, columns: 10..15 };
        assert_eq!(block(&bytes, JOB, 12, &other), Err("its matrix has another size"));
        assert!(neurons(&bytes).is_err(), "a block has no neurons");
        let bytes = of_neurons(&[1.0], &[2]);
        assert!(block(&bytes, 0, 1, &bounds()).is_err(), "neurons are no block");
        let contents = [1u32, 0, 0, 0].iter().flat_map(|word| word.to_le_bytes());
        assert!(
            block(&file(JOB, 12, PAIRS, contents, &[]), JOB, 12, &bounds()).is_err(),
            "second first"
        );
        let contents = f64::NAN.to_le_bytes().repeat(12);
        assert!(block(&file(JOB, 12, MATRIX, contents, &[]), JOB, 12, &bounds()).is_err(), "NaN");
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(block(&bytes, JOB, 0, &bounds()).is_err());
            prop_assert!(neurons(&bytes).is_err());
        }

        /// Checks contents with a valid checksum, as someone could make them on purpose.
        #[test]
        fn any_contents_are_answered(
            kind in 0u64..6,
            parts in 0usize..3,
            claimed in any::<u64>(),
            contents in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let parts = vec![DigestPart { block: 2, pairs: 5, sums: [1, 2] }; parts];
            let bytes = file(JOB, 3, kind, contents.iter().copied(), &parts);
            if let Ok(found) = block(&bytes, JOB, 3, &bounds()) {
                prop_assert_eq!(of_block(JOB, 3, &found), bytes.clone());
            }
            let _ = neurons(&bytes);
            let mut bytes = bytes;
            bytes[LENGTH].copy_from_slice(&claimed.to_le_bytes());
            let end = bytes.len() - CHECKSUM_BYTES;
            let sum = checksum(&bytes);
            bytes[end..].copy_from_slice(&sum.to_le_bytes());
            if claimed != contents.len() as u64 {
                prop_assert!(block(&bytes, JOB, 3, &bounds()).is_err());
            }
        }
    }
}
