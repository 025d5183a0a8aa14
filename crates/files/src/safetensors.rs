//! The `.safetensors` format: a JSON header, then the tensors, little-endian and row-major.
//!
//! Only the header and the wanted tensor are read; the crate's documentation says why nothing is mapped.

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};

use super::array::Description;
use super::element::ByteOrder;
use super::source::Source;
use super::visit::Visitor;
use super::{ElementType, FileError, LayerInfo, Place, choose};

/// The longest header that is read, in bytes. A tensor takes about 100 bytes of it, so this is enough
/// for some 40,000. Parsing nonsense of this length takes 70 MiB.
const MAX_HEADER_BYTES: u64 = 4 << 20;

/// The number of bytes before the header, which hold its length.
const LENGTH_BYTES: u64 = 8;

pub(super) fn layers(source: &mut Source) -> Result<Vec<LayerInfo>, FileError> {
    let (metadata, _) = read_header(source)?;
    let names = metadata.offset_keys();
    let tensors = names.iter().filter_map(|name| Some((name, metadata.info(name)?)));
    Ok(tensors.map(|(name, info)| describe(info).info(name)).collect())
}

pub(super) fn visit(
    source: &mut Source,
    name: Option<&str>,
    visitor: &mut dyn Visitor,
) -> Result<(), FileError> {
    let path = source.path.clone();
    let (metadata, data_offset) = read_header(source)?;
    let names = metadata.offset_keys();
    let name = choose(&path, name, &names, String::as_str)?;
    let place = Place::layer(&path, name);
    let info = metadata.info(name).ok_or_else(|| place.damaged("it is not there"))?;
    let (begin, end) = info.data_offsets;
    let begin = data_offset + begin as u64; // no overflow: the last end was compared
    let len = data_offset + end as u64 - begin;
    describe(info).visit_plain(place, source, begin, len, visitor)
}

/// Reads the header. Returns it, and the offset of the first tensor. The tensors fill the rest of the
/// file exactly.
fn read_header(source: &mut Source) -> Result<(Metadata, u64), FileError> {
    let path = source.path.clone();
    let place = Place::file(&path);
    let length = source.bytes(place, 0, LENGTH_BYTES)?;
    let length = length.first_chunk().copied().map_or(0, u64::from_le_bytes);
    let available = source.len - LENGTH_BYTES;
    if length > available {
        return Err(place.wrong_length(length, available));
    }
    if length > MAX_HEADER_BYTES {
        let problem = format!(
            "a header of {length} bytes is longer than {MAX_HEADER_BYTES}, the most for one file"
        );
        return Err(place.damaged(problem));
    }
    let header = source.bytes(place, LENGTH_BYTES, length)?;
    // Checks that the tensors follow one another, each as long as its shape says.
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|error| place.damaged(format!("its header is wrong ({error})")))?;
    let (claimed, found) = (metadata.data_len() as u64, available - length);
    if claimed != found {
        return Err(place.wrong_length(claimed, found));
    }
    Ok((metadata, LENGTH_BYTES + length))
}

fn describe(info: &TensorInfo) -> Description {
    let element_type = match info.dtype {
        Dtype::BOOL => ElementType::Bool,
        Dtype::I8 => ElementType::I8,
        Dtype::I16 => ElementType::I16,
        Dtype::I32 => ElementType::I32,
        Dtype::I64 => ElementType::I64,
        Dtype::U8 => ElementType::U8,
        Dtype::U16 => ElementType::U16,
        Dtype::U32 => ElementType::U32,
        Dtype::U64 => ElementType::U64,
        Dtype::F16 => ElementType::F16,
        Dtype::BF16 => ElementType::Bf16,
        Dtype::F32 => ElementType::F32,
        Dtype::F64 => ElementType::F64,
        other => ElementType::Other(format!("{other:?}").to_lowercase()),
    };
    Description {
        element_type,
        byte_order: ByteOrder::Little,
        is_fortran_order: false,
        shape: info.shape.clone(),
    }
}
