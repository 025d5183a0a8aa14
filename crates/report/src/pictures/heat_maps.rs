//! Matrices of mutual information, with similar neurons side by side.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{Markup, html};
use ndarray::Array2;
use png::{BitDepth, ColorType, Compression, Encoder, EncodingError, Filter};

use super::axis::{Scale, heading, label_at, line, px};
use super::colours::{MATRIX as COLOURS, OTHER, PALE_INK};
use super::{Panel, Picture, by_layer, rows};
use crate::Error;
use crate::box_statistics::quantile;
use crate::comparison::Comparison;
use crate::model::Layer;
use crate::text::{grouped, number, plural};

const LEFT: f64 = 40.0;
const SIDE: f64 = 304.0;
const STRIP_TOP: f64 = 34.0;
const STRIP: f64 = 40.0;
const TOP: f64 = STRIP_TOP + STRIP + 6.0;
const BAR_TOP: f64 = TOP + SIDE + 12.0;
const BAR: f64 = 10.0;

/// The share of pairs that the colour scale covers. Higher values and the diagonal have the last
/// colour.
const SHOWN: f64 = 0.995;

/// The number of colours. More cannot be told apart, and make files larger.
const SHADES: u8 = 64;

/// The minimum width of an image in pixels. Programs that smooth enlarged images then blur it only
/// a little.
const IMAGE_PIXELS: usize = 304;

pub(crate) fn pictures(comparison: &Comparison) -> Result<Vec<Picture>, Error> {
    // All panels have the same scale, so that a colour means the same everywhere.
    let layers = || comparison.models.iter().flat_map(|model| &model.layers);
    let ends = layers().filter_map(|l| Some(quantile(&l.pairs.as_ref()?.values, SHOWN)));
    let highest = ends.fold(0.0, f64::max);
    let highest = if highest > 0.0 { highest } else { 1.0 };
    let units = comparison.units.name();
    let draw = |model: usize, layer: &Layer| {
        let name = &comparison.models[model].name;
        let title = match comparison.models.len() {
            1 => layer.name.clone(),
            _ if comparison.layers.len() == 1 => name.clone(),
            _ => format!("{name}, {}", layer.name),
        };
        panel(&rows::heading(&title), layer, highest, units)
    };
    let picture = |name: &str, layer: Option<&str>, panels| {
        Picture {
        name: name.to_owned(),
        title: match layer {
            Some(layer) => format!("Who shares with whom: {}", rows::heading(layer)),
            None => "Who shares with whom".to_owned(),
        },
        notes: vec![
            "Rows and columns are neurons in one order, that of a hierarchical clustering: blocks are \
             neurons that carry the same. Above each column, its entropy."
                .to_owned(),
            format!(
                "The scale is the same for all and ends at the highest {:.1} % quantile of a layer; the \
                 diagonal has the last colour.",
                100.0 * SHOWN
            ),
        ],
        panels,
    }
    };
    by_layer(comparison, draw, picture, "heat_maps")
}

fn panel(name: &str, layer: &Layer, highest: f64, units: &str) -> Result<Panel, Error> {
    let failed = |error: EncodingError| Error::Picture {
        picture: "heat_maps".to_owned(),
        problem: error.to_string(),
    };
    let map = &layer.heat_map;
    let image = image(&map.mutual_information, highest).map_err(failed)?;
    let bar = bar().map_err(failed)?;
    let scale = Scale { low: 0.0, high: highest, from: LEFT, to: LEFT + SIDE };
    let shown = map.neurons.len();
    let note = if shown < layer.neurons() {
        format!("{shown} of {} neurons, those of highest entropy", grouped(layer.neurons()))
    } else {
        plural(shown, "neuron")
    };
    let body = html! {
        (heading(name))
        (entropies(layer))
        image x=(LEFT) y=(TOP) width=(SIDE) height=(SIDE) preserveAspectRatio="none"
            style="image-rendering:pixelated" href=(image) {}
        rect x=(LEFT) y=(TOP) width=(SIDE) height=(SIDE) fill="none" stroke=(PALE_INK) {}
        text x="14" y=(px(TOP + SIDE / 2.0)) text-anchor="middle" font-size="12" fill=(PALE_INK)
            transform=(format!("rotate(-90 14 {})", px(TOP + SIDE / 2.0))) { (note) }
        image x=(LEFT) y=(BAR_TOP) width=(SIDE) height=(BAR) preserveAspectRatio="none" href=(bar) {}
        @for (tick, text) in scale.ticks(4) {
            (line((scale.at(tick), BAR_TOP + BAR), (scale.at(tick), BAR_TOP + BAR + 4.0), PALE_INK))
            (label_at(scale.at(tick), BAR_TOP + BAR + 17.0, "middle", &text))
        }
        (label_at(LEFT + SIDE / 2.0, BAR_TOP + BAR + 34.0, "middle",
            &format!("mutual information of a pair, {units}")))
    };
    let pairs = layer.pairs.as_ref();
    let description = format!(
        "Heat map of the mutual information of {note}, {name}. Median pair {}, highest {} {units}.",
        pairs.map_or("none".to_owned(), |pairs| number(pairs.median)),
        pairs.map_or("none".to_owned(), |pairs| number(pairs.highest)),
    );
    Ok(Panel { description, height: BAR_TOP + BAR + 44.0, body })
}

/// Draws the entropy of each neuron as a bar above its column.
fn entropies(layer: &Layer) -> Markup {
    let order = &layer.heat_map.neurons;
    let entropy = |&neuron: &usize| layer.entropy[neuron];
    let finite = || layer.entropy.iter().copied().filter(|entropy| entropy.is_finite());
    // Differential entropies may be below 0.
    let low = finite().fold(0.0, f64::min);
    let high = layer.highest_entropy.unwrap_or_else(|| finite().fold(0.0, f64::max));
    let high = if high > low { high } else { low + 1.0 };
    let bottom = STRIP_TOP + STRIP;
    let scale = Scale { low, high, from: bottom, to: STRIP_TOP };
    let step = SIDE / order.len().max(1) as f64;
    // A single path: one rectangle for each neuron would take most of the file.
    let mut outline = format!("M{} {}", px(LEFT), px(bottom));
    for (place, neuron) in order.iter().enumerate() {
        let right = LEFT + step * (place + 1) as f64;
        let _ = write!(outline, "V{}H{right:.1}", px(scale.at(entropy(neuron))));
    }
    let _ = write!(outline, "V{}Z", px(bottom));
    html! {
        path d=(outline) fill=(OTHER) {}
        (line((LEFT, STRIP_TOP), (LEFT + SIDE, STRIP_TOP), PALE_INK))
        (label_at(LEFT - 5.0, STRIP_TOP + 5.0, "end", &format!("{high:.1}")))
        (label_at(LEFT - 5.0, bottom + 2.0, "end", if low < 0.0 { "low" } else { "0" }))
        (label_at(LEFT + SIDE, STRIP_TOP - 4.0, "end", &format!("entropy, {}", layer.units.name())))
    }
}

/// Returns a matrix as the `data:` URL of a PNG.
fn image(matrix: &Array2<f32>, highest: f64) -> Result<String, EncodingError> {
    let side = matrix.nrows();
    let times = IMAGE_PIXELS.div_ceil(side.max(1));
    let shade = |value: f32| {
        // A cast from f64 saturates, so values below the scale have the first colour.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "see above")]
        let shade = (f64::from(value) / highest * f64::from(SHADES)) as u8;
        shade.min(SHADES - 1)
    };
    let enlarged = || (0..side).flat_map(|place| std::iter::repeat_n(place, times));
    let pixels: Vec<u8> =
        enlarged().flat_map(|i| enlarged().map(move |j| shade(matrix[[i, j]]))).collect();
    data_address(&pixels, side * times, side * times)
}

/// Returns an image of the colour scale, with the lowest value at the left.
fn bar() -> Result<String, EncodingError> {
    let pixels: Vec<u8> = (0..SHADES).collect();
    data_address(&pixels, usize::from(SHADES), 1)
}

fn data_address(pixels: &[u8], width: usize, height: usize) -> Result<String, EncodingError> {
    let side = |length| u32::try_from(length).map_err(|_| EncodingError::LimitsExceeded);
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, side(width)?, side(height)?);
    encoder.set_color(ColorType::Indexed);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_palette(palette());
    encoder.set_compression(Compression::High);
    encoder.set_filter(Filter::NoFilter); // neighbouring palette entries have nothing to subtract
    encoder.write_header()?.write_image_data(pixels)?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(file)))
}

fn palette() -> Vec<u8> {
    let shades = usize::from(SHADES);
    (0..shades).flat_map(|k| COLOURS.eval_rational(k, shades).into_array()).collect()
}
