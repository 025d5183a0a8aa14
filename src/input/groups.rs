//! Samples grouped by a label.

use crate::error::Error;

/// The samples of every label, with the labels in ascending order.
#[derive(Debug)]
pub(crate) struct Groups {
    /// Samples, group by group, ascending within a group.
    samples: Vec<u32>,
    /// The end of each group in `samples`.
    ends: Vec<usize>,
}

impl Groups {
    /// Sorts samples into groups by label. Returns an error unless there is one label per sample.
    pub(crate) fn new(labels: &[u32], samples: usize) -> Result<Self, Error> {
        if labels.len() != samples {
            return Err(Error::LabelsMismatch { labels: labels.len(), samples });
        }
        let mut order: Vec<u32> = (0..).take(samples).collect();
        let label = |sample: &u32| labels[*sample as usize];
        order.sort_by_key(label);
        let ends = order.chunk_by(|a, b| label(a) == label(b));
        let ends = ends.scan(0, |end, group| {
            *end += group.len();
            Some(*end)
        });
        let ends = ends.collect();
        Ok(Self { samples: order, ends })
    }

    /// Returns the number of labels.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Iterates over the samples of each label.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let begins = std::iter::once(&0).chain(&self.ends);
        begins.zip(&self.ends).map(|(&begin, &end)| &self.samples[begin..end])
    }

    /// Returns the number of samples of each label.
    pub(crate) fn sizes(&self) -> Vec<u32> {
        #[expect(clippy::cast_possible_truncation, reason = "samples are counted in 32 bits")]
        self.iter().map(|group| group.len() as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_hold_the_samples_of_their_label() {
        let groups = Groups::new(&[7, 0, 7, u32::MAX, 0], 5).unwrap();
        let found: Vec<&[u32]> = groups.iter().collect();
        assert_eq!(found, [&[1, 4][..], &[0, 2], &[3]]);
        assert_eq!(groups.sizes(), [2, 2, 1]);
        assert_eq!(groups.len(), 3);
    }

    #[test]
    fn there_is_one_label_a_sample() {
        let error = Groups::new(&[1, 2], 3).unwrap_err();
        assert!(matches!(error, Error::LabelsMismatch { labels: 2, samples: 3 }), "{error}");
    }
}
