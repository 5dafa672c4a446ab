use std::fmt::Write as _;

use serde_json::Value;

/// The value as compact JSON with the keys of every object sorted and numbers digit for digit as they came (an exponent
/// gets its sign: `1e3` is written `1e+3`).
///
/// Two deliveries of the same detail give the same text, whatever the order of their fields; this is what is stored as
/// the payload and compared when an identity arrives twice.
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write(value, &mut text);
    text
}

fn write(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            // Sorted here, not left to serde_json's map, whose order depends on features that other crates switch on.
            let mut sorted: Vec<_> = fields.iter().collect();
            sorted.sort_unstable_by(|a, b| a.0.cmp(b.0));
            text.push('{');
            for (index, (key, item)) in sorted.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                // Writing to a String cannot fail.
                let _ = write!(text, "{}:", Value::String(key.clone()));
                write(item, text);
            }
            text.push('}');
        }
        scalar => {
            let _ = write!(text, "{scalar}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_sorted_at_every_depth_and_numbers_keep_their_digits() {
        let value: Value = serde_json::from_str(r#"{"b":[{"z":1.50,"a":"\n"}],"a":null,"é":1e3}"#).unwrap();
        assert_eq!(canonical_json(&value), r#"{"a":null,"b":[{"a":"\n","z":1.50}],"é":1e+3}"#);
    }
}
