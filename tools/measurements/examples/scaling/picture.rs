//! The picture of a sweep: time per pair-sample, with two logarithmic axes.

use svg::Document;
use svg::node::element::{Circle, Group, Line, Path, Rectangle, Text, Title};

use crate::axis::{Axis, round_ticks};
use crate::sweep::{Series, Sweep, grouped};

const WIDTH: f64 = 900.0;
const HEIGHT: f64 = 560.0;
const LEFT: f64 = 84.0;
const RIGHT: f64 = 864.0;
const TOP: f64 = 126.0;
const BOTTOM: f64 = 492.0;

const BACKGROUND: &str = "#ffffff";
const INK: &str = "#1f2328";
const PALE_INK: &str = "#59636e";

/// The colours of Okabe and Ito, which colour-blind people can tell apart. The marks differ as
/// well.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// Half the size of a mark.
const MARK: f64 = 4.5;

pub(crate) fn draw(sweep: &Sweep, series: &[Series]) -> Document {
    let points = series.iter().flat_map(|series| &series.points);
    let times = round_ticks(points.clone().map(|point| point.picoseconds()));
    let vertical = Axis::new(ends(&times), BOTTOM, TOP);
    let places: Vec<f64> = sweep.ticks.iter().map(|&tick| tick as f64).collect();
    let horizontal = Axis::new(ends(&places), LEFT + 15.0, RIGHT - 15.0);
    let heading = format!("Time per pair-sample, by number of {}", sweep.name);
    let subtitle = format!(
        "{}, {}; whole jobs, best of several runs; {}",
        sweep.held,
        cofire::execution::simd_level(),
        sweep.ideal,
    );
    let document = Document::new()
        .set("viewBox", (0.0, 0.0, WIDTH, HEIGHT))
        .set("font-family", "Helvetica, Arial, 'Liberation Sans', sans-serif")
        .set("font-size", 15)
        .set("fill", INK)
        .set("role", "img")
        .add(Title::new(&heading))
        .add(rectangle(0.0, 0.0, WIDTH, HEIGHT).set("fill", BACKGROUND))
        .add(text(LEFT, 36.0, &heading).set("font-size", 21).set("font-weight", "bold"))
        .add(text(LEFT, 62.0, &subtitle).set("fill", PALE_INK))
        .add(legend(series))
        .add(vertical_grid(&vertical, &times))
        .add(horizontal_grid(&horizontal, sweep));
    series.iter().enumerate().fold(document, |document, (index, series)| {
        document.add(line_of(series, index, &horizontal, &vertical))
    })
}

fn ends(ticks: &[f64]) -> (f64, f64) {
    let (low, high) = (ticks.first().copied().unwrap_or(1.0), ticks.last().copied().unwrap_or(1.0));
    // A single number, as on a machine with one core, still needs some space.
    if low < high { (low, high) } else { (low / 2.0, high * 2.0) }
}

/// Draws a mark and a label for each line, side by side.
fn legend(series: &[Series]) -> Group {
    let step = (RIGHT - LEFT) / series.len() as f64;
    series.iter().enumerate().fold(Group::new(), |group, (index, series)| {
        let x = LEFT + step * index as f64;
        group
            .add(mark(index, x + MARK, 96.0))
            .add(text(x + 15.0, 96.0, &series.label).set("dy", "0.35em"))
    })
}

fn vertical_grid(axis: &Axis, ticks: &[f64]) -> Group {
    let title = upright(24.0, (TOP + BOTTOM) / 2.0, "picoseconds per pair-sample");
    ticks.iter().fold(Group::new().add(title), |group, &tick| {
        let y = axis.place(tick);
        let label = text(LEFT - 9.0, y, &tick.to_string()).set("text-anchor", "end");
        group.add(grid_line(LEFT, y, RIGHT, y)).add(label.set("dy", "0.35em"))
    })
}

fn horizontal_grid(axis: &Axis, sweep: &Sweep) -> Group {
    let title = text((LEFT + RIGHT) / 2.0, BOTTOM + 51.0, sweep.name).set("text-anchor", "middle");
    sweep.ticks.iter().fold(Group::new().add(title), |group, &tick| {
        let x = axis.place(tick as f64);
        let label = text(x, BOTTOM + 24.0, &grouped(tick)).set("text-anchor", "middle");
        group.add(grid_line(x, TOP, x, BOTTOM)).add(label)
    })
}

fn line_of(series: &Series, index: usize, horizontal: &Axis, vertical: &Axis) -> Group {
    let places = series
        .points
        .iter()
        .map(|point| (horizontal.place(point.x as f64), vertical.place(point.picoseconds())));
    let places: Vec<(f64, f64)> = places.collect();
    let path = places.iter().enumerate().map(|(k, (x, y))| {
        let command = if k == 0 { 'M' } else { 'L' };
        format!("{command}{x:.1} {y:.1}")
    });
    let path = Path::new()
        .set("d", path.collect::<String>())
        .set("fill", "none")
        .set("stroke", COLOURS[index % COLOURS.len()])
        .set("stroke-width", 2);
    places.iter().fold(Group::new().add(path), |group, &(x, y)| group.add(mark(index, x, y)))
}

/// Draws a disc, a square, a triangle or a diamond.
fn mark(index: usize, x: f64, y: f64) -> Group {
    let colour = COLOURS[index % COLOURS.len()];
    let corners = |d: String| Group::new().add(Path::new().set("d", d).set("fill", colour));
    let m = MARK;
    match index % COLOURS.len() {
        0 => {
            let disc = Circle::new().set("cx", short(x)).set("cy", short(y)).set("r", m);
            Group::new().add(disc.set("fill", colour))
        }
        1 => corners(format!("M{:.1} {:.1}h{}v{}h-{}Z", x - m, y - m, 2.0 * m, 2.0 * m, 2.0 * m)),
        2 => corners(format!("M{:.1} {:.1}l{} {}h-{}Z", x, y - 1.2 * m, 1.2 * m, 2.2 * m, 2.4 * m)),
        _ => corners(format!(
            "M{:.1} {:.1}l{r} {r}l-{r} {r}l-{r} -{r}Z",
            x,
            y - 1.3 * m,
            r = 1.3 * m
        )),
    }
}

fn short(length: f64) -> String {
    format!("{length:.1}")
}

fn text(x: f64, y: f64, content: &str) -> Text {
    Text::new(content).set("x", short(x)).set("y", short(y))
}

/// Makes text that reads upwards, centred on a point.
fn upright(x: f64, y: f64, content: &str) -> Text {
    text(x, y, content)
        .set("text-anchor", "middle")
        .set("transform", format!("rotate(-90 {x} {y})"))
}

fn grid_line(x1: f64, y1: f64, x2: f64, y2: f64) -> Line {
    Line::new()
        .set("x1", short(x1))
        .set("y1", short(y1))
        .set("x2", short(x2))
        .set("y2", short(y2))
        .set("stroke", PALE_INK)
        .set("stroke-opacity", 0.25)
}

fn rectangle(x: f64, y: f64, width: f64, height: f64) -> Rectangle {
    Rectangle::new().set("x", x).set("y", y).set("width", width).set("height", height)
}
