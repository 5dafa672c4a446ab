//! What should come of a session, and what was seen of it. Pure.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use crate::aws::dead_letters::{DeadLetter, Origin};
use crate::feed::follow::{Followed, Outcome};
use crate::stack::StageName;

/// One thing that should be, and whether it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Expectation {
    /// What.
    pub what: String,
    /// How much of it should be.
    pub expected: String,
    /// How much was seen.
    pub seen: String,
    /// Is it as it should be?
    pub met: bool,
    /// What is not as it should be, by event, the first few.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wrong: Vec<String>,
}

/// Why the pipeline's own rules reject an event: the code, and the field at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The dead letter's `ErrorCode`.
    pub code: String,
    /// The first field at fault; empty when it is the whole event.
    pub field: String,
}

/// All that was seen of a session.
#[derive(Debug, Default)]
pub struct Seen {
    /// Every event and what became of it.
    pub events: Vec<Followed>,
    /// Ids of the events of the crash.
    pub crash: HashSet<String>,
    /// Ids of the poison that the bus takes, and why ingestion must reject each.
    pub poison: HashMap<String, Reason>,
    /// What notification did with each event that raised an alert, as its audit says; none when nothing yet.
    pub notifications: BTreeMap<String, Option<String>>,
    /// Every dead letter that was not there before, with the stage whose queue it is in.
    pub letters: Vec<(StageName, DeadLetter)>,
}

/// How many wrong events are named.
const NAMED: usize = 5;

/// Compares what was seen to what should be.
pub fn judge(seen: &Seen) -> Vec<Expectation> {
    let mut table = Vec::new();
    let good: Vec<&Followed> = seen.events.iter().filter(|event| !event.sent.poison).collect();
    let unprocessed = good.iter().filter(|event| !matches!(event.outcome, Outcome::Processed { .. }));
    table.push(exactly("good events processed", good.len(), unprocessed.map(|event| said(event)).collect()));

    let refusable = |event: &&Followed| event.sent.poison && !seen.poison.contains_key(&event.sent.event_id);
    let refused: Vec<&Followed> = seen.events.iter().filter(refusable).collect();
    let taken = refused.iter().filter(|event| !matches!(event.outcome, Outcome::Refused { .. }));
    table.push(exactly("poison refused by the bus", refused.len(), taken.map(|event| said(event)).collect()));

    table.extend(dead_letters(seen));

    let raised = seen.notifications.len();
    let undecided = seen
        .notifications
        .iter()
        .filter(|(_, status)| !matches!(status.as_deref(), Some("SENT" | "SUPPRESSED" | "DUPLICATE")));
    let undecided = undecided.map(|(id, status)| format!("{id}: {}", status.as_deref().unwrap_or("nothing")));
    table.push(exactly("alerts sent or held back by a cool-down", raised, undecided.collect()));

    let sent = seen.notifications.values().filter(|status| status.as_deref() == Some("SENT")).count();
    table.push(at_least("alerts sent", 1, sent));
    let crash = seen.notifications.keys().filter(|id| seen.crash.contains(*id)).count();
    table.push(at_least("alerts raised by the crash", 1, crash));
    table
}

fn dead_letters(seen: &Seen) -> Vec<Expectation> {
    let mut table = Vec::new();
    let mut by_code: BTreeMap<&str, Vec<(&String, &Reason)>> = BTreeMap::new();
    for (id, reason) in &seen.poison {
        by_code.entry(&reason.code).or_default().push((id, reason));
    }
    let mut explained = HashSet::new();
    for (code, poison) in by_code {
        let mut wrong = Vec::new();
        for (id, reason) in &poison {
            let mut letters = seen.letters.iter().filter(|(queue, letter)| is_for(*queue, letter, id, reason));
            match (letters.next(), letters.next()) {
                (Some((_, letter)), None) => {
                    explained.insert(letter.message_id.as_str());
                }
                (Some(_), Some(_)) => wrong.push(format!("{id}: more than one dead letter")),
                (None, _) => wrong.push(format!("{id}: no dead letter that says {code} {}", reason.field)),
            }
        }
        wrong.sort();
        table.push(exactly(&format!("poison in ingestion's queue as {code}"), poison.len(), wrong));
    }
    let others = seen.letters.iter().filter(|(_, letter)| !explained.contains(letter.message_id.as_str()));
    let others: Vec<String> = others
        .map(|(queue, letter)| {
            let id = letter.event_id.as_deref().unwrap_or("no event id");
            format!("{queue}: {id}: {} {}", letter.code, letter.message)
        })
        .collect();
    table.push(Expectation {
        what: "other dead letters".to_owned(),
        expected: "0".to_owned(),
        seen: others.len().to_string(),
        met: others.is_empty(),
        wrong: few(others),
    });
    table
}

fn is_for(queue: StageName, letter: &DeadLetter, id: &str, reason: &Reason) -> bool {
    queue == StageName::Ingestion
        && letter.origin == Origin::Rejected
        && letter.event_id.as_deref() == Some(id)
        && letter.code == reason.code
        && letter.message.starts_with(&reason.field)
}

fn exactly(what: &str, expected: usize, wrong: Vec<String>) -> Expectation {
    Expectation {
        what: what.to_owned(),
        expected: expected.to_string(),
        seen: expected.saturating_sub(wrong.len()).to_string(),
        met: wrong.is_empty(),
        wrong: few(wrong),
    }
}

fn at_least(what: &str, expected: usize, seen: usize) -> Expectation {
    Expectation {
        what: what.to_owned(),
        expected: format!("≥ {expected}"),
        seen: seen.to_string(),
        met: seen >= expected,
        wrong: Vec::new(),
    }
}

fn few(mut wrong: Vec<String>) -> Vec<String> {
    let more = wrong.len().saturating_sub(NAMED);
    wrong.truncate(NAMED);
    if more > 0 {
        wrong.push(format!("and {more} more"));
    }
    wrong
}

fn said(event: &Followed) -> String {
    let outcome = match &event.outcome {
        Outcome::Processed { .. } => "processed".to_owned(),
        Outcome::Duplicate => "a duplicate".to_owned(),
        Outcome::Conflict { reason } => format!("a conflict: {reason}"),
        Outcome::Rejected { stage, reason } => format!("rejected by {stage}: {reason}"),
        Outcome::Refused { reason } => format!("refused by the bus: {reason}"),
        Outcome::Late => "stored, not processed".to_owned(),
        Outcome::Lost => "lost".to_owned(),
        Outcome::Open => "not followed to its end".to_owned(),
    };
    format!("{}: {outcome}", event.sent.event_id)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::aws::dead_letters::samples;
    use crate::feed::sender::SentEvent;

    fn event(id: &str, poison: bool, outcome: Outcome) -> Followed {
        let sent = SentEvent {
            event_id: id.into(),
            key: None,
            sent_at: Timestamp::UNIX_EPOCH,
            trace_id: None,
            refused: None,
            poison,
            line: None,
        };
        Followed { sent, outcome }
    }

    fn processed(alert: bool) -> Outcome {
        Outcome::Processed { received_at: None, processed_at: None, alert, tags: Vec::new() }
    }

    /// Two good events, the second of the crash; one poison for ingestion, one for the bus.
    fn fine() -> Seen {
        let rejected = Outcome::Rejected { stage: StageName::Ingestion, reason: "price".into() };
        Seen {
            events: vec![
                event("a", false, processed(false)),
                event("b", false, processed(true)),
                event("p", true, rejected),
                event("q", true, Outcome::Refused { reason: "MalformedDetail".into() }),
            ],
            crash: HashSet::from(["b".to_owned()]),
            poison: HashMap::from([("p".to_owned(), Reason { code: "VALIDATION".into(), field: "price".into() })]),
            notifications: BTreeMap::from([("b".to_owned(), Some("SENT".to_owned()))]),
            letters: vec![(
                StageName::Ingestion,
                samples::rejected("p", "VALIDATION", "price: must be greater than 0"),
            )],
        }
    }

    fn unmet(seen: &Seen) -> Vec<String> {
        judge(seen).into_iter().filter(|line| !line.met).map(|line| line.what).collect()
    }

    #[test]
    fn all_is_met_when_everything_came_as_it_should() {
        assert_eq!(unmet(&fine()), Vec::<String>::new());
        assert_eq!(judge(&fine()).len(), 7);
    }

    #[test]
    fn a_lost_event_is_named() {
        let mut seen = fine();
        seen.events[0].outcome = Outcome::Lost;
        let table = judge(&seen);
        assert_eq!((table[0].expected.as_str(), table[0].seen.as_str(), table[0].met), ("2", "1", false));
        assert_eq!(table[0].wrong, ["a: lost"]);
    }

    #[test]
    fn poison_must_be_in_the_right_queue_once_with_its_reason() {
        let poison = "poison in ingestion's queue as VALIDATION";
        let other = "other dead letters";
        let mut seen = fine();
        seen.letters.clear();
        assert_eq!(unmet(&seen), [poison]);
        for (queue, code, message) in [
            (StageName::Processing, "VALIDATION", "price: must be greater than 0"),
            (StageName::Ingestion, "MALFORMED", "price: must be greater than 0"),
            (StageName::Ingestion, "VALIDATION", "symbol: is missing"),
        ] {
            seen.letters = vec![(queue, samples::rejected("p", code, message))];
            assert_eq!(unmet(&seen), [poison, other], "{queue} {code} {message}");
        }
        let mut again = samples::rejected("p", "VALIDATION", "price: must be greater than 0");
        again.message_id = "another".into();
        let mut seen = fine();
        seen.letters.push((StageName::Ingestion, again));
        assert_eq!(unmet(&seen), [poison, other]);
    }

    #[test]
    fn any_other_dead_letter_is_too_much() {
        let mut seen = fine();
        seen.letters.push((StageName::Notification, samples::rejected("b", "500", "boom")));
        assert_eq!(unmet(&seen), ["other dead letters"]);
    }

    #[test]
    fn alerts_must_be_decided_and_one_sent() {
        let mut seen = fine();
        seen.notifications.insert("b".to_owned(), None);
        assert_eq!(unmet(&seen), ["alerts sent or held back by a cool-down", "alerts sent"]);
        seen.notifications.insert("b".to_owned(), Some("SUPPRESSED".to_owned()));
        assert_eq!(unmet(&seen), ["alerts sent"]);
        seen.notifications.clear();
        assert_eq!(unmet(&seen), ["alerts sent", "alerts raised by the crash"]);
    }

    #[test]
    fn what_the_bus_should_refuse_must_not_get_through() {
        let mut seen = fine();
        seen.events[3].outcome = processed(false);
        assert_eq!(unmet(&seen), ["poison refused by the bus"]);
    }
}
