//! Does what is ordered: the only part of the dashboard that changes anything, and the only one that has the gate.

use std::path::PathBuf;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;

use super::order::{Order, Wanted};
use super::redrive::PreparedRedrive;
use super::send::PreparedEvent;
use super::switch::PreparedSwitch;
use super::told::{Complaint, Outcome, Previewed, Told};
use crate::aws::Clients;
use crate::change::{Gate, Needed, Permit, Preview};
use crate::error::{Error, Result};
use crate::feed::stop::Stop;
use crate::stack::Stack;

/// What a change needs to be made.
#[derive(Debug, Clone)]
pub(super) struct Tools {
    /// The clients.
    pub clients: Clients,
    /// The stack.
    pub stack: Stack,
    /// Where runs are journaled.
    pub journal_dir: PathBuf,
}

/// Makes previews, asks the gate, does what was confirmed. One change at a time.
#[derive(Debug)]
pub struct Operator {
    tools: Tools,
    gate: Gate,
    /// What was previewed, and nothing else, can be confirmed.
    prepared: Option<Prepared>,
    /// What goes on, and how to stop it.
    tasks: JoinSet<(u64, Done)>,
    /// Counts what was asked for: a preview that comes late is of something else.
    asked: u64,
    stop: Stop,
    teller: Teller,
    told: UnboundedReceiver<Told>,
}

/// Something that was previewed.
#[derive(Debug)]
pub(super) enum Prepared {
    /// A redrive.
    Redrive(Box<PreparedRedrive>),
    /// A pause or its end.
    Switch(Box<PreparedSwitch>),
    /// A test event.
    Event(Box<PreparedEvent>),
}

/// What a task ends with.
#[derive(Debug)]
enum Done {
    Prepared(Result<Prepared>),
    Finished(Result<Outcome>),
}

/// Tells the dashboard how far something is. Nobody may listen any more: then it does not matter.
#[derive(Debug, Clone)]
pub(super) struct Teller(UnboundedSender<Told>);

impl Teller {
    pub(super) fn tell(&self, told: Told) {
        let _ = self.0.send(told);
    }
}

impl Prepared {
    fn preview(&self) -> &Preview {
        match self {
            Self::Redrive(prepared) => prepared.preview(),
            Self::Switch(prepared) => prepared.preview(),
            Self::Event(prepared) => prepared.preview(),
        }
    }

    fn shown(&self, gate: &Gate) -> Previewed {
        match self {
            Self::Redrive(prepared) => prepared.shown(gate),
            Self::Switch(prepared) => prepared.shown(gate),
            Self::Event(prepared) => prepared.shown(gate),
        }
    }

    async fn carry_out(self, tools: Tools, permit: Permit, stop: Stop, teller: Teller) -> Result<Outcome> {
        match self {
            Self::Redrive(prepared) => Box::pin(prepared.carry_out(tools, permit, stop, teller)).await,
            Self::Switch(prepared) => Box::pin(prepared.carry_out(tools, permit, teller)).await,
            Self::Event(prepared) => Box::pin(prepared.carry_out(tools, permit, stop, teller)).await,
        }
    }
}

impl Operator {
    /// An operator that does what `gate` lets through.
    pub fn new(clients: Clients, stack: Stack, journal_dir: PathBuf, gate: Gate) -> Self {
        let (sender, told) = unbounded_channel();
        Self {
            tools: Tools { clients, stack, journal_dir },
            gate,
            prepared: None,
            tasks: JoinSet::new(),
            asked: 0,
            stop: Stop::never(),
            teller: Teller(sender),
            told,
        }
    }

    /// Why nothing may be changed, when nothing may.
    pub fn why_read_only(&self) -> Option<&str> {
        self.gate.why_read_only()
    }

    /// Takes an order. What comes of it is told by [`Operator::next`].
    pub fn take(&mut self, order: Order) {
        match order {
            Order::Prepare(wanted) => self.prepare(wanted),
            Order::PlanAgain(wishes) => {
                if let Some(Prepared::Redrive(prepared)) = self.prepared.take() {
                    let (tools, asked) = (self.tools.clone(), self.asked);
                    self.tasks.spawn(async move {
                        let planned = prepared.plan_again(&tools, wishes).await;
                        (asked, Done::Prepared(planned.map(|prepared| Prepared::Redrive(Box::new(prepared)))))
                    });
                }
            }
            Order::Confirm(answer) => self.confirm(&answer),
            Order::Forget => {
                self.prepared = None;
                self.asked += 1;
                // Nothing is in hand after a preview: what may still be planning can be let go.
                self.tasks.abort_all();
            }
            Order::Stop => self.stop.request(),
        }
    }

    fn prepare(&mut self, wanted: Wanted) {
        // Before anything is read: who may not do it need not wait.
        if let Err(error) = self.gate.allows(wanted.change()) {
            return self.teller.tell(Told::Ended(Err(Complaint::from(&error))));
        }
        self.prepared = None;
        self.asked += 1;
        self.stop = Stop::never();
        let asked = self.asked;
        let (tools, stop, teller) = (self.tools.clone(), self.stop.clone(), self.teller.clone());
        self.tasks.spawn(async move {
            let prepared = match wanted {
                Wanted::Redrive(request) => {
                    let prepared = PreparedRedrive::read(&tools, *request, &stop, &teller).await;
                    prepared.map(|prepared| Prepared::Redrive(Box::new(prepared)))
                }
                Wanted::SendTestEvent(event) => {
                    PreparedEvent::make(&tools.stack, &event).map(Box::new).map(Prepared::Event)
                }
                Wanted::Pause(stage) => PreparedSwitch::pause(&tools, stage).await.map(Box::new).map(Prepared::Switch),
                Wanted::Resume(stage) => {
                    PreparedSwitch::resume(&tools, stage).await.map(Box::new).map(Prepared::Switch)
                }
            };
            (asked, Done::Prepared(prepared))
        });
    }

    fn confirm(&mut self, answer: &str) {
        let Some(prepared) = self.prepared.take() else {
            return self.teller.tell(Told::Unconfirmed("the plan is being made anew: wait for it".to_owned()));
        };
        if let Ok(permit) = self.gate.permit(prepared.preview(), answer) {
            self.teller.tell(Told::Confirmed);
            let (tools, stop, teller) = (self.tools.clone(), self.stop.clone(), self.teller.clone());
            let asked = self.asked;
            self.tasks
                .spawn(async move { (asked, Done::Finished(prepared.carry_out(tools, permit, stop, teller).await)) });
            return;
        }
        let wanted = match self.gate.needs(prepared.preview()) {
            Needed::Word(word) => word,
            Needed::Yes | Needed::Nothing => "y".to_owned(),
        };
        self.teller.tell(Told::Unconfirmed(format!("not confirmed: type {wanted} to go on, or press Esc")));
        self.prepared = Some(prepared);
    }

    /// Waits for what is told next; none when something ended that nobody wants to hear of. Cancelling the wait loses
    /// nothing.
    pub async fn next(&mut self) -> Result<Option<Told>> {
        let done = tokio::select! {
            biased;
            // The channel stays open: its sender is in self.
            Some(told) = self.told.recv() => return Ok(Some(told)),
            Some(done) = self.tasks.join_next() => done,
            else => std::future::pending().await,
        };
        Ok(Some(match done {
            Ok((asked, Done::Prepared(_))) if asked != self.asked => return Ok(None),
            Ok((_, Done::Prepared(Ok(prepared)))) => {
                let shown = prepared.shown(&self.gate);
                self.prepared = Some(prepared);
                Told::Previewed(Box::new(shown))
            }
            Ok((_, Done::Finished(Ok(outcome)))) => Told::Ended(Ok(Box::new(outcome))),
            Ok((_, Done::Prepared(Err(error)) | Done::Finished(Err(error)))) => {
                Told::Ended(Err(Complaint::from(&error)))
            }
            Err(error) if error.is_cancelled() => return Ok(None),
            Err(error) => {
                return Err(Error::failed(
                    format!("a change ended early: {error}"),
                    "this is a fault of opsctl: please report it with what was said above; what was begun is in \
                     `opsctl journal list`",
                ));
            }
        }))
    }

    /// As if a redrive of the sample letters had been previewed.
    #[cfg(test)]
    pub(super) fn prepare_for_tests(&mut self, wishes: crate::redrive::Wishes) {
        let prepared = super::testing::prepared(&self.tools.stack, wishes);
        self.prepared = Some(Prepared::Redrive(Box::new(prepared)));
    }

    /// True while a task goes on.
    pub fn is_busy(&self) -> bool {
        !self.tasks.is_empty()
    }
}
