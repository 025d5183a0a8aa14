//! Waits for submissions, so that neither the caller's executor nor the next submission has to.

use std::time::Duration;

use futures_channel::oneshot;

use super::failure::Failure;

/// A submission under way.
#[derive(Debug)]
pub(super) struct Waiting(oneshot::Receiver<Result<Duration, wgpu::PollError>>);

impl Waiting {
    /// Waits for the end of the submission and returns how long the device was busy with it: from
    /// the end of the one before, or from when it was submitted. Zero where there is no clock.
    pub(super) async fn busy(self) -> Result<Duration, Failure> {
        match self.0.await {
            Ok(Ok(busy)) => Ok(busy),
            Ok(Err(error)) => Err(Failure::Device(error.to_string())),
            Err(_) => Err(Failure::Device("the device dropped its work".to_owned())),
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub(super) use native::Poller;

#[cfg(target_arch = "wasm32")]
pub(super) use browser::Poller;

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::sync::{Mutex, PoisonError, mpsc};
    use std::time::Instant;

    use super::*;

    /// A submission is planned to take less than a tenth of a second; a device that has not
    /// finished after this long is taken for dead.
    const TIMEOUT: Duration = Duration::from_secs(60);

    /// On native targets somebody has to poll the device: one thread, started for the first
    /// submission, that ends with the device.
    #[derive(Debug, Default)]
    pub(in super::super) struct Poller {
        requests: Mutex<Option<mpsc::Sender<Request>>>,
    }

    #[derive(Debug)]
    struct Request {
        /// Let go before the answer: were the thread the last to hold a device, it would be
        /// destroyed beside the end of the process.
        device: wgpu::Device,
        index: wgpu::SubmissionIndex,
        submitted: Instant,
        tell: oneshot::Sender<Result<Duration, wgpu::PollError>>,
    }

    impl Poller {
        /// Has the thread wait for a submission.
        pub(in super::super) fn watch(
            &self,
            device: &wgpu::Device,
            _queue: &wgpu::Queue,
            index: wgpu::SubmissionIndex,
        ) -> Result<Waiting, Failure> {
            let (tell, told) = oneshot::channel();
            let request =
                Request { device: device.clone(), index, submitted: Instant::now(), tell };
            let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
            let sender = match requests.take() {
                Some(sender) => sender,
                None => start().map_err(|error| {
                    Failure::Device(format!("no thread to wait on the device: {error}"))
                })?,
            };
            let sent = sender.send(request);
            *requests = sent.is_ok().then_some(sender);
            drop(sent); // without a thread, `tell` is gone, and `told` says so
            Ok(Waiting(told))
        }
    }

    fn start() -> std::io::Result<mpsc::Sender<Request>> {
        let (sender, requests) = mpsc::channel();
        let thread = std::thread::Builder::new().name("cofire-poll".to_owned());
        thread.spawn(move || answer(&requests))?;
        Ok(sender)
    }

    fn answer(requests: &mpsc::Receiver<Request>) {
        let mut free_since: Option<Instant> = None;
        for Request { device, index, submitted, tell } in requests {
            let wait =
                wgpu::PollType::Wait { submission_index: Some(index), timeout: Some(TIMEOUT) };
            let polled = device.poll(wait);
            drop(device);
            let now = Instant::now();
            let begun = free_since.map_or(submitted, |free| free.max(submitted));
            free_since = Some(now);
            let busy = polled.map(|_| now.duration_since(begun));
            let _ = tell.send(busy); // nobody listens once the job was dropped
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use super::*;

    /// In a browser the event loop polls.
    #[derive(Debug, Default)]
    pub(in super::super) struct Poller;

    impl Poller {
        /// Has the event loop tell of a submission's end; called right after it.
        pub(in super::super) fn watch(
            &self,
            _device: &wgpu::Device,
            queue: &wgpu::Queue,
            _index: wgpu::SubmissionIndex,
        ) -> Result<Waiting, Failure> {
            let (tell, told) = oneshot::channel();
            queue.on_submitted_work_done(move || {
                let _ = tell.send(Ok(Duration::ZERO)); // nobody listens once the job was dropped
            });
            Ok(Waiting(told))
        }
    }
}
