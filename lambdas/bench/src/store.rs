//! The tables: what `DynamoDB` does with the requests that the functions send. The same semantics as the fake in the
//! functions' tests, with an index, so that a query costs the same however many events there are.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Map, Value, json};

/// What the symbol index holds beside the keys; as in lib/main.tf.
const INCLUDED: [&str; 10] =
    ["event_id", "timestamp", "symbol", "event_type", "price", "size", "bid", "ask", "sequence", "venue"];

type Key = (String, String);

/// The events table, its symbol index, and the audit table.
#[derive(Debug, Default)]
pub(crate) struct Store {
    events: HashMap<Key, Value>,
    by_symbol: BTreeMap<(String, String, String), Value>,
    audit: HashMap<Key, Value>,
}

/// An answer's status and body, and what it meant.
#[derive(Debug, PartialEq)]
pub(crate) struct Done {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// The event that this request marked PROCESSED.
    pub(crate) processed: Option<String>,
}

impl Done {
    fn ok(body: Value) -> Self {
        Self { status: 200, body, processed: None }
    }
}

fn text(item: &Value, name: &str) -> String {
    item[name]["S"].as_str().unwrap_or_default().to_owned()
}

impl Store {
    /// How many events are stored, and how many of them are PROCESSED.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.events.len(), self.events.values().filter(|item| text(item, "status") == "PROCESSED").count())
    }

    /// Rows of the audit trail by stage and status; without the cool-downs.
    pub(crate) fn audit(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for row in self.audit.values().filter(|row| row.get("stage").is_some()) {
            *counts.entry(format!("{} {}", text(row, "stage"), text(row, "status"))).or_insert(0) += 1;
        }
        counts
    }

    /// Carries out a request.
    pub(crate) fn apply(&mut self, operation: &str, input: &Value) -> Done {
        let audit = input["TableName"].as_str().is_some_and(|name| name.contains("audit"));
        match operation {
            "PutItem" => self.put(input, audit),
            "GetItem" => match self.events.get(&(text(&input["Key"], "event_id"), text(&input["Key"], "timestamp"))) {
                Some(item) => Done::ok(json!({"Item": item})),
                None => Done::ok(json!({})),
            },
            "UpdateItem" => self.update(input),
            _ => self.query(input),
        }
    }

    fn put(&mut self, input: &Value, audit: bool) -> Done {
        let item = &input["Item"];
        let (table, hash) = if audit { (&mut self.audit, "audit_id") } else { (&mut self.events, "event_id") };
        let key = (text(item, hash), text(item, "timestamp"));
        if let Some(refused) = refused(input, table.get(&key)) {
            return refused;
        }
        table.insert(key.clone(), item.clone());
        if !audit {
            let projected: Map<_, _> =
                INCLUDED.iter().filter_map(|name| Some(((*name).to_owned(), item.get(*name)?.clone()))).collect();
            self.by_symbol.insert((text(item, "symbol"), key.1, key.0), Value::Object(projected));
        }
        Done::ok(json!({}))
    }

    fn update(&mut self, input: &Value) -> Done {
        let key = (text(&input["Key"], "event_id"), text(&input["Key"], "timestamp"));
        if let Some(refused) = refused(input, self.events.get(&key)) {
            return refused;
        }
        let item = self.events.entry(key.clone()).or_insert_with(|| input["Key"].clone());
        let assignments = input["UpdateExpression"].as_str().and_then(|text| text.strip_prefix("SET "));
        for (name, value) in assignments.unwrap_or_default().split(", ").filter_map(|each| each.split_once(" = ")) {
            let name = input["ExpressionAttributeNames"][name].as_str().unwrap_or(name);
            item[name] = input["ExpressionAttributeValues"][value].clone();
        }
        let processed = (text(item, "status") == "PROCESSED").then_some(key.0);
        Done { processed, ..Done::ok(json!({})) }
    }

    /// The symbol's rows before `:before`, or from `:from` to `:last`.
    fn query(&self, input: &Value) -> Done {
        let values = &input["ExpressionAttributeValues"];
        let symbol = text(values, ":symbol");
        let low = (symbol.clone(), text(values, ":from"), String::new());
        let high = match values.get(":before") {
            Some(_) => (symbol, text(values, ":before"), String::new()),
            None => (symbol, text(values, ":last"), "\u{7f}".to_owned()),
        };
        let limit = input["Limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(1000);
        let rows = self.by_symbol.range(low..high).map(|(_, row)| row);
        let rows: Vec<_> = if input["ScanIndexForward"] == false {
            rows.rev().take(limit).collect()
        } else {
            rows.take(limit).collect()
        };
        let count = rows.len();
        Done::ok(json!({"Items": rows, "Count": count, "ScannedCount": count}))
    }
}

/// The answer if the request's condition does not hold.
fn refused(input: &Value, old: Option<&Value>) -> Option<Done> {
    let condition = input["ConditionExpression"].as_str()?;
    let name = |token: &str| input["ExpressionAttributeNames"][token].as_str().unwrap_or(token).to_owned();
    let holds = |term: &str| match term.split_once(" = ") {
        Some((left, right)) => old.and_then(|old| old.get(name(left))) == input["ExpressionAttributeValues"].get(right),
        None => term
            .strip_prefix("attribute_not_exists(")
            .and_then(|rest| rest.strip_suffix(')'))
            .is_some_and(|absent| old.is_none_or(|old| old.get(name(absent)).is_none())),
    };
    if condition.split(" AND ").all(holds) {
        return None;
    }
    let mut body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed"
    });
    if let Some(old) = old {
        body["Item"] = old.clone();
    }
    Some(Done { status: 400, body, processed: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &mut Store, id: &str, timestamp: &str) -> Done {
        let item = json!({
            "event_id": {"S": id}, "timestamp": {"S": timestamp}, "symbol": {"S": "BTC"}, "status": {"S": "RECEIVED"},
            "price": {"N": "1"}, "payload": {"S": "{}"}
        });
        let input = json!({
            "TableName": "events", "Item": item, "ConditionExpression": "attribute_not_exists(event_id)",
        });
        store.apply("PutItem", &input)
    }

    fn ids(done: &Done) -> Vec<&str> {
        done.body["Items"].as_array().unwrap().iter().map(|item| item["event_id"]["S"].as_str().unwrap()).collect()
    }

    #[test]
    fn an_event_is_stored_once_and_the_old_one_returned() {
        let mut store = Store::default();
        assert_eq!(put(&mut store, "a", "1").status, 200);
        let second = put(&mut store, "a", "1");
        assert_eq!((second.status, &second.body["Item"]["event_id"]["S"]), (400, &json!("a")));
        assert_eq!(store.counts(), (1, 0));
    }

    #[test]
    fn an_event_is_marked_processed_once() {
        let mut store = Store::default();
        put(&mut store, "a", "1");
        let input = json!({
            "TableName": "events", "Key": {"event_id": {"S": "a"}, "timestamp": {"S": "1"}},
            "ConditionExpression": "#status = :received", "UpdateExpression": "SET #status = :status, #alert = :alert",
            "ExpressionAttributeNames": {"#status": "status", "#alert": "alert"},
            "ExpressionAttributeValues":
                {":received": {"S": "RECEIVED"}, ":status": {"S": "PROCESSED"}, ":alert": {"BOOL": true}}
        });
        assert_eq!(store.apply("UpdateItem", &input).processed.as_deref(), Some("a"));
        let again = store.apply("UpdateItem", &input);
        assert_eq!((again.status, again.processed), (400, None));
        assert_eq!(store.counts(), (1, 1));
    }

    #[test]
    fn the_window_is_what_came_strictly_before_newest_first_and_the_reference_what_lies_within() {
        let mut store = Store::default();
        for (id, timestamp) in [("a", "1"), ("b", "2"), ("c", "2"), ("d", "3")] {
            put(&mut store, id, timestamp);
        }
        let mut input = json!({
            "TableName": "events", "ScanIndexForward": false, "Limit": 2,
            "ExpressionAttributeValues": {":symbol": {"S": "BTC"}, ":before": {"S": "3"}}
        });
        assert_eq!(ids(&store.apply("Query", &input)), ["c", "b"]);
        input["ScanIndexForward"] = json!(true);
        input["ExpressionAttributeValues"] = json!({":symbol": {"S": "BTC"}, ":from": {"S": "2"}, ":last": {"S": "2"}});
        assert_eq!(ids(&store.apply("Query", &input)), ["b", "c"]);
    }
}
