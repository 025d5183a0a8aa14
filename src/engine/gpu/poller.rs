//! Waits for submissions, so that neither the caller's executor nor the next submission has to.

use std::time::Duration;

use futures_channel::oneshot;

use super::adapter::Gpu;
use super::failure::Failure;
#[cfg(test)]
use super::faults::{self, Fault, Stage};

/// A submission under way.
#[derive(Debug)]
pub(super) struct Waiting(oneshot::Receiver<Result<Duration, Failure>>);

impl Waiting {
    /// Waits for the end of the submission and returns how long the device was busy with it: from
    /// the end of the one before, or from when it was submitted. Zero where there is no clock.
    pub(super) async fn busy(self) -> Result<Duration, Failure> {
        match self.0.await {
            Ok(result) => result,
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
    use std::any::Any;
    use std::panic::{AssertUnwindSafe, catch_unwind};
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
        tell: oneshot::Sender<Result<Duration, Failure>>,
        #[cfg(test)]
        fault: Option<Fault>,
    }

    impl Poller {
        /// Has the thread wait for a submission.
        pub(in super::super) fn watch(
            &self,
            gpu: &Gpu,
            index: wgpu::SubmissionIndex,
        ) -> Result<Waiting, Failure> {
            let (tell, told) = oneshot::channel();
            let request = Request {
                device: gpu.device().clone(),
                index,
                submitted: Instant::now(),
                tell,
                #[cfg(test)]
                fault: gpu.faults().strike(Stage::Poll, gpu.device()),
            };
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
        for Request {
            device,
            index,
            submitted,
            tell,
            #[cfg(test)]
            fault,
        } in requests
        {
            let wait =
                wgpu::PollType::Wait { submission_index: Some(index), timeout: Some(TIMEOUT) };
            // wgpu 30 panics here when the driver says that the device is lost.
            let polled = catch_unwind(AssertUnwindSafe(|| {
                #[cfg(test)]
                faults::at_poll(fault)?;
                device.poll(wait)
            }));
            drop(device);
            let now = Instant::now();
            let begun = free_since.map_or(submitted, |free| free.max(submitted));
            free_since = Some(now);
            let busy = match polled {
                Ok(Ok(_)) => Ok(now.duration_since(begun)),
                Ok(Err(error @ wgpu::PollError::Timeout)) => Err(Failure::Hung(error.to_string())),
                Ok(Err(error)) => Err(Failure::Device(error.to_string())),
                Err(panic) => Err(Failure::Device(said(panic.as_ref()))),
            };
            let _ = tell.send(busy); // nobody listens once the job was dropped
        }
    }

    /// What somebody said who panicked, in one line.
    fn said(panic: &(dyn Any + Send)) -> String {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        text.unwrap_or("the device is lost").split_whitespace().collect::<Vec<_>>().join(" ")
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
            gpu: &Gpu,
            _index: wgpu::SubmissionIndex,
        ) -> Result<Waiting, Failure> {
            let (tell, told) = oneshot::channel();
            gpu.queue().on_submitted_work_done(move || {
                let _ = tell.send(Ok(Duration::ZERO)); // nobody listens once the job was dropped
            });
            Ok(Waiting(told))
        }
    }
}
