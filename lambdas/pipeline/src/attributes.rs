//! `DynamoDB` attributes from and to our types.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use market::{decimal, time};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// A `DynamoDB` item.
pub(crate) type Item = HashMap<String, AttributeValue>;

/// A string.
pub(crate) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A number.
pub(crate) fn n(number: &impl ToString) -> AttributeValue {
    AttributeValue::N(number.to_string())
}

/// An exact decimal. A `Decimal` has at most 29 digits, `DynamoDB` keeps 38.
pub(crate) fn decimal(value: Decimal) -> AttributeValue {
    AttributeValue::N(decimal::format(value))
}

/// A time as text whose order is time's.
pub(crate) fn time(value: Timestamp) -> AttributeValue {
    s(time::format(value))
}

/// A list of strings.
pub fn strings<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> AttributeValue {
    AttributeValue::L(texts.into_iter().map(s).collect())
}

/// JSON as a `DynamoDB` document: numbers digit for digit.
pub(crate) fn from_json(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Number(number) => AttributeValue::N(number.to_string()),
        Value::String(text) => s(text),
        Value::Array(items) => AttributeValue::L(items.iter().map(from_json).collect()),
        Value::Object(fields) => {
            AttributeValue::M(fields.iter().map(|(name, value)| (name.clone(), from_json(value))).collect())
        }
    }
}

/// A `DynamoDB` document as JSON. Sets and binaries, which nothing here writes, become null.
pub(crate) fn to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::Bool(value) => Value::Bool(*value),
        AttributeValue::N(number) => number.parse().map_or(Value::Null, Value::Number),
        AttributeValue::S(text) => Value::from(text.as_str()),
        AttributeValue::L(items) => items.iter().map(to_json).collect(),
        AttributeValue::M(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), to_json(value))).collect::<Map<_, _>>().into()
        }
        _ => Value::Null,
    }
}

/// The text of a string attribute.
pub(crate) fn text<'item>(item: &'item Item, name: &str) -> Option<&'item str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

/// The value of a number attribute.
pub(crate) fn number<T: std::str::FromStr>(item: &Item, name: &str) -> Option<T> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

/// An exact decimal.
pub(crate) fn decimal_of(item: &Item, name: &str) -> Option<Decimal> {
    decimal::parse(item.get(name)?.as_n().ok()?).ok()
}

/// The time in a string attribute.
pub(crate) fn time_of(item: &Item, name: &str) -> Option<Timestamp> {
    time::parse(text(item, name)?).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn documents_come_back_as_they_were() {
        let document = json!({"a": [1, "x", true, null], "b": {"c": {}}});
        assert_eq!(to_json(&from_json(&document)), document);
        let exact: Value = serde_json::from_str("12345678901234567890.123456789").unwrap();
        assert_eq!(from_json(&exact), AttributeValue::N("12345678901234567890.123456789".to_owned()));
        assert_eq!(to_json(&from_json(&exact)), exact);
    }
}
