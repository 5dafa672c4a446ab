//! What a document would do: events go through the functions' own code, in the order of their times, without AWS.
//!
//! Each event is judged as if processing had seen all earlier ones and none later, which is the best case: live, events
//! overtake each other, so a window may lack the latest few.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use market::business::Thresholds;
use market::derived::{AlertDetail, ValidatedDetail};
use market::event::{MarketEvent, Receipt, Symbol, validate};
use market::judgement::{self, Judgement};
use market::message::{self, Links};
use market::observation::Observation;
use market::rules::{RulesDocument, Severity, evaluate, required_windows};
use serde::Serialize;

use crate::feed::event::{FeedEvent, MAX_FUTURE_SKEW};
use crate::feed::source::BadLine;

/// What events come from, for their check.
const SOURCE: &str = "marketdata.feed.opsctl";

/// How processing is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setup {
    /// Earlier events of the symbol that are looked at.
    pub window_size: usize,
    /// Limits of the business rules.
    pub thresholds: Thresholds,
}

impl Default for Setup {
    fn default() -> Self {
        Self { window_size: 50, thresholds: Thresholds::default() }
    }
}

/// What one rule did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleOutcome {
    /// Its name.
    pub rule: String,
    /// How urgent.
    pub severity: Severity,
    /// A rule that is not enabled never fires.
    pub enabled: bool,
    /// Events that it looked at.
    pub looked_at: usize,
    /// Events that it fired for.
    pub fired: usize,
    /// Mails.
    pub mails: usize,
    /// Mails that the cool-down saved.
    pub suppressed: usize,
}

/// A mail that would be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mail {
    /// The event's time.
    #[serde(with = "market::time::six_digits")]
    pub at: Timestamp,
    /// The rule.
    pub rule: String,
    /// The instrument.
    pub symbol: Symbol,
    /// The event.
    pub event_id: String,
    /// What stands in the inbox.
    pub subject: String,
    /// What a person reads.
    pub text: String,
}

/// What became of the events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rehearsal {
    /// Events that were judged.
    pub events: usize,
    /// Events that ingestion would reject.
    pub rejected: Vec<BadLine>,
    /// Copies that ingestion would drop.
    pub duplicates: usize,
    /// Alert events that processing would publish: for a rule, or for a tag that raises an alert by itself.
    pub alerts: usize,
    /// Time of the first event and of the last.
    pub span: Option<(Timestamp, Timestamp)>,
    /// By rule, in the document's order.
    pub rules: Vec<RuleOutcome>,
    /// In the order of the events.
    pub mails: Vec<Mail>,
}

/// Lets the events pass; times are judged as of `now`.
pub fn rehearse(document: &RulesDocument, setup: &Setup, events: &[FeedEvent], now: Timestamp) -> Rehearsal {
    let (mut valid, rejected) = read(events, now);
    let mut seen = BTreeSet::new();
    let before = valid.len();
    valid.retain(|event| seen.insert((event.event_id.clone(), event.timestamp)));
    let duplicates = before - valid.len();
    valid.sort_by(|a, b| (a.timestamp, a.sequence, &a.event_id).cmp(&(b.timestamp, b.sequence, &b.event_id)));

    let mut stage = Stage {
        document,
        setup,
        history: BTreeMap::new(),
        cooling: BTreeSet::new(),
        outcomes: document.rules.iter().map(outcome).collect(),
        mails: Vec::new(),
        alerts: 0,
    };
    for event in &valid {
        stage.judge(event);
    }
    Rehearsal {
        events: valid.len(),
        rejected,
        duplicates,
        alerts: stage.alerts,
        span: valid.first().zip(valid.last()).map(|(first, last)| (first.timestamp, last.timestamp)),
        rules: stage.outcomes,
        mails: stage.mails,
    }
}

fn outcome(rule: &market::rules::Rule) -> RuleOutcome {
    RuleOutcome {
        rule: rule.id.to_string(),
        severity: rule.severity,
        enabled: rule.enabled,
        looked_at: 0,
        fired: 0,
        mails: 0,
        suppressed: 0,
    }
}

fn read(events: &[FeedEvent], now: Timestamp) -> (Vec<MarketEvent>, Vec<BadLine>) {
    let (mut valid, mut rejected) = (Vec::with_capacity(events.len()), Vec::new());
    for (index, event) in events.iter().enumerate() {
        let line = event.line.unwrap_or(index + 1);
        // The bus gives every event an id of its own.
        let envelope_id = format!("line-{line}");
        let receipt = Receipt {
            envelope_id: &envelope_id,
            envelope_time: now,
            source: SOURCE,
            received_at: now,
            max_future_skew: MAX_FUTURE_SKEW,
        };
        match validate(&event.detail, &receipt) {
            Ok(event) => valid.push(event),
            Err(rejection) => rejected.push(BadLine { line, reason: rejection.summary() }),
        }
    }
    (valid, rejected)
}

/// Processing and notification, with what they would find in their tables.
struct Stage<'a> {
    document: &'a RulesDocument,
    setup: &'a Setup,
    /// By symbol, ascending by time.
    history: BTreeMap<Symbol, Vec<Observation>>,
    /// Keys of the cool-downs that were taken.
    cooling: BTreeSet<String>,
    outcomes: Vec<RuleOutcome>,
    mails: Vec<Mail>,
    alerts: usize,
}

impl Stage<'_> {
    fn judge(&mut self, event: &MarketEvent) {
        let Self { document, setup, .. } = *self;
        let history = self.history.entry(event.symbol.clone()).or_default();
        // What is as old as the event does not count as earlier.
        let earlier = &history[..history.partition_point(|row| row.timestamp < event.timestamp)];
        let rows = earlier[earlier.len().saturating_sub(setup.window_size)..].to_vec();
        let window = judgement::window(event, rows);
        let reference = |seconds: u32| {
            let start = judgement::move_window_start(event, seconds);
            let rows = &earlier[earlier.partition_point(|row| row.timestamp < start)..];
            judgement::move_reference(event, rows.iter().cloned())
        };
        let moves =
            required_windows(document, event).into_iter().map(|seconds| (seconds, reference(seconds))).collect();
        let Judgement { enrichment, references, tags, rules, alert } =
            judgement::judge(event, &window, &moves, document, &setup.thresholds);
        history.push(Observation::of(event));
        for (rule, outcome) in document.rules.iter().zip(&mut self.outcomes) {
            outcome.looked_at += usize::from(rule.applies_to(event));
        }
        if !alert {
            return;
        }
        self.alerts += 1;
        let metadata = ValidatedDetail::new(event.clone(), None, None).metadata;
        let alert = AlertDetail::new(event.clone(), enrichment, references, tags, rules, &metadata, None);
        // As notification does, from what the Alert carries.
        for firing in evaluate(document, &alert.facts()) {
            let Some(outcome) = self.outcomes.iter_mut().find(|outcome| outcome.rule == firing.rule_id.as_str()) else {
                continue;
            };
            outcome.fired += 1;
            if !self.cooling.insert(firing.cooldown(event).audit_id) {
                outcome.suppressed += 1;
                continue;
            }
            outcome.mails += 1;
            let message = message::render(&firing, &alert, &Links::default(), false);
            self.mails.push(Mail {
                at: event.timestamp,
                rule: firing.rule_id.to_string(),
                symbol: event.symbol.clone(),
                event_id: event.event_id.to_string(),
                subject: message.subject,
                text: message.text,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::feed::source::parse;

    const REAL: &str = include_str!("../../../tests/data/btcusdt-2021-01-08.jsonl");

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    fn trade(id: &str, second: &str, price: &str) -> String {
        format!(
            r#"{{"event_id":"{id}","event_type":"trade","symbol":"X","timestamp":"2026-01-01T00:00:{second}Z","price":"{price}","size":"1"}}"#
        )
    }

    fn document(condition: &str) -> RulesDocument {
        RulesDocument::parse(&format!(
            r#"{{"version":1,"rules":[{{"id":"r","severity":"warning","symbols":["*"],"cooldown_seconds":10,"condition":{condition}}}]}}"#
        ))
        .unwrap()
    }

    fn pass(condition: &str, lines: &[String]) -> Rehearsal {
        rehearse(&document(condition), &Setup::default(), &parse(&lines.join("\n")).0, now())
    }

    #[test]
    fn a_rule_fires_for_each_event_and_mails_once_a_window() {
        let prices = ["1", "5", "6", "7", "1", "8"];
        let seconds = ["01", "02", "03", "04", "05", "12"];
        let mut lines: Vec<_> =
            prices.iter().zip(seconds).map(|(price, second)| trade(&format!("e{second}"), second, price)).collect();
        // In the wrong order, one twice, one that is no event.
        lines.reverse();
        lines.push(lines[0].clone());
        lines.push(r#"{"event_type":"trade"}"#.to_owned());
        let level = pass(r#"{"kind":"price_above","threshold":4,"trigger":"level"}"#, &lines);
        assert_eq!((level.events, level.duplicates, level.alerts), (6, 1, 4));
        assert_eq!(level.rejected.iter().map(|bad| bad.line).collect::<Vec<_>>(), [8]);
        let rule = &level.rules[0];
        assert_eq!((rule.looked_at, rule.fired, rule.mails, rule.suppressed), (6, 4, 2, 2));
        let crossing = pass(r#"{"kind":"price_above","threshold":4}"#, &lines);
        assert_eq!(crossing.rules[0].fired, 2);
        assert_eq!(crossing.mails.iter().map(|mail| mail.event_id.as_str()).collect::<Vec<_>>(), ["e02", "e12"]);
        assert!(
            crossing.mails[0].subject.starts_with("[WARNING] X price 5 crossed above 4"),
            "{:?}",
            crossing.mails[0]
        );
    }

    #[test]
    fn moves_are_measured_from_the_start_of_their_window_even_beyond_the_last_fifty() {
        let mut lines = vec![trade("first", "00", "100")];
        lines.extend((0..60).map(|n| trade(&format!("e{n}"), &format!("01.{n:02}"), "104")));
        lines.push(trade("last", "02", "106"));
        let rehearsal = pass(r#"{"kind":"move","percent":5,"window_seconds":30}"#, &lines);
        assert_eq!(rehearsal.mails.iter().map(|mail| mail.event_id.as_str()).collect::<Vec<_>>(), ["last"]);
    }

    #[test]
    fn a_quiet_minute_of_the_real_market_passes_the_shipped_rules_quietly() {
        let rules = RulesDocument::parse(include_str!("../../../lib/envs/alert-rules.json")).unwrap();
        let rehearsal = rehearse(&rules, &Setup::default(), &parse(REAL).0, now());
        assert_eq!((rehearsal.events, rehearsal.rejected.len(), rehearsal.duplicates), (2452, 0, 0));
        let fired: usize = rehearsal.rules.iter().map(|rule| rule.fired).sum();
        let mails: usize = rehearsal.rules.iter().map(|rule| rule.mails + rule.suppressed).sum();
        assert_eq!((mails, rehearsal.mails.len() <= fired), (fired, true));
    }
}
