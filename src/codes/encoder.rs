//! Encoding of activations of any size as bin codes, batch by batch.
//!
//! A pair of neurons needs its codes over all samples, and nothing else. So activations are read in batches
//! of samples, and only their codes are kept, a quarter of the size. Codes stay in memory up to a limit. The
//! rest goes to a file that vanishes with the process.

use super::Codes;
use super::bits::{self, Bits};
use super::budget::Memory;
use super::pieces::Pieces;
use super::spill::Spill;
use crate::binning::{BinEdges, Portions, check_precision};
use crate::codes;
use crate::error::Error;
use crate::input::activations::{Activations, ActivationsView, check_shape};
use crate::input::batches::{Batches, changed};
use crate::input::degenerate::{DegenerateNeuron, degenerate_neurons};
use crate::input::element::Precision;
use crate::input::extents::{Extent, ExtentsSoFar};
use crate::support::memory;

/// Activations of a layer as bin codes, in memory or in a temporary file.
///
/// [`crate::Analysis::encode_batches`] and [`Encoder::finish`] return it, and a [`crate::Sweep`] takes it.
#[derive(Debug)]
pub struct EncodedLayer {
    edges: BinEdges,
    extents: Vec<Extent>,
    samples: usize,
    held: Held,
    spilled_bytes: u64,
    /// The portions in which batches of a precision were requested.
    portions: Option<(Portions, Precision)>,
}

/// The codes of a layer.
#[derive(Debug)]
pub(crate) enum Held {
    /// Codes that are all in memory.
    Whole(Codes),
    /// Codes that are partly in a file.
    Spilled(SpilledCodes),
}

impl EncodedLayer {
    /// Returns the number of samples of all batches together.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Returns the number of neurons.
    #[must_use]
    pub fn neurons(&self) -> usize {
        self.edges.neurons()
    }

    /// Returns the bin edges with which the codes were made.
    #[must_use]
    pub fn edges(&self) -> &BinEdges {
        &self.edges
    }

    /// Returns the neurons with one or two distinct activations.
    #[must_use]
    pub fn degenerate(&self) -> Vec<DegenerateNeuron> {
        degenerate_neurons(&self.extents)
    }

    /// Returns the bytes of codes that went to a temporary file because of a memory limit.
    #[must_use]
    pub fn spilled_bytes(&self) -> u64 {
        self.spilled_bytes
    }

    /// Returns how many samples of a neuron fall into each bin.
    pub(crate) fn marginal(&self, neuron: usize) -> &[u32] {
        match &self.held {
            Held::Whole(codes) => codes.marginal(neuron),
            Held::Spilled(codes) => codes.marginal(neuron),
        }
    }

    /// Splits the layer into its codes and the facts beside them.
    pub(crate) fn into_parts(self) -> (Held, LayerFits) {
        (self.held, LayerFits { edges: self.edges, extents: self.extents })
    }

    /// Splits the layer in the same way if all codes are in memory, and else returns the layer unchanged.
    pub(crate) fn into_codes(self) -> Result<(Codes, LayerFits), Box<Self>> {
        match self.held {
            Held::Whole(codes) => {
                Ok((codes, LayerFits { edges: self.edges, extents: self.extents }))
            }
            held @ Held::Spilled(_) => Err(Box::new(Self { held, ..self })),
        }
    }

    /// Returns whether all codes are in memory.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.held, Held::Whole(_))
    }

    /// Returns the bytes of a batch and a piece of codes.
    fn reading_bytes(&self) -> u128 {
        let bytes = |(portions, precision): (Portions, _)| {
            portions.bytes(self.samples, self.neurons(), precision)
        };
        self.portions.map_or(0, bytes)
    }

    /// Returns the most bytes that were in use while codes were made from batches.
    pub(crate) fn bytes_to_make(&self) -> u128 {
        let codes = if self.is_whole() { whole_bytes(self.samples, &self.edges) } else { 0 };
        self.reading_bytes() + codes
    }

    /// Returns the memory that the layer takes. The batch and piece with which it was read have been freed,
    /// but an allocator may keep that memory.
    pub(crate) fn memory(&self) -> Memory {
        let neurons = self.neurons();
        let other = Memory::default().and_marginals(neurons, self.edges.bins());
        let other = other.and(1, self.reading_bytes());
        match &self.held {
            Held::Whole(codes) => {
                let bits = if codes.bits().is_some() { bits::bytes(self.samples) } else { 0 };
                let bytes = if codes.has_bytes() { self.samples } else { 0 };
                other.and(bytes + bits, neurons as u128)
            }
            Held::Spilled(_) => other,
        }
    }
}

/// Codes that are partly in a file.
#[derive(Debug)]
pub(crate) struct SpilledCodes {
    pieces: Pieces,
    samples: usize,
    bins: usize,
    bins_of: Vec<u16>,
    /// Samples in each bin, `[neuron][bin]`.
    marginals: Vec<u32>,
}

impl SpilledCodes {
    fn marginal(&self, neuron: usize) -> &[u32] {
        &self.marginals[neuron * self.bins..][..self.bins]
    }

    /// Reads the codes of some neurons, in the given order.
    pub(crate) fn gather(&self, neurons: &[usize]) -> Result<Codes, Error> {
        let data = self.pieces.gather(neurons)?;
        let bins_of = neurons.iter().map(|&neuron| self.bins_of[neuron]).collect();
        let marginals = neurons.iter().flat_map(|&neuron| self.marginal(neuron)).copied().collect();
        codes_of(data, self.samples, (self.bins, bins_of), marginals)
    }
}

/// The facts about a layer beside its codes.
#[derive(Debug)]
pub(crate) struct LayerFits {
    pub(crate) edges: BinEdges,
    pub(crate) extents: Vec<Extent>,
}

/// An encoder with given edges, which turns activations into codes, one batch of samples after the other.
///
/// The result has the same bits for batches of any sizes.
///
/// # Examples
///
/// ```
/// use cofire::{Analysis, BinEdges, Binning, Encoder};
/// use ndarray::Array2;
///
/// let activations = Array2::from_shape_fn((1000, 8), |(s, n)| ((s * (n + 3)) % 17) as f32);
/// let edges = BinEdges::fit(activations.view(), &Binning::equal_width(10))?;
///
/// let mut encoder = Encoder::new(edges.clone());
/// for batch in activations.axis_chunks_iter(ndarray::Axis(0), 300) {
///     encoder.push(batch)?; // as a network hands them out
/// }
/// let report = Analysis::with_edges(edges).run_encoded(encoder.finish()?)?;
/// assert_eq!(report.mutual_information, cofire::analyze(activations.view(), 10)?.mutual_information);
/// # Ok::<(), cofire::Error>(())
/// ```
#[derive(Debug)]
pub struct Encoder {
    edges: BinEdges,
    extents: ExtentsSoFar,
    marginals: Vec<u32>,
    pieces: Pieces,
    /// Codes of the piece that is being filled, `[neuron][sample]`, and its samples so far.
    piece: Vec<u8>,
    filled: usize,
    /// Samples in the pieces before.
    samples_before: usize,
}

impl Encoder {
    /// Creates an encoder that keeps all codes in memory.
    #[must_use]
    pub fn new(edges: BinEdges) -> Self {
        Self::with_limit(edges, u64::MAX, Spill::default())
    }

    /// Creates an encoder that keeps at most `bytes` bytes of codes in memory, and the rest in a temporary
    /// file in the system's directory for such files.
    ///
    /// The file needs the feature `spill`. Without it, codes beyond the limit are an error.
    #[must_use]
    pub fn with_memory_limit(edges: BinEdges, bytes: u64) -> Self {
        Self::with_limit(edges, bytes, Spill::default())
    }

    pub(crate) fn with_limit(edges: BinEdges, bytes: u64, spill: Spill) -> Self {
        let pieces = Pieces::new(edges.neurons(), bytes, spill);
        let extents = ExtentsSoFar::default();
        let (marginals, piece) = (Vec::new(), Vec::new());
        Self { edges, extents, marginals, pieces, piece, filled: 0, samples_before: 0 }
    }

    /// Encodes the samples that follow, `samples × neurons`, in any memory layout. O(samples · neurons).
    ///
    /// # Errors
    ///
    /// Fails if the batch has another number of neurons than the edges, if an activation is not finite (its
    /// sample is counted from the first batch on) or not among the categories of the edges, and if memory or
    /// disk space runs out. After an error about activations, the encoder is as it was before.
    pub fn push<'a>(&mut self, batch: impl Into<ActivationsView<'a>>) -> Result<(), Error> {
        let batch = batch.into();
        let (expected, found) = (self.edges.neurons(), batch.neurons());
        if expected != found {
            return Err(Error::EdgesMismatch { expected, found });
        }
        self.push_to_pieces(&Activations::batch(batch), Portions::MOST.samples_in_a_piece(expected))
    }

    fn samples(&self) -> usize {
        self.samples_before + self.filled
    }

    /// Encodes samples into pieces of `most` samples each.
    fn push_to_pieces(&mut self, batch: &Activations<'_>, most: usize) -> Result<(), Error> {
        if batch.samples() == 0 {
            return Ok(());
        }
        let bins = self.edges.bins();
        self.edges.check(batch, self.samples())?;
        self.extents.add(batch)?;
        if self.marginals.is_empty() {
            self.marginals = memory::zeroed(self.edges.neurons(), bins)?;
        }
        let mut taken = 0;
        while taken < batch.samples() {
            if self.piece.is_empty() {
                self.piece = memory::zeroed(self.edges.neurons(), most)?;
            }
            let samples = (batch.samples() - taken).min(most - self.filled);
            let part = batch.of_samples(taken..taken + samples);
            codes::encode_all(&part, &self.edges, (&mut self.piece, most), self.filled);
            self.filled += samples;
            taken += samples;
            if self.filled == most {
                self.end_piece(most)?;
            }
        }
        Ok(())
    }

    fn end_piece(&mut self, width: usize) -> Result<(), Error> {
        let mut piece = std::mem::take(&mut self.piece);
        if self.filled < width {
            piece = shortened(piece, width, self.filled);
        }
        let (filled, bins) = (std::mem::take(&mut self.filled), self.edges.bins());
        codes::add_marginals(&piece, filled, &mut self.marginals, bins);
        if bins == bits::BINS {
            self.pieces.add(bits::pack_bytes(&piece, filled)?)?;
            self.piece = piece;
        } else {
            self.piece = self.pieces.add(piece)?.unwrap_or_default();
        }
        self.samples_before += filled;
        Ok(())
    }

    /// Returns the layer of all samples that have been pushed.
    ///
    /// # Errors
    ///
    /// Fails for fewer than two samples, for more than a 32-bit count holds, and if memory or disk space runs
    /// out.
    pub fn finish(mut self) -> Result<EncodedLayer, Error> {
        let (samples, neurons) = (self.samples(), self.edges.neurons());
        check_shape((samples, neurons))?;
        if self.filled > 0 {
            self.end_piece(self.piece.len() / neurons)?;
        }
        drop(self.piece);
        let spilled_bytes = self.pieces.spilled_bytes();
        let (edges, extents, marginals) = (self.edges, self.extents.extents(), self.marginals);
        let (bins, bins_of) = (edges.bins(), codes::bins_of(&edges)?);
        let held = if spilled_bytes > 0 {
            Held::Spilled(SpilledCodes { pieces: self.pieces, samples, bins, bins_of, marginals })
        } else {
            Held::Whole(codes_of(self.pieces.joined()?, samples, (bins, bins_of), marginals)?)
        };
        Ok(EncodedLayer { edges, extents, samples, held, spilled_bytes, portions: None })
    }
}

/// Makes codes from the bytes of joined pieces.
fn codes_of(
    data: Vec<u8>,
    samples: usize,
    (bins, bins_of): (usize, Vec<u16>),
    marginals: Vec<u32>,
) -> Result<Codes, Error> {
    if bins == bits::BINS {
        Ok(Codes::from_bits(samples, bins_of, Bits::from_bytes(&data, samples)?, marginals))
    } else {
        Codes::new(samples, bins, bins_of, data, marginals)
    }
}

/// Cuts rows of `width` elements down to the first `kept`.
fn shortened(mut data: Vec<u8>, width: usize, kept: usize) -> Vec<u8> {
    let rows = data.len() / width;
    for row in 1..rows {
        data.copy_within(row * width..row * width + kept, row * kept);
    }
    data.truncate(rows * kept);
    data
}

/// Encodes activations that can be read again, as [`Encoder`] does. Keeps at most `most_in_memory` bytes of
/// codes in memory.
pub(crate) fn encode_batches(
    source: &mut dyn Batches,
    edges: BinEdges,
    (most_in_memory, spill): (u64, Spill),
    portions: Portions,
) -> Result<EncodedLayer, Error> {
    let (samples, neurons) = (source.samples(), source.neurons());
    check_shape((samples, neurons))?;
    let has_two_bins = edges.bins() == bits::BINS;
    let is_whole = whole_bytes(samples, &edges) <= u128::from(most_in_memory);
    // Codes that may not all fit go to the file from the start. Memory holds a piece of them anyway.
    let most_in_memory = if is_whole { most_in_memory } else { 0 };
    let mut encoder = Encoder::with_limit(edges, most_in_memory, spill);
    let is_one_piece = is_whole && !has_two_bins;
    let piece = if is_one_piece { samples } else { portions.samples_in_a_piece(neurons) };
    let precision = source.precision();
    let batch = portions.samples_in_a_batch(neurons, precision).min(piece);
    source.visit(batch, &mut |batch| {
        let (expected, found) = (encoder.edges.neurons(), batch.neurons());
        if expected != found {
            return Err(Error::EdgesMismatch { expected, found });
        }
        check_precision(precision, batch.precision())?;
        let now = encoder.samples() + batch.samples();
        if now > samples {
            return Err(changed(samples, now));
        }
        encoder.push_to_pieces(&Activations::batch(batch), piece)
    })?;
    let found = encoder.samples();
    if found != samples {
        return Err(changed(samples, found));
    }
    let layer = encoder.finish()?;
    Ok(EncodedLayer { portions: Some((portions, precision)), ..layer })
}

/// Returns the bytes of all codes while they are collected in memory. Bit strings come in pieces, and exist
/// twice while the pieces are joined.
fn whole_bytes(samples: usize, edges: &BinEdges) -> u128 {
    let of_neuron = if edges.bins() == bits::BINS { 2 * samples.div_ceil(8) } else { samples };
    of_neuron as u128 * edges.neurons() as u128
}
