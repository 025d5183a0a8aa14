//! The activations of files as [`Batches`].

mod paths;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cofire::{ActivationsView, Batches, Error, Precision};

use super::source::Source;
use super::visit::{Batch, VisitedArray, Visitor};
use super::{ElementType, FileError, Place, visit};

#[cfg(feature = "zarr")]
pub(super) use paths::compare_names;
pub use paths::expand_path;

/// Samples per batch while the samples of a file are counted that does not say how many it has.
const COUNTED_SAMPLES: usize = 1024;

/// One layer, in one file or in several files whose samples follow one another.
///
/// Made by [`open_batches`]. Between visits no file is open.
#[derive(Debug, Clone)]
pub struct FileBatches {
    /// The files, at least one.
    shards: Vec<Shard>,
    samples: usize,
}

/// A file, and the array that was found in it.
#[derive(Debug, Clone)]
struct Shard {
    path: PathBuf,
    len: u64,
    array: VisitedArray,
    samples: usize,
}

/// Opens a layer that is read in batches: from one file, or from several whose samples follow one
/// another in the given order.
///
/// The files are those that [`read_layer`](super::read_layer) reads. `layer` names an array of each
/// file; with `None`, each file must have only one. Every value is the same as that of `read_layer`, in
/// batches of any size. [`expand_path`] finds the shards in a directory.
///
/// Opening reads only headers, except for Arrow and Parquet files whose rows are lists of any number of
/// lists: those are read from beginning to end to count the samples.
///
/// # Memory
///
/// A visit takes one batch and a small buffer, whatever the file claims. If data is compressed or in
/// record batches, it also takes one compressed block or record batch. For a Zarr store it takes chunks
/// of up to eight batches, or 64 MiB. A batch is never larger than requested, and never larger than a
/// file: no batch spans two files.
///
/// # Time
///
/// A visit reads each file once, from its beginning to its end, and an array in Fortran order in
/// strides. The exception is a `.npz` member in Fortran order, where every batch takes a pass of its
/// own. Save such an array with `numpy.ascontiguousarray`, or as `.npy`.
///
/// # Errors
///
/// The errors of `read_layer`, for the first file that cannot be read as activations. Also if there are
/// no files, and if the files differ in their numbers of neurons. A visit returns an [`Error::Batches`]
/// of a [`FileError`] for problems that only the values show, and for files that have changed since
/// they were opened.
///
/// # Examples
///
/// ```
/// # let directory = tempfile::tempdir()?;
/// # let mut made = cofire_files::OutputDirectory::create(directory.path().join("dumps"))?;
/// # let dump = ndarray::Array2::from_shape_fn((50, 3), |(s, n)| (s * (n + 3) % 7) as f64);
/// # made.write_array("shard-2.npy", dump.view())?;
/// # made.write_array("shard-10.npy", dump.view())?;
/// # made.commit()?;
/// # let dumps = directory.path().join("dumps");
/// use cofire::Batches;
/// use cofire_files::{expand_path, open_batches};
///
/// let shards = expand_path(&dumps)?; // shard-2.npy, shard-10.npy
/// let mut layer = open_batches(&shards, None)?;
/// assert_eq!((layer.samples(), layer.neurons()), (100, 3));
///
/// let mut samples = 0;
/// layer.visit(16, &mut |batch| Ok(samples += batch.samples()))?;
/// assert_eq!(samples, 100);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn open_batches(
    paths: &[impl AsRef<Path>],
    layer: Option<&str>,
) -> Result<FileBatches, FileError> {
    let mut shards: Vec<Shard> = Vec::with_capacity(paths.len());
    for path in paths {
        let shard = Shard::open(path.as_ref(), layer)?;
        if let Some(first) = shards.first()
            && first.array.neurons != shard.array.neurons
        {
            return Err(FileError::NeuronsMismatch {
                path: shard.path,
                neurons: shard.array.neurons,
                first: first.path.clone(),
                expected: first.array.neurons,
            });
        }
        shards.push(shard);
    }
    if shards.is_empty() {
        return Err(FileError::NoFiles { path: PathBuf::new() });
    }
    let samples = shards.iter().fold(0usize, |sum, shard| sum.saturating_add(shard.samples));
    Ok(FileBatches { shards, samples })
}

impl FileBatches {
    /// Returns the files, in the order of their samples.
    pub fn paths(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.shards.iter().map(|shard| shard.path.as_path())
    }

    /// Returns the layer's name in the first file.
    #[must_use]
    pub fn name(&self) -> &str {
        self.shards.first().map_or("", |shard| &shard.array.name)
    }

    /// Returns the type of the stored elements in the first file; never [`ElementType::Other`].
    #[must_use]
    pub fn element_type(&self) -> ElementType {
        let first = self.shards.first().map(|shard| shard.array.element_type.clone());
        first.unwrap_or(ElementType::F32)
    }
}

impl Batches for FileBatches {
    fn samples(&self) -> usize {
        self.samples
    }

    fn neurons(&self) -> usize {
        self.shards.first().map_or(0, |shard| shard.array.neurons)
    }

    fn precision(&self) -> Precision {
        let precisions = self.shards.iter().map(|shard| shard.array.element_type.precision());
        precisions.max().unwrap_or_default()
    }

    fn visit(
        &mut self,
        most_samples: usize,
        visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut first_sample = 0;
        for shard in &self.shards {
            let mut visit = ShardVisit {
                shard,
                most_samples: most_samples.max(1),
                visitor: &mut *visitor,
                samples: 0,
                outcome: Ok(()),
            };
            let read = shard.read(&mut visit);
            let ShardVisit { samples, outcome, .. } = visit;
            outcome?;
            read.map_err(|error| error.after(first_sample))?;
            if samples != shard.samples {
                return Err(shard.changed(format!("it had {} samples", shard.samples)).into());
            }
            first_sample += shard.samples;
        }
        Ok(())
    }
}

impl Shard {
    fn open(path: &Path, layer: Option<&str>) -> Result<Self, FileError> {
        let mut source = Source::open(path)?;
        let mut count = Count::default();
        visit(&mut source, layer, &mut count)?;
        let array = count.array.ok_or_else(|| FileError::NoArrays { path: path.into() })?;
        let samples = array.samples.unwrap_or(count.samples);
        if array.neurons == 0 {
            // Without neurons, a file without data could claim any number of batches.
            return Err(Place::layer(path, &array.name).unusable_shape(&[samples, 0]));
        }
        Ok(Self { path: path.into(), len: source.len, array, samples })
    }

    fn read(&self, visitor: &mut dyn Visitor) -> Result<(), FileError> {
        let mut source = Source::open(&self.path)?;
        if source.len != self.len {
            let (before, now) = (self.len, source.len);
            return Err(self.changed(format!("it had {before} bytes and has {now}")));
        }
        visit(&mut source, Some(&self.array.name), visitor)
    }

    fn changed(&self, what: String) -> FileError {
        FileError::Changed { path: self.path.clone(), what }
    }
}

/// A visitor that finds an array, and counts its samples if the file does not say how many there are.
#[derive(Debug, Default)]
pub(super) struct Count {
    array: Option<VisitedArray>,
    samples: usize,
}

impl Count {
    /// Returns the numbers of samples and neurons, if a walk has found an array.
    #[cfg(feature = "tables")]
    pub(super) fn shape(&self) -> Option<(usize, usize)> {
        let array = self.array.as_ref()?;
        Some((array.samples.unwrap_or(self.samples), array.neurons))
    }
}

impl Visitor for Count {
    fn begin(&mut self, array: &VisitedArray) -> ControlFlow<(), usize> {
        self.array = Some(array.clone());
        match array.samples {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(COUNTED_SAMPLES),
        }
    }

    fn batch(&mut self, batch: &mut Batch) -> ControlFlow<()> {
        self.samples += batch.activations.dim().0;
        ControlFlow::Continue(())
    }
}

/// A visitor that passes the batches of one shard on, if the shard has not changed.
struct ShardVisit<'a> {
    shard: &'a Shard,
    most_samples: usize,
    visitor: &'a mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
    samples: usize,
    outcome: Result<(), Error>,
}

impl Visitor for ShardVisit<'_> {
    fn begin(&mut self, array: &VisitedArray) -> ControlFlow<(), usize> {
        if *array == self.shard.array {
            return ControlFlow::Continue(self.most_samples);
        }
        self.outcome = Err(self.shard.changed("it holds another array".to_owned()).into());
        ControlFlow::Break(())
    }

    fn batch(&mut self, batch: &mut Batch) -> ControlFlow<()> {
        self.samples += batch.activations.dim().0;
        self.outcome = (self.visitor)(batch.activations.view());
        if self.outcome.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }
}

#[cfg(test)]
mod tests;
