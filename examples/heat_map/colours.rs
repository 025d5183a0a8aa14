//! From mutual information to colours, and an image of a matrix of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cofire::Report;
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};

/// The share of pairs that the colours tell apart. The few above have the last colour, as has the
/// diagonal.
pub(crate) const SHOWN_SHARE: f64 = 0.995;

/// Pixels along an image, at least: programs that smooth what they enlarge blur little then.
const IMAGE_PIXELS: usize = 640;

/// Colours there are; as many as an indexed PNG can have.
const COLOURS: usize = 256;

/// Linear from 0 to a highest value, which is the last colour, as is all above.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) highest: f64,
}

impl Scale {
    /// Up to the value that [`SHOWN_SHARE`] of the pairs do not exceed.
    pub(crate) fn of_pairs(sorted_pairs: &[f64]) -> Self {
        let highest = quantile(sorted_pairs, SHOWN_SHARE);
        Self { highest: if highest > 0.0 { highest } else { 1.0 } }
    }

    fn index(&self, value: f64) -> u8 {
        // A cast from f64 saturates, so that what is above the scale has the last colour.
        #[expect(clippy::cast_possible_truncation, reason = "the fraction is meant to go")]
        let index = (value / self.highest * COLOURS as f64) as u8;
        index
    }

    /// The matrix, neurons in the given order, as the `data:` address of a PNG.
    pub(crate) fn image(&self, report: &Report, order: &[usize]) -> Result<String, EncodingError> {
        let times = IMAGE_PIXELS.div_ceil(order.len());
        let enlarged = || order.iter().flat_map(|&neuron| std::iter::repeat_n(neuron, times));
        let index = |i, j| self.index(report.mutual_information[[i, j]]);
        let pixels: Vec<u8> =
            enlarged().flat_map(|i| enlarged().map(move |j| index(i, j))).collect();
        data_address(&pixels, order.len() * times, order.len() * times)
    }

    /// The scale itself, lowest value at the bottom.
    pub(crate) fn bar(&self) -> Result<String, EncodingError> {
        let pixels: Vec<u8> = (0..=u8::MAX).rev().collect();
        data_address(&pixels, 1, COLOURS)
    }
}

/// A value that this share of the others does not exceed; 0 of no values.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    #[expect(clippy::cast_possible_truncation, reason = "the fraction is meant to go")]
    let rank = (sorted.len().saturating_sub(1) as f64 * share).round() as usize;
    sorted.get(rank).copied().unwrap_or(0.0)
}

fn data_address(pixels: &[u8], width: usize, height: usize) -> Result<String, EncodingError> {
    let side = |length| u32::try_from(length).map_err(|_| EncodingError::LimitsExceeded);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, side(width)?, side(height)?);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette());
    encoder.set_compression(Compression::High);
    encoder.set_filter(Filter::Up); // enlarged rows repeat
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(file)))
}

/// Viridis: even to the eye, in grey, and with any colour blindness.
fn palette() -> Vec<u8> {
    (0..COLOURS).flat_map(|i| colorous::VIRIDIS.eval_rational(i, COLOURS).into_array()).collect()
}
