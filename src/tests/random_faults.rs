//! Faults at random: the job, the stage, the fault and the time are random. Every result has the
//! CPU's bits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ndarray::Array2;

use crate::device::Gpu;
use crate::device::faults::{Fault, Stage, fresh_gpu};
use crate::engine::Engine;
use crate::execution::Incident;
use crate::neighbors::KsgAlgorithm;
use crate::support::random::{self, Philox};
use crate::{Analysis, Estimator, Kernel, NeighborAnalysis};

/// A job on some engine, which returns bits and incidents.
type Task = Arc<dyn Fn(Engine) -> (Vec<u64>, Vec<Incident>) + Send + Sync>;

fn bits<'a>(values: impl IntoIterator<Item = &'a f64>) -> Vec<u64> {
    values.into_iter().map(|x| x.to_bits()).collect()
}

/// Returns small jobs of every kind with every kernel. Those that can have several tiles or chunks.
fn tasks() -> Vec<(String, Task)> {
    let mut tasks: Vec<(String, Task)> = Vec::new();
    let layer = |samples: usize, neurons: usize| {
        Array2::from_shape_fn((samples, neurons), |(s, n)| ((s * s * (2 * n + 3)) % 251) as f32)
    };
    let small = Arc::new(layer(300, 11));
    let long = Arc::new(layer(17_000, 3));
    for kernel in Kernel::ALL {
        let bins = kernel.max_bins().min(9);
        for (shape, x) in [("small", &small), ("long", &long)] {
            let x = Arc::clone(x);
            let sums = move |engine| {
                let report = Analysis::new(bins).kernel(kernel).engine(engine).run(x.view());
                let report = report.unwrap();
                (bits(&report.mutual_information), report.execution.incidents)
            };
            tasks.push((format!("{kernel}, sums, {shape}"), Arc::new(sums)));
        }
        let x = Arc::clone(&small);
        let whole = move |engine| {
            let settings = Analysis::new(bins).kernel(kernel).estimator(Estimator::ChaoShen);
            let report = settings.engine(engine).run(x.view()).unwrap();
            (bits(&report.mutual_information), report.execution.incidents)
        };
        tasks.push((format!("{kernel}, histograms"), Arc::new(whole)));
        let x = Arc::clone(&small);
        let between = move |engine| {
            let settings = Analysis::new(bins).kernel(kernel).engine(engine);
            let report = settings.run_between(x.view(), x.slice(ndarray::s![.., ..5])).unwrap();
            (bits(&report.mutual_information), report.execution.incidents)
        };
        tasks.push((format!("{kernel}, rectangle"), Arc::new(between)));
        let x = Arc::clone(&small);
        let chosen = move |engine| {
            let pairs = [(0, 1), (7, 3), (2, 2), (0, 1)];
            let settings = Analysis::new(bins).kernel(kernel).engine(engine);
            let counts = settings.joint_histograms(x.view(), &pairs).unwrap();
            // There is no report with incidents.
            (counts.iter().map(|&n| u64::from(n)).collect(), Vec::new())
        };
        tasks.push((format!("{kernel}, chosen pairs"), Arc::new(chosen)));
    }
    for algorithm in [KsgAlgorithm::First, KsgAlgorithm::Second] {
        let x = Arc::new(layer(150, 5));
        let near = move |engine| {
            let settings = NeighborAnalysis::new(3).algorithm(algorithm).engine(engine);
            let report = settings.run(x.view()).unwrap();
            (bits(&report.mutual_information), report.execution.incidents)
        };
        tasks.push((format!("nearest neighbours, {algorithm:?}"), Arc::new(near)));
    }
    tasks
}

#[test]
fn thirty_random_faults_lose_nothing_and_change_nothing() {
    random_faults(30);
}

#[test]
#[ignore = "a minute on a software adapter: cargo test --lib random_faults -- --ignored --nocapture"]
fn a_thousand_random_faults_lose_nothing_and_change_nothing() {
    random_faults(ALL_KINDS);
}

/// The number of faults with which every job and every kind of fault occurs.
const ALL_KINDS: usize = 1000;

/// Runs jobs with random faults at random stages and times, until `least` faults have happened.
fn random_faults(least: usize) {
    const SEED: u64 = 221_009_404;
    let Some(gpu) = fresh_gpu() else { return };
    let mut numbers = Philox::new(SEED).stream(0);
    let mut below = |end: usize| random::below(end as u32, &mut numbers) as usize;
    // The expected result of each job, and how many times the job reaches each stage.
    let tasks: Vec<_> = tasks()
        .into_iter()
        .map(|(name, task)| {
            let expected = task(Engine::Cpu).0;
            gpu.faults().plan(Vec::new());
            assert_eq!(task(gpu.clone().into()), (expected.clone(), vec![]), "{name}");
            let times = Stage::ALL.map(|stage| gpu.faults().seen(stage));
            (name, task, expected, times)
        })
        .collect();
    let mut happened: BTreeMap<(Stage, Fault), usize> = BTreeMap::new();
    let mut done = BTreeMap::<String, usize>::new();
    let mut met = BTreeSet::new();
    let (mut points, mut faults) = (0, 0);
    while faults < least {
        points += 1;
        assert!(points < 20 + 2 * least, "only {faults} faults of {points} happened");
        let (name, task, expected, times) = &tasks[below(tasks.len())];
        let stage = Stage::ALL[below(Stage::ALL.len())];
        if times[stage as usize] == 0 {
            continue; // some jobs clear nothing
        }
        let fault = stage.faults()[below(stage.faults().len())];
        let time = below(times[stage as usize]);
        // One fault in four is followed by another one at a random stage, wherever the job is by
        // then.
        let mut planned = vec![(stage, time, fault)];
        if below(4) == 0 {
            let stage = Stage::ALL[below(Stage::ALL.len())];
            let fault = stage.faults()[below(stage.faults().len())];
            planned.push((stage, times[stage as usize] + below(6), fault));
        }
        gpu.faults().plan(planned.clone());
        let (found, incidents) = task(gpu.clone().into());
        let what = format!("{name}, {planned:?}, point {points} of seed {SEED}");
        assert_eq!(&found, expected, "{what}");
        let number = gpu.faults().happened();
        if number > 0 && !name.ends_with("chosen pairs") && stage.needs_a_remedy_for(fault) {
            assert!(!incidents.is_empty(), "{what}: an incident that nobody is told of");
        }
        faults += number;
        *happened.entry((stage, fault)).or_default() += usize::from(number > 0);
        for incident in &incidents {
            *done.entry(format!("{:?}", incident.remedy)).or_default() += 1;
        }
        met.insert(name.clone());
        if points % 100 == 0 {
            eprintln!("{faults} faults in {points} jobs, all made good");
        }
        Gpu::drop_abandoned();
    }
    let kinds = Stage::ALL.iter().map(|stage| stage.faults().len()).sum::<usize>();
    eprintln!("{faults} faults in {points} jobs of {} kinds: {happened:?}; {done:?}", met.len());
    if least < ALL_KINDS {
        return;
    }
    assert_eq!(met.len(), tasks.len(), "jobs of every kind");
    let hit = happened.values().filter(|&&times| times > 0).count();
    assert_eq!(hit, kinds, "every fault at every stage: {happened:?}");
}
