//! The threads on which the jobs of a device run, so that a caller that cancels a job need not wait
//! for it. Drivers compile shaders, and software ones run them, within calls that may take seconds.
//!
//! Threads are reused for later jobs. With a new thread for each job, allocators with arenas per
//! thread, such as glibc's, would keep in each arena as much as the largest job took: twice as much
//! in all.
//!
//! On OpenGL, waiting for a submission locks the context. Other threads that create or drop a
//! buffer time out after some seconds, and wgpu panics. So jobs take turns there, and each job has
//! to see its submissions end.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread::JoinHandle;

use futures_channel::oneshot;

use crate::error::Error;
use crate::support::monitor::Monitor;

/// The most threads of a device that wait for a job.
const MOST_IDLE: usize = 8;

/// The threads of a device's jobs. Dropping this waits until all have ended, because Mesa's OpenGL
/// frees its data of a thread twice if the thread ends while the process exits.
#[derive(Debug)]
pub(crate) struct JobThreads {
    /// The label of the device's adapter.
    adapter: String,
    /// The lock that a job holds, if the device can run only one job at a time.
    turn: Option<Arc<Mutex<()>>>,
    idle: Arc<Idle>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

type Work = Box<dyn FnOnce() + Send>;

/// The senders of the threads that wait for a job. `None` once no thread is to wait any more.
#[derive(Debug)]
struct Idle(Mutex<Option<Vec<mpsc::Sender<Work>>>>);

impl Idle {
    fn lock(&self) -> MutexGuard<'_, Option<Vec<mpsc::Sender<Work>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next job. Returns `None` if the thread is to end.
    fn wait(&self) -> Option<Work> {
        let (give, given) = mpsc::channel();
        match &mut *self.lock() {
            Some(idle) if idle.len() < MOST_IDLE => idle.push(give),
            _ => return None,
        }
        given.recv().ok()
    }
}

impl JobThreads {
    pub(crate) fn new(adapter: String, takes_turns: bool) -> Self {
        Self {
            adapter,
            turn: takes_turns.then(Arc::default),
            idle: Arc::new(Idle(Mutex::new(Some(Vec::new())))),
            threads: Mutex::default(),
        }
    }

    /// Runs some work and returns its result. If the caller cancels, this returns at once, and the
    /// work ends when it notices.
    ///
    /// On a thread of a rayon pool the work runs on that thread: it may need the pool, and the
    /// calling thread, which would block, may be the whole pool.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        monitor: &Monitor,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let turn = self.turn.clone();
        let (sender, receiver) = oneshot::channel();
        let in_turn = move || {
            let _turn =
                turn.as_ref().map(|turn| turn.lock().unwrap_or_else(PoisonError::into_inner));
            if !sender.is_canceled() {
                // A progress callback that panics should end the caller's thread and not this one.
                let result = catch_unwind(AssertUnwindSafe(work));
                let _ = sender.send(result); // nobody listens after the caller has left
            }
        };
        if rayon::current_thread_index().is_some() {
            in_turn();
        } else {
            self.give(Box::new(in_turn))?;
        }
        let caller = Caller(monitor);
        let outcome = monitor.token().or_cancelled(receiver).await?;
        std::mem::forget(caller); // the caller has stayed to the end
        match outcome {
            Ok(Ok(result)) => result,
            Ok(Err(panic)) => resume_unwind(panic),
            Err(oneshot::Canceled) => {
                Err(Error::Internal { problem: "the thread of a job has dropped it" })
            }
        }
    }

    /// Gives the work to a waiting thread, or to a new one.
    fn give(&self, work: Work) -> Result<(), Error> {
        let idle = self.idle.lock().as_mut().and_then(Vec::pop);
        match idle {
            Some(give) => match give.send(work) {
                Ok(()) => Ok(()),
                Err(mpsc::SendError(work)) => self.spawn(work), // the thread has ended after all
            },
            None => self.spawn(work),
        }
    }

    fn spawn(&self, first: Work) -> Result<(), Error> {
        let idle = Arc::clone(&self.idle);
        let work = move || {
            let mut next = Some(first);
            while let Some(work) = next {
                work();
                next = idle.wait();
            }
        };
        let thread = std::thread::Builder::new().name("cofire-job".to_owned()).spawn(work);
        let thread = thread.map_err(|error| Error::DeviceFailed {
            adapter: self.adapter.clone(),
            reason: format!("there is no thread for the job: {error}"),
        })?;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let (ended, running) =
            std::mem::take(&mut *threads).into_iter().partition(JoinHandle::is_finished);
        *threads = running;
        threads.push(thread);
        drop(threads);
        join(ended);
        Ok(())
    }
}

impl Drop for JobThreads {
    fn drop(&mut self) {
        *self.idle.lock() = None;
        join(std::mem::take(self.threads.get_mut().unwrap_or_else(PoisonError::into_inner)));
    }
}

fn join(threads: Vec<JoinHandle<()>>) {
    for thread in threads {
        // A progress callback may have held the last handle of the device. Its thread cannot wait
        // for itself.
        if thread.thread().id() != std::thread::current().id() {
            let _ = thread.join(); // the panic has been reported already
        }
    }
}

/// A caller that waits for a job. Dropping it tells the job that nobody waits any more.
struct Caller<'a>(&'a Monitor);

impl Drop for Caller<'_> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::task::{Context, Waker};

    use super::*;
    use crate::support::cancel::CancelToken;

    fn in_turns() -> JobThreads {
        JobThreads::new("an adapter".to_owned(), true)
    }

    fn monitor(token: &CancelToken) -> Monitor {
        Monitor::new(1, None, token.clone())
    }

    /// Fails by hanging if cancelling waits for the job, because the job is released only afterwards.
    #[test]
    fn who_wants_to_stop_does_not_wait_for_the_job() {
        let (threads, token) = (in_turns(), CancelToken::new());
        let (release, held) = mpsc::channel::<()>();
        let begun = token.clone();
        let ended = Arc::new(AtomicUsize::new(0));
        let first = Arc::clone(&ended);
        let stopped = pollster::block_on(threads.run(&monitor(&token), move || {
            begun.cancel();
            let _ = held.recv();
            first.fetch_add(1, Ordering::SeqCst);
            Ok(())
        }));
        assert!(matches!(stopped, Err(Error::Cancelled { .. })), "{stopped:?}");
        assert_eq!(ended.load(Ordering::SeqCst), 0, "it goes on");
        release.send(()).unwrap();
        let other = monitor(&CancelToken::new());
        let next = Arc::clone(&ended);
        let before =
            pollster::block_on(threads.run(&other, move || Ok(next.load(Ordering::SeqCst))));
        assert_eq!(before.unwrap(), 1, "the next one comes after it");
        assert!(other.advance(1).is_ok(), "and was waited for");
    }

    #[test]
    fn dropping_it_waits_for_the_job_and_forgets_those_behind() {
        let (threads, token) = (in_turns(), CancelToken::new());
        let (release, held) = mpsc::channel::<()>();
        let (begin, begun) = mpsc::channel();
        let ended = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&ended);
        let (first, second) = (monitor(&token), monitor(&token));
        let mut context = Context::from_waker(Waker::noop());
        {
            let mut running = pin!(threads.run(&first, move || {
                begin.send(()).unwrap();
                let _ = held.recv();
                counted.fetch_add(1, Ordering::SeqCst);
                Ok(())
            }));
            assert!(running.as_mut().poll(&mut context).is_pending(), "it is held");
            begun.recv().unwrap();
            let counted = Arc::clone(&ended);
            let mut waiting = pin!(threads.run(&second, move || {
                counted.fetch_add(10, Ordering::SeqCst);
                Ok(())
            }));
            assert!(waiting.as_mut().poll(&mut context).is_pending(), "it is not its turn");
        } // both callers leave
        for monitor in [first, second] {
            assert!(
                matches!(monitor.advance(1), Err(Error::Cancelled { .. })),
                "nobody waits for it"
            );
        }
        release.send(()).unwrap();
        drop(threads);
        assert_eq!(ended.load(Ordering::SeqCst), 1, "the one that had begun");
    }

    #[test]
    fn a_thread_that_has_nothing_to_do_gets_the_next_job() {
        let threads = in_turns();
        let monitor = monitor(&CancelToken::new());
        let id = || Ok(std::thread::current().id());
        let first = pollster::block_on(threads.run(&monitor, id)).unwrap();
        assert_ne!(first, std::thread::current().id(), "not the caller's");
        while threads.idle.lock().as_ref().unwrap().is_empty() {
            std::thread::yield_now(); // it has answered, and will wait soon
        }
        let second = pollster::block_on(threads.run(&monitor, id)).unwrap();
        assert_eq!(first, second, "the same thread");
        let idle = Arc::clone(&threads.idle);
        drop(threads);
        assert!(idle.lock().is_none(), "none waits any more");
        assert_eq!(Arc::strong_count(&idle), 1, "and all have ended");
    }

    #[test]
    fn a_panic_is_the_callers() {
        let threads = in_turns();
        let monitor = monitor(&CancelToken::new());
        let work = || -> Result<(), Error> { panic!("as a callback may") };
        let panicked =
            catch_unwind(AssertUnwindSafe(|| pollster::block_on(threads.run(&monitor, work))));
        assert!(panicked.is_err(), "{panicked:?}");
        assert!(pollster::block_on(threads.run(&monitor, || Ok(()))).is_ok(), "others still run");
    }
}
