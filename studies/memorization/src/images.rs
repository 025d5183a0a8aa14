//! Images of digits: those that come with the project, and MNIST.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use ndarray::{Array2, Axis};
use rand::seq::SliceRandom;

use crate::error::Error;
use crate::idx;
use crate::random::{Purpose, random};

/// Images and the digits that they show.
#[derive(Debug, Clone)]
pub struct Images {
    /// Brightness from 0 to 1, `images × pixels`.
    pub pixels: Array2<f32>,
    /// The digit on each image, 0 to 9.
    pub digits: Vec<u8>,
}

/// Images to train on, and held-out images.
#[derive(Debug, Clone)]
pub struct ImageSet {
    /// The name in tables.
    pub name: &'static str,
    /// Images to train on.
    pub train: Images,
    /// Images of the same kind that no network is trained on.
    pub held_out: Images,
}

/// The number of the project's digits that are trained on; the other 1,297 are held out.
pub const TRAINING_DIGITS: usize = 500;

static DIGIT_IMAGES: &[u8] = include_bytes!("../data/digits-images-idx3-ubyte.gz");
static DIGIT_LABELS: &[u8] = include_bytes!("../data/digits-labels-idx1-ubyte.gz");

/// Loads the 1,797 handwritten digits of 8 × 8 pixels in `data/`, by Alpaydin and Kaynak, in a
/// random order that is always the same. Training and held-out digits are by the same people.
///
/// # Errors
///
/// Never fails as long as the files that were built in are those in `data/`.
pub fn digits() -> Result<ImageSet, Error> {
    let here = Path::new("data/");
    let (shape, pixels) = idx::read::<3>(DIGIT_IMAGES)
        .map_err(|source| Error::Idx { path: here.join("digits-images-idx3-ubyte.gz"), source })?;
    let ([_], labels) = idx::read::<1>(DIGIT_LABELS)
        .map_err(|source| Error::Idx { path: here.join("digits-labels-idx1-ubyte.gz"), source })?;
    let all = images(shape, &pixels, &labels, Resolution::Full { white: 16.0 })?;
    let (train, held_out) = all.split(TRAINING_DIGITS)?;
    Ok(ImageSet { name: "digits", train, held_out })
}

/// Loads MNIST from its four files in `directory`, plain or compressed by gzip. Leaves out every
/// second row and column of pixels, as the paper's released code does. Takes `train` of the 60,000
/// training images, always the same ones.
///
/// # Errors
///
/// Returns an error if a file is missing or malformed, or there are fewer images.
pub fn mnist(directory: &Path, train: usize) -> Result<ImageSet, Error> {
    let half = Resolution::Half { white: 255.0 };
    let (train_shape, pixels) = open::<3>(directory, "train-images-idx3-ubyte")?;
    let ([_], labels) = open::<1>(directory, "train-labels-idx1-ubyte")?;
    let all = images(train_shape, &pixels, &labels, half)?;
    let (train, _) = all.split(train)?;

    let (shape, pixels) = open::<3>(directory, "t10k-images-idx3-ubyte")?;
    let ([_], labels) = open::<1>(directory, "t10k-labels-idx1-ubyte")?;
    let held_out = images(shape, &pixels, &labels, half)?;
    let sizes = ((train_shape[1], train_shape[2]), (shape[1], shape[2]));
    if sizes.0 != sizes.1 {
        return Err(Error::ImageSizes { train: sizes.0, held_out: sizes.1 });
    }
    Ok(ImageSet { name: "MNIST", train, held_out })
}

fn open<const D: usize>(
    directory: &Path,
    name: &'static str,
) -> Result<([usize; D], Vec<u8>), Error> {
    let plain = directory.join(name);
    let compressed = directory.join(format!("{name}.gz"));
    let path = [plain, compressed].into_iter().find(|path| path.exists());
    let path = path.ok_or_else(|| Error::NoSuchFile { directory: directory.to_owned(), name })?;
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(source) => return Err(Error::Read { path, source }),
    };
    idx::read(BufReader::new(file)).map_err(|source| Error::Idx { path, source })
}

/// The pixels that are taken, and the value of white.
#[derive(Debug, Clone, Copy)]
enum Resolution {
    Full { white: f32 },
    Half { white: f32 },
}

fn images(
    [count, height, width]: [usize; 3],
    bytes: &[u8],
    labels: &[u8],
    resolution: Resolution,
) -> Result<Images, Error> {
    if count != labels.len() {
        return Err(Error::LabelsMismatch { images: count, labels: labels.len() });
    }
    if let Some(index) = labels.iter().position(|&label| label > 9) {
        return Err(Error::NotADigit { index, label: labels[index] });
    }
    let (step, white) = match resolution {
        Resolution::Full { white } => (1, white),
        Resolution::Half { white } => (2, white),
    };
    let (rows, columns) = (height.div_ceil(step), width.div_ceil(step));
    let pixels = Array2::from_shape_fn((count, rows * columns), |(image, pixel)| {
        let (row, column) = (step * (pixel / columns), step * (pixel % columns));
        f32::from(bytes[(image * height + row) * width + column]) / white
    });
    Ok(Images { pixels, digits: labels.to_vec() })
}

impl Images {
    /// Divides these images in a random order, which is always the same. The first part has `first`
    /// images, the second part the rest.
    fn split(self, first: usize) -> Result<(Self, Self), Error> {
        let count = self.digits.len();
        if first == 0 || first > count {
            return Err(Error::TooFewImages { needed: first.max(1), available: count });
        }
        let mut order: Vec<usize> = (0..count).collect();
        order.shuffle(&mut random(0, Purpose::Split));
        let (first, rest) = order.split_at(first);
        Ok((self.select(first), self.select(rest)))
    }

    fn select(&self, indices: &[usize]) -> Self {
        Self {
            pixels: self.pixels.select(Axis(0), indices),
            digits: indices.iter().map(|&index| self.digits[index]).collect(),
        }
    }

    /// Returns the first `count` of these images, or all if there are fewer.
    pub fn first(&self, count: usize) -> Self {
        let indices: Vec<usize> = (0..self.digits.len().min(count)).collect();
        self.select(&indices)
    }
}
