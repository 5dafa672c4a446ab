//! What an event means, given what came before it: the decisions of processing, for whoever has the rows, be it the function
//! or `opsctl rules test`.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::business::{self, Tag, Thresholds};
use crate::enrichment::{Enrichment, enrich};
use crate::event::MarketEvent;
use crate::identifier::RuleId;
use crate::observation::Observation;
use crate::rules::{Facts, References, RulesDocument, evaluate, references};

/// Rows looked through for the reference of a move: the first of the event's own type among the first rows of the window.
/// So many rows of the index (about 150 bytes each) are half a read unit, which is what one row costs too.
pub const REFERENCE_ROWS: usize = 25;

/// For each move window, in seconds, the event that moves are measured from.
pub type MoveReferences = BTreeMap<u32, Option<Observation>>;

/// What an event means.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// What was computed.
    pub enrichment: Enrichment,
    /// What the alert rules need to know of earlier events.
    pub references: References,
    /// What the business rules say.
    pub tags: Vec<Tag>,
    /// The alert rules that hold.
    pub rules: Vec<RuleId>,
    /// An Alert has to be published: a rule holds, or a tag raises one by itself.
    pub alert: bool,
}

/// The window of an event from the rows before it: of its own type only, since prices of trades, quotes and bars are
/// different series; sorted, since ties in time have no fixed order in an index and a retry must compute the same numbers.
pub fn window(event: &MarketEvent, rows: Vec<Observation>) -> Vec<Observation> {
    let mut window = Observation::window_before(event, rows);
    window.retain(|row| row.event_type == event.event_type());
    window
}

/// When the move window of so many seconds begins. One that would begin before the beginning of time begins there.
pub fn move_window_start(event: &MarketEvent, seconds: u32) -> Timestamp {
    event.timestamp.checked_sub(SignedDuration::from_secs(seconds.into())).unwrap_or(Timestamp::MIN)
}

/// What moves are measured from: the first row of the event's own type among the first rows of the window, which are given
/// ascending by time from [`move_window_start`] on.
pub fn move_reference(event: &MarketEvent, rows: impl IntoIterator<Item = Observation>) -> Option<Observation> {
    rows.into_iter().take(REFERENCE_ROWS).find(|row| row.event_type == event.event_type())
}

/// Judges an event by its [`window`] and by what its moves are measured from.
pub fn judge(
    event: &MarketEvent,
    window: &[Observation],
    moves: &MoveReferences,
    document: &RulesDocument,
    thresholds: &Thresholds,
) -> Judgement {
    let enrichment = enrich(event, window);
    let tags = business::tag(event, window, &enrichment, thresholds);
    let references = references(event, window, moves);
    let facts = Facts { event, enrichment: &enrichment, references: &references, tags: &tags };
    let rules: Vec<RuleId> = evaluate(document, &facts).into_iter().map(|firing| firing.rule_id).collect();
    let alert = !rules.is_empty() || thresholds.raises_alert(&tags);
    Judgement { enrichment, references, tags, rules, alert }
}
