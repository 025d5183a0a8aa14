//! Bin codes, which every engine counts: one byte per sample and neuron, neuron-major.

pub(crate) mod bits;
pub(crate) mod budget;
pub(crate) mod encoder;
pub(crate) mod pieces;
pub(crate) mod sorted_rows;
pub(crate) mod spill;

use std::ops::Range;
use std::sync::OnceLock;

use fearless_simd::{Simd, prelude::*};
use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::MAX_BINS;
use crate::binning::{BinEdges, BinnedElement};
use crate::error::Error;
use crate::input::activations::{
    Activations, PANEL_NEURONS, PANEL_SAMPLES, Panel, read_panel, with_view,
};
use crate::support::cancel::CancelToken;
use crate::support::memory;
use crate::support::reorder::reorder;
use crate::support::simd::{Level, Vectorized};
use bits::Bits;

/// The bin code of every activation, `[neuron][sample]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Codes {
    samples: usize,
    /// The most bins of any neuron, and at least two: the width of arrays of counts.
    bins: usize,
    /// The number of bins of each neuron. All of its codes are less.
    bins_of: Vec<u16>,
    /// The codes as bytes. For two bins they may be made from `bits` only when they are needed.
    data: OnceLock<Vec<u8>>,
    /// Samples in each bin, `[neuron][bin]`.
    marginals: Vec<u32>,
    /// The codes of two bins once more as bit strings, an eighth of the size.
    bits: Option<Bits>,
}

/// The most panels that one task encodes. Their activations are neighbours in a row-major array.
const PANELS_A_TASK: usize = 16;

impl Codes {
    /// Encodes activations whose values are known to be finite.
    pub(crate) fn encode(
        activations: &Activations<'_>,
        edges: &BinEdges,
        stop: &CancelToken,
    ) -> Result<Self, Error> {
        let (samples, neurons) = (activations.samples(), activations.neurons());
        let bins = edges.bins();
        let mut data = memory::zeroed(samples, neurons)?;
        let mut marginals = memory::zeroed(bins, neurons)?;
        let together = neurons_a_task(neurons);
        let tasks = data.par_chunks_mut(samples * together);
        let tasks = tasks.zip(marginals.par_chunks_mut(bins * together)).enumerate();
        tasks.for_each(|(task, (codes, marginals))| {
            encode(activations, edges, task * together, (codes, samples), 0, stop);
            if stop.is_cancelled() {
                return;
            }
            let codes = codes.chunks_exact(samples);
            for (codes, marginal) in codes.zip(marginals.chunks_exact_mut(bins)) {
                Level::best().run(Count { codes, marginal });
            }
        });
        stop.check()?; // some codes may be missing
        Self::new(samples, bins, bins_of(edges)?, data, marginals)
    }

    /// Makes codes from bytes and their counts: `bins_of` and `marginals` are those of [`Codes`].
    pub(crate) fn new(
        samples: usize,
        bins: usize,
        bins_of: Vec<u16>,
        data: Vec<u8>,
        marginals: Vec<u32>,
    ) -> Result<Self, Error> {
        let bits = if bins == bits::BINS { Some(Bits::pack(&data, samples)?) } else { None };
        Ok(Self { samples, bins, bins_of, data: data.into(), marginals, bits })
    }

    /// Makes codes of two bins from bit strings alone.
    pub(crate) fn from_bits(
        samples: usize,
        bins_of: Vec<u16>,
        bits: Bits,
        marginals: Vec<u32>,
    ) -> Self {
        let (bins, data, bits) = (bits::BINS, OnceLock::new(), Some(bits));
        Self { samples, bins, bins_of, data, marginals, bits }
    }

    /// Returns whether the codes exist as bytes.
    pub(crate) fn has_bytes(&self) -> bool {
        self.data.get().is_some()
    }

    /// Makes bytes on all threads from codes that exist only as bit strings. Engines call this before they
    /// begin if a kernel reads bytes.
    pub(crate) fn make_bytes(&self) -> Result<(), Error> {
        if let (None, Some(bits)) = (self.data.get(), &self.bits) {
            let mut data = memory::zeroed(self.samples, self.neurons())?;
            let neurons = data.par_chunks_exact_mut(self.samples).enumerate();
            neurons.for_each(|(neuron, codes)| bits.unpack(neuron, codes));
            self.data.get_or_init(|| data);
        }
        Ok(())
    }

    /// Returns all codes as bytes.
    fn data(&self) -> &[u8] {
        self.data.get_or_init(|| {
            // On one thread, because the other threads may be waiting for these bytes.
            let mut data = vec![0; self.samples * self.neurons()];
            if let Some(bits) = &self.bits {
                let neurons = data.chunks_exact_mut(self.samples).enumerate();
                neurons.for_each(|(neuron, codes)| bits.unpack(neuron, codes));
            }
            data
        })
    }

    /// Joins the codes of two layers of the same samples: the neurons of `first`, then those of `second`.
    pub(crate) fn join(first: Self, second: &Self) -> Result<Self, Error> {
        first.make_bytes()?;
        second.make_bytes()?;
        let Self { samples, bins, mut bins_of, data, marginals, .. } = first;
        let mut data = data.into_inner().unwrap_or_default();
        let bytes = second.data().len();
        data.try_reserve_exact(bytes).map_err(|_| Error::OutOfMemory { bytes: bytes as u64 })?;
        data.extend_from_slice(second.data());
        bins_of.extend_from_slice(&second.bins_of);
        let most_bins = bins.max(second.bins);
        let mut all = memory::zeroed(data.len() / samples, most_bins)?;
        let wide = all.chunks_exact_mut(most_bins);
        let narrow = marginals.chunks_exact(bins).chain(second.marginals.chunks_exact(second.bins));
        for (wide, narrow) in wide.zip(narrow) {
            wide[..narrow.len()].copy_from_slice(narrow);
        }
        Self::new(samples, most_bins, bins_of, data, all)
    }

    /// Returns the codes of some of the samples, in any order.
    pub(crate) fn select(&self, samples: &[u32]) -> Result<Self, Error> {
        let mut data = memory::zeroed(self.neurons(), samples.len())?;
        let mut marginals = memory::zeroed(self.neurons(), self.bins)?;
        let neurons = data.par_chunks_exact_mut(samples.len());
        let neurons = neurons.zip(marginals.par_chunks_exact_mut(self.bins)).enumerate();
        neurons.for_each(|(neuron, (codes, marginal))| {
            let all = self.neuron(neuron);
            for (code, &sample) in codes.iter_mut().zip(samples) {
                *code = all[sample as usize];
            }
            Level::best().run(Count { codes, marginal });
        });
        Self::new(samples.len(), self.bins, self.bins_of.clone(), data, marginals)
    }

    /// Returns the codes of some consecutive neurons, as bytes.
    pub(crate) fn of_neurons(&self, neurons: Range<usize>) -> Result<Self, Error> {
        let mut data = memory::zeroed(neurons.len(), self.samples)?;
        let rows = data.par_chunks_exact_mut(self.samples).zip(neurons.clone());
        match &self.bits {
            // Bytes of all neurons may not exist, and would take eight times as much.
            Some(bits) => rows.for_each(|(codes, neuron)| bits.unpack(neuron, codes)),
            None => rows.for_each(|(codes, neuron)| codes.copy_from_slice(self.neuron(neuron))),
        }
        let marginals = self.marginals[neurons.start * self.bins..neurons.end * self.bins].to_vec();
        Self::new(self.samples, self.bins, self.bins_of[neurons].to_vec(), data, marginals)
    }

    /// Returns the same codes with the neurons in another order: neuron `order[k]` becomes neuron `k`.
    pub(crate) fn reordered(mut self, order: &[usize]) -> Self {
        if let Some(data) = self.data.get_mut() {
            reorder(data, self.samples, order);
        }
        if let Some(bits) = &mut self.bits {
            bits.reorder(order);
        }
        reorder(&mut self.marginals, self.bins, order);
        reorder(&mut self.bins_of, 1, order);
        self
    }

    pub(crate) fn samples(&self) -> usize {
        self.samples
    }

    pub(crate) fn neurons(&self) -> usize {
        self.bins_of.len()
    }

    /// Returns the most bins of any neuron, and at least two.
    pub(crate) fn bins(&self) -> usize {
        self.bins
    }

    /// Returns the number of bins of one neuron. All of its codes are less.
    pub(crate) fn bins_of(&self, neuron: usize) -> usize {
        usize::from(self.bins_of[neuron])
    }

    /// Returns the codes of one neuron, one byte per sample.
    pub(crate) fn neuron(&self, neuron: usize) -> &[u8] {
        &self.data()[neuron * self.samples..][..self.samples]
    }

    /// Returns how many samples of a neuron fall into each of [`Codes::bins`] bins.
    pub(crate) fn marginal(&self, neuron: usize) -> &[u32] {
        &self.marginals[neuron * self.bins..][..self.bins]
    }

    /// Returns the codes as bit strings if there are two bins.
    pub(crate) fn bits(&self) -> Option<&Bits> {
        self.bits.as_ref()
    }

    /// Makes codes from a function, for tests of engines.
    #[cfg(test)]
    pub(crate) fn from_fn(
        samples: usize,
        neurons: usize,
        bins: usize,
        code: impl Fn(usize, usize) -> usize,
    ) -> Self {
        let data: Vec<u8> = (0..neurons)
            .flat_map(|j| (0..samples).map(move |s| (s, j)))
            .map(|(s, j)| u8::try_from(code(s, j) % bins).unwrap())
            .collect();
        let mut marginals = vec![0; neurons * bins];
        for (codes, marginal) in data.chunks_exact(samples).zip(marginals.chunks_exact_mut(bins)) {
            Level::best().run(Count { codes, marginal });
        }
        Self::new(samples, bins, vec![bins as u16; neurons], data, marginals).unwrap()
    }
}

/// Returns the number of neurons that one task encodes.
fn neurons_a_task(neurons: usize) -> usize {
    let panels = neurons / PANEL_NEURONS / (2 * rayon::current_num_threads());
    panels.clamp(1, PANELS_A_TASK) * PANEL_NEURONS
}

/// Returns the number of bins of every neuron.
pub(crate) fn bins_of(edges: &BinEdges) -> Result<Vec<u16>, Error> {
    let mut bins_of = memory::zeroed(edges.neurons(), 1)?;
    for (neuron, bins) in bins_of.iter_mut().enumerate() {
        #[expect(clippy::cast_possible_truncation, reason = "at most 256")]
        let of_neuron = edges.bins_of(neuron) as u16;
        *bins = of_neuron;
    }
    Ok(bins_of)
}

/// Encodes samples of many neurons on all threads. `codes` holds `width` samples of every neuron. The samples
/// of `activations` are written from `offset` on.
pub(crate) fn encode_all(
    activations: &Activations<'_>,
    edges: &BinEdges,
    (codes, width): (&mut [u8], usize),
    offset: usize,
) {
    let (together, never) = (neurons_a_task(activations.neurons()), CancelToken::new());
    codes.par_chunks_mut(width * together).enumerate().for_each(|(task, codes)| {
        encode(activations, edges, task * together, (codes, width), offset, &never);
    });
}

/// Adds to `marginals` how many codes of every neuron fall into each bin.
pub(crate) fn add_marginals(codes: &[u8], width: usize, marginals: &mut [u32], bins: usize) {
    let neurons = codes.par_chunks_exact(width).zip(marginals.par_chunks_exact_mut(bins));
    neurons.for_each(|(codes, marginal)| {
        let mut new = [0; MAX_BINS];
        let new = &mut new[..bins];
        Level::best().run(Count { codes, marginal: new });
        for (count, new) in marginal.iter_mut().zip(new) {
            *count += *new;
        }
    });
}

/// Writes the codes of consecutive neurons, all samples of each, into rows of `width` samples, from `offset`
/// on. Ends early once `stop` is cancelled.
fn encode(
    activations: &Activations<'_>,
    edges: &BinEdges,
    first: usize,
    codes: (&mut [u8], usize),
    offset: usize,
    stop: &CancelToken,
) {
    with_view!(activations.view(), view => encode_view(&view, edges, first, codes, offset, stop));
}

fn encode_view<T: BinnedElement>(
    view: &ArrayView2<'_, T>,
    edges: &BinEdges,
    first: usize,
    (codes, width): (&mut [u8], usize),
    offset: usize,
    stop: &CancelToken,
) {
    let samples = view.nrows();
    let level = Level::best();
    let neurons = first..first + codes.len() / width;
    let coders: Vec<_> = neurons.clone().map(|neuron| edges.coder::<T>(neuron)).collect();
    let mut panel = Panel::default();
    for begin in (0..samples).step_by(PANEL_SAMPLES) {
        if stop.is_cancelled() {
            return;
        }
        let here = begin..samples.min(begin + PANEL_SAMPLES);
        let panels = codes.chunks_mut(width * PANEL_NEURONS).zip(coders.chunks(PANEL_NEURONS));
        for ((codes, coders), first) in panels.zip(neurons.clone().step_by(PANEL_NEURONS)) {
            let neurons = first..first + coders.len();
            read_panel(view, here.clone(), neurons, level, &mut panel);
            let codes = codes.chunks_exact_mut(width);
            for ((coder, values), codes) in coders.iter().zip(&panel.values).zip(codes) {
                let codes = &mut codes[offset..][here.clone()];
                coder.encode(&values[..here.len()], codes, level);
            }
        }
    }
}

/// A count of the codes in each bin.
struct Count<'a> {
    codes: &'a [u8],
    marginal: &'a mut [u32],
}

impl Count<'_> {
    /// The most bins for which one pass per bin takes fewer instructions than a counter for each code.
    const FEW_BINS: usize = 16;
}

impl Vectorized for Count<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { codes, marginal } = self;
        if marginal.len() <= Self::FEW_BINS {
            for (code, count) in (0..).zip(marginal) {
                *count = occurrences(simd, codes, code);
            }
        } else {
            count_each(codes, marginal);
        }
    }
}

/// Returns how often a code occurs.
#[inline(always)]
fn occurrences<S: Simd>(simd: S, codes: &[u8], code: u8) -> u32 {
    let vectors = codes.chunks_exact(S::u8s::LEN);
    let rest = vectors.remainder().iter().map(|&other| u32::from(other == code));
    let mut count = rest.sum();
    for vector in vectors {
        count += S::u8s::from_slice(simd, vector).simd_eq(code).to_bitmask().count_ones();
    }
    count
}

fn count_each(codes: &[u8], marginal: &mut [u32]) {
    // Incrementing a counter twice in a row stalls, so four counters take turns.
    let mut counters = [[0u32; MAX_BINS]; 4];
    let (quartets, rest) = codes.as_chunks::<4>();
    for quartet in quartets {
        for (counters, &code) in counters.iter_mut().zip(quartet) {
            counters[usize::from(code)] += 1;
        }
    }
    for &code in rest {
        counters[0][usize::from(code)] += 1;
    }
    for (bin, total) in marginal.iter_mut().enumerate() {
        *total = counters.iter().map(|counters| counters[bin]).sum();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binning::Binning;
    use ndarray::{Array2, ArrayView2, array};

    fn encode(view: ArrayView2<'_, f32>, bins: usize) -> Codes {
        let activations = Activations::new(view).unwrap();
        let edges = BinEdges::fit(view, &Binning::equal_width(bins)).unwrap();
        Codes::encode(&activations, &edges, &CancelToken::new()).unwrap()
    }

    #[test]
    fn panels_of_every_size_meet_without_gaps() {
        for samples in [2, 255, 256, 257, 600] {
            for neurons in [1, 15, 16, 17, 33] {
                // A ramp: sample s of S falls into bin s * B / S, whatever the neuron's scale.
                let x = Array2::from_shape_fn((samples, neurons), |(s, n)| (s * (n + 1)) as f32);
                let codes = encode(x.view(), 7);
                assert_eq!((codes.samples(), codes.neurons()), (samples, neurons));
                for j in 0..neurons {
                    for (s, &code) in codes.neuron(j).iter().enumerate() {
                        let expected = (s * 7 / (samples - 1)).min(6);
                        assert_eq!(usize::from(code), expected, "{s} of {samples}, neuron {j}");
                    }
                    let total: u32 = codes.marginal(j).iter().sum();
                    assert_eq!(total as usize, samples, "marginal of neuron {j}");
                }
            }
        }
    }

    #[test]
    fn neurons_may_have_fewer_bins_than_others() {
        let view = array![[0.0f32, 0.0, 7.0], [1.0, 1.0, 7.0], [2.0, 1.0, 7.0], [3.0, 1.0, 7.0]];
        let edges = BinEdges::fit(view.view(), &Binning::EqualFrequency { bins: 4 }).unwrap();
        let codes =
            Codes::encode(&Activations::new(view.view()).unwrap(), &edges, &CancelToken::new())
                .unwrap();
        assert_eq!(codes.bins(), 4);
        let bins_of: Vec<_> = (0..3).map(|neuron| codes.bins_of(neuron)).collect();
        assert_eq!(bins_of, [4, 2, 1]);
        assert_eq!(codes.neuron(0), [0, 1, 2, 3]);
        assert_eq!(codes.marginal(1), [1, 3, 0, 0], "as wide as the widest neuron's");
        assert_eq!(codes.marginal(2), [4, 0, 0, 0]);
        assert!(codes.bits().is_none(), "more than two bins");
    }

    #[test]
    fn neurons_can_be_put_into_any_order() {
        for bins in [2, 4] {
            let codes = Codes::from_fn(70, 5, bins, |s, j| s * (j + 1));
            let order = [3, 0, 4, 1, 2];
            let found = codes.clone().reordered(&order);
            for (to, from) in order.into_iter().enumerate() {
                assert_eq!(found.neuron(to), codes.neuron(from), "{bins} bins");
                assert_eq!(found.marginal(to), codes.marginal(from), "{bins} bins");
                let bits = |codes: &Codes, neuron| codes.bits().map(|b| b.neuron(neuron).to_vec());
                assert_eq!(bits(&found, to), bits(&codes, from), "{bins} bins");
            }
        }
    }

    #[test]
    fn some_neurons_have_the_codes_that_they_had() {
        for bins in [2, 5] {
            let codes = Codes::from_fn(70, 5, bins, |s, j| s * (j + 1) % 7);
            let some = codes.of_neurons(1..4).unwrap();
            assert_eq!(some.neurons(), 3);
            for neuron in 0..3 {
                assert_eq!(some.neuron(neuron), codes.neuron(neuron + 1), "{bins} bins");
                assert_eq!(some.marginal(neuron), codes.marginal(neuron + 1), "{bins} bins");
            }
        }
    }

    #[test]
    fn codes_of_one_bin_are_counted_as_of_two() {
        let view = Array2::from_elem((3, 2), 5.0f32);
        let edges = BinEdges::fit(view.view(), &Binning::EqualFrequency { bins: 4 }).unwrap();
        let codes =
            Codes::encode(&Activations::new(view.view()).unwrap(), &edges, &CancelToken::new())
                .unwrap();
        assert_eq!((codes.bins(), codes.bins_of(0)), (2, 1));
        assert!(codes.bits().is_some(), "two bins");
    }
}
