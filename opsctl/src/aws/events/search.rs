//! Events that a filter lets pass.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnConsumedCapacity};
use futures::future::try_join_all;
use jiff::Timestamp;
use serde::Serialize;

use super::row::{EventKey, KEYS_PER_BATCH, SHOWN, StoredEvent, batch};
use crate::aws::{AwsError, Doing};
use crate::stack::EventsTable;

/// Rows of one answer: with what is shown of them, about 100 KB.
const PAGE: i32 = 100;
/// `BatchGetItem` may leave out rows to keep its answer short; they are asked for again so often.
const BATCH_TRIES: usize = 5;

/// Where to look for events, and for how many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// Event types that can pass; each is a partition of an index.
    pub types: Vec<&'static str>,
    /// The only symbol that can pass, when there is only one: it has an index too.
    pub symbol: Option<String>,
    /// Not later than this, by the exchange's clock.
    pub until: Option<Timestamp>,
    /// At most so many events, the latest.
    pub limit: usize,
    /// Look at so many rows at most, of each partition.
    pub look_at: usize,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The events, the latest first.
    pub events: Vec<StoredEvent>,
    /// How many rows were looked at.
    pub looked_at: usize,
    /// False when there are older rows that nobody looked at.
    pub complete: bool,
}

/// Finds the latest events that `matches` lets pass, page by page from the newest end.
pub async fn search(
    client: &Client,
    table: &EventsTable,
    search: &Search,
    matches: impl Fn(&StoredEvent) -> bool + Copy,
) -> Result<Found, AwsError> {
    let by_type = |event_type: &&'static str| Partition {
        index: &table.event_type_index,
        key: "event_type",
        value: (*event_type).to_owned(),
        whole: true,
    };
    let by_symbol =
        |symbol: &String| Partition { index: &table.symbol_index, key: "symbol", value: symbol.clone(), whole: false };
    let partitions: Vec<Partition> = search
        .symbol
        .as_ref()
        .map_or_else(|| search.types.iter().map(by_type).collect(), |symbol| vec![by_symbol(symbol)]);
    let parts = partitions.iter().map(|partition| walk(client, table, search, partition, matches));
    let mut found = Found { complete: true, ..Found::default() };
    for part in try_join_all(parts).await? {
        found.events.extend(part.events);
        found.looked_at += part.looked_at;
        found.complete &= part.complete;
    }
    found
        .events
        .sort_by(|one, other| other.timestamp.cmp(&one.timestamp).then_with(|| other.event_id.cmp(&one.event_id)));
    found.events.truncate(search.limit);
    Ok(found)
}

/// A partition of an index.
struct Partition<'a> {
    index: &'a str,
    key: &'static str,
    value: String,
    /// The index has all that is shown; else the rows have to be got from the table.
    whole: bool,
}

async fn walk(
    client: &Client,
    table: &EventsTable,
    search: &Search,
    partition: &Partition<'_>,
    matches: impl Fn(&StoredEvent) -> bool,
) -> Result<Found, AwsError> {
    let mut found = Found::default();
    let mut start: Option<HashMap<String, AttributeValue>> = None;
    while found.looked_at < search.look_at && found.events.len() < search.limit {
        let condition = match search.until {
            None => "#key = :key",
            Some(_) => "#key = :key AND #t <= :until",
        };
        let page = PAGE.min(i32::try_from(search.look_at - found.looked_at).unwrap_or(PAGE));
        let mut query = client
            .query()
            .table_name(&table.name)
            .index_name(partition.index)
            .key_condition_expression(condition)
            .expression_attribute_names("#key", partition.key)
            .expression_attribute_names("#t", "timestamp")
            .expression_attribute_values(":key", AttributeValue::S(partition.value.clone()))
            .projection_expression(if partition.whole { SHOWN } else { "event_id, #t" })
            .scan_index_forward(false)
            .return_consumed_capacity(ReturnConsumedCapacity::Total)
            .limit(page)
            .set_exclusive_start_key(start);
        if partition.whole {
            query = query
                .expression_attribute_names("#s", "status")
                .expression_attribute_names("#source", "source")
                .expression_attribute_names("#size", "size");
        }
        if let Some(until) = search.until {
            query = query.expression_attribute_values(":until", AttributeValue::S(market::time::format(until)));
        }
        let doing = || format!("look for events of {} {} in table {}", partition.key, partition.value, table.name);
        let answer = query.send().await.doing(doing)?;
        found.looked_at += answer.items().len();
        let rows = if partition.whole {
            answer.items().iter().filter_map(StoredEvent::from_item).collect()
        } else {
            whole(client, &table.name, answer.items()).await?
        };
        found.events.extend(rows.into_iter().filter(|event| matches(event)));
        start = answer.last_evaluated_key.filter(|key| !key.is_empty());
        if start.is_none() {
            found.complete = true;
            break;
        }
    }
    Ok(found)
}

/// The whole rows of these keys.
async fn whole(
    client: &Client,
    table: &str,
    items: &[HashMap<String, AttributeValue>],
) -> Result<Vec<StoredEvent>, AwsError> {
    let text = |item: &HashMap<String, AttributeValue>, name: &str| item.get(name)?.as_s().ok().cloned();
    let key = |item| Some(EventKey { event_id: text(item, "event_id")?, timestamp: text(item, "timestamp")? });
    let mut missing: Vec<EventKey> = items.iter().filter_map(key).collect();
    let mut rows = Vec::with_capacity(missing.len());
    for _ in 0..BATCH_TRIES {
        if missing.is_empty() {
            return Ok(rows);
        }
        for keys in missing.chunks(KEYS_PER_BATCH) {
            rows.extend(batch(client, table, keys).await?);
        }
        missing.retain(|key| rows.iter().all(|row: &StoredEvent| row.key() != *key));
    }
    let reason = format!("{} of {} were not in the answers", missing.len(), items.len());
    Err(AwsError::unusable(format!("read events from table {table}"), reason))
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::operation::batch_get_item::BatchGetItemOutput;
    use aws_sdk_dynamodb::operation::query::QueryOutput;
    use aws_smithy_mocks::mock;

    use super::*;
    use crate::aws::testing;
    use crate::stack::samples;

    fn s(text: &str) -> AttributeValue {
        AttributeValue::S(text.to_owned())
    }

    fn item(id: &str, second: usize) -> HashMap<String, AttributeValue> {
        let pairs = [
            ("event_id", s(id)),
            ("timestamp", s(&format!("2021-01-08T00:00:{second:02}.000000Z"))),
            ("event_type", s("trade")),
            ("symbol", s("BTCUSDT")),
            ("status", s("PROCESSED")),
        ];
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    fn wanted(limit: usize, look_at: usize) -> Search {
        Search { types: vec!["trade"], symbol: None, until: None, limit, look_at }
    }

    fn ids(found: &Found) -> Vec<&str> {
        found.events.iter().map(|event| event.event_id.as_str()).collect()
    }

    /// Pages of two, six rows in all, the latest first: e5 … e0.
    fn pages() -> aws_smithy_mocks::Rule {
        mock!(Client::query).then_compute_output(|request| {
            let from =
                request.exclusive_start_key().and_then(|key| key.get("n")?.as_n().ok()?.parse().ok()).unwrap_or(6);
            let rows = (0..from).rev().take(2).map(|n: usize| item(&format!("e{n}"), n)).collect::<Vec<_>>();
            let next = from - rows.len();
            let next = (next > 0).then(|| HashMap::from([("n".to_owned(), AttributeValue::N(next.to_string()))]));
            QueryOutput::builder().set_items(Some(rows)).set_last_evaluated_key(next).build()
        })
    }

    #[tokio::test]
    async fn pages_are_read_until_enough_is_found() {
        let rule = pages();
        let client = testing::clients(&[&rule]).dynamodb;
        let table = samples::stack().tables.events;
        let even = |event: &StoredEvent| event.event_id != "e5" && event.event_id != "e3";
        let found = search(&client, &table, &wanted(2, 100), even).await.unwrap();
        assert_eq!((ids(&found), found.looked_at, found.complete), (vec!["e4", "e2"], 4, false));
        let found = search(&client, &table, &wanted(10, 100), even).await.unwrap();
        assert_eq!((ids(&found), found.looked_at, found.complete), (vec!["e4", "e2", "e1", "e0"], 6, true));
        let found = search(&client, &table, &wanted(10, 2), |_| false).await.unwrap();
        assert_eq!((found.events.len(), found.looked_at, found.complete), (0, 2, false));
    }

    #[tokio::test]
    async fn one_symbol_is_looked_for_by_its_index_and_the_rows_are_whole() {
        let query = mock!(Client::query)
            .match_requests(|request| {
                request.index_name() == Some("symbol-timestamp-index")
                    && request.key_condition_expression() == Some("#key = :key AND #t <= :until")
            })
            .then_output(|| QueryOutput::builder().items(item("a", 2)).items(item("b", 1)).build());
        let calls = std::sync::atomic::AtomicUsize::new(0);
        let rows = mock!(Client::batch_get_item).then_compute_output(move |request| {
            // The first answer is too short: b is asked for again.
            let first = calls.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
            let (table, asked) = request.request_items().and_then(|tables| tables.iter().next()).unwrap();
            assert_eq!(asked.keys().len(), if first { 2 } else { 1 });
            let row = if first { item("a", 2) } else { item("b", 1) };
            BatchGetItemOutput::builder().responses(table, vec![row]).build()
        });
        let client = testing::clients(&[&query, &rows]).dynamodb;
        let wanted = Search {
            symbol: Some("BTCUSDT".to_owned()),
            until: "2021-01-08T00:00:03Z".parse().ok(),
            ..wanted(10, 100)
        };
        let found = search(&client, &samples::stack().tables.events, &wanted, |_| true).await.unwrap();
        assert_eq!((ids(&found), found.complete), (vec!["a", "b"], true));
    }
}
