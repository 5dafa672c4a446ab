//! What users can see of a run.

use std::collections::{BTreeMap, BTreeSet};

use fake_aws::{FakeAws, world};
use market::event::MarketEvent;
use market::rules::Firing;
use serde_json::Value;

/// A message, by what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The cool-down that it fell into: rule, symbol and window.
    pub about: String,
    /// The event that caused it.
    pub event_id: String,
    /// It says that it may be a repeat.
    pub may_be_repeat: bool,
}

/// What is left of a run, without what a repeat may change: times of receipt and processing, how many attempts it took.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The events table.
    pub rows: Vec<Value>,
    /// For each event and stage what became of it: the statuses that are not of failed attempts, those that mean the same
    /// written alike.
    pub audited: BTreeMap<String, BTreeSet<&'static str>>,
    /// The alerts on the bus, doubles counted once.
    pub alerts: BTreeSet<String>,
    /// The messages, in the order in which they were sent.
    pub mails: Vec<Mail>,
    /// The details of the events that the functions sent to their dead letter queues, doubles counted once.
    pub rejected: BTreeSet<String>,
}

impl Outcome {
    pub(crate) fn of(aws: &FakeAws) -> Self {
        let detail = |envelope: &str| serde_json::from_str::<Value>(envelope).unwrap_or_default()["detail"].to_string();
        let mut rows = aws.items(world::EVENTS);
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            row.remove("received_at");
            row.remove("processed_at");
        }
        let mut audited: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
        for (audit_id, status) in aws.audit() {
            audited.entry(audit_id).or_default().extend(meaning(&status));
        }
        let alerts = aws.details().into_iter().filter(|detail| detail["enrichment"].is_object());
        let letters = aws.messages().into_iter();
        Self {
            rows,
            audited,
            alerts: alerts.map(|detail| detail.to_string()).collect(),
            mails: aws.published().iter().map(|fields| mail(&fields["Message"])).collect(),
            rejected: letters.map(|letter| detail(letter["MessageBody"].as_str().unwrap_or_default())).collect(),
        }
    }

    /// The messages about each thing: whether each of them says that it may be a repeat.
    pub fn told(&self) -> BTreeMap<&str, Vec<bool>> {
        let mut told: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for mail in &self.mails {
            told.entry(mail.about.as_str()).or_default().push(mail.may_be_repeat);
        }
        told
    }
}

/// An attempt that finds its work done says so; to a user that is the same as having done it.
fn meaning(status: &str) -> Option<&'static str> {
    Some(match status {
        "FAILED" => return None,
        "STORED" | "PROCESSED" | "SENT" | "DUPLICATE" | "REPUBLISHED" => "DONE",
        "CONFLICT" => "CONFLICT",
        "SUPPRESSED" => "SUPPRESSED",
        "REJECTED" => "REJECTED",
        "NO_RULE" => "NO_RULE",
        "REPLAY_MUTED" => "REPLAY_MUTED",
        other => panic!("there is no audit status {other}"),
    })
}

fn mail(message: &str) -> Mail {
    let structure: Value = serde_json::from_str(message).expect("a message structure is JSON");
    let machine = structure["sqs"].as_str().expect("a structure has a body for machines");
    let machine: Value = serde_json::from_str(machine).expect("the body for machines is JSON");
    let firing: Firing = serde_json::from_str(&machine["firing"].to_string()).expect("a body says what fired");
    let event = MarketEvent::from_json(&machine["event"]).expect("a body says for which event");
    Mail {
        about: firing.cooldown(&event).audit_id,
        event_id: event.event_id.to_string(),
        may_be_repeat: machine["may_be_repeat"].as_bool().expect("a body says whether it may be a repeat"),
    }
}
