//! Colours that are distinguishable with any colour vision.

use colorous::{Gradient, VIRIDIS};

/// The colour of lines and letters. The page replaces this and the next two in dark mode.
pub(crate) const INK: &str = "#1f2328";
pub(crate) const PALE_INK: &str = "#59636e";
pub(crate) const LINE: &str = "#d1d9e0";

/// The colour of the background, on sheets only.
pub(crate) const PAPER: &str = "#ffffff";

/// Okabe and Ito's colours (*Color Universal Design*, 2008) without black and yellow, which vanish
/// on a dark or a light background.
const CATEGORIES: [&str; 6] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00"];

/// The colour of everything that has no category.
pub(crate) const OTHER: &str = "#8c959f";

/// The colour scale of matrices: perceptually uniform, also in grey and with any colour blindness.
pub(crate) const MATRIX: Gradient = VIRIDIS;

/// Returns the colour of a model. Colours repeat after six models, so labels are needed too.
pub(crate) fn model_colour(model: usize) -> &'static str {
    CATEGORIES[model % CATEGORIES.len()]
}

/// Returns the colour of a community. Only the largest communities have a colour of their own.
pub(crate) fn community_colour(community: usize) -> &'static str {
    CATEGORIES.get(community).copied().unwrap_or(OTHER)
}

/// The number of communities that have a colour.
pub(crate) const COLOURED_COMMUNITIES: usize = CATEGORIES.len();
