//! Sees a job through all its tiles, whatever the device makes of them. One loop for joint histograms
//! and nearest neighbours: which tiles there are, and what is found of them, is theirs to say.

use super::Incidents;
use super::failure::Failure;
use crate::Error;
use crate::engine::Monitor;
use crate::plan::Tile;
use crate::report::Remedy;

/// Tiles on a device. They are enqueued, and what was found of them arrives later, in the same
/// order.
pub(super) trait TileQueue {
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

    /// Drops what was enqueued, and trusts nothing that is in memory.
    async fn start_over(&mut self) -> Result<(), Failure>;
}

/// Counts the tile of this number in smaller dispatches, as all from here on, after
/// [`TileQueue::start_over`].
async fn count_carefully<Q: TileQueue>(queue: &mut Q, number: usize) -> Result<Q::Found, Failure> {
    queue.slow_down();
    queue.start_over().await?;
    queue.enqueue(number).await?;
    finish_one(queue).await
}

/// What was found of the only tile that is under way.
pub(super) async fn finish_one<Q: TileQueue>(queue: &mut Q) -> Result<Q::Found, Failure> {
    queue.finish().await?;
    let nothing = || Failure::Device("the device returned nothing".to_owned());
    queue.next_found().ok_or_else(nothing)?.1
}

/// Where the tiles of a job go, and who counts those that the device does not.
pub(super) trait TileSink {
    /// What is found of a tile.
    type Found;

    /// Takes what was found of a tile.
    fn accept(&self, tile: &Tile, found: &Self::Found);

    /// Counts tiles on the CPU, with the same bits, and accepts them.
    async fn count_on_cpu(&self, tiles: Vec<Tile>) -> Result<(), Error>;

    /// Of the job.
    fn monitor(&self) -> &Monitor;

    /// Of the job.
    fn samples(&self) -> usize;
}

/// A job on its way through its tiles, several of which are under way at a time.
pub(super) struct Run<'a, Q, S> {
    queue: &'a mut Q,
    sink: &'a S,
    /// Tiles before this one are in the sink.
    accepted: usize,
    /// The tile to be enqueued next.
    next: usize,
}

impl<'a, Q: TileQueue, S: TileSink<Found = Q::Found>> Run<'a, Q, S> {
    pub(super) fn new(queue: &'a mut Q, sink: &'a S) -> Self {
        Self { queue, sink, accepted: 0, next: 0 }
    }

    /// Ends when every tile is in the sink.
    pub(super) async fn finish(mut self, incidents: &mut Incidents<'_>) -> Result<(), Error> {
        while self.accepted < self.queue.tiles().len() {
            let outcome = match self.go_on().await {
                Err(failure @ Failure::Wrong(_)) => self.again(failure, incidents).await?,
                outcome => outcome,
            };
            if let Err(failure) = outcome {
                incidents.add(failure, Remedy::RestOnCpu)?;
                self.sink.monitor().set_done(self.work_done());
                let rest = self.queue.tiles()[self.accepted..].to_vec();
                return self.sink.count_on_cpu(rest).await;
            }
        }
        Ok(())
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
        self.sink.monitor().set_done(self.work_done());
        match count_carefully(self.queue, self.accepted).await {
            Ok(found) => {
                incidents.note(&failure, Remedy::SmallerDispatches);
                self.accept(&tile, &found);
            }
            Err(failure @ Failure::Wrong(_)) => {
                incidents.add(failure, Remedy::TileOnCpu)?;
                self.sink.monitor().set_done(self.work_done());
                self.sink.count_on_cpu(vec![tile]).await?;
                self.accepted += 1;
                self.next = self.accepted;
                return Ok(self.queue.start_over().await);
            }
            Err(failure) => return Ok(Err(failure)),
        }
        self.next = self.accepted;
        Ok(Ok(()))
    }

    fn accept(&mut self, tile: &Tile, found: &Q::Found) {
        self.sink.accept(tile, found);
        self.accepted += 1;
    }

    /// Pair-samples of the tiles that are in the sink.
    fn work_done(&self) -> u64 {
        let tiles = &self.queue.tiles()[..self.accepted];
        let pairs: usize = tiles.iter().map(Tile::pairs).sum();
        pairs as u64 * self.sink.samples() as u64
    }
}
