//! The columns of a table, and those that can be layers.

use arrow_schema::{DataType, Field, Schema};

use crate::ElementType;

/// The beginning of the names of columns that pandas makes of its row numbers.
const INDEX_PREFIX: &str = "__index_level_";

/// A column, or all columns that are neurons of one layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    /// The type of the numbers in the column.
    pub(super) element_type: ElementType,
    pub(super) kind: Kind,
    /// Indices in the schema, ascending.
    pub(super) roots: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// One value per row.
    Scalar,
    /// All columns together: one row per sample, one column per neuron.
    Table,
    /// Lists in rows, and lists in lists. `fixed` has one entry for each level, from the row inwards:
    /// the length of the lists, if their type fixes it.
    Lists { fixed: Vec<Option<usize>> },
}

impl Column {
    pub(super) fn may_be_layer(&self) -> bool {
        !matches!(self.kind, Kind::Scalar) && self.element_type.size().is_some()
    }
}

/// Returns the columns of a table in its order. If none has lists of numbers, the columns of numbers
/// become one layer with the name `table`, in front of the others.
pub(super) fn columns(schema: &Schema, table: &str) -> Vec<Column> {
    let columns = schema.fields().iter().enumerate();
    let mut columns: Vec<Column> = columns.map(|(root, field)| column(root, field)).collect();
    if !columns.iter().any(Column::may_be_layer) {
        let (neurons, mut others): (Vec<Column>, Vec<Column>) =
            columns.into_iter().partition(|c| {
                matches!(c.kind, Kind::Scalar)
                    && c.element_type.size().is_some()
                    && !c.name.starts_with(INDEX_PREFIX)
            });
        if let Some(first) = neurons.first() {
            let other = neurons.iter().find(|column| column.element_type != first.element_type);
            // Refuse columns of different types: labels beside activations would be taken for a neuron.
            let element_type = match other {
                None => first.element_type.clone(),
                Some(other) => ElementType::Other(format!(
                    "{} (column {}) and {} (column {})",
                    first.element_type, first.name, other.element_type, other.name
                )),
            };
            let roots = neurons.iter().flat_map(|column| column.roots.clone()).collect();
            let name = table.to_owned();
            others.insert(0, Column { name, element_type, kind: Kind::Table, roots });
        }
        columns = others;
    }
    columns
}

fn column(root: usize, field: &Field) -> Column {
    let mut fixed = Vec::new();
    let mut data_type = field.data_type();
    loop {
        let (inner, length) = match data_type {
            DataType::List(inner) | DataType::LargeList(inner) => (inner, None),
            DataType::FixedSizeList(inner, length) => (inner, usize::try_from(*length).ok()),
            _ => break,
        };
        fixed.push(length);
        data_type = inner.data_type();
    }
    let kind = if fixed.is_empty() { Kind::Scalar } else { Kind::Lists { fixed } };
    let element_type = element_type(data_type);
    Column { name: field.name().clone(), element_type, kind, roots: vec![root] }
}

fn element_type(data_type: &DataType) -> ElementType {
    match data_type {
        DataType::Boolean => ElementType::Bool,
        DataType::Int8 => ElementType::I8,
        DataType::Int16 => ElementType::I16,
        DataType::Int32 => ElementType::I32,
        DataType::Int64 => ElementType::I64,
        DataType::UInt8 => ElementType::U8,
        DataType::UInt16 => ElementType::U16,
        DataType::UInt32 => ElementType::U32,
        DataType::UInt64 => ElementType::U64,
        DataType::Float16 => ElementType::F16,
        DataType::Float32 => ElementType::F32,
        DataType::Float64 => ElementType::F64,
        other => ElementType::Other(other.to_string()),
    }
}
