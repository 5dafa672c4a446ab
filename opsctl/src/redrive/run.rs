//! Does what the machine says, on AWS.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::machine::{Accepted, DeleteError, Effect, End, Event, Known, Load, Machine, MessageId, Outcome, Record};
use super::options::Options;
use super::plan::PlannedLetter;
use super::progress::{Progress, Redriven};
use super::queue::Queue;
use super::record::Written;
use super::send::Sender;
use super::verify::verify;
use crate::aws::{Clients, dead_letters};
use crate::change::{Change, Permit};
use crate::error::{Error, Result};
use crate::feed::stop::Stop;
use crate::journal::Journal;
use crate::stack::{Stack, StageName};

/// What is to be redriven, and how.
#[derive(Debug)]
pub struct Redrive {
    /// The clients.
    pub clients: Clients,
    /// The stack.
    pub stack: Arc<Stack>,
    /// How.
    pub options: Options,
    /// What.
    pub letters: Vec<PlannedLetter>,
    /// What an earlier process of the same run has done.
    pub known: HashMap<MessageId, Known>,
    /// How an earlier process of the same run had events accepted.
    pub accepted: HashMap<MessageId, Accepted>,
    /// Where it is written down. The plan is in it already.
    pub journal: Arc<Journal>,
}

/// What came of a redrive.
#[derive(Debug)]
pub struct Finished {
    /// Every letter of the plan, in its order.
    pub letters: Vec<Redriven>,
    /// True when somebody asked to stop before all were tried.
    pub stopped: bool,
    /// Why it could not go on, when it could not.
    pub aborted: Option<String>,
}

impl Redrive {
    /// Redrives queue after queue, in the order in which events pass the stages. It prints nothing: what happens is in
    /// `progress`. Whoever asks to `stop` waits for the return: what is under way is ended, the rest given back.
    ///
    /// Errors are what made it impossible to begin, or to write the journal; everything else is told letter by letter.
    pub async fn run(&self, permit: &Permit, progress: &watch::Sender<Progress>, stop: &Stop) -> Result<Finished> {
        permit.check(Change::Redrive, &self.stack)?;
        let mut finished = Finished { letters: Vec::new(), stopped: false, aborted: None };
        let total = self.letters.len();
        progress.send_modify(|progress| *progress = Progress { total, ..Progress::default() });
        for queue in StageName::ALL {
            let letters: Vec<Arc<PlannedLetter>> =
                self.letters.iter().filter(|letter| letter.queue == queue).cloned().map(Arc::new).collect();
            if letters.is_empty() {
                continue;
            }
            let worker = Worker::new(self, queue, letters, stop);
            worker.run(progress, &mut finished).await?;
        }
        finished.stopped = stop.is_requested();
        Ok(finished)
    }
}

/// Works off one queue.
struct Worker<'a> {
    redrive: &'a Redrive,
    letters: HashMap<MessageId, Arc<PlannedLetter>>,
    order: Vec<MessageId>,
    queue: Queue,
    sender: Sender,
    stop: Stop,
    machine: Machine,
    calls: JoinSet<Option<Event>>,
    /// Events that need no call.
    events: VecDeque<Event>,
    accepted: HashMap<MessageId, Accepted>,
    /// The journal cannot be written: nothing may be deleted any more.
    broken: Option<Error>,
}

impl<'a> Worker<'a> {
    fn new(redrive: &'a Redrive, stage: StageName, letters: Vec<Arc<PlannedLetter>>, stop: &Stop) -> Self {
        let order: Vec<MessageId> = letters.iter().map(|letter| letter.message_id.clone()).collect();
        let known = order.iter().map(|id| (id.clone(), redrive.known.get(id).copied().unwrap_or(Known::Open)));
        Self {
            redrive,
            machine: Machine::new(known, redrive.options.limits()),
            queue: Queue {
                client: redrive.clients.sqs.clone(),
                stage: redrive.stack.stages.get(stage).clone(),
                hold: redrive.options.hold(),
            },
            sender: Sender::new(&redrive.clients, &redrive.stack, &redrive.options, stop),
            letters: letters.into_iter().map(|letter| (letter.message_id.clone(), letter)).collect(),
            order,
            stop: stop.clone(),
            calls: JoinSet::new(),
            events: VecDeque::new(),
            accepted: redrive.accepted.clone(),
            broken: None,
        }
    }

    async fn run(mut self, progress: &watch::Sender<Progress>, finished: &mut Finished) -> Result<()> {
        if self.stop.is_requested() || finished.aborted.is_some() {
            self.machine.handle(Event::Stop);
        }
        let before = progress.borrow().clone();
        let mut ticks = interval(self.redrive.options.tick());
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        let mut stopping = self.stop.is_requested();
        let effects = self.machine.start();
        self.perform(effects);
        while self.machine.end().is_none() {
            let event = if let Some(event) = self.events.pop_front() {
                Some(event)
            } else {
                tokio::select! {
                    biased;
                    () = self.stop.requested(), if !stopping => {
                        stopping = true;
                        Some(Event::Stop)
                    }
                    Some(done) = self.calls.join_next() => match done {
                        Ok(event) => event,
                        Err(error) => return Err(anyhow::Error::new(error).context("a call of the redrive ended").into()),
                    },
                    _ = ticks.tick() => Some(Event::Tick),
                }
            };
            if let Some(event) = event {
                let effects = self.machine.handle(event);
                self.perform(effects);
                progress.send_modify(|progress| *progress = self.progress(&before));
            }
        }
        // Extensions have no answer that matters.
        self.calls.shutdown().await;
        if let Some(error) = self.broken {
            return Err(error);
        }
        if let Some(End::Aborted(reason)) = self.machine.end() {
            finished.aborted.get_or_insert_with(|| reason.to_owned());
        }
        let mut outcomes: HashMap<MessageId, Outcome> =
            self.machine.outcomes().map(|(id, outcome)| (id.clone(), outcome)).collect();
        for id in self.order {
            if let (Some(letter), Some(outcome)) = (self.letters.get(&id), outcomes.remove(&id)) {
                finished.letters.push(Redriven::new(letter, outcome, self.accepted.remove(&id)));
            }
        }
        Ok(())
    }

    fn progress(&self, before: &Progress) -> Progress {
        let tally = self.machine.tally();
        Progress {
            total: before.total,
            redriven: before.redriven + tally.redriven,
            given_up: before.given_up + tally.given_up,
            in_hand: self.machine.in_hand(),
            stopping: self.stop.is_requested(),
            through: None,
        }
    }

    fn perform(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Record(record) => self.record(record),
                Effect::Receive => {
                    let queue = self.queue.clone();
                    self.calls.spawn(async move { Some(receive(&queue).await) });
                }
                Effect::Look => {
                    let queue = self.queue.clone();
                    self.calls.spawn(async move { Some(look(&queue).await) });
                }
                Effect::Send(id) => {
                    if let Some(letter) = self.letters.get(&id).cloned() {
                        let sender = self.sender.clone();
                        self.calls.spawn(async move { Some(Event::Sent { id, result: sender.send(&letter).await }) });
                    }
                }
                Effect::Verify(id) => self.verify(id),
                Effect::Delete(batch) => self.delete(batch),
                Effect::Extend(batch) => {
                    let queue = self.queue.clone();
                    self.calls.spawn(async move {
                        queue.extend(&batch).await;
                        None
                    });
                }
                Effect::Release(batch) => {
                    let queue = self.queue.clone();
                    self.calls.spawn(async move {
                        queue.release(&batch).await;
                        Some(Event::Released)
                    });
                }
                Effect::Finish => {}
            }
        }
    }

    fn record(&mut self, record: Record) {
        let mut written = Written { record, stage: None, event_id: None };
        if let Record::Accepted { message_id, accepted } = &written.record {
            self.accepted.insert(message_id.clone(), accepted.clone());
            if let Some(letter) = self.letters.get(message_id) {
                (written.stage, written.event_id) = (Some(letter.stage), Some(letter.event_id.clone()));
            }
        }
        if let Err(error) = self.redrive.journal.write(&written) {
            self.fail(error);
        }
    }

    /// Without a journal nothing more is sent, and nothing deleted.
    fn fail(&mut self, error: Error) {
        self.broken.get_or_insert(error);
        self.events.push_back(Event::Stop);
    }

    fn verify(&mut self, id: MessageId) {
        let (Some(letter), Some(accepted)) = (self.letters.get(&id).cloned(), self.accepted.get(&id).cloned()) else {
            return;
        };
        let (clients, stack) = (self.redrive.clients.clone(), Arc::clone(&self.redrive.stack));
        let (options, stop) = (self.redrive.options.clone(), self.stop.clone());
        self.calls.spawn(async move {
            let verdict = verify(&clients, &stack, &letter, &accepted, &options, &stop).await;
            Some(Event::Verified { id, verdict })
        });
    }

    /// Deletes once all that proves it is on disk.
    fn delete(&mut self, batch: Vec<(MessageId, String)>) {
        if self.broken.is_some() {
            self.events.push_back(undeletable(&batch, "the journal cannot be written"));
            return;
        }
        let (queue, journal) = (self.queue.clone(), Arc::clone(&self.redrive.journal));
        self.calls.spawn(async move {
            match tokio::task::spawn_blocking(move || journal.sync()).await {
                Ok(Ok(())) => Some(Event::Deleted(queue.delete(&batch).await)),
                Ok(Err(error)) => Some(undeletable(&batch, &error.to_string())),
                Err(error) => Some(undeletable(&batch, &error.to_string())),
            }
        });
    }
}

fn undeletable(batch: &[(MessageId, String)], reason: &str) -> Event {
    Event::Deleted(batch.iter().map(|(id, _)| (id.clone(), Err(DeleteError::Fatal(reason.to_owned())))).collect())
}

async fn receive(queue: &Queue) -> Event {
    match queue.receive().await {
        Ok(messages) => Event::Received(messages),
        Err(error) => Event::ReceiveFailed { reason: error.to_string(), fatal: error.kind.is_lasting() },
    }
}

async fn look(queue: &Queue) -> Event {
    let depth = dead_letters::depth(&queue.client, &queue.stage).await.ok();
    Event::Looked(depth.map(|depth| Load { visible: depth.waiting, hidden: depth.in_flight }))
}
