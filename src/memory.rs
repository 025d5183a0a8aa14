//! Large allocations that fail with an error instead of ending the process.

use crate::Error;

/// `rows * columns` zeroed elements.
pub(crate) fn zeroed<T: Clone + Default>(rows: usize, columns: usize) -> Result<Vec<T>, Error> {
    let Some(elements) = rows.checked_mul(columns) else {
        let elements = (rows as u128).saturating_mul(columns as u128);
        let bytes = elements.saturating_mul(size_of::<T>() as u128);
        return Err(Error::OutOfMemory { bytes: u64::try_from(bytes).unwrap_or(u64::MAX) });
    };
    check::<T>(elements)?;
    // Unlike a vector that grows, this one is zeroed by the operating system, page by page, by the
    // threads that first write to it.
    Ok(vec![T::default(); elements])
}

/// Whether so many elements could be allocated now: an error in front of code that cannot fail.
pub(crate) fn check<T>(elements: usize) -> Result<(), Error> {
    let mut data: Vec<T> = Vec::new();
    data.try_reserve_exact(elements).map_err(|_| {
        let bytes = elements.saturating_mul(size_of::<T>());
        Error::OutOfMemory { bytes: bytes as u64 }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_an_error() {
        assert_eq!(zeroed::<u32>(3, 4).unwrap(), [0; 12]);
        let huge = zeroed::<u64>(usize::MAX, usize::MAX);
        assert!(matches!(huge, Err(Error::OutOfMemory { bytes: u64::MAX })));
        assert!(matches!(check::<u64>(usize::MAX), Err(Error::OutOfMemory { .. })));
        assert!(check::<u64>(1000).is_ok());
        let large = zeroed::<u64>(1 << 40, 1 << 20);
        assert!(matches!(large, Err(Error::OutOfMemory { .. })));
    }
}
