//! Limits on the memory of a job, and large allocations that fail with an error instead of ending the
//! process.

use crate::error::Error;

/// The share of free memory, in quarters, that a job may take if no limit is given.
const FREE_QUARTERS: u64 = 3;

/// The bytes below which a job does not ask the operating system for free memory.
const SMALL_JOB: u64 = 256 << 20;

/// Returns the limit of a job: the given one, or three quarters of the memory that is free now. `None` means
/// that free memory is unknown.
pub(crate) fn limit(given: Option<u64>) -> Option<u64> {
    given.or_else(|| free().map(|free| free / 4 * FREE_QUARTERS))
}

/// Refuses a job that needs `new` bytes beside the `held` bytes that it already has.
pub(crate) fn check_limit(given: Option<u64>, held: u64, new: u64) -> Result<(), Error> {
    let refused = match given {
        Some(allowed) => {
            let needed = held.saturating_add(new);
            (needed > allowed).then_some(Error::MemoryLimit { needed, allowed })
        }
        None if new < SMALL_JOB => None,
        None => limit(None).filter(|&allowed| new > allowed).map(|allowed| {
            let (needed, allowed) = (held.saturating_add(new), held.saturating_add(allowed));
            Error::MemoryLimit { needed, allowed }
        }),
    };
    refused.map_or(Ok(()), Err)
}

/// Returns the bytes of free memory, of the machine or of the container that limits this process.
#[cfg(feature = "system-memory")]
fn free() -> Option<u64> {
    let mut system = sysinfo::System::new();
    system.refresh_memory();
    let of_machine = system.available_memory();
    // Cached files count towards a container's memory, but make room when it is needed.
    let of_container = system.cgroup_limits().map(|c| c.total_memory.saturating_sub(c.rss));
    let free = of_container.map_or(of_machine, |free| free.min(of_machine));
    (free > 0).then_some(free)
}

#[cfg(not(feature = "system-memory"))]
fn free() -> Option<u64> {
    None
}

/// Allocates `rows * columns` zeroed elements.
pub(crate) fn zeroed<T: Clone + Default>(rows: usize, columns: usize) -> Result<Vec<T>, Error> {
    let Some(elements) = rows.checked_mul(columns) else {
        let elements = (rows as u128).saturating_mul(columns as u128);
        let bytes = elements.saturating_mul(size_of::<T>() as u128);
        return Err(Error::OutOfMemory { bytes: u64::try_from(bytes).unwrap_or(u64::MAX) });
    };
    check::<T>(elements)?;
    // The operating system zeroes these pages one by one, on the threads that first write to them. It would
    // not do so for a vector that grows.
    Ok(vec![T::default(); elements])
}

/// Returns an error if `elements` elements cannot be allocated now. Guards code that cannot return an error
/// itself.
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
    fn limits_are_those_given_or_what_is_free() {
        assert_eq!(limit(Some(7)), Some(7));
        assert!(check_limit(Some(10), 4, 6).is_ok());
        let refused = check_limit(Some(10), 4, 7);
        assert!(matches!(refused, Err(Error::MemoryLimit { needed: 11, allowed: 10 })));
        assert!(check_limit(None, u64::MAX, SMALL_JOB - 1).is_ok());
        if cfg!(feature = "system-memory") {
            let free = limit(None).unwrap();
            assert!(free > 1 << 20, "{free} bytes are free");
            let refused = check_limit(None, 5, u64::MAX / 2);
            assert!(matches!(refused, Err(Error::MemoryLimit { .. })), "more than any machine has");
        }
    }

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
