//! The loop that takes a job from device to device when devices fail.
//!
//! The remaining tiles of a failed device are counted on a new device of the same adapter. If that
//! device fails before it has counted a tile, another one counts in smaller tiles. If that one
//! fails, too, the CPU counts the rest. After a device has counted a tile, the sequence starts
//! again.

use super::failure::Failure;
use super::gpu::Gpu;
use super::incidents::Incidents;
use super::limits::Care;
use super::tile_queue::{Run, TileJob};
use crate::error::Error;
use crate::execution::Remedy;
use crate::pairs::tile::Tile;

/// The most devices opened for one job besides the first, even if each of them counts tiles.
const MOST_DEVICES: usize = 16;

/// Runs all tiles of a job. When a device fails, the rest runs on the next one, and in the end on the CPU.
pub(crate) async fn run_with_recovery<J: TileJob>(
    job: &mut J,
    gpu: &Gpu,
    tiles: Vec<Tile>,
    incidents: &mut Incidents<'_>,
) -> Result<(), Error> {
    let mut devices = Devices::new(gpu);
    let (mut rest, mut pairs_accepted) = (tiles, 0);
    loop {
        let failure = match job.open(&devices.current, &rest, devices.care).await {
            Ok(mut queue) => {
                let mut run = Run::new(&mut queue, job, pairs_accepted);
                let outcome = run.finish(incidents).await?;
                if run.pairs_accepted() > pairs_accepted {
                    devices.reset_failures();
                }
                (pairs_accepted, rest) = (run.pairs_accepted(), run.rest().to_vec());
                job.close(queue);
                match outcome {
                    Ok(()) => return Ok(()),
                    Err(failure) => failure,
                }
            }
            Err(failure) => failure,
        };
        job.monitor().set_done(pairs_accepted * job.samples() as u64);
        match devices.next(failure).await? {
            Next::Device(problem, remedy) => incidents.note(problem, remedy),
            Next::Cpu(problem) => {
                incidents.need_cpu(problem, Remedy::RestOnCpu)?;
                return job.count_on_cpu(rest).await;
            }
        }
    }
}

/// The next place for a job, with the problem that made it move.
enum Next {
    Device(String, Remedy),
    Cpu(String),
}

/// The devices of a job, one after the other.
struct Devices<'a> {
    /// The device that the caller asked for.
    first: &'a Gpu,
    current: Gpu,
    care: Care,
    /// The failures since a device last counted a tile.
    failures: usize,
    opened: usize,
}

impl<'a> Devices<'a> {
    fn new(first: &'a Gpu) -> Self {
        Self { first, current: first.current(), care: Care::Usual, failures: 0, opened: 0 }
    }

    fn reset_failures(&mut self) {
        self.failures = 0;
    }

    /// Decides what to do after a failure of the current device.
    async fn next(&mut self, failure: Failure) -> Result<Next, Error> {
        let is_out_of_memory = matches!(failure, Failure::OutOfMemory(_));
        match failure {
            Failure::Cancelled(by) => return Err(Error::Cancelled { by }),
            // A job that does not fit this device fits no other of its kind.
            Failure::TooSmall(problem) => return Ok(Next::Cpu(problem)),
            Failure::Hung(_) => self.current.abandon(),
            Failure::Device(_) | Failure::OutOfMemory(_) | Failure::Wrong(_) => {
                self.current.mark_failed();
            }
        }
        let mut problem = failure.to_string();
        if let Some(reason) = self.current.loss() {
            problem = format!("{problem} ({reason})");
        }
        self.failures += 1;
        let (care, remedy) = match self.failures {
            1 => (Care::Usual, Remedy::NewDevice),
            2 => (Care::Smaller, Remedy::SmallerTiles),
            _ => return Ok(Next::Cpu(problem)),
        };
        if self.opened == MOST_DEVICES {
            return Ok(Next::Cpu(format!("{problem}, after {MOST_DEVICES} new devices")));
        }
        match self.first.replace().await {
            Ok(Some(gpu)) => {
                (self.current, self.care) = (gpu, care);
                self.opened += 1;
                Ok(Next::Device(problem, remedy))
            }
            // The caller's own device is the only one. It is short of memory, not lost.
            Ok(None) if is_out_of_memory && self.care == Care::Usual => {
                self.care = Care::Smaller;
                Ok(Next::Device(problem, Remedy::SmallerTiles))
            }
            Ok(None) => Ok(Next::Cpu(format!("{problem}; the device is the caller's own"))),
            Err(error) => Ok(Next::Cpu(format!("{problem}; there is no new device: {error}"))),
        }
    }
}
