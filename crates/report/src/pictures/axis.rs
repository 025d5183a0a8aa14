//! Scales: from values to positions, ticks and labels.

use maud::{Markup, html};

use super::colours::{INK, LINE, PALE_INK};

/// The font size of labels.
pub(super) const LABEL_SIZE: f64 = 12.0;

/// A linear scale: `low` is at `from`, `high` at `to`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) from: f64,
    pub(super) to: f64,
}

impl Scale {
    /// Makes a scale over some values, with a small margin on both sides. If all values are equal,
    /// the margin is a tenth of their size.
    pub(super) fn over(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Self {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|value| value.is_finite()) {
            low = low.min(value);
            high = high.max(value);
        }
        if low > high {
            (low, high) = (0.0, 1.0);
        }
        // Differences smaller than this are rounding errors.
        let room = if high - low > 1e-9 * high.abs() {
            0.04 * (high - low)
        } else {
            (0.1 * high.abs()).max(1e-6)
        };
        Self { low: low - room, high: high + room, from, to }
    }

    pub(super) fn at(&self, value: f64) -> f64 {
        let share = (value - self.low) / (self.high - self.low);
        self.from + (self.to - self.from) * share.clamp(0.0, 1.0)
    }

    /// Returns round values within the scale, about as many as wanted, each with its text.
    pub(super) fn ticks(&self, wanted: u32) -> Vec<(f64, String)> {
        let rough = (self.high - self.low) / f64::from(wanted.max(1));
        let power = 10f64.powf(rough.log10().floor());
        let steps = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power);
        let step = steps.into_iter().find(|&step| step >= rough * 0.999).unwrap_or(rough);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small whole number"
        )]
        let places = (-step.log10().floor()).clamp(0.0, 12.0) as usize;
        let first = (self.low / step).ceil();
        (0..=2 * wanted)
            .map(|k| (first + f64::from(k)) * step)
            .take_while(|&tick| tick <= self.high + step * 1e-9)
            .map(|tick| {
                let tick = if tick.abs() < step * 1e-9 { 0.0 } else { tick };
                let text =
                    if step < 1e-6 { format!("{tick:.1e}") } else { format!("{tick:.places$}") };
                (tick, text.replace('-', "−"))
            })
            .collect()
    }

    /// Draws the ticks of a horizontal scale below `bottom`, with grid lines up to `top`, and its
    /// label.
    pub(super) fn horizontal(&self, top: f64, bottom: f64, label: &str) -> Markup {
        html! {
            @for (tick, text) in self.ticks(4) {
                (line((self.at(tick), top), (self.at(tick), bottom), LINE))
                (label_at(self.at(tick), bottom + 15.0, "middle", &text))
            }
            (label_at((self.from + self.to) / 2.0, bottom + 32.0, "middle", label))
        }
    }

    /// Draws the ticks of a vertical scale left of `left`, with grid lines to `right`, and its
    /// label.
    pub(super) fn vertical(&self, left: f64, right: f64, label: &str) -> Markup {
        let middle = (self.from + self.to) / 2.0;
        html! {
            @for (tick, text) in self.ticks(5) {
                (line((left, self.at(tick)), (right, self.at(tick)), LINE))
                (label_at(left - 6.0, self.at(tick) + 4.0, "end", &text))
            }
            text x="12" y=(px(middle)) text-anchor="middle" font-size=(LABEL_SIZE) fill=(PALE_INK)
                transform=(format!("rotate(-90 12 {})", px(middle))) { (label) }
        }
    }
}

pub(super) fn line(from: (f64, f64), to: (f64, f64), colour: &str) -> Markup {
    html! {
        line x1=(px(from.0)) y1=(px(from.1)) x2=(px(to.0)) y2=(px(to.1)) stroke=(colour) {}
    }
}

/// Draws a pale label; `anchor` is `start`, `middle` or `end`.
pub(super) fn label_at(x: f64, y: f64, anchor: &str, text: &str) -> Markup {
    html! {
        text x=(px(x)) y=(px(y)) text-anchor=(anchor) font-size=(LABEL_SIZE) fill=(PALE_INK) { (text) }
    }
}

/// Draws the heading of a panel.
pub(super) fn heading(text: &str) -> Markup {
    html! { text x="8" y="18" font-size="14" font-weight="bold" fill=(INK) { (text) } }
}

/// Formats a length with one decimal at most; more cannot be seen.
pub(super) fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_within() {
        let ticks = |low, high, wanted| -> Vec<String> {
            let scale = Scale { low, high, from: 0.0, to: 1.0 };
            scale.ticks(wanted).into_iter().map(|(_, text)| text).collect()
        };
        assert_eq!(ticks(0.0, 2.0, 4), ["0.0", "0.5", "1.0", "1.5", "2.0"]);
        assert_eq!(ticks(-0.13, 0.31, 4), ["0.0", "0.2"]);
        assert_eq!(ticks(-1.0, 1.0, 2), ["−1", "0", "1"]);
        assert_eq!(ticks(1e-9, 3e-9, 2), ["1.0e−9", "2.0e−9", "3.0e−9"]);
    }

    #[test]
    fn scales_have_room_for_single_values() {
        let scale = Scale::over([2.0, 2.0, f64::NEG_INFINITY].into_iter(), 0.0, 10.0);
        assert_eq!(px(scale.at(2.0)), "5");
        let nothing = Scale::over(std::iter::empty(), 0.0, 10.0);
        assert!(nothing.at(0.5).is_finite());
        assert!(!nothing.ticks(4).is_empty());
    }
}
