//! Draws the mutual information of every pair of neurons of a layer: one self-contained SVG.
//!
//! ```text
//! cargo run --release --features files --example heat_map
//! cargo run --release --features files --example heat_map -- --layer layer.0.ffn --out layer_0.svg
//! ```

mod colours;
mod order;
mod picture;

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use cofire::{analyze, files};

const DEFAULT_INPUT: &str = "examples/data/minilm.safetensors";
const DEFAULT_LAYER: &str = "layer.3.ffn";

/// The model whose activations are the default input.
const DEFAULT_MODEL: &str = "all-MiniLM-L6-v2";

/// Draws the mutual information of every pair of neurons of a layer.
#[derive(Debug, Parser)]
struct Arguments {
    /// Activations, samples × neurons: .npy, .npz or .safetensors
    #[arg(long, value_name = "FILE", default_value = DEFAULT_INPUT)]
    input: PathBuf,
    /// The layer, if the file has several [default for the default file: layer.3.ffn]
    #[arg(long, value_name = "NAME")]
    layer: Option<String>,
    /// Equal-width bins of each neuron
    #[arg(long, default_value_t = 10)]
    bins: usize,
    /// The model's name, for the title [default: the file's]
    #[arg(long, value_name = "NAME")]
    model: Option<String>,
    /// The picture
    #[arg(long, value_name = "FILE", default_value = "docs/mi_matrix.svg")]
    out: PathBuf,
}

impl Arguments {
    fn is_default_input(&self) -> bool {
        self.input.as_os_str() == DEFAULT_INPUT
    }

    fn layer(&self) -> Option<&str> {
        self.layer.as_deref().or(self.is_default_input().then_some(DEFAULT_LAYER))
    }

    fn model(&self) -> String {
        match &self.model {
            Some(model) => model.clone(),
            None if self.is_default_input() => DEFAULT_MODEL.to_owned(),
            None => self.input.file_stem().unwrap_or_default().to_string_lossy().into_owned(),
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let layer = files::read_layer(&arguments.input, arguments.layer())?;
    let report = analyze(layer.activations.view(), arguments.bins)?;
    let order = order::by_similarity(&report);
    let title = format!("{}, {}", arguments.model(), layer.name);
    let picture = picture::draw(&report, &order, &title)?;
    if let Some(folder) = arguments.out.parent() {
        std::fs::create_dir_all(folder)?;
    }
    svg::save(&arguments.out, &picture)?;
    println!("{}", arguments.out.display());
    Ok(())
}
