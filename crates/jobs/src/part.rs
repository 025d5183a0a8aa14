//! A share of a job's blocks.

use std::fmt;
use std::str::FromStr;

/// One of several equal shares of a job's blocks, or all of them.
///
/// Block `b` belongs to part `b % of + 1`. Neighbouring blocks take about equally long, so parts do,
/// too.
///
/// # Examples
///
/// ```
/// use cofire_jobs::JobPart;
///
/// let part: JobPart = "2/4".parse()?;
/// let blocks: Vec<usize> = (0..10).filter(|&block| part.has(block)).collect();
/// assert_eq!(blocks, [1, 5, 9]);
/// # Ok::<(), cofire_jobs::InvalidPart>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct JobPart {
    number: u32,
    of: u32,
}

/// Text that names no part of a job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected I/N, with I from 1 to N and N at most {most}, as in 2/8", most = JobPart::MOST)]
pub struct InvalidPart;

impl JobPart {
    /// All blocks.
    pub const WHOLE: Self = Self { number: 1, of: 1 };

    /// The largest number of parts of a job.
    pub const MOST: u32 = 1_000_000;

    /// Makes part `number` of `of` parts. The first part has the number 1.
    ///
    /// # Errors
    ///
    /// Unless `1 <= number <= of <= MOST`.
    pub fn new(number: u32, of: u32) -> Result<Self, InvalidPart> {
        let exists = 1 <= number && number <= of && of <= Self::MOST;
        if exists { Ok(Self { number, of }) } else { Err(InvalidPart) }
    }

    /// Returns the part's number. The first part has the number 1.
    #[must_use]
    pub fn number(self) -> u32 {
        self.number
    }

    /// Returns the number of parts.
    #[must_use]
    pub fn of(self) -> u32 {
        self.of
    }

    /// Returns whether the part has all blocks.
    #[must_use]
    pub fn is_whole(self) -> bool {
        self.of == 1
    }

    /// Returns whether the part has a block.
    #[must_use]
    pub fn has(self, block: usize) -> bool {
        block as u64 % u64::from(self.of) == u64::from(self.number - 1)
    }

    /// Returns the part's name in file names.
    pub(super) fn name(self) -> String {
        format!("part-{}-of-{}", self.number, self.of)
    }

    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (number, of) = name.strip_prefix("part-")?.split_once("-of-")?;
        Self::new(number.parse().ok()?, of.parse().ok()?).ok()
    }
}

impl FromStr for JobPart {
    type Err = InvalidPart;

    fn from_str(text: &str) -> Result<Self, InvalidPart> {
        let (number, of) = text.split_once('/').ok_or(InvalidPart)?;
        let number_of = |text: &str| text.parse().map_err(|_| InvalidPart);
        Self::new(number_of(number)?, number_of(of)?)
    }
}

impl fmt::Display for JobPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.number, self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_read_and_written() {
        for text in ["1/1", "1/2", "2/2", "999/1000"] {
            let part: JobPart = text.parse().unwrap();
            assert_eq!(part.to_string(), text);
            assert_eq!(JobPart::of_name(&part.name()), Some(part));
        }
        for text in ["", "1", "0/1", "2/1", "/", "1/", "-1/2", "1/2/3", "1/1000001", "1.0/2"] {
            assert_eq!(text.parse::<JobPart>(), Err(InvalidPart), "{text}");
        }
    }

    #[test]
    fn every_block_is_in_one_part() {
        for of in 1..9 {
            for block in 0..50 {
                let parts = (1..=of).filter(|&k| JobPart::new(k, of).unwrap().has(block));
                assert_eq!(parts.count(), 1, "{block} of {of}");
            }
        }
    }
}
