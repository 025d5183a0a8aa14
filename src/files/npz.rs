//! The `.npz` format: a zip archive of `.npy` files.

use std::collections::HashSet;

use super::array::Data;
use super::npy::Header;
use super::source::Source;
use super::zip::{self, Member};
use super::{FileError, Layer, LayerInfo, Place, choose};

/// Arrays that unpack to no more than this are read however well they are packed.
const SMALL_BYTES: u64 = 64 << 20;

/// How many times its packed size a larger array may have. Deflate reaches 1,032 on zeros;
/// activations of which 95 in 100 are zero, about 15.
const MAX_EXPANSION: u64 = 200;

pub(super) fn layers(source: &mut Source) -> Result<Vec<LayerInfo>, FileError> {
    let path = source.path.clone();
    let members = arrays(source)?;
    let infos = members.iter().map(|member| {
        let name = array_name(member);
        let place = Place::layer(&path, name);
        let header = Header::read(place, &mut member.open(place, source)?)?;
        Ok(header.description.info(name))
    });
    infos.collect()
}

pub(super) fn read(source: &mut Source, name: Option<&str>) -> Result<Layer, FileError> {
    let path = source.path.clone();
    let members = arrays(source)?;
    let names: Vec<&str> = members.iter().map(array_name).collect();
    let name = choose(&path, name, &names)?;
    let place = Place::layer(&path, name);
    let mut chosen = members.iter().filter(|member| array_name(member) == name);
    let member = chosen.next().ok_or_else(|| place.damaged("it is not there"))?;
    check_expansion(place, member)?;
    let mut reader = member.open(place, source)?;
    let header = Header::read(place, &mut reader)?;
    let len = member.unpacked.saturating_sub(header.len);
    header.description.read(place, Data { reader, len, is_plain: member.is_stored() })
}

/// The members that numpy would call arrays.
fn arrays(source: &mut Source) -> Result<Vec<Member>, FileError> {
    let mut members = zip::members(source)?;
    members.retain(|member| member.name.ends_with(".npy"));
    let mut names = HashSet::new();
    match members.iter().find(|member| !names.insert(member.name.as_str())) {
        Some(twice) => {
            Err(Place::layer(&source.path, array_name(twice)).damaged("it is there twice"))
        }
        None => Ok(members),
    }
}

fn array_name(member: &Member) -> &str {
    member.name.strip_suffix(".npy").unwrap_or(&member.name)
}

fn check_expansion(place: Place<'_>, member: &Member) -> Result<(), FileError> {
    let (packed, unpacked) = (member.packed, member.unpacked);
    if unpacked <= SMALL_BYTES || unpacked / MAX_EXPANSION <= packed {
        return Ok(());
    }
    let (path, place, allowed) = (place.path.into(), place.name(), MAX_EXPANSION);
    Err(FileError::Expansion { path, place, packed, unpacked, allowed })
}
