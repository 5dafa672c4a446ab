//! The AWS that the functions talk to, in memory, behind the SDK's HTTP layer. For tests only.
//!
//! The real SDK clients run: they serialise, sign and parse as they do in production, so a test sees the exact requests
//! and a handler sees the exact errors. What is imitated is only what the three functions use: `DynamoDB` items with the
//! few expressions they send, `PutEvents`, `Publish`, `SendMessage`, `GetParameters`.
//!
//! [`FakeAws::crash_at`] kills the "process" at the n-th request, before or after its effect: every later request is
//! lost too, until [`FakeAws::restart`]. [`FakeAws::fail`] makes single requests fail. [`FakeAws::round_trips`] is the
//! longest chain of requests that waited for one another. [`FakeAws::hold`] lets a test decide in which order requests
//! are carried out, and what becomes of each.

mod dynamodb;
mod expression;
mod held;
mod http;
mod services;
pub mod world;

pub use held::Held;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;

/// What happens to a request instead of its answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The service answers with an error: HTTP status and error code. Nothing is done.
    Refused(u16, &'static str),
    /// The request never arrives, and the caller cannot know.
    LostRequest,
    /// The request is carried out and its answer is lost.
    LostAnswer,
}

/// Where a crash strikes, relative to the effect of the request it strikes at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// The request never arrives.
    Before,
    /// The request is carried out; its answer reaches nobody.
    After,
}

/// A request that was made.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// The operation: `PutItem`, `PutEvents`, `Publish`, ….
    pub operation: String,
    /// The request: the JSON body, or the form fields of an SNS request as an object of strings.
    pub request: Value,
    /// Position in the order of all starts and ends of requests; `ended` is the maximum while unanswered.
    started: usize,
    ended: usize,
}

/// An e-mail or other message that a topic accepted, as the form fields of `Publish`.
pub type Published = BTreeMap<String, String>;

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) tables: BTreeMap<String, dynamodb::Table>,
    /// Each with all of its versions, the first one first.
    pub(crate) parameters: BTreeMap<String, Vec<String>>,
    pub(crate) events: Vec<Value>,
    pub(crate) messages: Vec<Value>,
    pub(crate) published: Vec<Published>,
    pub(crate) entry_errors: VecDeque<Option<&'static str>>,
    calls: Vec<Call>,
    ticks: usize,
    faults: Vec<(String, usize, Fault)>,
    crash: Option<(usize, When)>,
    dead: bool,
    /// Requests since the last restart.
    since_restart: usize,
    pub(crate) held: Option<held::Requests>,
}

/// The fake. Clones share their state.
#[derive(Debug, Clone, Default)]
pub struct FakeAws {
    state: Arc<Mutex<State>>,
}

impl FakeAws {
    /// Nothing exists yet.
    pub fn new() -> Self {
        Self::default()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Creates a table with string keys `hash` and `range`.
    pub fn create_table(&self, name: &str, hash: &str, range: &str) {
        self.lock().tables.insert(name.to_owned(), dynamodb::Table::new(hash, range));
    }

    /// Sets an SSM parameter: its next version.
    pub fn put_parameter(&self, name: &str, value: &str) {
        self.lock().parameters.entry(name.to_owned()).or_default().push(value.to_owned());
    }

    /// Removes an SSM parameter.
    pub fn delete_parameter(&self, name: &str) {
        self.lock().parameters.remove(name);
    }

    /// A table's items in `DynamoDB`'s JSON, in key order.
    pub fn items(&self, table: &str) -> Vec<Value> {
        self.lock().tables.get(table).map(dynamodb::Table::items).unwrap_or_default()
    }

    /// Puts an item given in `DynamoDB`'s JSON; the table must exist.
    pub fn put_item(&self, table: &str, item: Value) {
        if let Some(table) = self.lock().tables.get_mut(table) {
            table.insert(item);
        }
    }

    /// The entries that the bus accepted.
    pub fn events(&self) -> Vec<Value> {
        self.lock().events.clone()
    }

    /// The entries that the bus accepted after the first `known`.
    pub fn events_after(&self, known: usize) -> Vec<Value> {
        self.lock().events.get(known..).unwrap_or_default().to_vec()
    }

    /// What the queues hold, as the requests of `SendMessage`.
    pub fn messages(&self) -> Vec<Value> {
        self.lock().messages.clone()
    }

    /// What the topics accepted.
    pub fn published(&self) -> Vec<Published> {
        self.lock().published.clone()
    }

    /// The requests made so far, in order of their start.
    pub fn calls(&self) -> Vec<Call> {
        self.lock().calls.clone()
    }

    /// The operations of the requests made so far, in order of their start.
    pub fn operations(&self) -> Vec<String> {
        self.lock().calls.iter().map(|call| call.operation.clone()).collect()
    }

    /// Forgets the requests made so far; effects stay.
    pub fn forget_calls(&self) {
        self.lock().calls.clear();
    }

    /// The longest chain of requests of which each started after the one before had been answered.
    pub fn round_trips(&self) -> usize {
        let state = self.lock();
        let mut depth = vec![0_usize; state.calls.len()];
        for (index, call) in state.calls.iter().enumerate() {
            let before = state.calls[..index].iter().zip(&depth).filter(|(earlier, _)| earlier.ended < call.started);
            depth[index] = 1 + before.map(|(_, depth)| *depth).max().unwrap_or(0);
        }
        depth.into_iter().max().unwrap_or(0)
    }

    /// Lets `skip` requests of `operation` pass and strikes the next one with `fault`.
    pub fn fail(&self, operation: &str, skip: usize, fault: Fault) {
        self.lock().faults.push((operation.to_owned(), skip, fault));
    }

    /// The next `PutEvents` entries, in order, fail with the given code (or are accepted: `None`).
    pub fn fail_entries(&self, codes: impl IntoIterator<Item = Option<&'static str>>) {
        self.lock().entry_errors.extend(codes);
    }

    /// The process dies at its `index`-th request (0 is the first after the last restart).
    pub fn crash_at(&self, index: usize, when: When) {
        self.lock().crash = Some((index, when));
    }

    /// True if a crash set by [`Self::crash_at`] has happened.
    pub fn crashed(&self) -> bool {
        self.lock().dead
    }

    /// A new process: requests arrive again, and no crash is planned.
    pub fn restart(&self) {
        let mut state = self.lock();
        state.crash = None;
        state.dead = false;
        state.since_restart = 0;
    }
}

impl State {
    /// Notes the start of a request and says what is to happen to it.
    pub(crate) fn start(&mut self, operation: &str, request: Value) -> (usize, Option<Fault>) {
        self.ticks += 1;
        self.calls.push(Call { operation: operation.to_owned(), request, started: self.ticks, ended: usize::MAX });
        let position = self.since_restart;
        self.since_restart += 1;
        let fault = if self.dead {
            Some(Fault::LostRequest)
        } else if let Some((_, when)) = self.crash.filter(|(at, _)| *at == position) {
            self.dead = true;
            Some(if when == When::Before { Fault::LostRequest } else { Fault::LostAnswer })
        } else {
            self.planned_fault(operation)
        };
        (self.calls.len() - 1, fault)
    }

    fn planned_fault(&mut self, operation: &str) -> Option<Fault> {
        let found = self.faults.iter().position(|(name, _, _)| name == operation)?;
        if self.faults[found].1 > 0 {
            self.faults[found].1 -= 1;
            return None;
        }
        Some(self.faults.remove(found).2)
    }

    /// Notes the end of a request.
    pub(crate) fn end(&mut self, call: usize) {
        self.ticks += 1;
        let ticks = self.ticks;
        if let Some(call) = self.calls.get_mut(call) {
            call.ended = ticks;
        }
    }
}
