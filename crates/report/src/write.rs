//! Writing a comparison to files.

use std::ops::ControlFlow;

use cofire_files::OutputDirectory;

use crate::{Comparison, Error, graphml, page, pictures, tables};

/// The title of a report, and the settings of the measurement.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Description {
    /// The heading of the page.
    pub title: String,
    /// The settings of the measurement as names and values, in the order in which they are shown.
    pub settings: Vec<(String, String)>,
}

impl Description {
    /// Makes a description with a title and no settings.
    #[must_use]
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), settings: Vec::new() }
    }

    /// Adds a setting of the measurement.
    #[must_use]
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.push((name.into(), value.into()));
        self
    }
}

impl Comparison {
    /// Writes the report: `report.html`, `pictures/*.svg` and `*.png`, `summary.csv`, `edges.csv`
    /// and `graph.graphml`. No file appears before the directory is committed.
    ///
    /// # Errors
    ///
    /// Returns an error if a picture cannot be drawn, or a file cannot be written.
    pub fn write(
        &self,
        output: &mut OutputDirectory,
        description: &Description,
    ) -> Result<(), Error> {
        self.write_watched(output, description, |_, _| ControlFlow::Continue(()))
    }

    /// Writes the report like [`Comparison::write`], and calls `progress` before the first and after
    /// each step with the number of steps done and the total.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Comparison::write`], and [`Error::Cancelled`] if the callback
    /// breaks.
    pub fn write_watched(
        &self,
        output: &mut OutputDirectory,
        description: &Description,
        mut progress: impl FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let pictures = pictures::all(self)?;
        let all = pictures.len() + 1;
        let mut check = |done| match progress(done, all) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        };
        check(0)?;
        output.write_text("report.html", &page::page(self, description, &pictures))?;
        output.write_text("summary.csv", &tables::summary(self)?)?;
        output.write_text("edges.csv", &tables::edges(self)?)?;
        output.write_text("graph.graphml", &graphml::graphml(self)?)?;
        check(1)?;
        let mut folder = output.folder("pictures")?;
        for (index, picture) in pictures.iter().enumerate() {
            folder.write_text(&format!("{}.svg", picture.name), &picture.svg())?;
            folder.write_bytes(&format!("{}.png", picture.name), &picture.png()?)?;
            check(index + 2)?;
        }
        Ok(())
    }
}
