//! Colours that people tell apart whatever they see.

use colorous::{Gradient, VIRIDIS};

/// Of lines and letters. The page replaces these three where the reader's screen is dark.
pub(crate) const INK: &str = "#1f2328";
pub(crate) const PALE_INK: &str = "#59636e";
pub(crate) const LINE: &str = "#d1d9e0";

/// Of the paper, on sheets only.
pub(crate) const PAPER: &str = "#ffffff";

/// Okabe and Ito's colours (*Color Universal Design*, 2008) without black and yellow, which vanish on
/// a dark or a light ground.
const CATEGORIES: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];

/// Of what has no colour of its own.
pub(crate) const OTHER: &str = "#8c959f";

/// The scale of matrices: even to the eye, in grey, and with any colour blindness.
pub(crate) const MATRIX: Gradient = VIRIDIS;

/// The colour of a model; they repeat after six, and labels say which is which.
pub(crate) fn model_colour(model: usize) -> &'static str {
    CATEGORIES[model % CATEGORIES.len()]
}

/// The colour of a community, of which only the largest have one.
pub(crate) fn community_colour(community: usize) -> &'static str {
    CATEGORIES.get(community).copied().unwrap_or(OTHER)
}

/// How many communities have a colour.
pub(crate) const COLOURED_COMMUNITIES: usize = CATEGORIES.len();
