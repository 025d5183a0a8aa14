//! Large allocations that fail with an error instead of ending the process.

use crate::Error;

/// `rows * columns` zeroed elements.
pub(crate) fn zeroed<T: Clone + Default>(rows: usize, columns: usize) -> Result<Vec<T>, Error> {
    let elements = rows.checked_mul(columns);
    let mut data: Vec<T> = Vec::new();
    match elements.map(|n| data.try_reserve_exact(n)) {
        Some(Ok(())) => {
            data.resize(rows * columns, T::default());
            Ok(data)
        }
        _ => {
            let bytes = (rows as u128)
                .saturating_mul(columns as u128)
                .saturating_mul(size_of::<T>() as u128);
            Err(Error::OutOfMemory { bytes: u64::try_from(bytes).unwrap_or(u64::MAX) })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_had_is_an_error() {
        assert_eq!(zeroed::<u32>(3, 4).unwrap(), [0; 12]);
        let huge = zeroed::<u64>(usize::MAX, usize::MAX);
        assert!(matches!(huge, Err(Error::OutOfMemory { bytes: u64::MAX })));
        let large = zeroed::<u64>(1 << 40, 1 << 20);
        assert!(matches!(large, Err(Error::OutOfMemory { .. })));
    }
}
