//! Tables.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use serde_json::{Value, json};

use crate::State;
use crate::expression::{Placeholders, text};
use crate::services::{error, ok};

/// A table with string keys.
#[derive(Debug, Default)]
pub(crate) struct Table {
    hash: String,
    range: String,
    items: BTreeMap<(String, String), Value>,
}

impl Table {
    pub(crate) fn new(hash: &str, range: &str) -> Self {
        Self { hash: hash.to_owned(), range: range.to_owned(), items: BTreeMap::new() }
    }

    pub(crate) fn items(&self) -> Vec<Value> {
        self.items.values().cloned().collect()
    }

    fn key(&self, item: &Value) -> (String, String) {
        let text = |name: &str| text(&item[name]).unwrap_or_default().to_owned();
        (text(&self.hash), text(&self.range))
    }

    pub(crate) fn insert(&mut self, item: Value) {
        self.items.insert(self.key(&item), item);
    }
}

pub(crate) fn answer(state: &mut State, operation: &str, input: &Value) -> HttpResponse {
    let name = input["TableName"].as_str().unwrap_or_default();
    let Some(table) = state.tables.get_mut(name) else {
        return error(400, "ResourceNotFoundException", &format!("table {name} not found"));
    };
    let answered = match operation {
        "PutItem" => put(table, input),
        "GetItem" => Ok(get(table, input)),
        "UpdateItem" => update(table, input),
        _ => query(table, input),
    };
    answered.unwrap_or_else(|message| error(400, "ValidationException", &message))
}

fn put(table: &mut Table, input: &Value) -> Result<HttpResponse, String> {
    let item = &input["Item"];
    let key = table.key(item);
    if key.0.is_empty() || key.1.is_empty() {
        return Err(format!("one of the keys {} and {} is missing or empty", table.hash, table.range));
    }
    let old = table.items.get(&key).cloned();
    if let Some(refusal) = refused(input, old.as_ref())? {
        return Ok(refusal);
    }
    table.items.insert(key, item.clone());
    Ok(match old {
        Some(old) if input["ReturnValues"] == "ALL_OLD" => ok(&json!({"Attributes": old})),
        _ => ok(&json!({})),
    })
}

fn get(table: &Table, input: &Value) -> HttpResponse {
    match table.items.get(&table.key(&input["Key"])) {
        Some(item) => ok(&json!({"Item": item})),
        None => ok(&json!({})),
    }
}

fn update(table: &mut Table, input: &Value) -> Result<HttpResponse, String> {
    let key = table.key(&input["Key"]);
    let old = table.items.get(&key).cloned();
    if let Some(refusal) = refused(input, old.as_ref())? {
        return Ok(refusal);
    }
    let mut item = old.unwrap_or_else(|| input["Key"].clone());
    Placeholders::of(input).set(input["UpdateExpression"].as_str().unwrap_or_default(), &mut item)?;
    table.items.insert(key, item);
    Ok(ok(&json!({})))
}

/// The answer if the request's condition does not hold.
fn refused(input: &Value, old: Option<&Value>) -> Result<Option<HttpResponse>, String> {
    let Some(condition) = input["ConditionExpression"].as_str() else { return Ok(None) };
    if Placeholders::of(input).holds(condition, old.unwrap_or(&Value::Null))? {
        return Ok(None);
    }
    let mut body = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed"
    });
    if let Some(old) = old.filter(|_| input["ReturnValuesOnConditionCheckFailure"] == "ALL_OLD") {
        body["Item"] = old.clone();
    }
    Ok(Some(crate::http::response(400, body.to_string())))
}

/// The items that the key condition selects, by the range key. Which index is asked makes no difference here.
fn query(table: &Table, input: &Value) -> Result<HttpResponse, String> {
    let placeholders = Placeholders::of(input);
    let condition = input["KeyConditionExpression"].as_str().unwrap_or_default();
    let mut found = Vec::new();
    for item in table.items.values() {
        if placeholders.holds(condition, item)? {
            found.push(item);
        }
    }
    found.sort_by_key(|item| text(&item[&table.range]));
    if input["ScanIndexForward"] == false {
        found.reverse();
    }
    let limit = input["Limit"].as_u64().and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    found.truncate(limit);
    Ok(ok(&json!({"Items": found, "Count": found.len(), "ScannedCount": found.len()})))
}
