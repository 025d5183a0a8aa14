//! The portions of a layer that are in memory at a time while it is encoded.

use crate::input::element::Precision;

/// The size of what is read and kept at a time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Portions {
    /// Bytes of activations in a requested batch, unless one sample has more.
    pub(crate) batch: usize,
    /// Bytes of a piece of codes, unless one sample has more. Pieces are large, because a neuron's codes are
    /// read from a file piece by piece.
    pub(crate) piece: usize,
}

impl Portions {
    /// The largest portions that are of any use.
    pub(crate) const MOST: Self = Self { batch: 8 << 20, piece: 32 << 20 };

    /// Returns the portions for a job that may take `allowed` bytes. They are a small part of these bytes,
    /// because the reader of a batch may need several times the size of the batch.
    pub(crate) fn within(allowed: u64) -> Self {
        let part = |of: u64, most: usize| {
            usize::try_from(allowed / of).map_or(most, |part| part.clamp(most / 128, most))
        };
        Self { batch: part(32, Self::MOST.batch), piece: part(8, Self::MOST.piece) }
    }

    /// Returns the bytes of a batch and of a piece of codes.
    pub(crate) fn bytes(self, samples: usize, neurons: usize, precision: Precision) -> u128 {
        let batch = samples.min(self.samples_in_a_batch(neurons, precision)) * precision.bytes();
        let piece = samples.min(self.samples_in_a_piece(neurons));
        // With two bins the piece is also packed.
        (batch + piece + piece / 8) as u128 * neurons as u128
    }

    /// Returns the samples of a batch.
    pub(crate) fn samples_in_a_batch(self, neurons: usize, precision: Precision) -> usize {
        rows_of(self.batch / precision.bytes(), neurons)
    }

    /// Returns the samples of a piece: whole words of bit strings.
    pub(crate) fn samples_in_a_piece(self, neurons: usize) -> usize {
        rows_of(self.piece, neurons).next_multiple_of(64)
    }
}

/// Returns the rows that `elements` bytes or elements hold, at least one.
fn rows_of(elements: usize, neurons: usize) -> usize {
    (elements / neurons).max(1)
}
