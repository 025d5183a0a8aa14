//! The mutual information of each neuron of one layer with each neuron of another one.
//!
//! `cargo run --release --example two_layers`

use cofire::{Analysis, Units};
use ndarray::{Array2, Axis};

fn main() -> Result<(), cofire::Error> {
    // Both layers have seen the same 3,000 samples, in the same order.
    let first = Array2::from_shape_fn((3000, 5), |(s, n)| ((s * (2 * n + 7)) % 101) as f32);
    // A layer above it: each neuron is a rectified difference of two neurons below.
    let second =
        Array2::from_shape_fn((3000, 4), |(s, n)| (first[[s, n]] - first[[s, n + 1]]).max(0.0));
    let report = Analysis::new(10).units(Units::Bits).run_between(first.view(), second.view())?;
    println!("rows: the first layer; columns: the second one; in bits");
    println!("{:.2}", report.mutual_information);
    for (neuron, shared) in report.mutual_information.axis_iter(Axis(1)).enumerate() {
        let strongest = (0..shared.len()).max_by(|&a, &b| shared[a].total_cmp(&shared[b]));
        println!("neuron {neuron} of the second layer shares most with {strongest:?} of the first");
    }
    Ok(())
}
