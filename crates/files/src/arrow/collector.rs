//! Conversion of record batches to batches of activations.

use std::ops::ControlFlow;

use arrow_array::cast::AsArray;
use arrow_array::{Array, ArrayRef, GenericListArray, OffsetSizeTrait, RecordBatch};
use arrow_buffer::Buffer;

use crate::element::{ByteOrder, Values};
use crate::visit::{Batch, VisitedArray, Visitor, reserve};
use crate::{ElementType, FileError, Place};

/// A buffer that gathers samples until a batch is full, and passes it on.
pub(super) struct Collector<'v, 'p> {
    place: Place<'p>,
    element_type: ElementType,
    /// The expected number of samples, if known.
    samples: Option<usize>,
    neurons: usize,
    most_samples: usize,
    values: Values,
    /// The number of samples that were passed to the visitor.
    handed_on: usize,
    visitor: &'v mut dyn Visitor,
}

impl<'v, 'p> Collector<'v, 'p> {
    pub(super) fn new(
        place: Place<'p>,
        array: &VisitedArray,
        most_samples: usize,
        visitor: &'v mut dyn Visitor,
    ) -> Self {
        Self {
            place,
            element_type: array.element_type.clone(),
            samples: array.samples,
            neurons: array.neurons,
            most_samples: most_samples.max(1),
            values: Values::new(&array.element_type),
            handed_on: 0,
            visitor,
        }
    }

    /// Takes samples whose neurons lie side by side.
    pub(super) fn push_rows(&mut self, numbers: &Numbers) -> Result<ControlFlow<()>, FileError> {
        let size = self.element_type.size().unwrap_or(1);
        let sample_bytes = self.neurons * size;
        let (mut rest, mut samples) =
            (numbers.bytes.as_slice(), numbers.len.checked_div(self.neurons));
        while let Some(left) = samples.filter(|&left| left > 0) {
            let taken = left.min(self.room()?);
            let (now, later) = rest.split_at(taken * sample_bytes);
            self.values.extend(&self.element_type, ByteOrder::NATIVE, now);
            (rest, samples) = (later, Some(left - taken));
            if self.flush(false)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes samples whose neurons are columns.
    pub(super) fn push_columns(
        &mut self,
        batch: &RecordBatch,
    ) -> Result<ControlFlow<()>, FileError> {
        for (index, column) in batch.columns().iter().enumerate() {
            if let Some(row) = first_null(column) {
                let column = batch.schema_ref().field(index).name().clone();
                let row = self.handed_on + self.in_batch() + row;
                return Err(null(self.place, row, Some(column)));
            }
        }
        let mut begin = 0;
        while begin < batch.num_rows() {
            let taken = (batch.num_rows() - begin).min(self.room()?);
            let first = self.values.elements.len();
            self.values.elements.grow(first + taken * self.neurons);
            for (neuron, column) in batch.columns().iter().enumerate() {
                let mut values = Values::new(&self.element_type);
                let numbers = Numbers::of(&column.slice(begin, taken));
                values.extend(&self.element_type, ByteOrder::NATIVE, &numbers.bytes);
                if let Some((row, value)) = values.too_large {
                    let at = first + row * self.neurons + neuron;
                    self.values.too_large.get_or_insert((at, value));
                }
                self.values.elements.scatter(first + neuron, self.neurons, &values.elements);
            }
            begin += taken;
            if self.flush(false)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Passes the last batch on, and checks the number of samples.
    pub(super) fn finish(mut self) -> Result<(), FileError> {
        if self.in_batch() > 0 && self.flush(true)?.is_break() {
            return Ok(());
        }
        match self.samples {
            Some(claimed) if claimed != self.handed_on => {
                let actual = self.handed_on;
                let problem = format!("it claims {claimed} samples and has {actual}");
                Err(self.place.damaged(problem))
            }
            _ => Ok(()),
        }
    }

    /// Returns the number of samples that wait in the batch.
    fn in_batch(&self) -> usize {
        self.values.elements.len().checked_div(self.neurons).unwrap_or(0)
    }

    /// Returns the number of samples for which the batch and its memory have room, at least one.
    fn room(&mut self) -> Result<usize, FileError> {
        let waiting = self.in_batch();
        let room = self.most_samples - waiting;
        let free =
            (self.values.elements.capacity() - self.values.elements.len()) / self.neurons.max(1);
        if free >= room {
            return Ok(room);
        }
        if free == 0 {
            // Twice as much each time, and not more than the batch may have: no claim of the file is
            // trusted.
            let samples = room.min(waiting.max(64));
            reserve(self.place, &mut self.values.elements, samples * self.neurons, true)?;
            return Ok(samples);
        }
        Ok(free)
    }

    /// Passes the batch on if it is full or the last one.
    fn flush(&mut self, is_last: bool) -> Result<ControlFlow<()>, FileError> {
        if let Some((index, value)) = self.values.too_large {
            let sample = self.handed_on + index / self.neurons;
            return Err(self.place.integer_too_large(sample, index % self.neurons, value));
        }
        let samples = self.in_batch();
        if samples < self.most_samples && !is_last {
            return Ok(ControlFlow::Continue(()));
        }
        let activations = self.values.elements.take().arrange((samples, self.neurons), false);
        let activations =
            activations.ok_or_else(|| self.place.damaged("its lists cannot be arranged"))?;
        let mut batch = Batch { activations };
        let flow = self.visitor.batch(&mut batch);
        self.handed_on += samples;
        self.values.elements = batch.activations.into_elements();
        self.values.clear();
        Ok(flow)
    }
}

/// Numbers that follow one another, none of them null.
pub(super) struct Numbers {
    bytes: Buffer,
    len: usize,
}

impl Numbers {
    fn of(array: &dyn Array) -> Self {
        let len = array.len();
        if let Some(booleans) = array.as_boolean_opt() {
            // Bits in Arrow, bytes everywhere else.
            let bytes: Vec<u8> = booleans.values().iter().map(u8::from).collect();
            return Self { bytes: bytes.into(), len };
        }
        let data = array.to_data();
        let size = data.data_type().primitive_width().unwrap_or(1);
        let bytes = data.buffers().first().map(|buffer| {
            buffer.slice_with_length(data.offset() * size, len * size) // shares the memory
        });
        Self { bytes: bytes.unwrap_or_default(), len }
    }
}

/// A reader of lists, which must be equally long.
pub(super) struct ListReader<'p> {
    place: Place<'p>,
    /// The length of the lists at each level, if their type fixes it.
    fixed: Vec<Option<usize>>,
    /// The length of the innermost lists, once it is known.
    pub(super) neurons: Option<usize>,
    /// The number of rows read so far.
    rows: usize,
}

impl<'p> ListReader<'p> {
    pub(super) fn new(place: Place<'p>, fixed: Vec<Option<usize>>) -> Self {
        let neurons = fixed.last().copied().flatten();
        Self { place, fixed, neurons, rows: 0 }
    }

    /// Returns the number of samples in `rows` rows, if all rows have equally many.
    pub(super) fn samples_of_rows(&self, rows: usize) -> Option<usize> {
        let (_, outer) = self.fixed.split_last()?;
        outer.iter().try_fold(rows, |samples, length| samples.checked_mul((*length)?))
    }

    /// Returns the numbers in all rows of an array.
    pub(super) fn read(&mut self, array: &ArrayRef) -> Result<Numbers, FileError> {
        let rows = array.len();
        let numbers = self.descend(array, 0, &|index| index)?;
        self.rows += rows;
        Ok(numbers)
    }

    /// Takes the lists of one level apart. `row_of` returns the row to which a list belongs.
    fn descend(
        &mut self,
        array: &ArrayRef,
        level: usize,
        row_of: &dyn Fn(usize) -> usize,
    ) -> Result<Numbers, FileError> {
        if let Some(index) = first_null(array) {
            return Err(null(self.place, self.rows + row_of(index), None));
        }
        if let Some(list) = array.as_list_opt::<i32>() {
            self.lists(list, level, row_of)
        } else if let Some(list) = array.as_list_opt::<i64>() {
            self.lists(list, level, row_of)
        } else if let Some(list) = array.as_fixed_size_list_opt() {
            let length = usize::try_from(list.value_length()).unwrap_or(0).max(1);
            self.descend(list.values(), level + 1, &|index| row_of(index / length))
        } else {
            Ok(Numbers::of(array))
        }
    }

    fn lists<O: OffsetSizeTrait>(
        &mut self,
        list: &GenericListArray<O>,
        level: usize,
        row_of: &dyn Fn(usize) -> usize,
    ) -> Result<Numbers, FileError> {
        let is_innermost = level + 1 == self.fixed.len();
        let expected = self.fixed.get(level).copied().flatten();
        if is_innermost || expected.is_some() {
            for index in 0..list.len() {
                let found = list.value_length(index).as_usize();
                let expected = match expected {
                    Some(expected) => expected,
                    None => *self.neurons.get_or_insert(found),
                };
                if found != expected {
                    let (path, place) = (self.place.path.into(), self.place.name());
                    let row = self.rows + row_of(index);
                    return Err(FileError::Ragged { path, place, row, expected, found });
                }
            }
        }
        let offsets: Vec<usize> = list.value_offsets().iter().map(|o| o.as_usize()).collect();
        let (Some(&begin), Some(&end)) = (offsets.first(), offsets.last()) else {
            return Ok(Numbers::of(&list.values().slice(0, 0)));
        };
        let row_of = |index: usize| {
            row_of(offsets.partition_point(|&offset| offset <= begin + index).saturating_sub(1))
        };
        self.descend(&list.values().slice(begin, end - begin), level + 1, &row_of)
    }
}

fn first_null(array: &ArrayRef) -> Option<usize> {
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0)?;
    (0..array.len()).find(|&index| nulls.is_null(index))
}

fn null(place: Place<'_>, row: usize, column: Option<String>) -> FileError {
    let place_name = column.map_or_else(|| place.name(), |column| format!("column {column}"));
    FileError::Null { path: place.path.into(), place: place_name, row }
}
