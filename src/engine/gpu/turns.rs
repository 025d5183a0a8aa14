//! One job at a time, on devices that cannot have several under way.
//!
//! On OpenGL who waits for a submission holds the context. wgpu gives everybody else, be it only to
//! make a buffer, some seconds to get hold of it, and then panics. So jobs take turns.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_channel::oneshot;

/// The turns of one device.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_taken: bool,
    /// Those who wait, in the order in which they came.
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// Ends when it is dropped.
#[derive(Debug)]
pub(super) struct Turn(Arc<Turns>);

impl Turns {
    /// Waits for all who came before.
    pub(super) async fn take(self: &Arc<Self>) -> Turn {
        let (tell, told) = oneshot::channel();
        {
            let mut state = self.lock();
            if !state.is_taken {
                state.is_taken = true;
                return Turn(Arc::clone(self));
            }
            state.waiting.push_back(tell);
        }
        // Whoever has the turn keeps the sender until the turn is handed on.
        told.await.unwrap_or_else(|_| Turn(Arc::clone(self)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.lock();
            let next = state.waiting.pop_front();
            state.is_taken = next.is_some();
            next
        };
        if let Some(next) = next {
            // To one who no longer waits: the turn comes back, is dropped, and goes to the next.
            let _ = next.send(Self(Arc::clone(&self.0)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn turns_are_handed_on_in_order_and_past_those_who_left() {
        let turns = Arc::new(Turns::default());
        let first = pollster::block_on(turns.take());
        let mut third = pin!(turns.take());
        {
            let mut second = pin!(turns.take());
            assert!(poll(second.as_mut()).is_pending(), "the first has not ended");
            assert!(poll(third.as_mut()).is_pending(), "nor has the second");
        } // which leaves
        drop(first);
        let Poll::Ready(third) = poll(third.as_mut()) else { panic!("it is the third's turn") };
        let mut fourth = Box::pin(turns.take());
        assert!(poll(fourth.as_mut()).is_pending(), "the third has not ended");
        drop(third);
        drop(fourth); // has got the turn, and leaves without a look
        drop(pollster::block_on(turns.take()));
        assert!(!turns.lock().is_taken, "nobody is left");
    }
}
