//! Arrow and Parquet files: tables whose rows are samples.
//!
//! Two kinds of tables hold a layer. In the first, as Hugging Face datasets store activations, each row
//! of a column is a list of the neurons' values, or a list of such lists: every innermost list is a
//! sample. In the second, there is a column of numbers for every neuron. `columns.rs` tells them apart.
//! `tables.rs` reads record batches: `messages.rs` those of Arrow, `parquet/` those of Parquet.
//! `collector.rs` makes batches of activations of them.

mod collector;
mod columns;
mod messages;
mod parquet;
mod tables;

use std::ops::ControlFlow;

use super::batches::Count;
use super::source::Source;
use super::visit::{VisitedArray, Visitor};
use super::{FileError, LayerInfo, Place, choose};

use collector::{Collector, ListReader};
use columns::{Column, Kind};
use tables::Table;

pub(super) use tables::TableFormat;

pub(super) fn layers(
    source: &mut Source,
    format: TableFormat,
) -> Result<Vec<LayerInfo>, FileError> {
    let table = Table::open(source, format)?;
    let columns = columns::columns(&table.schema, &source.stem());
    let mut layers = Vec::with_capacity(columns.len());
    for column in columns {
        let shape = shape(source, &table, &column)?;
        layers.push(LayerInfo { name: column.name, shape, element_type: column.element_type });
    }
    Ok(layers)
}

/// Returns the numbers of samples and neurons of a column, or only that of its rows if it cannot be a
/// layer.
fn shape(source: &mut Source, table: &Table, column: &Column) -> Result<Vec<usize>, FileError> {
    if column.element_type.size().is_some() && !matches!(column.kind, Kind::Scalar) {
        let mut count = Count::default();
        match visit_column(source, table, column, &mut count) {
            Ok(()) => {
                if let Some((samples, neurons)) = count.shape() {
                    return Ok(vec![samples, neurons]);
                }
            }
            // A column such as the tokens of texts is listed with its number of rows.
            Err(FileError::Ragged { .. } | FileError::Null { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(vec![table.rows])
}

pub(super) fn visit(
    source: &mut Source,
    format: TableFormat,
    name: Option<&str>,
    visitor: &mut dyn Visitor,
) -> Result<(), FileError> {
    let table = Table::open(source, format)?;
    let columns = columns::columns(&table.schema, &source.stem());
    // Without a name, only columns that can be layers are candidates. A column of row numbers beside
    // them does no harm.
    let layers: Vec<&Column> = columns.iter().filter(|column| column.may_be_layer()).collect();
    let all: Vec<&Column> = columns.iter().collect();
    let available = if name.is_none() && !layers.is_empty() { &layers } else { &all };
    let column = choose(&source.path, name, available, |column| &column.name)?;
    visit_column(source, &table, column, visitor)
}

fn visit_column(
    source: &mut Source,
    table: &Table,
    column: &Column,
    visitor: &mut dyn Visitor,
) -> Result<(), FileError> {
    let path = source.path.clone();
    let place = Place::layer(&path, &column.name);
    if column.element_type.size().is_none() {
        return Err(place.unsupported_element(&column.element_type));
    }
    let visited = |samples, neurons| VisitedArray {
        name: column.name.clone(),
        element_type: column.element_type.clone(),
        samples,
        neurons,
    };
    let mut lists = match &column.kind {
        Kind::Scalar => return Err(place.unusable_shape(&[table.rows])),
        Kind::Table => {
            let array = visited(Some(table.rows), column.roots.len());
            let ControlFlow::Continue(most_samples) = visitor.begin(&array) else {
                return Ok(());
            };
            let mut collector = Collector::new(place, &array, most_samples, visitor);
            for batch in table.batches(source, &column.roots)? {
                if collector.push_columns(&batch?)?.is_break() {
                    return Ok(());
                }
            }
            return collector.finish();
        }
        Kind::Lists { fixed } => ListReader::new(place, fixed.clone()),
    };
    // Unless their type fixes the length of lists, the first list says how many neurons there are.
    let mut collector: Option<Collector<'_, '_>> = None;
    let mut visitor = Some(visitor);
    for batch in table.batches(source, &column.roots)? {
        let batch = batch?;
        let Some(array) = batch.columns().first() else { continue };
        let samples = lists.read(array)?;
        if collector.is_none()
            && let Some(neurons) = lists.neurons
            && let Some(visitor) = visitor.take()
        {
            let array = visited(lists.samples_of_rows(table.rows), neurons);
            let ControlFlow::Continue(most_samples) = visitor.begin(&array) else {
                return Ok(());
            };
            collector = Some(Collector::new(place, &array, most_samples, visitor));
        }
        if let Some(collector) = &mut collector
            && collector.push_rows(&samples)?.is_break()
        {
            return Ok(());
        }
    }
    match (collector, visitor, lists.neurons) {
        (Some(collector), ..) => collector.finish(),
        // Without rows, lists of a fixed length are a layer of no samples.
        (None, Some(visitor), Some(neurons)) => {
            let _ = visitor.begin(&visited(Some(0), neurons));
            Ok(())
        }
        _ => Err(place.unusable_shape(&[0])),
    }
}

#[cfg(test)]
mod tests;
