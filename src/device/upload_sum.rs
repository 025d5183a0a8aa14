//! A check that uploads arrive: the device sums the words that it received, and the host compares
//! the sum.
//!
//! Shader: `shaders/upload_sum.wgsl`. CPU twin: [`sum`].

use super::failure::Failure;
use super::shader::Shader;
use super::shader::to_u32;

/// Invocations in a workgroup.
const WORKGROUP_SIZE: u32 = 64;

/// Words per invocation, if there are enough words. The number is small so that small uploads are
/// summed in parallel, too.
const WORDS_EACH: usize = 16;

/// The most workgroups, which are enough to fill a large device.
const MOST_WORKGROUPS: u32 = 1024;

/// The most uploads whose sums fit one buffer.
pub(crate) const SLOTS: usize = 64;

/// The shader's `Params`.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    words: u32,
    invocations: u32,
    slot: u32,
}

/// The name and the sum of an upload.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sent {
    /// The name of the upload in reports of incidents.
    pub(crate) name: &'static str,
    sum: u32,
}

impl Sent {
    pub(crate) fn new(name: &'static str, words: &[u32]) -> Self {
        Self { name, sum: sum(words) }
    }
}

pub(crate) fn shader() -> Shader {
    Shader {
        name: "upload_sum",
        workgroup_size: WORKGROUP_SIZE,
        wgsl: include_str!("../../shaders/upload_sum.wgsl"),
        constants: Vec::new(),
    }
}

pub(crate) fn params(words: usize, slot: usize) -> Vec<u8> {
    let [workgroups, ..] = workgroups(words);
    let invocations = workgroups * WORKGROUP_SIZE;
    bytemuck::bytes_of(&Params { words: to_u32(words), invocations, slot: to_u32(slot) }).to_vec()
}

pub(crate) fn workgroups(words: usize) -> [u32; 3] {
    let workgroups = words.div_ceil(WORKGROUP_SIZE as usize * WORDS_EACH);
    [to_u32(workgroups).clamp(1, MOST_WORKGROUPS), 1, 1]
}

/// Compares the sums that came back with those of what was sent, slot by slot.
pub(crate) fn check(sent: &[Sent], sums: &[u32]) -> Result<(), Failure> {
    match sent.iter().zip(sums).find(|(sent, sum)| sent.sum != **sum) {
        Some((sent, _)) => {
            let problem = format!("what the device has of an upload ({}) is not it", sent.name);
            Err(Failure::Wrong(problem))
        }
        None => Ok(()),
    }
}

/// Returns 1 plus the sum of each word times an odd number, modulo 2³². A change of any single word
/// changes the result, because an odd number times a nonzero difference is never zero.
fn sum(words: &[u32]) -> u32 {
    let weighted = (0u32..).zip(words).map(|(at, word)| word.wrapping_mul(at.wrapping_mul(2) | 1));
    weighted.fold(1, u32::wrapping_add)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lost_changed_or_moved_is_noticed() {
        let words = [7, 0, u32::MAX, 3, 3, 1 << 31];
        assert_eq!(sum(&words[..4]), 1 + 7 - 5 + 3 * 7);
        let sent = [Sent::new("codes", &words)];
        assert!(check(&sent, &[sum(&words)]).is_ok(), "what was sent");
        let moved = [0, 7, u32::MAX, 3, 3, 1 << 31];
        let changed = [7, 0, u32::MAX, 3, 3, (1 << 31) + 1];
        let lost = [7, 0, u32::MAX, 0, 0, 0];
        for other in [moved, changed, lost, [0; 6]] {
            let failure = check(&sent, &[sum(&other)]).unwrap_err();
            assert!(failure.to_string().contains("codes"), "{failure}");
        }
        assert!(check(&sent, &[0]).is_err(), "what was not summed");
        assert!(check(&[Sent::new("codes", &[0; 6])], &[0]).is_err(), "nor were zeros");
    }

    #[test]
    fn any_number_of_words_is_shared_by_few_workgroups() {
        for (words, expected) in [(1, 1), (1024, 1), (1025, 2), (1 << 30, MOST_WORKGROUPS)] {
            assert_eq!(workgroups(words), [expected, 1, 1], "{words} words");
        }
    }
}
