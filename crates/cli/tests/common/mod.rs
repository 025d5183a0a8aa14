//! Helpers that run the command and make files for it.

#![allow(dead_code, reason = "each test binary uses its own part of this file")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and says so by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ndarray::Array2;
use npyz::{AutoSerialize, Order, Serialize, WriterBuilder};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use tempfile::TempDir;
use zip::write::{SimpleFileOptions, ZipWriter};

/// The exit status and output of a run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Run {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// Makes the command, to be started in `directory`.
pub(crate) fn cofire(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cofire"));
    command.current_dir(directory).args(arguments).env_remove("RUST_LOG");
    command
}

/// A directory with files to measure.
#[derive(Debug)]
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn put(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), bytes).unwrap();
    }

    /// Runs `cofire analyze --engine cpu` with further arguments.
    pub(crate) fn analyze(&self, arguments: &[&str]) -> Run {
        let arguments = [&["analyze", "--engine", "cpu"], arguments].concat();
        self.run(&arguments)
    }

    /// Runs `cofire` with arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Run {
        cofire(self.path(), arguments).output().unwrap().into()
    }

    /// Reads an array that the command wrote: shape and values.
    pub(crate) fn array(&self, name: &str) -> (Vec<u64>, Vec<f64>) {
        let npy = npyz::NpyFile::new(fs::File::open(self.path().join(name)).unwrap()).unwrap();
        assert_eq!(npy.order(), Order::C, "{name}");
        (npy.shape().to_vec(), npy.into_vec().unwrap())
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path().join(name)).unwrap()
    }

    /// Lists all files and directories, sorted. Directories end with a slash.
    pub(crate) fn tree(&self) -> Vec<String> {
        fn walk(root: &Path, directory: &Path, found: &mut Vec<String>) {
            for entry in fs::read_dir(directory).unwrap() {
                let path: PathBuf = entry.unwrap().path();
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                if path.is_dir() {
                    found.push(format!("{name}/"));
                    walk(root, &path, found);
                } else {
                    found.push(name);
                }
            }
        }
        let mut found = Vec::new();
        walk(self.path(), self.path(), &mut found);
        found.sort();
        found
    }
}

/// The numbers of samples and neurons of [`values`].
pub(crate) const SHAPE: (usize, usize) = (60, 7);

/// Returns small whole numbers, which every element type can hold, in row-major order.
pub(crate) fn values() -> Vec<u8> {
    let (samples, neurons) = SHAPE;
    (0..samples * neurons)
        .map(|index| {
            let (sample, neuron) = (index / neurons, index % neurons);
            let scattered =
                (sample * 7919 + neuron * 104_729 + sample * sample * (neuron + 1)) % 101;
            match neuron {
                0 => 0,
                1 => 9,
                2 => u8::from(scattered > 50),
                6 => u8::try_from((sample * 7919 + 3 * 104_729 + sample * sample * 4) % 101 / 2)
                    .unwrap(),
                _ => u8::try_from(scattered).unwrap(),
            }
        })
        .collect()
}

/// Reorders values from row-major to column-major order.
pub(crate) fn columns<T: Copy>(values: &[T]) -> Vec<T> {
    let (samples, neurons) = SHAPE;
    (0..neurons).flat_map(|j| (0..samples).map(move |s| values[s * neurons + j])).collect()
}

/// Makes a `.npy` file.
pub(crate) fn npy<T: AutoSerialize + Copy>(shape: &[u64], order: Order, values: &[T]) -> Vec<u8> {
    npy_as(&T::default_dtype().descr().replace('\'', ""), shape, order, values)
}

/// Makes a `.npy` file with a chosen element type, such as `>f4`.
pub(crate) fn npy_as<T: Serialize + Copy>(
    descr: &str,
    shape: &[u64],
    order: Order,
    values: &[T],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::<T>::new()
        .dtype(npyz::DType::Plain(descr.parse().unwrap()))
        .shape(shape)
        .order(order)
        .writer(&mut bytes);
    let mut writer = options.begin_nd().unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    bytes
}

/// Makes a `.npy` file of the activations as `f32`.
pub(crate) fn plain_npy() -> Vec<u8> {
    let values: Vec<f32> = values().into_iter().map(f32::from).collect();
    npy(&[SHAPE.0 as u64, SHAPE.1 as u64], Order::C, &values)
}

/// Makes a `.npz` file.
pub(crate) fn npz(members: &[(&str, Vec<u8>)], method: zip::CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        archive.start_file(*name, options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// Makes a `.safetensors` file with tensors of one shape.
pub(crate) fn safetensors(shape: &[usize], tensors: &[(&str, Dtype, Vec<u8>)]) -> Vec<u8> {
    let views = tensors.iter().map(|(name, dtype, bytes)| {
        (*name, TensorView::new(*dtype, shape.to_vec(), bytes).unwrap())
    });
    safetensors::serialize(views, None).unwrap()
}

/// Returns the activations as an array.
pub(crate) fn activations() -> Array2<f32> {
    Array2::from_shape_vec(SHAPE, values().into_iter().map(f32::from).collect()).unwrap()
}

/// Computes the entropy of a histogram by its definition, in nats.
pub(crate) fn entropy_of(counts: impl IntoIterator<Item = usize>) -> f64 {
    let counts: Vec<f64> = counts.into_iter().filter(|&n| n > 0).map(|n| n as f64).collect();
    let samples: f64 = counts.iter().sum();
    counts.iter().map(|n| -(n / samples) * (n / samples).ln()).sum()
}

/// Computes the entropy of the distinct values among the samples, in nats.
pub(crate) fn entropy_seen<T: Ord>(seen: impl IntoIterator<Item = T>) -> f64 {
    let mut counts = BTreeMap::new();
    for value in seen {
        *counts.entry(value).or_default() += 1;
    }
    entropy_of(counts.into_values())
}

/// Asserts that both lists are equal but for rounding.
pub(crate) fn assert_close(what: &str, found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (index, (found, expected)) in found.iter().zip(expected).enumerate() {
        let is_close = (found - expected).abs() < 1e-9 || found == expected;
        assert!(is_close, "{what}, number {index}: {found}, not {expected}");
    }
}
