//! Requests that wait until a test says what becomes of them, and in which order.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use serde_json::Value;

use crate::http::carry_out;
use crate::{FakeAws, Fault, State};

/// A request that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// Its number, in the order in which requests were made.
    pub id: usize,
    /// The operation: `PutItem`, `PutEvents`, ….
    pub operation: String,
    /// The request, as in [`crate::Call`].
    pub request: Arc<Value>,
}

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Requests {
    made: usize,
    waiting: BTreeMap<usize, Waiting>,
}

#[derive(Debug)]
struct Waiting {
    held: Held,
    answer: Option<Result<HttpResponse, ConnectorError>>,
    waker: Option<Waker>,
}

/// Forgets a request whose caller no longer waits for it.
struct Forget<'a>(&'a FakeAws, usize);

impl Drop for Forget<'_> {
    fn drop(&mut self) {
        self.0.lock().requests().waiting.remove(&self.1);
    }
}

impl State {
    fn requests(&mut self) -> &mut Requests {
        self.held.get_or_insert_default()
    }
}

impl FakeAws {
    /// From now on every request waits for [`Self::release`].
    pub fn hold(&self) {
        self.lock().requests();
    }

    /// How many requests have been made since [`Self::hold`]; the next one has that number.
    pub fn made(&self) -> usize {
        self.lock().requests().made
    }

    /// The requests that wait to be released, in the order in which they were made.
    pub fn waiting(&self) -> Vec<Held> {
        let mut state = self.lock();
        let waiting = state.requests().waiting.values();
        waiting.filter(|waiting| waiting.answer.is_none()).map(|waiting| waiting.held.clone()).collect()
    }

    /// Carries the request out, or what `fault` leaves of it, and wakes its caller. Nothing happens if nobody waits for it.
    pub fn release(&self, id: usize, fault: Option<&Fault>) {
        let mut state = self.lock();
        let Some(Held { operation, request, .. }) = state.requests().waiting.get(&id).map(|found| found.held.clone())
        else {
            return;
        };
        let (call, _) = state.start(&operation, Value::clone(&request));
        let answer = carry_out(&mut state, &operation, &request, fault);
        state.end(call);
        if let Some(waiting) = state.requests().waiting.get_mut(&id) {
            waiting.answer = Some(answer);
            if let Some(waker) = waiting.waker.take() {
                waker.wake();
            }
        }
    }

    pub(crate) fn holds(&self) -> bool {
        self.lock().held.is_some()
    }

    pub(crate) async fn held(&self, operation: String, request: Value) -> Result<HttpResponse, ConnectorError> {
        let id = {
            let mut state = self.lock();
            let requests = state.requests();
            let id = requests.made;
            requests.made += 1;
            let held = Held { id, operation, request: Arc::new(request) };
            requests.waiting.insert(id, Waiting { held, answer: None, waker: None });
            id
        };
        let _forget = Forget(self, id);
        poll_fn(|context| {
            let mut state = self.lock();
            let Some(waiting) = state.requests().waiting.get_mut(&id) else { return Poll::Pending };
            if let Some(answer) = waiting.answer.take() {
                return Poll::Ready(answer);
            }
            waiting.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}
