//! Edges of equal-width bins, as in `numpy.linspace`.

/// Returns `numpy.linspace(low, high, bins + 1)`, or nothing if the range has no width.
pub(super) fn linspace(low: f64, high: f64, bins: usize) -> Vec<f64> {
    if low >= high {
        return Vec::new();
    }
    let width = high - low;
    let step = width / bins as f64;
    let mut edges: Vec<f64> = (0..=bins)
        .map(|k| {
            // numpy changes the order of operations when the step underflows to zero.
            let offset = if step == 0.0 { k as f64 / bins as f64 * width } else { k as f64 * step };
            low + offset
        })
        .collect();
    edges[bins] = high;
    edges
}
