//! The latest events: of now, of the past, and again and again.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use futures::future::try_join_all;
use jiff::{SignedDuration, Timestamp};

use super::row::{SHOWN, StoredEvent, TYPES};
use crate::aws::{AwsError, Doing};
use crate::stack::EventsTable;

/// How often everything is read again: what was late by more than [`OVERLAP`] is seen then.
const READ_ALL: SignedDuration = SignedDuration::from_secs(60);
/// Events come out of order: so far before the latest one new ones are looked for.
const OVERLAP: SignedDuration = SignedDuration::from_secs(10);
/// An event that is not processed so long after it was received is read again with everything else only.
const FOLLOWED: SignedDuration = SignedDuration::from_secs(60);

/// Reads the `limit` latest events by the exchange's time, the latest first: one Query an event type, newest end first.
pub async fn recent(client: &Client, table: &EventsTable, limit: u16) -> Result<Vec<StoredEvent>, AwsError> {
    latest(client, table, &Range::default(), limit).await
}

/// The same as of a time in the past: events that happened later, by the exchange's clock, are not there yet. Their
/// status is the present one.
pub async fn until(
    client: &Client,
    table: &EventsTable,
    at: Timestamp,
    limit: u16,
) -> Result<Vec<StoredEvent>, AwsError> {
    latest(client, table, &Range { until: Some(market::time::format(at)), ..Range::default() }, limit).await
}

/// What is known of the latest events.
#[derive(Debug, Clone)]
pub struct Known {
    /// The events, the latest first.
    pub events: Vec<StoredEvent>,
    read_all_at: Timestamp,
}

/// Reads the latest events again: of those that are known, only the newest ten seconds and what was not yet processed.
/// While nothing comes that is half a read unit an event type, and a full read of a hundred rows is fifteen.
pub async fn refresh(
    client: &Client,
    table: &EventsTable,
    limit: u16,
    known: Option<&Known>,
    now: Timestamp,
) -> Result<Known, AwsError> {
    let known = known.filter(|known| now.duration_since(known.read_all_at) < READ_ALL);
    let Some((known, after)) = known.and_then(|known| Some((known, known.unsettled_from(now)?))) else {
        return Ok(Known { events: recent(client, table, limit).await?, read_all_at: now });
    };
    let mut events = latest(client, table, &Range { after: Some(after), ..Range::default() }, limit).await?;
    let settled = known.events.iter().filter(|old| events.iter().all(|new| new.key() != old.key()));
    let settled: Vec<StoredEvent> = settled.cloned().collect();
    events.extend(settled);
    newest_first(&mut events, limit);
    Ok(Known { events, read_all_at: known.read_all_at })
}

impl Known {
    /// From which time on, as text, something may have changed; none when nothing is known.
    fn unsettled_from(&self, now: Timestamp) -> Option<String> {
        let newest: Timestamp = self.events.first()?.timestamp.parse().ok()?;
        let open = self.events.iter().filter(|event| {
            event.status != "PROCESSED" && event.received_at.is_some_and(|at| now.duration_since(at) < FOLLOWED)
        });
        let open = open.filter_map(|event| event.timestamp.parse::<Timestamp>().ok());
        // "After" is strict, and what is open has to be read too.
        let open = open.filter_map(|at| at.checked_sub(SignedDuration::from_micros(1)).ok());
        let from = open.chain(newest.checked_sub(OVERLAP).ok()).min()?;
        Some(market::time::format(from))
    }
}

/// A range of the exchange's time, as text.
#[derive(Debug, Clone, Default)]
struct Range {
    /// Later than this.
    after: Option<String>,
    /// Not later than this.
    until: Option<String>,
}

async fn latest(client: &Client, table: &EventsTable, range: &Range, limit: u16) -> Result<Vec<StoredEvent>, AwsError> {
    let pages = TYPES.into_iter().map(|event_type| async move {
        let condition = match (&range.after, &range.until) {
            (None, None) => "event_type = :type",
            (Some(_), None) => "event_type = :type AND #t > :after",
            (None, Some(_)) => "event_type = :type AND #t <= :until",
            (Some(_), Some(_)) => "event_type = :type AND #t BETWEEN :after AND :until",
        };
        let mut query = client
            .query()
            .table_name(&table.name)
            .index_name(&table.event_type_index)
            .key_condition_expression(condition)
            .expression_attribute_values(":type", AttributeValue::S(event_type.to_owned()))
            .projection_expression(SHOWN)
            .expression_attribute_names("#t", "timestamp")
            .expression_attribute_names("#s", "status")
            .expression_attribute_names("#source", "source")
            .expression_attribute_names("#size", "size")
            .scan_index_forward(false)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .limit(i32::from(limit));
        for (name, value) in [(":after", &range.after), (":until", &range.until)] {
            if let Some(value) = value {
                query = query.expression_attribute_values(name, AttributeValue::S(value.clone()));
            }
        }
        let answer = query.send().await.doing(|| format!("read recent events from table {}", table.name))?;
        Ok(answer.items.unwrap_or_default())
    });
    let pages = try_join_all(pages).await?;
    let mut events: Vec<StoredEvent> = pages.iter().flatten().filter_map(StoredEvent::from_item).collect();
    newest_first(&mut events, limit);
    Ok(events)
}

fn newest_first(events: &mut Vec<StoredEvent>, limit: u16) {
    events.sort_by(|one, other| other.timestamp.cmp(&one.timestamp).then_with(|| other.event_id.cmp(&one.event_id)));
    events.truncate(usize::from(limit));
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use aws_sdk_dynamodb::operation::query::QueryOutput;
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing;
    use crate::stack::samples;

    fn item(id: &str, event_type: &str, second: u8) -> HashMap<String, AttributeValue> {
        let text = |text: &str| AttributeValue::S(text.to_owned());
        HashMap::from([
            ("event_id".to_owned(), text(id)),
            ("event_type".to_owned(), text(event_type)),
            ("symbol".to_owned(), text("BTCUSDT")),
            ("timestamp".to_owned(), text(&format!("2021-01-08T00:00:{second:02}.000000Z"))),
            ("status".to_owned(), text("PROCESSED")),
            ("price".to_owned(), AttributeValue::N("39432.4800000001".to_owned())),
            ("processed_at".to_owned(), text("2026-11-22T12:00:00.123456Z")),
            ("tags".to_owned(), AttributeValue::L(vec![text("price_spike")])),
            ("alert".to_owned(), AttributeValue::Bool(true)),
        ])
    }

    #[tokio::test]
    async fn the_latest_of_all_types_the_newest_first() {
        let rule = mock!(Client::query)
            .match_requests(|request| {
                request.index_name() == Some("event-type-timestamp-index")
                    && request.scan_index_forward() == Some(false)
                    && request.limit() == Some(2)
            })
            .then_compute_output(|request| {
                let value = request.expression_attribute_values().and_then(|values| values.get(":type"));
                let items = match value.and_then(|value| value.as_s().ok()).map(String::as_str) {
                    Some("trade") => vec![item("t2", "trade", 4), item("t1", "trade", 1)],
                    Some("quote") => vec![item("q1", "quote", 3)],
                    _ => vec![HashMap::new()],
                };
                QueryOutput::builder().set_items(Some(items)).build()
            });
        let client = testing::clients(&[&rule]).dynamodb;
        let events = recent(&client, &samples::stack().tables.events, 2).await.unwrap();
        assert_eq!(events.iter().map(|event| event.event_id.as_str()).collect::<Vec<_>>(), ["t2", "q1"]);
        assert_eq!(events[0].price.as_deref(), Some("39432.4800000001"));
        assert_eq!((events[0].tags.as_slice(), events[0].alert), (&["price_spike".to_owned()][..], true));
        assert_eq!(events[0].processed_at, "2026-11-22T12:00:00.123456Z".parse().ok());
    }

    fn value(request: &aws_sdk_dynamodb::operation::query::QueryInput, name: &str) -> Option<String> {
        request.expression_attribute_values()?.get(name)?.as_s().ok().cloned()
    }

    #[tokio::test]
    async fn the_past_ends_at_its_time() {
        let rule = mock!(Client::query)
            .match_requests(|request| {
                request.key_condition_expression() == Some("event_type = :type AND #t <= :until")
                    && value(request, ":until").as_deref() == Some("2021-01-08T00:00:02.000000Z")
            })
            .then_output(|| QueryOutput::builder().build());
        let client = testing::clients(&[&rule]).dynamodb;
        let at = "2021-01-08T00:00:02Z".parse().unwrap();
        assert_eq!(until(&client, &samples::stack().tables.events, at, 5).await.unwrap(), []);
        assert_eq!(rule.num_calls(), 3);
    }

    #[tokio::test]
    async fn a_refresh_reads_only_what_can_have_changed_and_all_of_it_once_a_minute() {
        // One event waits for processing at second 20; the newest is of second 50.
        let of = |id: &str, second: u8, status: &str| {
            let mut item = item(id, "trade", second);
            item.insert("status".to_owned(), AttributeValue::S(status.to_owned()));
            item.insert("received_at".to_owned(), AttributeValue::S("2026-11-22T12:00:00.000000Z".to_owned()));
            item
        };
        let all = mock!(Client::query)
            .match_requests(|request| value(request, ":after").is_none())
            .then_compute_output(move |request| {
                let trades = value(request, ":type").as_deref() == Some("trade");
                let rows = vec![of("new", 50, "PROCESSED"), of("open", 20, "RECEIVED"), of("old", 10, "PROCESSED")];
                QueryOutput::builder().set_items(trades.then_some(rows)).build()
            });
        let some = mock!(Client::query)
            .match_requests(|request| value(request, ":after").as_deref() == Some("2021-01-08T00:00:19.999999Z"))
            .then_compute_output(move |request| {
                let trades = value(request, ":type").as_deref() == Some("trade");
                let rows = vec![of("newest", 51, "PROCESSED"), of("new", 50, "PROCESSED"), of("open", 20, "PROCESSED")];
                QueryOutput::builder().set_items(trades.then_some(rows)).build()
            });
        let client = testing::clients(&[&all, &some]).dynamodb;
        let table = samples::stack().tables.events;
        let now =
            |second: i64| "2026-11-22T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second);
        let known = refresh(&client, &table, 10, None, now(1)).await.unwrap();
        let known = refresh(&client, &table, 10, Some(&known), now(3)).await.unwrap();
        let seen: Vec<_> = known.events.iter().map(|event| (event.event_id.as_str(), event.status.as_str())).collect();
        assert_eq!(seen, [("newest", "PROCESSED"), ("new", "PROCESSED"), ("open", "PROCESSED"), ("old", "PROCESSED")]);
        assert_eq!((all.num_calls(), some.num_calls()), (3, 3));
        refresh(&client, &table, 10, Some(&known), now(61)).await.unwrap();
        assert_eq!((all.num_calls(), some.num_calls()), (6, 3), "everything, a minute after everything");
    }
}
