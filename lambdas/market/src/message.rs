//! The text of an alert, for people and for machines: a pure function of what fired and why.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use crate::{decimal, derived::AlertDetail, rules::Firing, time};

/// Most characters of a subject, all printable ASCII. SNS documents "less than 100".
pub const MAX_SUBJECT_CHARS: usize = 99;

/// What a mail says when an earlier attempt may have sent it already.
pub const REPEAT_NOTE: &str = "This may be a repeat: an earlier attempt to send this alert ended without an answer.";

/// Where a person can look further. What is not known is left out of the mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Links {
    /// The event's trace.
    pub trace: Option<String>,
    /// The event's row.
    pub event: Option<String>,
    /// What to do about such an alert.
    pub runbook: Option<String>,
}

impl Links {
    fn named(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [("trace", &self.trace), ("event", &self.event), ("runbook", &self.runbook)];
        all.into_iter().filter_map(|(name, link)| Some((name, link.as_deref()?)))
    }
}

/// What is published to SNS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertMessage {
    /// 1 to [`MAX_SUBJECT_CHARS`] printable ASCII characters.
    pub subject: String,
    /// For people: lines of text.
    pub text: String,
    /// For machines: the same as JSON, with numbers that keep their digits.
    pub json: Value,
}

impl AlertMessage {
    /// The message for SNS's `MessageStructure=json`: the JSON to machines (`sqs`, `lambda`, `firehose`, `http`, `https`,
    /// `email-json`), the subject to `sms`, the text to mail and to whatever else subscribes.
    pub fn sns_structure(&self) -> String {
        let machine = self.json.to_string();
        let mut structure = Map::new();
        for (protocol, body) in [("default", &self.text), ("email", &self.text), ("sms", &self.subject)] {
            structure.insert(protocol.to_owned(), json!(body));
        }
        for protocol in ["email-json", "sqs", "lambda", "firehose", "http", "https"] {
            structure.insert(protocol.to_owned(), json!(machine));
        }
        Value::Object(structure).to_string()
    }
}

/// Writes the message of one firing. `may_be_repeat`: an earlier attempt took the cool-down and may have sent it.
pub fn render(firing: &Firing, alert: &AlertDetail, links: &Links, may_be_repeat: bool) -> AlertMessage {
    AlertMessage {
        subject: subject(firing, alert),
        text: text(firing, alert, links, may_be_repeat),
        json: machine(firing, alert, links, may_be_repeat),
    }
}

/// Urgency first, then what happened, then the rule: what does not fit is cut from the end.
fn subject(firing: &Firing, alert: &AlertDetail) -> String {
    let replay = if alert.metadata.replay.is_some() { "REPLAY " } else { "" };
    let severity = firing.severity.as_str().to_uppercase();
    let what = firing.message.split(';').next().unwrap_or_default();
    let full = format!("[{replay}{severity}] {what} ({})", firing.rule_id);
    let mut subject: String =
        full.chars().map(|character| if (' '..='~').contains(&character) { character } else { '?' }).collect();
    if subject.len() > MAX_SUBJECT_CHARS {
        subject.truncate(MAX_SUBJECT_CHARS - 3);
        subject.push_str("...");
    }
    subject
}

fn text(firing: &Firing, alert: &AlertDetail, links: &Links, may_be_repeat: bool) -> String {
    let event = &alert.event;
    let window = &alert.enrichment.window;
    let unit = match firing.unit.as_str() {
        "price" => event.currency.as_ref().map_or("", |currency| currency.as_str()),
        unit => unit,
    };
    let amount = |value| format!("{} {unit}", decimal::format(value)).trim_end().to_owned();
    let mut rows: Vec<(&str, String)> = vec![("Rule", format!("{} ({})", firing.rule_id, firing.severity))];
    if !firing.description.is_empty() {
        rows.push(("", firing.description.clone()));
    }
    rows.extend(firing.value.map(|value| ("Value", amount(value))));
    rows.extend(firing.threshold.map(|threshold| ("Threshold", amount(threshold))));
    let since = firing.since.map(|since| format!(", since {}", time::format(since))).unwrap_or_default();
    rows.push(("Observations", format!("{}{since}", firing.observations)));
    let span = window.first_timestamp.zip(window.last_timestamp);
    let span = span.map(|(first, last)| format!(", {} to {}", time::format(first), time::format(last)));
    rows.push(("Window", format!("{} earlier events{}", window.count, span.unwrap_or_default())));
    rows.push(("Event", format!("{} {} at {}", event.event_type(), event.event_id, time::format(event.timestamp))));
    let venue = event.venue.as_ref().map(|venue| format!(", venue {venue}")).unwrap_or_default();
    let sequence = event.sequence.map(|number| format!(", sequence {number}")).unwrap_or_default();
    rows.push(("From", format!("{}{venue}{sequence}", event.source)));
    if !alert.tags.is_empty() {
        let tags: Vec<&str> = alert.tags.iter().map(|tag| tag.as_str()).collect();
        rows.push(("Tags", tags.join(", ")));
    }
    rows.push(("Alert event", alert.event_id.clone()));
    rows.push(("Correlation", alert.metadata.correlation_id.to_string()));
    if let Some(replay) = &alert.metadata.replay {
        rows.push(("Replay", format!("{replay}: this event is not live")));
    }
    if firing.cooldown_seconds > 0 {
        let end = time::format(firing.cooldown(event).window_end);
        rows.push(("Quiet until", format!("{end}, by the time of events, for this rule and symbol")));
    }
    rows.extend(links.named().map(|(name, link)| {
        let label = match name {
            "trace" => "See trace",
            "event" => "See event",
            _ => "See runbook",
        };
        (label, link.to_owned())
    }));

    let mut text = format!("{}\n\n", firing.message);
    for (label, value) in rows {
        // A value from a feed or a setting must not be able to add lines of its own.
        let value: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{label:<14}{value}");
    }
    if may_be_repeat {
        let _ = write!(text, "\n{REPEAT_NOTE}\n");
    }
    text
}

fn machine(firing: &Firing, alert: &AlertDetail, links: &Links, may_be_repeat: bool) -> Value {
    let links: Map<String, Value> = links.named().map(|(name, link)| (name.to_owned(), json!(link))).collect();
    json!({
        "schema_version": 1,
        "event_id": alert.event_id,
        "correlation_id": alert.metadata.correlation_id,
        "replay": alert.metadata.replay,
        "may_be_repeat": may_be_repeat,
        "firing": firing,
        "event": alert.event,
        "window": alert.enrichment.window,
        "tags": alert.tags,
        "quiet_until": (firing.cooldown_seconds > 0).then(|| time::format(firing.cooldown(&alert.event).window_end)),
        "links": links,
    })
}
