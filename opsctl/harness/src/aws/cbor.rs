//! CBOR, which `CloudWatch` speaks, from and to JSON values.

use aws_smithy_cbor::data::Type;
use aws_smithy_cbor::decode::DeserializeError;
use aws_smithy_cbor::{Decoder, Encoder};
use aws_smithy_types::DateTime;
use serde_json::{Map, Value, json};

/// Reads a document. Times become seconds.
pub(super) fn decode(bytes: &[u8]) -> Value {
    value(&mut Decoder::new(bytes)).unwrap_or_default()
}

fn value(decoder: &mut Decoder<'_>) -> Result<Value, DeserializeError> {
    Ok(match decoder.datatype()? {
        Type::Bool => json!(decoder.boolean()?),
        Type::String | Type::StringIndef => json!(decoder.string()?),
        Type::F16 | Type::F32 | Type::F64 => json!(decoder.double()?),
        Type::Tag => json!(decoder.timestamp()?.as_secs_f64()),
        Type::Array | Type::ArrayIndef => {
            let length = decoder.list()?;
            let mut list = Vec::new();
            while more(decoder, length, list.len())? {
                list.push(value(decoder)?);
            }
            Value::Array(list)
        }
        Type::Map | Type::MapIndef => {
            let length = decoder.map()?;
            let mut map = Map::new();
            while more(decoder, length, map.len())? {
                let key = decoder.string()?;
                map.insert(key, value(decoder)?);
            }
            Value::Object(map)
        }
        Type::Null | Type::Undefined => {
            decoder.skip()?;
            Value::Null
        }
        _ => json!(decoder.long()?),
    })
}

/// Whether a list or map has more in it; takes the mark that ends one without a length.
fn more(decoder: &mut Decoder<'_>, length: Option<u64>, have: usize) -> Result<bool, DeserializeError> {
    match length {
        Some(length) => Ok((have as u64) < length),
        None if decoder.datatype()? == Type::Break => decoder.skip().map(|()| false),
        None => Ok(true),
    }
}

/// Writes a document. What is called a timestamp and is a number of seconds becomes a time.
pub(super) fn encode(value: &Value) -> Vec<u8> {
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder, "", value);
    encoder.into_writer()
}

fn write(encoder: &mut Encoder, key: &str, value: &Value) {
    match value {
        Value::Null => encoder.null(),
        Value::Bool(value) => encoder.boolean(*value),
        Value::String(value) => encoder.str(value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (_, Some(seconds)) if key.ends_with("Timestamp") => encoder.timestamp(&DateTime::from_secs_f64(seconds)),
            (Some(number), _) => encoder.long(number),
            (None, number) => encoder.double(number.unwrap_or_default()),
        },
        Value::Array(values) => {
            encoder.array(values.len());
            for value in values {
                write(encoder, "", value);
            }
            encoder
        }
        Value::Object(values) => {
            encoder.map(values.len());
            for (key, value) in values {
                encoder.str(key);
                write(encoder, key, value);
            }
            encoder
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let document = json!({"a": [1, 2.5, "x", true, null], "Timestamp": 12.0, "b": {}});
        assert_eq!(decode(&encode(&document)), document);
    }
}
