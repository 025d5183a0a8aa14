//! Runs of a test by surrogates, of the pairs within a layer or between two.

use std::sync::Arc;

use super::PermutationReport;
use super::permutation::Facts;
use super::surrogate_sums::{Compared, Observed, Pairs, Surrogated};
use crate::analysis::Analysis;
use crate::analysis::prepare::prepare;
use crate::analysis::run::prepare_two;
use crate::codes::budget::Memory;
use crate::codes::{Codes, bits};
use crate::engine::{self, Goal, GpuGain};
use crate::error::Error;
use crate::estimator::{Entropies, Marginal};
use crate::input::activations::{Activations, ActivationsView};
use crate::pairs::tile::Tile;
use crate::settings::CountSettings;
use crate::surrogates::{Orders, Surrogates};

/// Tests the pairs of a layer.
pub(super) async fn within(
    analysis: &Analysis,
    activations: ActivationsView<'_>,
    surrogates: &Surrogates,
) -> Result<PermutationReport, Error> {
    let settings = &analysis.settings;
    check(settings, surrogates, activations.samples())?;
    let memory = |layer: &Activations<'_>, bins| {
        let neurons = layer.neurons();
        let of_cell = Pairs::Within(neurons).bytes_of_cell();
        let matrices = Memory::default().and(neurons, of_cell * neurons as u128);
        // Codes in another order, these with those in the given one, and the order.
        let codes = 3 * neurons as u128 + size_of::<u32>() as u128;
        let memory = matrices.and(layer.samples(), codes);
        let memory = memory.and(3 * neurons, bit_strings(layer.samples(), bins));
        settings.and_threads(memory, (layer.samples(), neurons), bins, Goal::Sums)
    };
    let layer = prepare(analysis, activations, memory)?;
    let orders = Orders::new(surrogates, layer.samples(), true)?;
    let (samples, neurons) = (layer.samples(), layer.codes.neurons());
    let codes = Arc::new(layer.codes);
    let all_pairs = (Arc::clone(&codes), Tile::triangle(neurons));
    let test = Test {
        settings,
        entropies: Entropies::new(settings.estimator, samples),
        pairs: Pairs::Within(neurons),
        rows: &codes,
        columns: &codes,
    };
    test.run(all_pairs, &orders).await
}

/// Tests each neuron of one layer with each of another.
pub(super) async fn between(
    analysis: &Analysis,
    rows: ActivationsView<'_>,
    columns: ActivationsView<'_>,
    surrogates: &Surrogates,
) -> Result<PermutationReport, Error> {
    let settings = &analysis.settings;
    check(settings, surrogates, rows.samples())?;
    let memory = |rows: &Activations<'_>, columns: &Activations<'_>, bins| {
        let (samples, height, width) = (rows.samples(), rows.neurons(), columns.neurons());
        let of_cell = Pairs::Between(height, width).bytes_of_cell();
        let matrices = Memory::default().and(height, of_cell * width as u128);
        // The rows' codes in another order, these with the columns', and the order.
        let codes = (2 * height + width) as u128 + size_of::<u32>() as u128;
        let memory = matrices.and(samples, codes);
        let memory = memory.and(2 * height + width, bit_strings(samples, bins));
        settings.and_threads(memory, (samples, height.max(width)), bins, Goal::Sums)
    };
    let (rows, columns) = prepare_two(analysis, rows, columns, memory)?;
    let samples = rows.samples();
    let orders = Orders::new(surrogates, samples, false)?;
    let (rows, columns) = (&rows.codes, &columns.codes);
    let (height, width) = (rows.neurons(), columns.neurons());
    let as_they_are: Vec<u32> = (0..samples).collect();
    let joined = Codes::join(rows.select(&as_they_are)?, columns)?;
    let all_pairs = (Arc::new(joined), Tile::rectangle(height, width));
    let test = Test {
        settings,
        entropies: Entropies::new(settings.estimator, samples),
        pairs: Pairs::Between(height, width),
        rows,
        columns,
    };
    test.run(all_pairs, &orders).await
}

/// Returns the bytes of a neuron's codes as a bit string, which codes of two bins have too.
fn bit_strings(samples: usize, bins: usize) -> u128 {
    if bins == bits::BINS { bits::bytes(samples) as u128 } else { 0 }
}

/// Refuses settings that are invalid for any activations of `samples` samples, before they are read.
fn check(settings: &CountSettings, surrogates: &Surrogates, samples: usize) -> Result<(), Error> {
    let estimator = settings.estimator;
    if estimator.needs_histograms() {
        let wanted = "a permutation test";
        return Err(Error::EstimatorUnsupported { estimator, wanted });
    }
    surrogates.check(samples)
}

/// A test of all pairs of rows and columns, which are the same neurons within a layer.
struct Test<'a> {
    settings: &'a CountSettings,
    entropies: Entropies,
    pairs: Pairs,
    rows: &'a Codes,
    columns: &'a Codes,
}

impl Test<'_> {
    /// Counts the pairs as they are, in the given codes, and then in all orders.
    async fn run(
        self,
        (as_they_are, all_pairs): (Arc<Codes>, Tile),
        orders: &Orders,
    ) -> Result<PermutationReport, Error> {
        let Self { settings, ref entropies, pairs, rows, columns } = self;
        let samples = rows.samples();
        let chosen = settings.run.open_engine(GpuGain::Faster).await?;
        let on_failure = settings.run.on_device_failure;
        let rectangle = Tile::rectangle(rows.neurons(), columns.neurons());
        let work = all_pairs.work(samples);
        let more = rectangle.work(samples).saturating_mul(u64::from(orders.repetitions()));
        let monitor = Arc::new(settings.run.monitor(work.saturating_add(more)));
        let job = |codes: Arc<Codes>, pairs: &Tile| {
            settings.job(codes, entropies.table(), (pairs.clone(), Goal::Sums), &monitor)
        };

        let first = job(as_they_are, &all_pairs);
        let observed = Observed::new(pairs)?;
        let (observed, mut execution) = engine::run(&chosen, &first, observed, on_failure).await?;
        monitor.end_part();
        drop(first);
        let mut surrogated = Surrogated::new(observed, samples)?;
        for number in 0..orders.repetitions() {
            let repetition = orders.repetition(number);
            let both = Arc::new(Codes::join(rows.select(&repetition.order)?, columns)?);
            let both = job(both, &rectangle);
            let part;
            let sink = surrogated.both_ways(repetition.is_both_ways);
            (surrogated, part) = engine::run(&chosen, &both, sink, on_failure).await?;
            monitor.end_part();
            execution = execution.followed_by(part);
        }

        let marginals = |codes: &Codes| -> Vec<Marginal> {
            let of = |neuron| entropies.marginal(codes.marginal(neuron), codes.bins_of(neuron));
            (0..codes.neurons()).map(of).collect()
        };
        let (of_rows, of_columns) = (marginals(rows), marginals(columns));
        let units = settings.run.units;
        let marginals = (of_rows.as_slice(), of_columns.as_slice());
        let compared = surrogated.finish(orders.number(), entropies, marginals, units.per_nat())?;
        let Compared { p_values, null_mean, excess } = compared;
        let occupied = |marginals: &[Marginal]| marginals.iter().map(|m| m.occupied).collect();
        let facts = Facts {
            samples,
            estimator: settings.estimator,
            units,
            occupied: (occupied(&of_rows), occupied(&of_columns)),
            is_within: matches!(pairs, Pairs::Within(_)),
        };
        let permutations = orders.number();
        Ok(PermutationReport { p_values, null_mean, excess, permutations, execution, facts })
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Axis};
    use proptest::prelude::*;

    use super::*;
    use crate::engine::Engine;
    use crate::estimator::Estimator;
    use crate::surrogates::Null;

    fn layer(samples: usize, neurons: usize, salt: u64) -> Array2<f32> {
        let random = crate::support::random::Philox::new(salt);
        Array2::from_shape_fn((samples, neurons), |(s, n)| {
            let [number, ..] = random.at([s as u32 / 2, n as u32, 0, 0]);
            (number % 11) as f32
        })
    }

    fn of_pair(analysis: &Analysis, x: &Array2<f32>, y: &Array2<f32>, pair: (usize, usize)) -> f64 {
        let mut both = Array2::zeros((x.nrows(), 2));
        both.column_mut(0).assign(&x.column(pair.0));
        both.column_mut(1).assign(&y.column(pair.1));
        analysis.run(both.view()).unwrap().mutual_information[[0, 1]]
    }

    fn nulls(samples: usize) -> impl Strategy<Value = Null> {
        let ids = move |length: usize| -> Vec<u32> {
            (0..samples).map(|s| ((s + s % length / 2) / length) as u32).collect()
        };
        prop_oneof![
            Just(Null::Permutation),
            (1..samples / 2).prop_map(|d| Null::Shift { at_least: Some(d) }),
            (1..samples / 6).prop_map(|length| Null::Blocks { length }),
            (2..samples / 6).prop_map(move |length| Null::Documents(ids(length).into())),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        /// Compares with rows of arrays that are put in order and measured as any others.
        #[test]
        fn tests_agree_with_plain_arrays(
            null in nulls(30), number in 1u32..8, seed in any::<u64>(), salt in any::<u64>(),
            estimator in prop::sample::select(vec![Estimator::PlugIn, Estimator::MillerMadow,
                Estimator::Grassberger, Estimator::JEFFREYS]),
        ) {
            let (x, y) = (layer(30, 3, salt), layer(30, 2, salt ^ 1));
            let analysis = Analysis::new(3).estimator(estimator).engine(Engine::Cpu);
            let surrogates = Surrogates { null, number, seed };
            let values = |orders: &Orders, (x, i): (&Array2<f32>, usize), (y, j): (&Array2<f32>, usize)| {
                let mut values = Vec::new();
                for k in 0..orders.repetitions() {
                    let repetition = orders.repetition(k);
                    let order: Vec<usize> = repetition.order.iter().map(|&s| s as usize).collect();
                    let (moved, other) = (x.select(Axis(0), &order), y.select(Axis(0), &order));
                    values.push(of_pair(&analysis, &moved, y, (i, j)));
                    if repetition.is_both_ways {
                        values.push(of_pair(&analysis, x, &other, (i, j)));
                    }
                }
                values
            };
            let check = |report: &PermutationReport, pair: (usize, usize), observed: f64, values: &[f64]| {
                // Estimates are affine in the sums that are compared, up to rounding.
                let exceed = values.iter().filter(|&&v| v >= observed - 1e-11).count() as f64;
                let of = values.len() as f64;
                prop_assert_eq!(report.permutations as usize, values.len());
                prop_assert_eq!(report.p_values[pair], (1.0 + exceed) / (1.0 + of));
                let mean = values.iter().sum::<f64>() / of;
                prop_assert!((report.null_mean[pair] - mean).abs() < 1e-9);
                prop_assert!((report.excess[pair] - (observed - mean)).abs() < 1e-9);
                Ok(())
            };
            let orders = Orders::new(&surrogates, 30, true).unwrap();
            let report = analysis.surrogate_test(x.view(), &surrogates).unwrap();
            for i in 0..3 {
                prop_assert_eq!((report.p_values[[i, i]], report.excess[[i, i]]), (1.0, 0.0));
                for j in i + 1..3 {
                    let observed = of_pair(&analysis, &x, &x, (i, j));
                    check(&report, (i, j), observed, &values(&orders, (&x, i), (&x, j)))?;
                    prop_assert_eq!(report.p_values[[i, j]], report.p_values[[j, i]]);
                    prop_assert_eq!(report.excess[[i, j]], report.excess[[j, i]]);
                }
            }
            let orders = Orders::new(&surrogates, 30, false).unwrap();
            let report = analysis.surrogate_test_between(x.view(), y.view(), &surrogates).unwrap();
            for (i, j) in (0..3).flat_map(|i| (0..2).map(move |j| (i, j))) {
                let observed = of_pair(&analysis, &x, &y, (i, j));
                check(&report, (i, j), observed, &values(&orders, (&x, i), (&y, j)))?;
            }
        }
    }
}
