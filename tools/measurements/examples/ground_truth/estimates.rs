//! The estimators under test, with their binnings.

use cofire::neighbors::KsgAlgorithm;
use cofire::{Analysis, BinRule, Binning, Engine, Error, Estimator, NeighborAnalysis};
use ndarray::ArrayView2;

/// A way to estimate the mutual information of two neurons.
pub(crate) struct Estimate {
    pub(crate) name: String,
    settings: Settings,
}

enum Settings {
    Binned(Analysis),
    Neighbors(NeighborAnalysis),
}

impl Estimate {
    /// Estimates the mutual information of two arrays of `samples × 1`, in nats.
    pub(crate) fn of(&self, x: ArrayView2<'_, f32>, y: ArrayView2<'_, f32>) -> Result<f64, Error> {
        let matrix = match &self.settings {
            Settings::Binned(analysis) => analysis.run_between(x, y)?.mutual_information,
            Settings::Neighbors(analysis) => analysis.run_between(x, y)?.mutual_information,
        };
        Ok(matrix[[0, 0]])
    }
}

pub(crate) fn all() -> Vec<Estimate> {
    let ten = || Analysis::with_binning(Binning::EqualFrequency { bins: 10 });
    let mut all = vec![
        binned("plug-in, 10 bins of equal width", Analysis::new(10)),
        binned("plug-in, bins by numpy's auto rule", by_rule(BinRule::Auto)),
        binned("plug-in, 10 bins of equal frequency", ten()),
    ];
    let corrected = [
        Estimator::MillerMadow,
        Estimator::Grassberger,
        Estimator::ChaoShen,
        Estimator::JamesStein,
        Estimator::JEFFREYS,
        Estimator::LAPLACE,
    ];
    all.extend(corrected.map(|estimator| {
        let name = format!("{estimator}, 10 bins of equal frequency");
        binned(&name, ten().estimator(estimator))
    }));
    all.extend([(KsgAlgorithm::First, 1), (KsgAlgorithm::Second, 2)].map(|(algorithm, number)| {
        let settings = NeighborAnalysis::new(3).algorithm(algorithm).engine(Engine::Cpu);
        let settings = Settings::Neighbors(settings);
        Estimate { name: format!("Kraskov–Stögbauer–Grassberger {number}, k = 3"), settings }
    }));
    all
}

fn binned(name: &str, analysis: Analysis) -> Estimate {
    Estimate { name: name.to_owned(), settings: Settings::Binned(analysis.engine(Engine::Cpu)) }
}

fn by_rule(rule: BinRule) -> Analysis {
    Analysis::with_binning(Binning::equal_width(rule))
}
