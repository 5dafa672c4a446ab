//! Evaluate the alert rules → take the cool-downs → publish → note what was sent.

mod links;

use futures::future::{BoxFuture, FutureExt as _, join_all};
use market::derived::AlertDetail;
use market::envelope::DETAIL_TYPE_ALERT;
use market::message;
use market::rules::{Firing, evaluate};
use pipeline::audit::Status;
use pipeline::aws::SdkConfig;
use pipeline::clock::SharedClock;
use pipeline::cooldown::{Claim, Claimant, Cooldowns, Ticket};
use pipeline::failure::{CallError, Effect, Failure};
use pipeline::host::{Call, Outcome, Progress, Work};
use pipeline::settings::NotificationSettings;
use pipeline::stage::Stage;
use pipeline::topic::Topic;

/// The stage. Keeps nothing between events.
pub struct Notification {
    cooldowns: Cooldowns,
    topic: Topic,
    clock: SharedClock,
}

/// What became of one rule that fired.
enum Told {
    /// A message was sent.
    Sent,
    /// Another event of the cool-down's window has told already.
    Suppressed,
    /// This event has told already.
    AlreadySent,
    /// The event comes from a replay, and the rule does not tell about those.
    Muted,
    /// It could not be told; why.
    Failed(String),
}

impl Told {
    fn as_str(&self) -> &'static str {
        match self {
            Self::Sent => "SENT",
            Self::Suppressed => "SUPPRESSED",
            Self::AlreadySent => "DUPLICATE",
            Self::Muted => "REPLAY_MUTED",
            Self::Failed(_) => "FAILED",
        }
    }
}

/// What is left to write about a publish.
type Note = BoxFuture<'static, ()>;

impl Notification {
    /// The stage with clients of its own.
    pub fn new(config: &SdkConfig, clock: SharedClock) -> Self {
        Self { cooldowns: Cooldowns::new(config), topic: Topic::new(config, clock.clone()), clock }
    }

    async fn claim(
        &self,
        firing: &Firing,
        alert: &AlertDetail,
        call: &Call,
        settings: &NotificationSettings,
    ) -> Result<Ticket, Told> {
        if alert.metadata.replay.is_some() && !firing.send_on_replay {
            return Err(Told::Muted);
        }
        let claimant = Claimant {
            event_id: alert.event.event_id.as_str(),
            request_id: &call.request_id,
            now: self.clock.now(),
            killed_at: call.killed_at,
        };
        let key = firing.cooldown(&alert.event);
        let claim = self.cooldowns.claim(&settings.audit_table, &key, &claimant).await;
        let rule = &firing.rule_id;
        match claim.map_err(|error| Told::Failed(error.to_string()))? {
            Claim::Granted(ticket) => Ok(ticket),
            Claim::CoolingDown => Err(Told::Suppressed),
            Claim::AlreadySent => Err(Told::AlreadySent),
            Claim::InFlight => Err(Told::Failed(format!(
                "failed to tell about rule {rule}: another delivery of this event may be sending at this moment"
            ))),
            Claim::Unconfirmed => Err(Told::Failed(format!(
                "failed to learn whether the message of rule {rule} was sent: two publishes went unanswered, and there \
                 is no third; look for it at a subscriber, then delete this event from the dead letter queue"
            ))),
        }
    }

    async fn publish(
        &self,
        firing: &Firing,
        ticket: Ticket,
        alert: &AlertDetail,
        call: &Call,
        settings: &NotificationSettings,
    ) -> (Told, Option<Note>) {
        let links = links::links(alert, call, settings);
        let message = message::render(firing, alert, &links, ticket.may_be_repeat());
        let symbol = alert.event.symbol.as_str();
        let published = self.topic.publish(&settings.topic_arn, &message, firing, symbol, call.deadline).await;
        let (cooldowns, table, now) = (self.cooldowns.clone(), settings.audit_table.clone(), self.clock.now());
        match published {
            Ok(message_id) => {
                // At info the host's line is enough: the cool-down's row has the id, the audit row each rule's result.
                tracing::debug!(rule = %firing.rule_id, message_id, may_be_repeat = ticket.may_be_repeat(), "alert sent");
                let note = async move { warn(cooldowns.sent(&table, &ticket, now, &message_id).await, "sent") };
                (Told::Sent, Some(note.boxed()))
            }
            Err(error) if error.effect() == Effect::Unknown => {
                // Perhaps it was sent: the next attempt will say that it may be a repeat.
                let note = async move { warn(cooldowns.unanswered(&table, &ticket, now).await, "unanswered") };
                (Told::Failed(format!("{error}; the message may have been sent")), Some(note.boxed()))
            }
            Err(error) => {
                let note = async move { warn(cooldowns.refused(&table, &ticket, now).await, "refused") };
                (Told::Failed(error.to_string()), Some(note.boxed()))
            }
        }
    }
}

/// A note that cannot be written is no reason to fail: that would send the message again at once, while as it is only a
/// redelivery of the event would, and say that it may be a repeat.
fn warn(noted: Result<(), CallError>, what: &str) {
    if let Err(error) = noted {
        tracing::error!(%error, "failed to note that a message was {what}; a redelivery may repeat it");
    }
}

impl Work for Notification {
    const STAGE: Stage = Stage::Notification;
    const DETAIL_TYPE: &'static str = DETAIL_TYPE_ALERT;
    type Settings = NotificationSettings;

    async fn handle(
        &self,
        call: &Call,
        settings: &NotificationSettings,
        progress: &mut Progress,
    ) -> Result<Outcome, Failure> {
        let alert = AlertDetail::from_json(&call.envelope.detail)?;
        let firings = evaluate(&settings.rules.document, &alert.facts());
        if firings.is_empty() {
            return Ok(Status::NoRule.into());
        }
        // In step, not rule by rule: three round trips for any number of rules, the last of them beside the audit row.
        let claims = join_all(firings.iter().map(|firing| self.claim(firing, &alert, call, settings))).await;
        let told = join_all(firings.iter().zip(claims).map(async |(firing, claim)| match claim {
            Ok(ticket) => self.publish(firing, ticket, &alert, call, settings).await,
            Err(told) => (told, None),
        }))
        .await;
        let (told, notes): (Vec<_>, Vec<_>) = told.into_iter().unzip();
        let notes = join_all(notes.into_iter().flatten()).map(drop);

        let count = |wanted: &str| told.iter().filter(|told| told.as_str() == wanted).count() as u64;
        let (sent, suppressed, again) = (count("SENT"), count("SUPPRESSED"), count("DUPLICATE"));
        progress.counts.alerts = sent;
        progress.counts.suppressed = suppressed;
        progress.counts.duplicates = again;
        for (firing, told) in firings.iter().zip(&told) {
            tracing::debug!(rule = %firing.rule_id, result = told.as_str(), measured = firing.message, "rule fired");
        }
        let results = firings.iter().zip(&told).map(|(firing, told)| format!("{}: {}", firing.rule_id, told.as_str()));
        progress.details.push(("rule_results", pipeline::strings(results)));

        let failures: Vec<_> = told
            .iter()
            .filter_map(|told| match told {
                Told::Failed(why) => Some(why.as_str()),
                _ => None,
            })
            .collect();
        if !failures.is_empty() {
            // What was sent is noted before the event is tried again, so that only the rest is.
            notes.await;
            return Err(Failure::Transient(failures.join("; ")));
        }
        let status = if sent > 0 {
            Status::Sent
        } else if again > 0 {
            Status::Duplicate
        } else if suppressed > 0 {
            Status::Suppressed
        } else {
            Status::ReplayMuted
        };
        Ok(Outcome { status, alongside: Some(notes.boxed()) })
    }
}
