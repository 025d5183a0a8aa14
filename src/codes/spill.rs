//! A temporary file for codes beyond a memory limit.

use std::path::PathBuf;

/// The place for codes beyond a memory limit.
#[derive(Debug, Clone, Default)]
pub(crate) struct Spill {
    /// The directory of the file. `None` means the system's directory for temporary files.
    #[cfg_attr(
        not(feature = "spill"),
        expect(dead_code, reason = "there is no file to be put there")
    )]
    pub(crate) directory: Option<PathBuf>,
}

#[cfg(feature = "spill")]
pub(super) use on_disk::SpillFile;

#[cfg(feature = "spill")]
mod on_disk {
    use std::fs::File;
    use std::io::{self, Read, Seek, SeekFrom, Write};
    use std::path::PathBuf;
    use std::sync::{Mutex, PoisonError};

    use super::Spill;
    use crate::error::Error;
    use crate::support::memory;

    impl Spill {
        /// Creates a file that vanishes when the process ends, however it ends.
        pub(in crate::codes) fn open(
            &self,
            _needed: u64,
            _allowed: u64,
        ) -> Result<SpillFile, Error> {
            let directory = self.directory.clone().unwrap_or_else(std::env::temp_dir);
            match tempfile::tempfile_in(&directory) {
                Ok(file) => Ok(SpillFile { directory, file: Mutex::new(file), len: 0 }),
                Err(source) => Err(Error::Spill { directory, source }),
            }
        }
    }

    #[derive(Debug)]
    pub(in crate::codes) struct SpillFile {
        directory: PathBuf,
        file: Mutex<File>,
        len: u64,
    }

    impl SpillFile {
        /// Writes bytes at the end and returns where they begin.
        pub(in crate::codes) fn append(&mut self, bytes: &[u8]) -> Result<u64, Error> {
            let offset = self.len;
            self.at(offset, |file| file.write_all(bytes))?;
            self.len += bytes.len() as u64;
            Ok(offset)
        }

        pub(in crate::codes) fn read(&self, offset: u64, len: usize) -> Result<Vec<u8>, Error> {
            let mut bytes = memory::zeroed(len, 1)?;
            self.at(offset, |file| file.read_exact(&mut bytes))?;
            Ok(bytes)
        }

        pub(in crate::codes) fn len(&self) -> u64 {
            self.len
        }

        fn at(
            &self,
            offset: u64,
            work: impl FnOnce(&mut File) -> io::Result<()>,
        ) -> Result<(), Error> {
            let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
            let done = file.seek(SeekFrom::Start(offset)).and_then(|_| work(&mut file));
            done.map_err(|source| Error::Spill { directory: self.directory.clone(), source })
        }
    }
}

#[cfg(not(feature = "spill"))]
pub(super) use nowhere::SpillFile;

/// A stub without the feature `spill`: there are no temporary files.
#[cfg(not(feature = "spill"))]
mod nowhere {
    use super::Spill;
    use crate::error::Error;

    impl Spill {
        pub(in crate::codes) fn open(&self, needed: u64, allowed: u64) -> Result<SpillFile, Error> {
            Err(Error::MemoryLimit { needed, allowed })
        }
    }

    /// A file that cannot exist.
    #[derive(Debug)]
    pub(in crate::codes) enum SpillFile {}

    impl SpillFile {
        pub(in crate::codes) fn append(&mut self, _bytes: &[u8]) -> Result<u64, Error> {
            match *self {}
        }

        pub(in crate::codes) fn read(&self, _at: u64, _len: usize) -> Result<Vec<u8>, Error> {
            match *self {}
        }

        pub(in crate::codes) fn len(&self) -> u64 {
            match *self {}
        }
    }
}
