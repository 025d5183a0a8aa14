//! Messages that no writer would write.

use arrow_ipc::writer::StreamWriter;
use arrow_ipc::{
    Buffer, Field, FieldBuilder, FieldNode, FloatingPointBuilder, List, ListArgs, MessageBuilder,
    MetadataVersion, Precision, RecordBatchBuilder, SchemaBuilder, Type,
};
use arrow_schema::DataType;
use flatbuffers::{FlatBufferBuilder, WIPOffset};

use super::*;
use crate::tests::Files;
use crate::{FileError, layers, read_layer};

/// Returns a message with its marker and length, as in a stream.
fn framed(mut header: Vec<u8>, body: &[u8]) -> Vec<u8> {
    header.resize(header.len().next_multiple_of(8), 0);
    let length = u32::try_from(header.len()).unwrap().to_le_bytes();
    [&[0xFF; 4][..], &length, &header, body].concat()
}

fn message(
    mut builder: FlatBufferBuilder<'_>,
    kind: MessageHeader,
    header: WIPOffset<flatbuffers::UnionWIPOffset>,
    body_len: i64,
) -> Vec<u8> {
    let mut message = MessageBuilder::new(&mut builder);
    message.add_version(MetadataVersion::V5);
    message.add_header_type(kind);
    message.add_header(header);
    message.add_bodyLength(body_len);
    let message = message.finish();
    builder.finish(message, None);
    builder.finished_data().to_vec()
}

fn schema_of(data_type: &DataType, columns: usize) -> Vec<u8> {
    let field = |index| arrow_schema::Field::new(format!("n{index}"), data_type.clone(), false);
    let schema = Schema::new((0..columns).map(field).collect::<Vec<_>>());
    let stream = StreamWriter::try_new(Vec::new(), &schema).unwrap().into_inner().unwrap();
    stream[..stream.len() - 8].to_vec() // without its end
}

/// Makes a stream with columns of `len` zeros each, all of them in the same place.
fn stacked(data_type: &DataType, columns: usize, len: i64, body: &[u8]) -> Vec<u8> {
    let mut builder = FlatBufferBuilder::new();
    let buffers = [Buffer::new(0, 0), Buffer::new(0, body.len() as i64)].repeat(columns);
    let nodes = builder.create_vector(&vec![FieldNode::new(len, 0); columns]);
    let buffers = builder.create_vector(&buffers);
    let mut batch = RecordBatchBuilder::new(&mut builder);
    batch.add_length(len);
    batch.add_nodes(nodes);
    batch.add_buffers(buffers);
    let batch = batch.finish().as_union_value();
    let header = message(builder, MessageHeader::RecordBatch, batch, body.len() as i64);
    [schema_of(data_type, columns), framed(header, body)].concat()
}

#[test]
fn columns_in_the_same_place_are_all_counted() {
    let files = Files::new();
    let path = files.put("x", &stacked(&DataType::UInt8, 3, 1 << 10, &[0; 1 << 10]));
    assert_eq!(read_layer(&path, None).unwrap().activations.dim(), (1 << 10, 3));
    let path = files.put("x", &stacked(&DataType::UInt8, 400, 1 << 20, &[0; 1 << 20]));
    let error = read_layer(&path, None).unwrap_err();
    assert!(matches!(error, FileError::Expansion { .. }), "{error}");
    // Flags are bits in the file and bytes in memory.
    let path = files.put("x", &stacked(&DataType::Boolean, 100, 8 << 20, &[0; 1 << 20]));
    let error = read_layer(&path, None).unwrap_err();
    assert!(matches!(error, FileError::Expansion { .. }), "{error}");
}

/// Checks a list of a list, and so on, each of which has the same list twice.
#[test]
fn what_is_shared_in_a_header_is_not_taken_apart_for_ever() {
    let mut builder = FlatBufferBuilder::new();
    let mut number = FloatingPointBuilder::new(&mut builder);
    number.add_precision(Precision::SINGLE);
    let number = number.finish().as_union_value();
    let list = List::create(&mut builder, &ListArgs {}).as_union_value();
    let mut field: Option<WIPOffset<Field<'_>>> = None;
    for _ in 0..18 {
        let children: Vec<_> = field.into_iter().flat_map(|field| [field, field]).collect();
        let children = builder.create_vector(&children);
        let mut outer = FieldBuilder::new(&mut builder);
        outer.add_type_type(if field.is_some() { Type::List } else { Type::FloatingPoint });
        outer.add_type_(if field.is_some() { list } else { number });
        outer.add_children(children);
        field = Some(outer.finish());
    }
    let fields: Vec<_> = field.into_iter().collect();
    let fields = builder.create_vector(&fields);
    let mut schema = SchemaBuilder::new(&mut builder);
    schema.add_fields(fields);
    let schema = schema.finish().as_union_value();
    let header = message(builder, MessageHeader::Schema, schema, 0);
    let files = Files::new();
    let error = layers(files.put("x", &framed(header, &[]))).unwrap_err();
    assert!(error.to_string().contains("a message has a wrong header"), "{error}");
}

#[test]
fn headers_of_wide_tables_are_read() {
    let files = Files::new();
    for columns in [1, 2, 1000] {
        let stream = stacked(&DataType::Float64, columns, 2, &[0; 16]);
        let layer = read_layer(files.put("x", &stream), None).unwrap();
        assert_eq!(layer.activations.dim(), (2, columns));
    }
}
