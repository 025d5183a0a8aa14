//! The picture: heat map, scale with the distribution of pairs, entropies above the columns.

use std::error::Error;

use cofire::Report;
use svg::Document;
use svg::node::element::{Description, Group, Image, Line, Path, Rectangle, Text, Title};

use crate::colours::{SHOWN_SHARE, Scale, quantile};

// Lengths are multiples of 3, so that a picture of 1400 pixels has whole ones.
const WIDTH: f64 = 1050.0;
const HEIGHT: f64 = 1002.0;

const BACKGROUND: &str = "#ffffff";
const INK: &str = "#1f2328";
const PALE_INK: &str = "#59636e";
const BARS: &str = "#8c959f";

/// Of the bars that show how many pairs have a value.
const HISTOGRAM_BARS: usize = 64;

/// A rectangle of the page.
#[derive(Debug, Clone, Copy)]
struct Area {
    left: f64,
    top: f64,
    width: f64,
    height: f64,
}

const ENTROPY: Area = Area { left: 84.0, top: 126.0, width: 720.0, height: 96.0 };
const MATRIX: Area = Area { left: 84.0, top: 234.0, width: 720.0, height: 720.0 };
const SCALE: Area = Area { left: 834.0, top: 234.0, width: 21.0, height: 720.0 };
const HISTOGRAM: Area = Area { left: 906.0, top: 234.0, width: 90.0, height: 720.0 };

impl Area {
    fn right(&self) -> f64 {
        self.left + self.width
    }

    fn bottom(&self) -> f64 {
        self.top + self.height
    }

    fn frame(&self) -> Rectangle {
        rectangle(self.left, self.top, self.width, self.height)
            .set("fill", "none")
            .set("stroke", PALE_INK)
    }

    /// An image that fills the area, its pixels kept apart.
    fn image(&self, address: String) -> Image {
        Image::new()
            .set("x", self.left)
            .set("y", self.top)
            .set("width", self.width)
            .set("height", self.height)
            .set("preserveAspectRatio", "none")
            .set("style", "image-rendering:pixelated")
            .set("href", address)
    }
}

/// Draws a report; `order` is the order of its neurons.
pub(crate) fn draw(
    report: &Report,
    order: &[usize],
    title: &str,
) -> Result<Document, Box<dyn Error>> {
    let pairs = sorted_pairs(report);
    let scale = Scale::of_pairs(&pairs);
    let neurons = order.len();
    let subtitle = format!(
        "{} samples, {neurons} neurons, {} bins; plug-in estimates from exact counts",
        grouped(report.samples),
        report.edges.bins(),
    );
    let clipping = format!(
        "colours end at the {:.1} % quantile of pairs; on the diagonal is entropy",
        100.0 * SHOWN_SHARE,
    );
    let heading = format!("Mutual information of neurons: {title}");
    Ok(Document::new()
        .set("viewBox", (0.0, 0.0, WIDTH, HEIGHT))
        .set("font-family", "Helvetica, Arial, 'Liberation Sans', sans-serif")
        .set("font-size", 15)
        .set("fill", INK)
        .set("role", "img")
        .add(Title::new(&heading))
        .add(Description::new().add(svg::node::Text::new(&subtitle)))
        .add(rectangle(0.0, 0.0, WIDTH, HEIGHT).set("fill", BACKGROUND))
        .add(text(ENTROPY.left, 40.0, &heading).set("font-size", 22).set("font-weight", "bold"))
        .add(text(ENTROPY.left, 68.0, &subtitle).set("fill", PALE_INK))
        .add(text(ENTROPY.left, 92.0, &clipping).set("fill", PALE_INK))
        .add(entropies(report, order))
        .add(summary(report, &pairs))
        .add(matrix(&scale, report, order)?)
        .add(scale_bar(&scale)?)
        .add(distribution(&scale, &pairs)))
}

/// The mutual information of every pair of different neurons, ascending.
fn sorted_pairs(report: &Report) -> Vec<f64> {
    let matrix = &report.mutual_information;
    let upper = matrix.indexed_iter().filter(|((i, j), _)| i < j).map(|(_, &value)| value);
    let mut pairs: Vec<f64> = upper.collect();
    pairs.sort_by(f64::total_cmp);
    pairs
}

/// A bar for the entropy of every neuron, above its column.
fn entropies(report: &Report, order: &[usize]) -> Group {
    let highest = (report.edges.bins() as f64).ln();
    let step = ENTROPY.width / order.len() as f64;
    let height = |value: f64| ENTROPY.height * value / highest;
    // One path: a rectangle a neuron would be the larger part of the file.
    let outline = order.iter().map(|&neuron| height(report.entropy[neuron]));
    let outline = outline.enumerate().fold(format!("M{} {}", ENTROPY.left, ENTROPY.bottom()), {
        |path, (place, height)| {
            let (y, right) = (ENTROPY.bottom() - height, ENTROPY.left + step * (place + 1) as f64);
            format!("{path}V{y:.1}H{right:.2}")
        }
    });
    let bars = Path::new().set("d", format!("{outline}V{}Z", ENTROPY.bottom())).set("fill", BARS);
    let group = Group::new().add(bars);
    let group = ticks(highest, 3).iter().fold(group, |group, (tick, label)| {
        let y = ENTROPY.bottom() - height(*tick);
        let grid = line(ENTROPY.left, y, ENTROPY.right(), y).set("stroke-opacity", 0.25);
        let label = text(ENTROPY.left - 9.0, y, label).set("text-anchor", "end");
        group.add(grid).add(label.set("dy", "0.35em"))
    });
    group.add(upright(28.0, ENTROPY.top + ENTROPY.height / 2.0, "entropy, nats"))
}

/// A few numbers, above the scale.
fn summary(report: &Report, pairs: &[f64]) -> Group {
    let lines = [
        format!("entropy: mean {:.3}", report.entropy.mean().unwrap_or(0.0)),
        format!("pairs: median {:.3}", quantile(pairs, 0.5)),
        format!("pairs: highest {:.3}", quantile(pairs, 1.0)),
    ];
    lines.iter().zip(0u8..).fold(Group::new().set("fill", PALE_INK), |group, (content, row)| {
        group.add(text(SCALE.left, ENTROPY.top + 36.0 + 24.0 * f64::from(row), content))
    })
}

fn matrix(scale: &Scale, report: &Report, order: &[usize]) -> Result<Group, Box<dyn Error>> {
    let centre = MATRIX.left + MATRIX.width / 2.0;
    let note = format!("{} neurons, similar ones side by side", order.len());
    let group = Group::new()
        .add(MATRIX.image(scale.image(report, order)?))
        .add(MATRIX.frame())
        .add(text(centre, MATRIX.bottom() + 27.0, &note).set("text-anchor", "middle"))
        .add(upright(28.0, MATRIX.top + MATRIX.height / 2.0, "the same neurons in the same order"));
    Ok(group)
}

fn scale_bar(scale: &Scale) -> Result<Group, Box<dyn Error>> {
    let group = Group::new().add(SCALE.image(scale.bar()?)).add(SCALE.frame());
    let group = ticks(scale.highest, 6).iter().fold(group, |group, (tick, label)| {
        let y = height_on(scale, *tick);
        group
            .add(line(SCALE.right(), y, SCALE.right() + 5.0, y))
            .add(text(SCALE.right() + 9.0, y, label).set("dy", "0.35em"))
    });
    let middle = SCALE.top + SCALE.height / 2.0;
    Ok(group.add(upright(WIDTH - 21.0, middle, "mutual information of a pair, nats")))
}

/// How many pairs have each value of the scale.
fn distribution(scale: &Scale, pairs: &[f64]) -> Group {
    let mut counts = [0u32; HISTOGRAM_BARS];
    for value in pairs.iter().filter(|&&value| value <= scale.highest) {
        #[expect(clippy::cast_possible_truncation, reason = "the fraction is meant to go")]
        let bar = (value / scale.highest * HISTOGRAM_BARS as f64) as usize;
        counts[bar.min(HISTOGRAM_BARS - 1)] += 1;
    }
    let most = f64::from(counts.iter().copied().max().unwrap_or(0).max(1));
    let step = HISTOGRAM.height / HISTOGRAM_BARS as f64;
    let start = format!("M{} {}", HISTOGRAM.left, HISTOGRAM.bottom());
    let outline = counts.iter().zip(1u32..).fold(start, |path, (&count, place)| {
        let right = HISTOGRAM.left + HISTOGRAM.width * f64::from(count) / most;
        format!("{path}H{right:.1}V{:.2}", HISTOGRAM.bottom() - step * f64::from(place))
    });
    let bars = Path::new().set("d", format!("{outline}H{}Z", HISTOGRAM.left)).set("fill", BARS);
    let number = format!("{} pairs", grouped(pairs.len()));
    Group::new()
        .add(bars)
        .add(line(HISTOGRAM.left, HISTOGRAM.top, HISTOGRAM.left, HISTOGRAM.bottom()))
        .add(text(HISTOGRAM.left, HISTOGRAM.bottom() + 27.0, &number))
}

/// Where a value is on the scale.
fn height_on(scale: &Scale, value: f64) -> f64 {
    SCALE.bottom() - SCALE.height * value / scale.highest
}

/// Round numbers from 0 to at most `highest`, about as many as wanted, and how to write them.
fn ticks(highest: f64, wanted: u32) -> Vec<(f64, String)> {
    let rough = highest / f64::from(wanted);
    let exponent = rough.log10().floor();
    let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * 10f64.powf(exponent));
    let step = steps.into_iter().find(|&step| step >= rough).unwrap_or(rough);
    #[expect(clippy::cast_possible_truncation, reason = "a whole number")]
    let places = (-step.log10().floor()).max(0.0) as usize;
    let all = (0u32..).map(|k| f64::from(k) * step).take_while(|&tick| tick <= highest);
    all.map(|tick| (tick, format!("{tick:.places$}"))).collect()
}

/// Digits in groups of three.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .map(|group| std::str::from_utf8(group).unwrap_or_default())
        .collect();
    groups.join(",")
}

fn text(x: f64, y: f64, content: &str) -> Text {
    Text::new(content).set("x", x).set("y", y)
}

/// Text that reads upwards, centred on a point.
fn upright(x: f64, y: f64, content: &str) -> Text {
    text(x, y, content)
        .set("text-anchor", "middle")
        .set("transform", format!("rotate(-90 {x} {y})"))
}

fn line(x1: f64, y1: f64, x2: f64, y2: f64) -> Line {
    Line::new().set("x1", x1).set("y1", y1).set("x2", x2).set("y2", y2).set("stroke", PALE_INK)
}

fn rectangle(x: f64, y: f64, width: f64, height: f64) -> Rectangle {
    Rectangle::new().set("x", x).set("y", y).set("width", width).set("height", height)
}
