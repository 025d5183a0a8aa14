//! Tests of directories of jobs: stored blocks come back, and no file in them is trusted.

#![expect(clippy::unwrap_used, reason = "a job that cannot be begun fails the test")]

use std::fs;
use std::path::Path;

use cofire::digest::DigestPart;
use cofire::sweep::{Block, Collector, InformationPair};
use cofire::{Analysis, Engine, Error, Selection, Sweep};
use cofire_jobs::{Fingerprint, Fingerprinted, Job, JobDirectory, JobError, JobPart, RunningJob};
use ndarray::Array2;

fn sweep(selection: Selection) -> (Sweep, Fingerprint) {
    let x = Array2::from_shape_fn((200, 30), |(s, n)| ((s * (n % 9 + 3)) % 17) as f32);
    let analysis = Analysis::new(6).engine(Engine::Cpu);
    let mut view = x.view();
    let mut source = Fingerprinted::new(&mut view);
    let layer = analysis.encode_batches(&mut source).unwrap();
    let sweep = analysis.sweep_in_blocks(layer, selection, 10).unwrap();
    (sweep, source.fingerprint().unwrap())
}

fn begin(path: &Path, part: JobPart, selection: Selection) -> (Sweep, RunningJob) {
    let (sweep, fingerprint) = sweep(selection);
    let job = JobDirectory::open(path, part, &[]).unwrap().begin(sweep.plan(), fingerprint);
    (sweep, job.unwrap())
}

#[test]
fn blocks_come_back_as_they_were_stored() {
    for selection in [Selection::All, Selection::Strongest(2), Selection::AtLeast(1.0)] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b");
        let (mut sweep, job) = begin(&path, JobPart::WHOLE, selection);
        assert_eq!(job.job().blocks(), sweep.blocks());
        let blocks: Vec<Block> = (0..sweep.blocks()).map(|n| sweep.compute(n).unwrap()).collect();
        for (number, block) in blocks.iter().enumerate() {
            assert_eq!(job.job().load(number).unwrap(), None, "{number}");
            job.store(number, block).unwrap();
        }
        drop(job);
        let job = Job::read(&path).unwrap();
        assert_eq!(job.plan(), sweep.plan());
        let mut collector = Collector::new(job.plan().clone(), u64::MAX).unwrap();
        for (number, block) in blocks.into_iter().enumerate() {
            let found = job.load(number).unwrap().unwrap();
            assert_eq!(found, block, "{number}");
            collector.take(number, found).unwrap();
        }
        let (collected, report) = (collector.finish(), sweep.run().unwrap());
        assert_eq!(collected.pairs, report.pairs);
        assert_eq!(collected.entropy, report.entropy);
        assert_eq!(collected.digests, report.digests);
        assert_eq!(collected.digest_of_selected(), report.digest_of_selected());
        assert!(job.load(6).is_err(), "there are six blocks");
    }
}

#[test]
fn surrogates_are_refused_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("job");
    let (sweep, fingerprint) = sweep(Selection::FalseDiscoveryRate(0.1));
    let mut plan = sweep.plan().clone();
    plan.surrogates = 20;
    let job = JobDirectory::open(&path, JobPart::WHOLE, &[]).unwrap();
    let error = job.begin(&plan, fingerprint).unwrap_err();
    assert!(matches!(error, JobError::Surrogates { surrogates: 20 }), "{error}");
    assert!(!path.join("job.json").exists(), "the job was begun");
    plan.selection = Selection::All;
    assert!(matches!(Collector::new(plan, u64::MAX), Err(Error::InconsistentPlan)));
}

#[test]
fn a_collector_refuses_what_is_not_its_own() {
    let (mut selecting, _) = sweep(Selection::Strongest(2));
    let (mut whole, _) = sweep(Selection::All);
    let (pairs, matrix) = (selecting.compute(1).unwrap(), whole.compute(1).unwrap());
    assert!(!pairs.pairs().is_empty() && matrix.matrix().is_some(), "blocks of something");
    let pair = |first, second| InformationPair { first, second, mutual_information: 1.0 };
    let of_pairs = |first, second| Block::of_pairs(vec![pair(first, second)]);
    let of_matrix = |row, width| Block::of_matrix(row, 10, Array2::zeros((10, width)));
    let mut parts = pairs.digest_parts().to_vec();
    assert!(!parts.is_empty(), "a computed block has parts");
    let with = |parts: &[DigestPart]| pairs.clone().with_digest_parts(parts.to_vec());
    parts[0].pairs += 1;
    let too_many = with(&parts);
    parts[0] = DigestPart { block: 1000, pairs: parts[0].pairs - 1, ..parts[0] };
    let elsewhere = with(&parts);
    for (number, block) in [
        (1, too_many),
        (1, elsewhere),
        (2, pairs.clone()),
        (1, matrix.clone()),
        (1, of_pairs(0, 30)),
        (1, of_pairs(u32::MAX - 1, u32::MAX)),
        (1, of_pairs(5, 5)),
        (6, Block::passed_over()),
    ] {
        let refused = selecting.take(number, block).unwrap_err();
        match refused {
            Error::ForeignBlock { block } => assert!(block == number && number < 6, "{refused}"),
            _ => assert!(
                matches!(refused, Error::BlockOutOfRange { block: 6, blocks: 6 }),
                "{refused}"
            ),
        }
    }
    for (number, block) in [
        (2, matrix.clone()),
        (1, pairs.clone()),
        (1, Block::passed_over()),
        (1, of_matrix(0, 11)),
        (1, of_matrix(usize::MAX, 10)),
    ] {
        let refused = whole.take(number, block);
        assert!(matches!(refused, Err(Error::ForeignBlock { .. })), "{number}: {refused:?}");
    }
    assert!((0..6).all(|number| !selecting.is_taken(number) && !whole.is_taken(number)));
    selecting.take(1, pairs).unwrap();
    whole.take(1, matrix).unwrap();

    let plan = selecting.plan();
    for broken in 0..6 {
        let mut plan = plan.clone();
        match broken {
            0 => plan.block_edge = 0,
            1 => plan.entropy[3] = f64::NAN,
            2 => plan.occupied_bins.push(1),
            3 => plan.samples = usize::MAX,
            // The table of thresholds would have 257 × 257 entries.
            4 => plan.occupied_bins[0] = 257,
            _ => plan.selection = Selection::AtLeast(f64::INFINITY),
        }
        assert!(Collector::new(plan, u64::MAX).is_err(), "{broken}");
    }
}

#[test]
fn claims_of_a_manifest_are_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    drop(begin(path, JobPart::WHOLE, Selection::Strongest(2)));
    let manifest = fs::read_to_string(path.join("job.json")).unwrap();
    let neurons = fs::read(path.join("neurons")).unwrap();
    let with = |from: &str, to: &str| {
        assert!(manifest.contains(from), "{from}");
        fs::write(path.join("job.json"), manifest.replace(from, to)).unwrap();
        Job::read(path)
    };
    assert!(with("30", "30").is_ok());
    for (from, to) in [
        ("\"neurons\": 30", "\"neurons\": 31"),
        ("\"neurons\": 30", "\"neurons\": 18446744073709551615"),
        ("\"neurons\": 30", "\"neurons\": 0"),
        ("\"block_edge\": 10", "\"block_edge\": 18446744073709551616"),
    ] {
        let refused = with(from, to);
        assert!(matches!(refused, Err(JobError::UnusableManifest { .. })), "{to}: {refused:?}");
    }
    // An edge of 0 has no blocks. The collector refuses it.
    let job = with("\"block_edge\": 10", "\"block_edge\": 0").unwrap();
    assert!(Collector::new(job.plan().clone(), u64::MAX).is_err(), "no edge");
    // Another edge is valid, but it makes another job.
    assert!(with("\"block_edge\": 10", "\"block_edge\": 18446744073709551615").is_ok());

    fs::write(path.join("job.json"), "x".repeat(2 << 20)).unwrap();
    assert!(matches!(Job::read(path), Err(JobError::UnusableManifest { .. })), "too long");
    fs::write(path.join("job.json"), &manifest).unwrap();
    for broken in [&neurons[..neurons.len() - 1], &[], &[0; 5000]] {
        fs::write(path.join("neurons"), broken).unwrap();
        assert!(matches!(Job::read(path), Err(JobError::UnusableManifest { .. })), "neurons");
    }
    fs::remove_file(path.join("neurons")).unwrap();
    assert!(matches!(Job::read(path), Err(JobError::UnusableManifest { .. })), "no neurons");

    // A sweep with this plan writes the file again.
    drop(begin(path, JobPart::WHOLE, Selection::Strongest(2)));
    assert_eq!(fs::read(path.join("neurons")).unwrap(), neurons);
}

#[test]
fn more_blocks_than_files_make_sense_are_refused() {
    let (narrow, fingerprint) = sweep(Selection::Strongest(1));
    let mut plan = narrow.plan().clone();
    plan.block_edge = 1;
    plan.entropy = vec![1.0; 5000];
    plan.occupied_bins = vec![2; 5000];
    let directory = tempfile::tempdir().unwrap();
    let opened = JobDirectory::open(directory.path(), JobPart::WHOLE, &[]).unwrap();
    let refused = opened.begin(&plan, fingerprint).unwrap_err();
    assert!(matches!(refused, JobError::TooManyBlocks { blocks: 12_502_500, .. }), "{refused}");
}

#[test]
fn a_directory_is_locked_while_it_is_worked_in() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let (first, second) = (JobPart::new(1, 2).unwrap(), JobPart::new(2, 2).unwrap());
    let in_use = |part| match JobDirectory::open(path, part, &[]) {
        Err(JobError::InUse { .. }) => true,
        Ok(_) => false,
        Err(error) => panic!("{error}"),
    };
    let (_, whole) = begin(path, JobPart::WHOLE, Selection::Strongest(1));
    assert!(in_use(JobPart::WHOLE) && in_use(first));
    drop(whole);
    let (_, part) = begin(path, first, Selection::Strongest(1));
    assert!(in_use(JobPart::WHOLE) && in_use(first) && !in_use(second));
    drop(part);
    assert!(!in_use(JobPart::WHOLE));
    assert_eq!(Job::read(path).unwrap().parts().unwrap(), [first, second]);
}
