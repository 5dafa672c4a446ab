//! Cool-downs: who may send the alert of a rule, a symbol and a window.
//!
//! A row in the audit table, whose key is the same for every event of the window, says who. It is only ever put, each time
//! under the condition that it still is what was read, so the role needs nothing but `PutItem`:
//!
//! - `owner` (event id) and `request_id`: who is sending;
//! - `claim`: which of the owner's claims; no two are alike, so that nobody takes another's for its own;
//! - `attempts`: publishes whose outcome is not known, the current one included; 0 if the last one was refused;
//! - `lease_until`: as long as the claimant may still be sending; absent once it is known that it is not;
//! - `sent_at`, `message_id`: it was sent.
//!
//! An event whose first publish went unanswered may try once more, and the message says that it may be a repeat. It does
//! not try a third time.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use market::rules::Cooldown;

use crate::attributes::{Item, n, number, s, text, time, time_of};
use crate::clock::later;
use crate::failure::{CallError, Effect};

/// Publishes of one alert whose outcome may stay unknown.
const MAX_UNKNOWN: u32 = 2;
/// How far the clocks of two environments may be apart.
const CLOCK_SKEW: Duration = Duration::from_secs(5);
/// For how long after it ends a cool-down is remembered: longer than an event can wait to be delivered again (six hours,
/// or four days in the dead letter queue).
const KEPT: Duration = Duration::from_hours(7 * 24);

/// Who wants to send.
#[derive(Debug, Clone, Copy)]
pub struct Claimant<'a> {
    /// The market event's id.
    pub event_id: &'a str,
    /// Lambda's request id, which is the same for all attempts of an invocation.
    pub request_id: &'a str,
    /// When.
    pub now: Timestamp,
    /// When Lambda ends the invocation, whatever it is doing.
    pub killed_at: Timestamp,
}

/// The right to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    key: Cooldown,
    owner: String,
    request_id: String,
    claim: String,
    lease_until: Timestamp,
    /// Publishes that may have been sent before this one.
    earlier: u32,
}

impl Ticket {
    /// An earlier publish may have been sent already.
    pub fn may_be_repeat(&self) -> bool {
        self.earlier > 0
    }
}

/// The answer to a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The claimant may send.
    Granted(Ticket),
    /// Another event of the window has sent, or is about to.
    CoolingDown,
    /// This event has sent already.
    AlreadySent,
    /// Another invocation for this very event may be sending at this moment.
    InFlight,
    /// Two publishes for this event went unanswered. There will be no third.
    Unconfirmed,
}

/// Keeps the cool-downs.
#[derive(Debug, Clone)]
pub struct Cooldowns {
    dynamodb: aws_sdk_dynamodb::Client,
}

/// What the row says.
struct Held {
    owner: String,
    claim: String,
    attempts: u32,
    lease_until: Option<Timestamp>,
    sent: bool,
}

impl Held {
    fn of(item: &Item) -> Self {
        let own = |name| text(item, name).unwrap_or_default().to_owned();
        Self {
            owner: own("owner"),
            claim: own("claim"),
            attempts: number(item, "attempts").unwrap_or(0),
            lease_until: time_of(item, "lease_until"),
            sent: item.contains_key("sent_at"),
        }
    }

    /// What the claimant gets without a further call; none if it may take the row over.
    fn verdict(&self, claimant: &Claimant<'_>) -> Option<Claim> {
        let own = self.owner == claimant.event_id;
        match (own, self.sent) {
            (true, true) => Some(Claim::AlreadySent),
            // The topic refused the owner's publish, so nobody was told: whoever comes next may try.
            (_, false) if self.attempts == 0 => None,
            (false, _) => Some(Claim::CoolingDown),
            // Lambda may deliver an event twice at the same time, with the same request id: that proves nothing.
            (true, false) if self.lease_until.is_some_and(|until| claimant.now < until) => Some(Claim::InFlight),
            (true, false) if self.attempts >= MAX_UNKNOWN => Some(Claim::Unconfirmed),
            (true, false) => None,
        }
    }
}

impl Cooldowns {
    /// A keeper with a client of its own.
    pub fn new(config: &SdkConfig) -> Self {
        Self { dynamodb: crate::aws::dynamodb(config) }
    }

    /// Claims the right to send: one call, or two when the row is there and may be taken over.
    pub async fn claim(&self, table: &str, key: &Cooldown, claimant: &Claimant<'_>) -> Result<Claim, CallError> {
        let first = Ticket::new(key, claimant, 0);
        let put = self.put(table, first.row(claimant.now, 1), "attribute_not_exists(audit_id)", &[]).await;
        let Some(held) = self.or_take_back(table, &first, claimant.now, put).await? else {
            return Ok(Claim::Granted(first));
        };
        let held = Held::of(&held);
        // The SDK repeats a put whose answer was lost: then the row that is in the way is this one.
        if held.claim == first.claim {
            return Ok(Claim::Granted(first));
        }
        if let Some(claim) = held.verdict(claimant) {
            return Ok(claim);
        }
        let next = Ticket::new(key, claimant, held.attempts);
        let put = self.put(table, next.row(claimant.now, held.attempts + 1), UNCHANGED, &unchanged(&held.claim)).await;
        let lost = self.or_take_back(table, &next, claimant.now, put).await?;
        let granted = lost.is_none_or(|row| Held::of(&row).claim == next.claim);
        // Who got in between is sending now; if that fails, it is for its own retries to go on.
        Ok(if granted { Claim::Granted(next) } else { Claim::InFlight })
    }

    /// A claim that failed may be in the table all the same. Nothing will be published on it, so it is taken back, as far
    /// as possible: two of them would count as two messages that may have been sent, and nobody would be told.
    async fn or_take_back<T>(
        &self,
        table: &str,
        ticket: &Ticket,
        now: Timestamp,
        claimed: Result<T, CallError>,
    ) -> Result<T, CallError> {
        if claimed.as_ref().is_err_and(|error| error.effect() == Effect::Unknown)
            && let Err(error) = self.refused(table, ticket, now).await
        {
            tracing::warn!(%error, "failed to take back a claim that failed");
        }
        claimed
    }

    /// Notes that the message was sent.
    pub async fn sent(&self, table: &str, ticket: &Ticket, now: Timestamp, message_id: &str) -> Result<(), CallError> {
        let mut row = ticket.row(now, ticket.earlier + 1);
        row.insert("sent_at".to_owned(), time(now));
        row.insert("message_id".to_owned(), s(message_id));
        self.put(table, row, UNCHANGED, &unchanged(&ticket.claim)).await.map(drop)
    }

    /// Notes that nobody was told, and it may be tried again: the topic refused the message, or none was published.
    pub async fn refused(&self, table: &str, ticket: &Ticket, now: Timestamp) -> Result<(), CallError> {
        self.ended(table, ticket.row(now, ticket.earlier), ticket).await
    }

    /// Notes that the publish went unanswered: whoever tries the event again need not wait for this attempt to end.
    pub async fn unanswered(&self, table: &str, ticket: &Ticket, now: Timestamp) -> Result<(), CallError> {
        self.ended(table, ticket.row(now, ticket.earlier + 1), ticket).await
    }

    async fn ended(&self, table: &str, mut row: Item, ticket: &Ticket) -> Result<(), CallError> {
        row.remove("lease_until");
        self.put(table, row, UNCHANGED, &unchanged(&ticket.claim)).await.map(drop)
    }

    /// Puts the row if `condition` holds; otherwise returns the row that is there.
    async fn put(
        &self,
        table: &str,
        row: Item,
        condition: &str,
        values: &[(&str, AttributeValue)],
    ) -> Result<Option<Item>, CallError> {
        let id = text(&row, "audit_id").unwrap_or_default().to_owned();
        let mut put = self
            .dynamodb
            .put_item()
            .table_name(table)
            .set_item(Some(row))
            .condition_expression(condition)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        for (name, value) in values {
            put = put.expression_attribute_values(*name, value.clone());
        }
        let Err(error) = put.send().await else { return Ok(None) };
        if let Some(PutItemError::ConditionalCheckFailedException(failed)) = error.as_service_error() {
            return Ok(Some(failed.item().cloned().unwrap_or_default()));
        }
        Err(CallError::new(format!("write {id} to {table}"), &error))
    }
}

/// A text that no other claim has. The standard library keys its hashers from the operating system's random numbers, each
/// hasher differently.
fn unique() -> String {
    format!("{:016x}", RandomState::new().hash_one(()))
}

/// The row is the one of a known claim, whose message was not sent.
const UNCHANGED: &str = "claim = :claim AND attribute_not_exists(sent_at)";

fn unchanged(claim: &str) -> [(&'static str, AttributeValue); 1] {
    [(":claim", s(claim))]
}

impl Ticket {
    fn new(key: &Cooldown, claimant: &Claimant<'_>, earlier: u32) -> Self {
        Self {
            key: key.clone(),
            owner: claimant.event_id.to_owned(),
            request_id: claimant.request_id.to_owned(),
            claim: unique(),
            lease_until: later(claimant.killed_at, CLOCK_SKEW),
            earlier,
        }
    }

    fn row(&self, now: Timestamp, attempts: u32) -> Item {
        let expires_at = later(now.max(self.key.window_end), KEPT);
        Item::from([
            ("audit_id".to_owned(), s(&self.key.audit_id)),
            ("timestamp".to_owned(), time(self.key.window_start)),
            ("owner".to_owned(), s(&self.owner)),
            ("request_id".to_owned(), s(&self.request_id)),
            ("claim".to_owned(), s(&self.claim)),
            ("attempts".to_owned(), n(&attempts)),
            ("lease_until".to_owned(), time(self.lease_until)),
            ("expires_at".to_owned(), n(&expires_at.as_second())),
        ])
    }
}
