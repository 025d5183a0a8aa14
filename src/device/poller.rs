//! The wait for submissions, which blocks neither the caller's executor nor the next submission.

use std::time::Duration;

use futures_channel::oneshot;

use super::failure::Failure;
use super::raw_device::Device;

/// A submission under way.
#[derive(Debug)]
pub(crate) struct Waiting(oneshot::Receiver<Result<Duration, Failure>>);

impl Waiting {
    /// Waits for the end of the submission and returns how long the device was busy with it. The
    /// time counts from the submission or from the end of the previous one, whichever is later.
    /// Zero if there is no clock.
    pub(crate) async fn busy(self) -> Result<Duration, Failure> {
        match self.0.await {
            Ok(result) => result,
            Err(_) => Err(Failure::Device("the device dropped its work".to_owned())),
        }
    }
}

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use native::Poller;

#[cfg(target_arch = "wasm32")]
pub(crate) use browser::Poller;

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::any::Any;
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::sync::{Mutex, PoisonError, mpsc};
    use std::thread::JoinHandle;
    use std::time::Instant;

    use super::*;
    use crate::device::failure::one_line;

    /// The time after which a device is taken for dead. A submission is planned to take less than a
    /// tenth of a second.
    const TIMEOUT: Duration = Duration::from_secs(60);

    /// The thread that polls the device, which native targets need. It is started for the first
    /// submission. Dropping the poller waits until the thread has ended: drivers keep data for each
    /// thread that used them, and Mesa's OpenGL frees them twice if the thread ends while the
    /// process exits.
    #[derive(Debug, Default)]
    pub(crate) struct Poller(Mutex<Option<PollThread>>);

    #[derive(Debug)]
    struct PollThread {
        requests: mpsc::Sender<Request>,
        handle: JoinHandle<()>,
    }

    #[derive(Debug)]
    struct Request {
        /// The device, dropped before the answer, so that the thread that gets the answer can hold
        /// the last handle.
        device: Device,
        index: wgpu::SubmissionIndex,
        submitted: Instant,
        sender: oneshot::Sender<Result<Duration, Failure>>,
    }

    impl Poller {
        /// Lets the thread wait for a submission.
        pub(crate) fn watch(
            &self,
            device: &Device,
            index: wgpu::SubmissionIndex,
        ) -> Result<Waiting, Failure> {
            let (sender, receiver) = oneshot::channel();
            let request =
                Request { device: device.clone(), index, submitted: Instant::now(), sender };
            let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let thread = match running.take() {
                Some(thread) => thread,
                None => start().map_err(|error| {
                    Failure::Device(format!("no thread to wait on the device: {error}"))
                })?,
            };
            let sent = thread.requests.send(request);
            *running = sent.is_ok().then_some(thread);
            drop(sent); // without a thread, `sender` is dropped, and `receiver` reports that
            Ok(Waiting(receiver))
        }
    }

    impl Drop for Poller {
        fn drop(&mut self) {
            let running = self.0.get_mut().unwrap_or_else(PoisonError::into_inner).take();
            let Some(PollThread { requests, handle }) = running else { return };
            drop(requests); // this ends the thread
            // A waker that the thread calls may have held the last handle. The thread cannot wait
            // for itself.
            if handle.thread().id() != std::thread::current().id() {
                let _ = handle.join(); // the panic has been reported already
            }
        }
    }

    fn start() -> std::io::Result<PollThread> {
        let (sender, requests) = mpsc::channel();
        let thread = std::thread::Builder::new().name("cofire-poll".to_owned());
        let handle = thread.spawn(move || answer(&requests))?;
        Ok(PollThread { requests: sender, handle })
    }

    fn answer(requests: &mpsc::Receiver<Request>) {
        let mut free_since: Option<Instant> = None;
        for Request { device, index, submitted, sender } in requests {
            let wait =
                wgpu::PollType::Wait { submission_index: Some(index), timeout: Some(TIMEOUT) };
            // wgpu 30 panics here when the driver reports that the device is lost.
            let polled = catch_unwind(AssertUnwindSafe(|| device.driver.poll(&device.raw, wait)));
            drop(device);
            let now = Instant::now();
            let begun = free_since.map_or(submitted, |free| free.max(submitted));
            free_since = Some(now);
            let busy = match polled {
                Ok(Ok(_)) => Ok(now.duration_since(begun)),
                Ok(Err(error @ wgpu::PollError::Timeout)) => Err(Failure::Hung(error.to_string())),
                Ok(Err(error)) => Err(Failure::Device(error.to_string())),
                Err(panic) => Err(Failure::Device(message(panic.as_ref()))),
            };
            let _ = sender.send(busy); // nobody listens after the job was dropped
        }
    }

    /// Returns the message of a panic in one line.
    fn message(panic: &(dyn Any + Send)) -> String {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
        one_line(text.unwrap_or("the device is lost"))
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::device::faults::fresh_gpu;

        #[test]
        fn dropping_the_poller_waits_for_its_thread() {
            let Some(gpu) = fresh_gpu() else { return };
            let poller = Poller::default();
            let nothing = gpu.device().create_command_encoder(&Default::default()).finish();
            let index = gpu.queue().submit([nothing]);
            let mut waiting = poller.watch(gpu.inner(), index).unwrap();
            drop(poller);
            let answer = waiting.0.try_recv();
            assert!(matches!(answer, Ok(Some(Ok(_)))), "not answered yet: {answer:?}");
        }
    }
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use super::*;

    /// A poller for browsers, where the event loop polls.
    #[derive(Debug, Default)]
    pub(crate) struct Poller;

    impl Poller {
        /// Lets the event loop report the end of a submission. Must be called right after the
        /// submission.
        pub(crate) fn watch(
            &self,
            device: &Device,
            _index: wgpu::SubmissionIndex,
        ) -> Result<Waiting, Failure> {
            let (sender, receiver) = oneshot::channel();
            device.queue.on_submitted_work_done(move || {
                let _ = sender.send(Ok(Duration::ZERO)); // nobody listens after the job was dropped
            });
            Ok(Waiting(receiver))
        }
    }
}
