use std::ops::RangeInclusive;

use rust_decimal::Decimal;
use serde_json::{Map, Value};

use crate::{
    decimal,
    fault::{Fault, FaultCode, quote, type_name},
    identifier::IdentifierError,
};

/// Reads the fields of one object and collects what is wrong with them instead of stopping at the first.
/// An optional field that is null counts as absent.
pub(crate) struct Fields<'a> {
    object: &'a Map<String, Value>,
    path: String,
    pub(crate) faults: Vec<Fault>,
}

impl<'a> Fields<'a> {
    /// Fields named as they are.
    pub(crate) fn new(object: &'a Map<String, Value>) -> Self {
        Self::below(object, "")
    }

    /// Fields named `{path}.{field}`.
    pub(crate) fn below(object: &'a Map<String, Value>, path: &str) -> Self {
        let path = if path.is_empty() { String::new() } else { format!("{path}.") };
        Self { object, path, faults: Vec::new() }
    }

    pub(crate) fn fault(&mut self, field: &str, code: FaultCode, message: impl Into<String>) {
        self.faults.push(Fault::new(format!("{}{field}", self.path), code, message));
    }

    /// The value unless absent or null.
    pub(crate) fn get(&self, field: &str) -> Option<&'a Value> {
        self.object.get(field).filter(|value| !value.is_null())
    }

    /// The value; its absence is a fault.
    pub(crate) fn require(&mut self, field: &str) -> Option<&'a Value> {
        let value = self.get(field);
        if value.is_none() {
            self.fault(field, FaultCode::Missing, "is missing");
        }
        value
    }

    fn wrong_type(&mut self, field: &str, expected: &str, value: &Value) {
        self.fault(field, FaultCode::WrongType, format!("must be {expected}, not {}", type_name(value)));
    }

    /// The text of a field that may be absent.
    pub(crate) fn text(&mut self, field: &str) -> Option<&'a str> {
        let value = self.get(field)?;
        if let Value::String(text) = value {
            return Some(text);
        }
        self.wrong_type(field, "text", value);
        None
    }

    /// The text of a required field.
    pub(crate) fn required_text(&mut self, field: &str) -> Option<&'a str> {
        self.require(field)?;
        self.text(field)
    }

    /// Checks a text with an identifier's constructor.
    pub(crate) fn checked<T>(
        &mut self,
        field: &str,
        text: &str,
        check: impl FnOnce(String) -> Result<T, IdentifierError>,
    ) -> Option<T> {
        match check(text.to_owned()) {
            Ok(value) => Some(value),
            Err(error) => {
                self.fault(field, FaultCode::BadFormat, format!("{error}, not {}", quote(text)));
                None
            }
        }
    }

    /// One of a few known texts, when the field is there.
    pub(crate) fn choice<T: Copy>(&mut self, field: &str, known: &[(&str, T)]) -> Option<T> {
        let text = self.text(field)?;
        let found = known.iter().find(|(name, _)| *name == text).map(|(_, value)| *value);
        if found.is_none() {
            let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
            self.fault(field, FaultCode::UnknownValue, format!("must be {}, not {}", names.join(" or "), quote(text)));
        }
        found
    }

    /// A whole number, when the field is there.
    pub(crate) fn u64(&mut self, field: &str) -> Option<u64> {
        let value = self.get(field)?;
        let Value::Number(number) = value else {
            self.wrong_type(field, "a whole number", value);
            return None;
        };
        let found = number.as_u64();
        if found.is_none() {
            let message = format!("must be a whole number from 0 to {}, not {}", u64::MAX, quote(number.as_str()));
            self.fault(field, FaultCode::OutOfRange, message);
        }
        found
    }

    /// A required exact decimal, number or text.
    pub(crate) fn decimal(&mut self, field: &str) -> Option<Decimal> {
        let value = self.require(field)?;
        match decimal::from_json(value) {
            Ok(number) => Some(number),
            Err(error) => {
                self.fault(field, error.code(), error.to_string());
                None
            }
        }
    }

    /// A required decimal greater than 0.
    pub(crate) fn positive(&mut self, field: &str) -> Option<Decimal> {
        let number = self.decimal(field)?;
        if number > Decimal::ZERO {
            return Some(number);
        }
        self.fault(field, FaultCode::OutOfRange, format!("must be greater than 0, not {}", decimal::format(number)));
        None
    }

    /// A required decimal of at least 0.
    pub(crate) fn not_negative(&mut self, field: &str) -> Option<Decimal> {
        let number = self.decimal(field)?;
        if number >= Decimal::ZERO {
            return Some(number);
        }
        self.fault(field, FaultCode::OutOfRange, format!("must be at least 0, not {}", decimal::format(number)));
        None
    }

    /// Every field but the allowed ones is a fault.
    pub(crate) fn only(&mut self, allowed: &[&str]) {
        let object = self.object;
        for name in object.keys().filter(|name| !allowed.contains(&name.as_str())) {
            let message = format!("has an unknown field {}; known are {}", quote(name), allowed.join(", "));
            let path = self.path.trim_end_matches('.').to_owned();
            self.faults.push(Fault::new(path, FaultCode::UnknownField, message));
        }
    }

    /// True or false, when the field is there.
    pub(crate) fn boolean(&mut self, field: &str) -> Option<bool> {
        let value = self.get(field)?;
        if value.as_bool().is_none() {
            self.wrong_type(field, "true or false", value);
        }
        value.as_bool()
    }

    /// A list with an allowed number of items, when the field is there.
    pub(crate) fn list(&mut self, field: &str, range: RangeInclusive<usize>) -> Option<&'a [Value]> {
        let value = self.get(field)?;
        let Value::Array(items) = value else {
            self.wrong_type(field, "a list", value);
            return None;
        };
        if range.contains(&items.len()) {
            return Some(items);
        }
        let message = format!("must have {} to {} items, not {}", range.start(), range.end(), items.len());
        self.fault(field, FaultCode::TooLarge, message);
        None
    }

    /// Whole seconds within a range, when the field is there.
    pub(crate) fn seconds(&mut self, field: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let number = self.u64(field)?;
        let seconds = u32::try_from(number).ok().filter(|seconds| range.contains(seconds));
        if seconds.is_none() {
            let message = format!("must be {} to {} seconds, not {number}", range.start(), range.end());
            self.fault(field, FaultCode::OutOfRange, message);
        }
        seconds
    }
}
