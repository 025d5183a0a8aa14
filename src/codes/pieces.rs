//! Codes in pieces of samples: in memory up to a limit, then in a file.

use std::ops::Range;

use rayon::prelude::*;

use super::spill::{Spill, SpillFile};
use crate::error::Error;
use crate::support::memory;

/// Bytes that are read at a time, unless one neuron has more in a piece.
pub(crate) const READ_BYTES: usize = 1 << 20;

/// Codes of all neurons, `[piece][neuron][byte]`. A byte is one sample, or eight if there are two bins.
#[derive(Debug)]
pub(super) struct Pieces {
    neurons: usize,
    pieces: Vec<Piece>,
    /// The most bytes that pieces may take in memory, and the bytes that they take.
    most_in_memory: u64,
    in_memory: u64,
    spill: Spill,
    file: Option<SpillFile>,
}

#[derive(Debug)]
struct Piece {
    /// The bytes of each neuron that are in the piece.
    bytes: Range<usize>,
    place: Place,
}

#[derive(Debug)]
enum Place {
    Memory(Vec<u8>),
    /// The offset at which the piece begins in the file.
    File(u64),
}

impl Pieces {
    pub(super) fn new(neurons: usize, most_in_memory: u64, spill: Spill) -> Self {
        Self { neurons, pieces: Vec::new(), most_in_memory, in_memory: 0, spill, file: None }
    }

    /// Stores the codes of the samples that follow, `[neuron][byte]`. If the codes went to the file, returns
    /// their buffer, which can be filled again.
    pub(super) fn add(&mut self, codes: Vec<u8>) -> Result<Option<Vec<u8>>, Error> {
        let begin = self.width();
        let bytes = begin..begin + codes.len() / self.neurons;
        let in_memory = self.in_memory.saturating_add(codes.len() as u64);
        // After a piece in the file, all further pieces go there as well.
        if self.file.is_none() && in_memory <= self.most_in_memory {
            self.in_memory = in_memory;
            self.pieces.push(Piece { bytes, place: Place::Memory(codes) });
            return Ok(None);
        }
        let file = match &mut self.file {
            Some(file) => file,
            None => self.file.insert(self.spill.open(in_memory, self.most_in_memory)?),
        };
        let offset = file.append(&codes)?;
        self.pieces.push(Piece { bytes, place: Place::File(offset) });
        Ok(Some(codes))
    }

    /// Returns the bytes of each neuron.
    fn width(&self) -> usize {
        self.pieces.last().map_or(0, |piece| piece.bytes.end)
    }

    /// Returns the bytes in the file.
    pub(super) fn spilled_bytes(&self) -> u64 {
        self.file.as_ref().map_or(0, SpillFile::len)
    }

    /// Joins all pieces into one, `[neuron][byte]`. Each is dropped once it has been copied.
    pub(super) fn joined(mut self) -> Result<Vec<u8>, Error> {
        if let [Piece { place: Place::Memory(codes), .. }] = self.pieces.as_mut_slice() {
            return Ok(std::mem::take(codes));
        }
        let width = self.width();
        let mut codes = memory::zeroed(self.neurons, width)?;
        for Piece { bytes: here, place } in self.pieces {
            let Place::Memory(data) = place else { continue };
            let rows = codes.par_chunks_exact_mut(width).zip(data.par_chunks_exact(here.len()));
            rows.for_each(|(codes, data)| codes[here.clone()].copy_from_slice(data));
        }
        Ok(codes)
    }

    /// Reads the codes of some neurons, all bytes of each. This is fastest in ascending order.
    pub(super) fn gather(&self, neurons: &[usize]) -> Result<Vec<u8>, Error> {
        let width = self.width();
        let mut codes = memory::zeroed(neurons.len(), width)?;
        for piece in &self.pieces {
            let (here, len) = (piece.bytes.clone(), piece.bytes.len());
            match &piece.place {
                Place::Memory(data) => {
                    codes.par_chunks_exact_mut(width).zip(neurons).for_each(|(codes, &neuron)| {
                        codes[here.clone()].copy_from_slice(&data[neuron * len..][..len]);
                    });
                }
                Place::File(offset) => {
                    let Some(file) = &self.file else { continue };
                    let mut rows = codes.chunks_exact_mut(width);
                    let together = (READ_BYTES / len).max(1);
                    for run in neurons.chunk_by(|&a, &b| a + 1 == b) {
                        for run in run.chunks(together) {
                            let offset = offset + (run[0] * len) as u64;
                            let bytes = file.read(offset, run.len() * len)?;
                            // Zipped the other way round, the row after the last would be lost.
                            for (bytes, codes) in bytes.chunks_exact(len).zip(rows.by_ref()) {
                                codes[here.clone()].copy_from_slice(bytes);
                            }
                        }
                    }
                }
            }
        }
        Ok(codes)
    }
}
