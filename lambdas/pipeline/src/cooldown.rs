//! Cool-downs: who may send the alert of a rule, a symbol and a window.
//!
//! A row in the audit table, whose key is the same for every event of the window, says who. It is only ever put, each time
//! under the condition that it still is what was read, so the role needs nothing but `PutItem`:
//!
//! - `owner` (event id) and `request_id`: who is sending;
//! - `attempts`: publishes whose outcome is not known, the current one included; 0 if the last one was refused;
//! - `lease_until`: as long as another invocation may still be running;
//! - `sent_at`, `message_id`: it was sent.
//!
//! An event whose first publish went unanswered may try once more, and the message says that it may be a repeat. It does
//! not try a third time.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::Timestamp;
use market::rules::Cooldown;

use crate::attributes::{Item, n, number, s, text, time, time_of};
use crate::clock::later;
use crate::failure::CallError;

/// Publishes of one alert whose outcome may stay unknown.
const MAX_UNKNOWN: u32 = 2;
/// A little longer than any invocation can run (30 s).
const LEASE: Duration = Duration::from_secs(35);
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
}

/// The right to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    key: Cooldown,
    owner: String,
    request_id: String,
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
    request_id: String,
    attempts: u32,
    lease_until: Option<Timestamp>,
    sent: bool,
}

impl Held {
    fn of(item: &Item) -> Self {
        let own = |name| text(item, name).unwrap_or_default().to_owned();
        Self {
            owner: own("owner"),
            request_id: own("request_id"),
            attempts: number(item, "attempts").unwrap_or(0),
            lease_until: time_of(item, "lease_until"),
            sent: item.contains_key("sent_at"),
        }
    }

    /// The row is the one that this claim has written: the SDK repeats a put whose answer was lost.
    fn is_just(&self, claimant: &Claimant<'_>, attempts: u32) -> bool {
        let lease = market::time::truncate(later(claimant.now, LEASE));
        self.owner == claimant.event_id
            && self.request_id == claimant.request_id
            && (self.attempts, self.lease_until, self.sent) == (attempts, Some(lease), false)
    }

    /// What the claimant gets without a further call; none if it may take the row over.
    fn verdict(&self, claimant: &Claimant<'_>) -> Option<Claim> {
        let own = self.owner == claimant.event_id;
        match (own, self.sent) {
            (true, true) => Some(Claim::AlreadySent),
            // The topic refused the owner's publish, so nobody was told: whoever comes next may try.
            (_, false) if self.attempts == 0 => None,
            (false, _) => Some(Claim::CoolingDown),
            (true, false) if self.attempts >= MAX_UNKNOWN => Some(Claim::Unconfirmed),
            // An earlier attempt of this very invocation is over. Any other invocation is, once its lease has ended.
            (true, false) if self.request_id == claimant.request_id => None,
            (true, false) if self.lease_until.is_some_and(|until| claimant.now < until) => Some(Claim::InFlight),
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
        let ticket = |earlier| Ticket {
            key: key.clone(),
            owner: claimant.event_id.to_owned(),
            request_id: claimant.request_id.to_owned(),
            earlier,
        };
        let first = ticket(0);
        let row = first.row(claimant.now, 1);
        let Some(held) = self.put(table, row, "attribute_not_exists(audit_id)", &[]).await? else {
            return Ok(Claim::Granted(first));
        };
        let held = Held::of(&held);
        if held.is_just(claimant, 1) {
            return Ok(Claim::Granted(first));
        }
        if let Some(claim) = held.verdict(claimant) {
            return Ok(claim);
        }
        let next = ticket(held.attempts);
        let row = next.row(claimant.now, held.attempts + 1);
        let lost = self.put(table, row, UNCHANGED, &unchanged(&held.owner, held.attempts)).await?;
        let granted = lost.is_none_or(|row| Held::of(&row).is_just(claimant, held.attempts + 1));
        // Who got in between is sending now; if that fails, it is for its own retries to go on.
        Ok(if granted { Claim::Granted(next) } else { Claim::InFlight })
    }

    /// Notes that the message was sent.
    pub async fn sent(&self, table: &str, ticket: &Ticket, now: Timestamp, message_id: &str) -> Result<(), CallError> {
        let mut row = ticket.row(now, ticket.earlier + 1);
        row.insert("sent_at".to_owned(), time(now));
        row.insert("message_id".to_owned(), s(message_id));
        self.put(table, row, UNCHANGED, &unchanged(&ticket.owner, ticket.earlier + 1)).await.map(drop)
    }

    /// Notes that the topic refused the message: nobody was told, and it may be tried again.
    pub async fn refused(&self, table: &str, ticket: &Ticket, now: Timestamp) -> Result<(), CallError> {
        let mut row = ticket.row(now, ticket.earlier);
        row.remove("lease_until");
        self.put(table, row, UNCHANGED, &unchanged(&ticket.owner, ticket.earlier + 1)).await.map(drop)
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
        if condition == UNCHANGED {
            put = put.expression_attribute_names("#owner", "owner");
        }
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

/// The row is as it was read.
const UNCHANGED: &str = "#owner = :owner AND attempts = :attempts AND attribute_not_exists(sent_at)";

fn unchanged(owner: &str, attempts: u32) -> [(&'static str, AttributeValue); 2] {
    [(":owner", s(owner)), (":attempts", n(&attempts))]
}

impl Ticket {
    fn row(&self, now: Timestamp, attempts: u32) -> Item {
        let expires_at = later(now.max(self.key.window_end), KEPT);
        Item::from([
            ("audit_id".to_owned(), s(&self.key.audit_id)),
            ("timestamp".to_owned(), time(self.key.window_start)),
            ("owner".to_owned(), s(&self.owner)),
            ("request_id".to_owned(), s(&self.request_id)),
            ("attempts".to_owned(), n(&attempts)),
            ("lease_until".to_owned(), time(later(now, LEASE))),
            ("expires_at".to_owned(), n(&expires_at.as_second())),
        ])
    }
}
