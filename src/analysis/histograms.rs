//! Joint histograms of chosen pairs, and the information of each cell.

use ndarray::{Array3, Axis};

use super::Analysis;
use super::prepare::prepare;
use crate::binning::BinEdges;
use crate::codes::budget::Memory;
use crate::engine::{self, Goal, GpuGain};
use crate::error::Error;
use crate::estimator::Entropies;
use crate::input::activations::{Activations, ActivationsView};
use crate::measures::Units;
use crate::pairs::tile::Tile;

/// Returns the joint histograms of chosen pairs, and the bin edges used.
pub(crate) async fn joint_histograms(
    analysis: &Analysis,
    activations: ActivationsView<'_>,
    pairs: &[(usize, usize)],
) -> Result<(Array3<u32>, BinEdges), Error> {
    let settings = &analysis.settings;
    let counts = |_: &Activations<'_>, bins: usize| {
        Memory::default().and(pairs.len(), (size_of::<u32>() * bins * bins) as u128)
    };
    let layer = prepare(analysis, activations, counts)?;
    let last = layer.codes.neurons() - 1;
    if let Some(&(first, second)) = pairs.iter().find(|(i, j)| *i.max(j) > last) {
        return Err(Error::PairOutOfRange { first, second, last });
    }
    let chosen = settings.run.open_engine(GpuGain::Faster).await?;
    let entropies = Entropies::new(settings.estimator, layer.samples());
    let none = (Tile::triangle(0), Goal::Histograms);
    let job = settings.single_job(layer.codes, entropies.table(), none);
    let on_failure = settings.run.on_device_failure;
    let counts = engine::joint_histograms(&chosen, &job, pairs, on_failure).await?;
    Ok((counts, layer.edges))
}

/// Returns the pointwise mutual information of each cell of joint histograms.
pub(super) fn pointwise(counts: &Array3<u32>, samples: usize, units: Units) -> Array3<f64> {
    let mut tables = counts.mapv(f64::from);
    let samples = samples as f64;
    for mut table in tables.outer_iter_mut() {
        let (of_row, of_column) = (table.sum_axis(Axis(1)), table.sum_axis(Axis(0)));
        for ((a, b), n) in table.indexed_iter_mut() {
            let ratio = samples * *n / (of_row[a] * of_column[b]);
            *n = ratio.ln() * units.per_nat();
        }
    }
    tables
}
