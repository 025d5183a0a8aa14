//! Tasks on images of digits that invite memorization.

use ndarray::{Array2, s};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::Error;
use crate::images::{ImageSet, Images};
use crate::random::{Purpose, random};

/// Inputs of a network, and the correct classes.
#[derive(Debug, Clone)]
pub struct Examples {
    /// The inputs, `samples × features`.
    pub inputs: Array2<f32>,
    /// The class of each sample.
    pub labels: Vec<u32>,
}

/// The data that a network is trained on, measured on, and scored with.
#[derive(Debug, Clone)]
pub struct Problem {
    /// The training samples.
    pub training: Examples,
    /// Inputs to measure activations on, `samples × features`. They have the distribution of the
    /// inputs in `training`, but none of them is in it. Measuring needs no labels.
    pub unlabelled: Array2<f32>,
    /// Held-out samples with true labels and without the shortcut. The accuracy on them is the
    /// score by which measures should rank networks.
    pub scored: Examples,
    /// The number of classes.
    pub classes: usize,
}

/// The share of labels that are wrong in [`colored`], whatever the colour.
pub const LABEL_NOISE: f64 = 0.25;

/// Makes the task *Shuffled*: which of ten digits does an image show? A share `beta` of the
/// training labels, rounded to whole samples, is shuffled among themselves. These labels can only
/// be memorized. (One in ten of them is still right by chance.)
///
/// # Errors
///
/// Returns an error if `beta` is not between 0 and 1.
pub fn shuffled(images: &ImageSet, beta: f64, seed: u64) -> Result<Problem, Error> {
    let mut training = Examples {
        inputs: images.train.pixels.clone(),
        labels: images.train.digits.iter().copied().map(u32::from).collect(),
    };
    shuffle_labels(&mut training.labels, beta, &mut random(seed, Purpose::Labels))?;
    let scored = Examples {
        inputs: images.held_out.pixels.clone(),
        labels: images.held_out.digits.iter().copied().map(u32::from).collect(),
    };
    Ok(Problem { training, unlabelled: scored.inputs.clone(), scored, classes: 10 })
}

/// Makes the task *Colored*: does an image show a digit below 5? Each image is red or green. For a
/// share `alpha` of the training set, rounded to whole samples, the colour is that of the label;
/// for the others it is random.
///
/// A share [`LABEL_NOISE`] of the labels is wrong, and the colour follows the label as it is given.
/// Colour is therefore a better guide than shape if `alpha` is above one half. This is the task of
/// Arjovsky, Bottou, Gulrajani and Lopez-Paz, *Invariant Risk Minimization* (arXiv 1907.02893),
/// with the paper's shares.
///
/// Networks are scored on held-out images with random colours and correct labels. They are measured
/// on held-out images with colours as in training.
///
/// # Errors
///
/// Returns an error if `alpha` is not between 0 and 1.
pub fn colored(images: &ImageSet, alpha: f64, seed: u64) -> Result<Problem, Error> {
    let mut labels = random(seed, Purpose::Labels);
    let mut colours = random(seed, Purpose::Colours);
    let given = noisy_labels(&images.train, &mut labels)?;
    let training = Examples {
        inputs: paint(&images.train, &colours_of(&given, alpha, &mut colours)?),
        labels: given,
    };

    let mut colours = random(seed, Purpose::HeldOutColours);
    let given = noisy_labels(&images.held_out, &mut labels)?;
    let unlabelled = paint(&images.held_out, &colours_of(&given, alpha, &mut colours)?);
    let labels = below_five(&images.held_out);
    let inputs = paint(&images.held_out, &colours_of(&labels, 0.0, &mut colours)?);
    Ok(Problem { training, unlabelled, scored: Examples { inputs, labels }, classes: 2 })
}

/// Returns 1 for each digit below 5, and 0 for the others.
fn below_five(images: &Images) -> Vec<u32> {
    images.digits.iter().map(|&digit| u32::from(digit < 5)).collect()
}

fn noisy_labels(images: &Images, random: &mut ChaCha8Rng) -> Result<Vec<u32>, Error> {
    let mut labels = below_five(images);
    for sample in chosen(LABEL_NOISE, labels.len(), random)? {
        labels[sample] ^= 1;
    }
    Ok(labels)
}

/// Draws a colour for each sample: its label for a share `alpha` of the samples, random for the
/// others.
fn colours_of(labels: &[u32], alpha: f64, random: &mut ChaCha8Rng) -> Result<Vec<u32>, Error> {
    let agreeing = chosen(alpha, labels.len(), random)?;
    let mut colours: Vec<u32> = labels.iter().map(|_| random.random_range(0..2)).collect();
    for sample in agreeing {
        colours[sample] = labels[sample];
    }
    Ok(colours)
}

/// Paints images in a red and a green channel, one of which is black: `images × (2 × pixels)`.
fn paint(images: &Images, colours: &[u32]) -> Array2<f32> {
    let (count, pixels) = images.pixels.dim();
    let mut painted = Array2::zeros((count, 2 * pixels));
    for ((image, &colour), mut inputs) in
        images.pixels.rows().into_iter().zip(colours).zip(painted.rows_mut())
    {
        let start = if colour == 0 { 0 } else { pixels };
        inputs.slice_mut(s![start..start + pixels]).assign(&image);
    }
    painted
}

/// Shuffles the labels of a share of the samples among themselves.
pub(crate) fn shuffle_labels(
    labels: &mut [u32],
    share: f64,
    random: &mut ChaCha8Rng,
) -> Result<(), Error> {
    let mut samples = chosen(share, labels.len(), random)?;
    let mut taken: Vec<u32> = samples.iter().map(|&sample| labels[sample]).collect();
    // Sort by index, so that the result does not depend on the order in which the samples were
    // chosen.
    samples.sort_unstable();
    taken.shuffle(random);
    for (sample, label) in samples.into_iter().zip(taken) {
        labels[sample] = label;
    }
    Ok(())
}

/// Chooses a share of `count` samples at random. The samples are the first of a random order, so a
/// larger share contains a smaller one.
fn chosen(share: f64, count: usize, random: &mut ChaCha8Rng) -> Result<Vec<usize>, Error> {
    let number = number_of(share, count)?;
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(random);
    order.truncate(number);
    Ok(order)
}

/// Returns the number of samples in a share of `count`.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it lies between 0 and count"
)]
pub(crate) fn number_of(share: f64, count: usize) -> Result<usize, Error> {
    if !(0.0..=1.0).contains(&share) {
        return Err(Error::Share { share });
    }
    Ok((share * count as f64).round() as usize)
}
