//! How much of a layer is in memory at a time while it is encoded.

/// How much is read and kept at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portions {
    /// Bytes of activations in a batch that is asked for, unless one sample has more.
    pub(crate) batch: usize,
    /// Bytes of a piece of codes, unless one sample has more: much, as a neuron's codes are read from
    /// a file piece by piece.
    pub(crate) piece: usize,
}

impl Portions {
    /// The most that is of any use.
    pub(crate) const MOST: Self = Self { batch: 8 << 20, piece: 32 << 20 };

    /// For a job that may take so many bytes: a small part of them, as who reads a batch may need some
    /// more of its size.
    pub(crate) fn within(allowed: u64) -> Self {
        let part = |of: u64, most: usize| {
            usize::try_from(allowed / of).map_or(most, |part| part.clamp(most / 128, most))
        };
        Self { batch: part(32, Self::MOST.batch), piece: part(8, Self::MOST.piece) }
    }

    /// Bytes of a batch, and of a piece of codes beside it.
    pub(crate) fn bytes(self, samples: usize, neurons: usize) -> u128 {
        let batch = samples.min(self.samples_in_a_batch(neurons)) * size_of::<f32>();
        let piece = samples.min(self.samples_in_a_piece(neurons));
        // Of two bins a piece is packed.
        (batch + piece + piece / 8) as u128 * neurons as u128
    }

    /// Samples of a batch.
    pub(crate) fn samples_in_a_batch(self, neurons: usize) -> usize {
        rows_of(self.batch / size_of::<f32>(), neurons)
    }

    /// Samples of a piece: whole words of bit strings.
    pub(crate) fn samples_in_a_piece(self, neurons: usize) -> usize {
        rows_of(self.piece, neurons).next_multiple_of(64)
    }
}

/// Rows of so many bytes or elements, at least one.
fn rows_of(elements: usize, neurons: usize) -> usize {
    (elements / neurons).max(1)
}
