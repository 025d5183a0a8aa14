//! All panels of a picture on one sheet.

use std::sync::{Arc, LazyLock};

use maud::html;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::{Options, Tree, fontdb};

use super::axis::px;
use super::colours::{INK, PALE_INK, PAPER};
use super::{PANEL_WIDTH, Picture};
use crate::Error;

const MARGIN: f64 = 20.0;

/// The maximum number of panels in a row.
const COLUMNS: usize = 3;

/// The number of pixels for each unit of the SVG.
const PIXELS: f32 = 1.5;

/// The number of letters in a line of notes for each unit of width; slightly fewer than fit.
const LETTERS_PER_UNIT: f64 = 0.155;

pub(super) fn svg(picture: &Picture) -> String {
    let columns = picture.panels.len().clamp(1, COLUMNS);
    let width = 2.0 * MARGIN + PANEL_WIDTH * columns as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few hundred")]
    let letters = (width * LETTERS_PER_UNIT) as usize;
    let notes: Vec<String> = picture.notes.iter().flat_map(|note| wrapped(note, letters)).collect();
    let top = 52.0 + 18.0 * notes.len() as f64;
    let mut rows: Vec<(f64, &[super::Panel])> = Vec::new();
    let mut bottom = top;
    for row in picture.panels.chunks(columns) {
        rows.push((bottom, row));
        bottom += row.iter().map(|panel| panel.height).fold(0.0, f64::max) + 8.0;
    }
    let height = bottom + MARGIN / 2.0;
    let sheet = html! {
        svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {} {}", px(width), px(height)))
            width=(px(width)) height=(px(height)) role="img"
            font-family="Roboto, 'Helvetica Neue', Arial, 'Liberation Sans', sans-serif" {
            title { (picture.title) }
            desc { (picture.panels.iter().map(|p| p.description.as_str()).collect::<Vec<_>>().join(" ")) }
            rect width="100%" height="100%" fill=(PAPER) {}
            text x=(MARGIN + 8.0) y="34" font-size="20" font-weight="bold" fill=(INK) { (picture.title) }
            @for (line, note) in notes.iter().enumerate() {
                text x=(MARGIN + 8.0) y=(px(58.0 + 18.0 * line as f64)) font-size="13" fill=(PALE_INK) {
                    (note)
                }
            }
            @for (y, row) in rows {
                @for (column, panel) in row.iter().enumerate() {
                    g transform=(format!("translate({} {})",
                        px(MARGIN + PANEL_WIDTH * column as f64), px(y))) {
                        (panel.body)
                    }
                }
            }
        }
    };
    sheet.into_string()
}

pub(super) fn png(picture: &Picture) -> Result<Vec<u8>, Error> {
    let failed = |problem: String| Error::Picture { picture: picture.name.clone(), problem };
    let options = Options { fontdb: Arc::clone(&FONTS), ..Options::default() };
    let tree =
        Tree::from_str(&svg(picture), &options).map_err(|error| failed(error.to_string()))?;
    let size = tree
        .size()
        .to_int_size()
        .scale_by(PIXELS)
        .ok_or_else(|| failed("it has no size".to_owned()))?;
    let mut pixels = Pixmap::new(size.width(), size.height())
        .ok_or_else(|| failed(format!("{} x {} pixels", size.width(), size.height())))?;
    resvg::render(&tree, Transform::from_scale(PIXELS, PIXELS), &mut pixels.as_mut());
    pixels.encode_png().map_err(|error| failed(error.to_string()))
}

/// The fonts that are compiled in, and no others: a picture is the same on every machine.
static FONTS: LazyLock<Arc<fontdb::Database>> = LazyLock::new(|| {
    let mut fonts = fontdb::Database::new();
    fonts.load_font_data(include_bytes!("../../fonts/Roboto-Regular.ttf").to_vec());
    fonts.load_font_data(include_bytes!("../../fonts/Roboto-Bold.ttf").to_vec());
    fonts.set_sans_serif_family("Roboto");
    Arc::new(fonts)
});

/// Wraps text into lines of at most `letters` letters. A longer word has a line of its own.
fn wrapped(text: &str, letters: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last().map_or(0, |line| line.chars().count());
        match lines.last_mut() {
            Some(line) if last == 0 => line.push_str(word),
            Some(line) if last + 1 + word.chars().count() <= letters => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_longer_than_asked() {
        assert_eq!(wrapped("one two three four", 9), ["one two", "three", "four"]);
        assert_eq!(wrapped("", 9), [""]);
        assert_eq!(wrapped("immeasurable", 3), ["immeasurable"]);
    }
}
