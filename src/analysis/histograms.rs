//! Joint histograms of chosen pairs, and what they tell of each cell.

use std::sync::Arc;

use ndarray::{Array3, ArrayView2, Axis};

use super::Analysis;
use crate::codes::budget::Memory;
use crate::engine::{self, Goal};
use crate::estimator::Entropies;
use crate::input::activations::Activations;
use crate::pairs::tile::Tile;
use crate::{BinEdges, Error};

impl Analysis {
    /// The joint histograms of chosen pairs: counts of shape `pairs × bins × bins`, where
    /// `[p, a, b]` is the number of samples whose first neuron of pair `p` falls into bin `a` and
    /// whose second falls into bin `b`.
    ///
    /// # Errors
    ///
    /// As [`Analysis::run`], and for a pair that names a neuron that does not exist.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::array;
    ///
    /// let activations = array![[0.0f32, 5.0], [1.0, 5.0], [1.0, 7.0]];
    /// let counts = Analysis::new(2).joint_histograms(activations.view(), &[(0, 1)])?;
    /// assert_eq!(counts, array![[[1, 0], [1, 1]]]);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn joint_histograms(
        &self,
        activations: ArrayView2<'_, f32>,
        pairs: &[(usize, usize)],
    ) -> Result<Array3<u32>, Error> {
        pollster::block_on(self.joint_histograms_async(activations, pairs))
    }

    /// [`Analysis::joint_histograms`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// As [`Analysis::joint_histograms`].
    pub async fn joint_histograms_async(
        &self,
        activations: ArrayView2<'_, f32>,
        pairs: &[(usize, usize)],
    ) -> Result<Array3<u32>, Error> {
        Ok(self.count_pairs(activations, pairs).await?.0)
    }

    /// The joint histograms of chosen pairs, and the bins that were used.
    pub(crate) async fn count_pairs(
        &self,
        activations: ArrayView2<'_, f32>,
        pairs: &[(usize, usize)],
    ) -> Result<(Array3<u32>, BinEdges), Error> {
        let counts = |_: &Activations<'_>, bins: usize| {
            Memory::default().and(pairs.len(), (size_of::<u32>() * bins * bins) as u128)
        };
        let layer = self.prepare(activations, counts)?;
        let last = layer.codes.neurons() - 1;
        if let Some(&(first, second)) = pairs.iter().find(|(i, j)| *i.max(j) > last) {
            return Err(Error::PairOutOfRange { first, second, last });
        }
        let chosen = engine::choose(&self.engine, self.device_memory_limit).await?;
        let entropies = Entropies::new(self.estimator, layer.samples());
        let none = Tile::triangle(0);
        let job = self.job(layer.codes, Arc::clone(entropies.table()), none, Goal::Histograms);
        let counts = engine::joint_histograms(&chosen, &job, pairs, self.on_device_failure).await?;
        Ok((counts, layer.edges))
    }

    /// Pointwise mutual information of chosen pairs, `ln (S · n(a, b) / (n(a) · n(b)))` in the unit of
    /// these settings: how much more often than by chance the two neurons are in bins `a` and `b` at
    /// once. Of shape `pairs × bins × bins`.
    ///
    /// −∞ where that never happens though each of the two bins is reached, and NaN for a bin that no
    /// sample reaches. The mean over all samples is the plug-in mutual information. Shares are those
    /// of the samples, whatever the estimator.
    ///
    /// # Errors
    ///
    /// As [`Analysis::joint_histograms`].
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::array;
    ///
    /// let activations = array![[0.0f32, 5.0], [0.0, 5.0], [1.0, 7.0], [1.0, 7.0]];
    /// let found = Analysis::new(2).pointwise_mutual_information(activations.view(), &[(0, 1)])?;
    /// assert_eq!(found[[0, 0, 0]], 2f64.ln());
    /// assert_eq!(found[[0, 0, 1]], f64::NEG_INFINITY);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn pointwise_mutual_information(
        &self,
        activations: ArrayView2<'_, f32>,
        pairs: &[(usize, usize)],
    ) -> Result<Array3<f64>, Error> {
        let counts = self.joint_histograms(activations, pairs)?;
        let mut found = counts.mapv(f64::from);
        let samples = activations.nrows() as f64;
        for mut table in found.outer_iter_mut() {
            let (of_row, of_column) = (table.sum_axis(Axis(1)), table.sum_axis(Axis(0)));
            for ((a, b), n) in table.indexed_iter_mut() {
                let ratio = samples * *n / (of_row[a] * of_column[b]);
                *n = ratio.ln() * self.units.per_nat();
            }
        }
        Ok(found)
    }
}
