//! Directories of jobs: any text as the description of the job, and any bytes as the data of its
//! neurons and as a block. All have correct checksums.

#![no_main]

use std::fs;

use cofire::sweep::Collector;
use cofire_fuzz::one_line;
use cofire_jobs::Job;
use libfuzzer_sys::fuzz_target;
use twox_hash::XxHash3_128;

/// A placeholder in the text for the checksum of the neurons' data.
const CHECKSUM: &str = "@@@";

/// The number of bytes for each neuron.
const NEURON_BYTES: usize = 12;

/// The number of bytes for each part of a digest.
const PART_BYTES: usize = 28;

const MOST_BLOCKS: usize = 1 << 20;
const MOST_PAIRS_BYTES: u64 = 64 << 20;

// The text ends at the first zero byte. Then follow a byte for the kind of the block, one for the number
// of neurons, one for the number of parts of digests, the neurons' data, the parts, and the contents of the
// block.
fuzz_target!(|bytes: &[u8]| {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let (text, rest) = bytes.split_at(end);
    let (kind, known, parts, contents) = match rest {
        [_, kind, neurons, parts, rest @ ..] => {
            let known = usize::from(*neurons) * NEURON_BYTES;
            let (known, rest) = rest.split_at(known.min(rest.len()));
            let parts = (usize::from(*parts) * PART_BYTES).min(rest.len());
            let (parts, contents) = rest.split_at(parts / PART_BYTES * PART_BYTES);
            (u64::from(*kind), known, parts, contents)
        }
        _ => (0, &[][..], &[][..], &[][..]),
    };
    let place = cofire_fuzz::place_of("job");
    let _ = fs::remove_dir_all(&place);
    let neurons = file(0, (known.len() / NEURON_BYTES) as u64, 3, known, &[]);
    let checksum = neurons.last_chunk().map_or(0, |&checksum| u128::from_le_bytes(checksum));
    let text = String::from_utf8_lossy(text).replace(CHECKSUM, &format!("{checksum:032x}"));
    // A job is identified by the checksum of its text, as it would be written again.
    let block = file(XxHash3_128::oneshot(text.as_bytes()), 0, kind, contents, parts);
    let written = fs::create_dir(&place)
        .and_then(|()| fs::write(place.join("job.json"), text))
        .and_then(|()| fs::write(place.join("neurons"), neurons))
        .and_then(|()| fs::write(place.join("block-0000000"), block));
    if let Err(error) = written {
        panic!("{}: {error}", place.display());
    }
    let Some(job) = one_line(Job::read(&place)) else { return };
    assert!(job.blocks() <= MOST_BLOCKS, "{} blocks", job.blocks());
    assert!(job.plan().entropy.len() * NEURON_BYTES == known.len(), "neurons out of nothing");
    let collector = one_line(Collector::new(job.plan().clone(), MOST_PAIRS_BYTES));
    let block = one_line(job.load(0)).flatten();
    if let (Some(mut collector), Some(block)) = (collector, block) {
        let _ = one_line(collector.take(0, block));
    }
});

/// Makes a file in the format of jobs: magic, job, number, kind, length, number of parts, contents, parts,
/// checksum.
fn file(job: u128, number: u64, kind: u64, contents: &[u8], parts: &[u8]) -> Vec<u8> {
    let mut bytes = b"cofire\x02\n".to_vec();
    bytes.extend(job.to_le_bytes());
    let parts_count = parts.len() / PART_BYTES;
    for number in [number, kind, contents.len() as u64, parts_count as u64] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(contents);
    bytes.extend(parts);
    bytes.extend(XxHash3_128::oneshot(&bytes).to_le_bytes());
    bytes
}
