//! Sees a job through its tiles on one device, as long as that device lives. One loop for joint
//! histograms and nearest neighbours: which tiles there are, and what is found of them, is theirs
//! to say. What becomes of a job whose device does not live that long is in `recovery.rs`.

use super::failure::Failure;
use super::gpu::Gpu;
use super::incidents::Incidents;
use super::limits::Care;
use crate::Error;
use crate::execution::Remedy;
use crate::pairs::tile::Tile;
use crate::support::monitor::Monitor;

/// Tiles on a device. They are enqueued, and what was found of them arrives later, in the same
/// order.
pub(crate) trait TileQueue {
    /// What is found of a tile, checked.
    type Found;

    /// The tiles of the job, in the order in which they are enqueued.
    fn tiles(&self) -> &[Tile];

    /// Enqueues the tile of this number. Waits only while enough is under way.
    async fn enqueue(&mut self, number: usize) -> Result<(), Failure>;

    /// Waits until everything about the tiles that were enqueued has arrived.
    async fn finish(&mut self) -> Result<(), Failure>;

    /// What was found of the next tile, if it has arrived.
    fn next_found(&mut self) -> Option<(Tile, Result<Self::Found, Failure>)>;

    /// Makes smaller dispatches from here on.
    fn slow_down(&mut self);

    /// Drops what was enqueued, and trusts nothing that is in memory: what there has to be before tiles
    /// are counted is made again with the next one.
    async fn start_over(&mut self) -> Result<(), Failure>;
}

/// A job as devices see it: how it is opened on one of them, where its tiles go, and who counts
/// those that no device does.
pub(crate) trait TileJob {
    /// The job on a device.
    type Queue: TileQueue;

    /// Makes what the device needs to count these tiles, or parts of them.
    async fn open(&mut self, gpu: &Gpu, tiles: &[Tile], care: Care)
    -> Result<Self::Queue, Failure>;

    /// Takes what is worth keeping of a queue, whose device may have failed.
    fn close(&mut self, queue: Self::Queue);

    /// Takes what was found of a tile.
    fn accept(&self, tile: &Tile, found: &<Self::Queue as TileQueue>::Found);

    /// Counts tiles on the CPU, with the same bits, and accepts them.
    async fn count_on_cpu(&self, tiles: Vec<Tile>) -> Result<(), Error>;

    /// Of the job.
    fn monitor(&self) -> &Monitor;

    /// Of the job.
    fn samples(&self) -> usize;
}

/// A job on its way through its tiles, several of which are under way at a time.
pub(crate) struct Run<'a, J: TileJob> {
    queue: &'a mut J::Queue,
    job: &'a J,
    /// Pairs that were accepted before this run.
    pairs_before: u64,
    /// Tiles before this one have been accepted.
    accepted: usize,
    /// The tile to be enqueued next.
    next: usize,
}

impl<'a, J: TileJob> Run<'a, J> {
    pub(crate) fn new(queue: &'a mut J::Queue, job: &'a J, pairs_before: u64) -> Self {
        Self { queue, job, pairs_before, accepted: 0, next: 0 }
    }

    /// Ends when every tile has been accepted, or the device is of no more use.
    pub(crate) async fn finish(
        &mut self,
        incidents: &mut Incidents<'_>,
    ) -> Result<Result<(), Failure>, Error> {
        while self.accepted < self.queue.tiles().len() {
            let outcome = match self.go_on().await {
                Err(failure @ Failure::Wrong(_)) => self.again(failure, incidents).await?,
                outcome => outcome,
            };
            if outcome.is_err() {
                return Ok(outcome);
            }
        }
        Ok(Ok(()))
    }

    /// The tiles that have not been accepted.
    pub(crate) fn rest(&self) -> &[Tile] {
        &self.queue.tiles()[self.accepted..]
    }

    /// Pairs that have been accepted, in this run and before it.
    pub(crate) fn pairs_accepted(&self) -> u64 {
        let pairs: usize = self.queue.tiles()[..self.accepted].iter().map(Tile::pairs).sum();
        self.pairs_before + pairs as u64
    }

    /// Enqueues the next tile, or waits for the last ones, and takes in what arrived.
    async fn go_on(&mut self) -> Result<(), Failure> {
        if self.next < self.queue.tiles().len() {
            self.queue.enqueue(self.next).await?;
            self.next += 1;
        } else {
            self.queue.finish().await?;
        }
        while let Some((tile, found)) = self.queue.next_found() {
            self.accept(&tile, &found?);
        }
        Ok(())
    }

    /// Gives the tile that came back wrong a second chance in smaller dispatches, then to the CPU.
    /// Tiles that were enqueued behind it are enqueued again: what was wrong may have spread.
    async fn again(
        &mut self,
        failure: Failure,
        incidents: &mut Incidents<'_>,
    ) -> Result<Result<(), Failure>, Error> {
        let tile = self.queue.tiles()[self.accepted].clone();
        self.set_back();
        match self.count_carefully().await {
            Ok(found) => {
                incidents.note(failure.to_string(), Remedy::SmallerDispatches);
                self.accept(&tile, &found);
                self.next = self.accepted;
                Ok(Ok(()))
            }
            Err(failure @ Failure::Wrong(_)) => {
                incidents.need_cpu(failure.to_string(), Remedy::TileOnCpu)?;
                self.set_back();
                self.job.count_on_cpu(vec![tile]).await?;
                self.accepted += 1;
                self.next = self.accepted;
                Ok(self.queue.start_over().await)
            }
            Err(failure) => Ok(Err(failure)),
        }
    }

    /// Counts the first tile that was not accepted in smaller dispatches, as all from here on.
    async fn count_carefully(&mut self) -> Result<<J::Queue as TileQueue>::Found, Failure> {
        self.queue.slow_down();
        self.queue.start_over().await?;
        self.queue.enqueue(self.accepted).await?;
        self.queue.finish().await?;
        let nothing = || Failure::Device("the device returned nothing".to_owned());
        self.queue.next_found().ok_or_else(nothing)?.1
    }

    /// Takes back the progress of what was not accepted.
    fn set_back(&self) {
        self.job.monitor().set_done(self.pairs_accepted() * self.job.samples() as u64);
    }

    fn accept(&mut self, tile: &Tile, found: &<J::Queue as TileQueue>::Found) {
        self.job.accept(tile, found);
        self.accepted += 1;
    }
}
