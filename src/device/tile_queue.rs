//! The loop that takes a job through its tiles on one device, as long as that device works. Joint
//! histograms and nearest neighbours share it. They decide which tiles there are and which result
//! each has. `recovery.rs` goes on when the device has failed.

use super::failure::Failure;
use super::gpu::Gpu;
use super::incidents::Incidents;
use super::limits::Care;
use crate::error::Error;
use crate::execution::Remedy;
use crate::pairs::tile::Tile;
use crate::support::monitor::Monitor;

/// Tiles on a device. They are enqueued, and their results arrive later in the same order.
pub(crate) trait TileQueue {
    /// The checked result of a tile.
    type Output;

    /// Returns the tiles of the job, in the order in which they are enqueued.
    fn tiles(&self) -> &[Tile];

    /// Enqueues the tile with this number. Waits only while enough is under way.
    async fn enqueue(&mut self, number: usize) -> Result<(), Failure>;

    /// Waits until all results of the enqueued tiles have arrived.
    async fn finish(&mut self) -> Result<(), Failure>;

    /// Returns the result of the next tile, if it has arrived.
    fn next_output(&mut self) -> Option<(Tile, Result<Self::Output, Failure>)>;

    /// Makes dispatches smaller from now on.
    fn slow_down(&mut self);

    /// Drops everything enqueued, and trusts nothing in device memory. Whatever has to be there
    /// before tiles are counted is made again with the next tile.
    async fn start_over(&mut self) -> Result<(), Failure>;
}

/// A job as devices see it: how to open it on a device, where its results go, and how to count the
/// tiles that no device counts.
pub(crate) trait TileJob {
    /// The job on a device.
    type Queue: TileQueue;

    /// Makes whatever the device needs to count these tiles, or parts of them.
    async fn open(&mut self, gpu: &Gpu, tiles: &[Tile], care: Care)
    -> Result<Self::Queue, Failure>;

    /// Keeps the useful data of a queue, whose device may have failed.
    fn close(&mut self, queue: Self::Queue);

    /// Takes the result of a tile.
    fn accept(&self, tile: &Tile, output: &<Self::Queue as TileQueue>::Output);

    /// Counts tiles on the CPU, with the same bits, and accepts them.
    async fn count_on_cpu(&self, tiles: Vec<Tile>) -> Result<(), Error>;

    /// Returns the monitor of the job.
    fn monitor(&self) -> &Monitor;

    /// Returns the number of samples of the job.
    fn samples(&self) -> usize;
}

/// A job on its way through its tiles. Several tiles are under way at a time.
pub(crate) struct Run<'a, J: TileJob> {
    queue: &'a mut J::Queue,
    job: &'a J,
    /// Pairs that were accepted before this run.
    pairs_before: u64,
    /// The number of accepted tiles, which are the first ones.
    accepted: usize,
    /// The number of the tile to enqueue next.
    next: usize,
}

impl<'a, J: TileJob> Run<'a, J> {
    pub(crate) fn new(queue: &'a mut J::Queue, job: &'a J, pairs_before: u64) -> Self {
        Self { queue, job, pairs_before, accepted: 0, next: 0 }
    }

    /// Runs until every tile has been accepted or the device has failed. The inner error is the
    /// device's, the outer one ends the job.
    pub(crate) async fn finish(
        &mut self,
        incidents: &mut Incidents<'_>,
    ) -> Result<Result<(), Failure>, Error> {
        while self.accepted < self.queue.tiles().len() {
            let outcome = match self.enqueue_or_wait().await {
                Err(failure @ Failure::Wrong(_)) => self.count_again(failure, incidents).await?,
                outcome => outcome,
            };
            if outcome.is_err() {
                return Ok(outcome);
            }
        }
        Ok(Ok(()))
    }

    /// Returns the tiles that have not been accepted.
    pub(crate) fn rest(&self) -> &[Tile] {
        &self.queue.tiles()[self.accepted..]
    }

    /// Returns the number of pairs that have been accepted, in this run and before it.
    pub(crate) fn pairs_accepted(&self) -> u64 {
        let pairs: usize = self.queue.tiles()[..self.accepted].iter().map(Tile::pairs).sum();
        self.pairs_before + pairs as u64
    }

    /// Enqueues the next tile, or waits for the last ones, and takes in the results that have
    /// arrived.
    async fn enqueue_or_wait(&mut self) -> Result<(), Failure> {
        if self.next < self.queue.tiles().len() {
            self.queue.enqueue(self.next).await?;
            self.next += 1;
        } else {
            self.queue.finish().await?;
        }
        while let Some((tile, output)) = self.queue.next_output() {
            self.accept(&tile, &output?);
        }
        Ok(())
    }

    /// Counts a tile whose result was wrong once more, in smaller dispatches, and then on the CPU
    /// if it is wrong again. Tiles that were enqueued after it are enqueued again, because the
    /// error may have spread.
    async fn count_again(
        &mut self,
        failure: Failure,
        incidents: &mut Incidents<'_>,
    ) -> Result<Result<(), Failure>, Error> {
        let tile = self.queue.tiles()[self.accepted].clone();
        self.reset_progress();
        match self.count_carefully().await {
            Ok(output) => {
                incidents.note(failure.to_string(), Remedy::SmallerDispatches);
                self.accept(&tile, &output);
                self.next = self.accepted;
                Ok(Ok(()))
            }
            Err(failure @ Failure::Wrong(_)) => {
                incidents.need_cpu(failure.to_string(), Remedy::TileOnCpu)?;
                self.reset_progress();
                self.job.count_on_cpu(vec![tile]).await?;
                self.accepted += 1;
                self.next = self.accepted;
                Ok(self.queue.start_over().await)
            }
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// Counts the first tile that was not accepted in smaller dispatches. They stay smaller from
    /// now on.
    async fn count_carefully(&mut self) -> Result<<J::Queue as TileQueue>::Output, Failure> {
        self.queue.slow_down();
        self.queue.start_over().await?;
        self.queue.enqueue(self.accepted).await?;
        self.queue.finish().await?;
        let nothing = || Failure::Device("the device returned nothing".to_owned());
        self.queue.next_output().ok_or_else(nothing)?.1
    }

    /// Sets the progress back to that of the accepted tiles.
    fn reset_progress(&self) {
        self.job.monitor().set_done(self.pairs_accepted() * self.job.samples() as u64);
    }

    fn accept(&mut self, tile: &Tile, output: &<J::Queue as TileQueue>::Output) {
        self.job.accept(tile, output);
        self.accepted += 1;
    }
}
