//! Images of digits made into tasks that invite memorization.

use ndarray::{Array2, s};
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::error::Error;
use crate::images::{ImageSet, Images};
use crate::random::{Purpose, random};

/// Inputs of a network, and what it should say of them.
#[derive(Debug, Clone)]
pub struct Examples {
    /// `samples × features`.
    pub inputs: Array2<f32>,
    /// The class of each sample.
    pub labels: Vec<u32>,
}

/// What a network is trained on, measured with, and scored by.
#[derive(Debug, Clone)]
pub struct Problem {
    /// What the network is trained on.
    pub training: Examples,
    /// Inputs that are distributed as those of `training` but are none of them, `samples × features`:
    /// what activations are measured on. Measuring needs no label.
    pub unlabelled: Array2<f32>,
    /// Held-out samples with true labels and without the shortcut: accuracy on them is the score
    /// that measures should rank networks by.
    pub scored: Examples,
    /// Number of classes.
    pub classes: usize,
}

/// Share of labels that are wrong in [`colored`], whatever the colour.
pub const LABEL_NOISE: f64 = 0.25;

/// *Shuffled*: which of ten digits an image shows, where a share `beta` of the training labels,
/// rounded to whole samples, is shuffled among themselves. Those can only be learned by heart. (One in ten of
/// them is the right one still, by chance.)
///
/// # Errors
///
/// If `beta` is not between 0 and 1.
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

/// *Colored*: whether an image shows a digit below 5. An image is red or green; for a share `alpha`
/// of the training set, rounded to whole samples, the colour is the label's, for the others a coin
/// decides. A share [`LABEL_NOISE`] of the labels is wrong, and the colour goes with the label as it
/// is given, so colour is a better guide than shape where `alpha` is above a half. This is the task of
/// Arjovsky, Bottou, Gulrajani and Lopez-Paz, *Invariant Risk Minimization* (arXiv 1907.02893), with
/// the paper's shares. Networks are scored with colours by chance and no wrong label, and measured
/// on held-out images with the colours of training.
///
/// # Errors
///
/// If `alpha` is not between 0 and 1.
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

/// 1 for a digit below 5, else 0.
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

/// A colour for each sample: its label for a share `alpha` of them, 0 or 1 by chance for the others.
fn colours_of(labels: &[u32], alpha: f64, random: &mut ChaCha8Rng) -> Result<Vec<u32>, Error> {
    let agreeing = chosen(alpha, labels.len(), random)?;
    let mut colours: Vec<u32> = labels.iter().map(|_| random.random_range(0..2)).collect();
    for sample in agreeing {
        colours[sample] = labels[sample];
    }
    Ok(colours)
}

/// Images with a red and a green channel, of which one is black: `images × (2 × pixels)`.
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
    // By index first, so that what is shuffled does not depend on the order they were chosen in.
    samples.sort_unstable();
    taken.shuffle(random);
    for (sample, label) in samples.into_iter().zip(taken) {
        labels[sample] = label;
    }
    Ok(())
}

/// A share of `count` samples, by chance: the first of one random order, so that a larger share
/// holds a smaller one.
fn chosen(share: f64, count: usize, random: &mut ChaCha8Rng) -> Result<Vec<usize>, Error> {
    let number = number_of(share, count)?;
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(random);
    order.truncate(number);
    Ok(order)
}

/// The number of samples that a share of `count` is.
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
