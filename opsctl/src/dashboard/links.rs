//! Addresses in AWS's console.

use crate::aws::events::EventKey;
use crate::stack::Stack;

/// An alarm.
pub fn alarm(stack: &Stack, name: &str) -> String {
    format!("{}#alarmsV2:alarm/{}", home(stack, "cloudwatch"), encode(name))
}

/// A function's monitoring.
pub fn function(stack: &Stack, name: &str) -> String {
    format!("{}#/functions/{}?tab=monitoring", home(stack, "lambda"), encode(name))
}

/// A queue.
pub fn queue(stack: &Stack, url: &str) -> String {
    format!("{}#/queues/{}", home(stack, "sqs/v3"), encode(url))
}

/// The traces.
pub fn traces(stack: &Stack) -> String {
    format!("{}#xray:traces/query", home(stack, "cloudwatch"))
}

/// One trace.
pub fn trace(stack: &Stack, id: &str) -> String {
    format!("{}#xray:traces/{}", home(stack, "cloudwatch"), encode(id))
}

/// An item of the events table.
pub fn item(stack: &Stack, key: &EventKey) -> String {
    format!(
        "{}#edit-item?itemMode=2&pk={}&sk={}&table={}",
        home(stack, "dynamodbv2"),
        encode(&key.event_id),
        encode(&key.timestamp),
        encode(&stack.tables.events.name)
    )
}

fn home(stack: &Stack, service: &str) -> String {
    // Regions of China and of the US government have consoles of their own.
    let domain = match stack.region.as_str() {
        region if region.starts_with("cn-") => "console.amazonaws.cn",
        region if region.starts_with("us-gov-") => "console.amazonaws-us-gov.com",
        _ => "console.aws.amazon.com",
    };
    format!("https://{region}.{domain}/{service}/home?region={region}", region = stack.region)
}

/// Percent-encodes all but what no part of an address gives a meaning to (RFC 3986, unreserved).
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            byte => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::samples;

    #[test]
    fn addresses_name_the_region_and_are_encoded() {
        let mut stack = samples::stack();
        stack.region = "eu-west-1".to_owned();
        assert_eq!(
            queue(&stack, "https://sqs.eu-west-1.amazonaws.com/1/q"),
            "https://eu-west-1.console.aws.amazon.com/sqs/v3/home?region=eu-west-1\
             #/queues/https%3A%2F%2Fsqs.eu-west-1.amazonaws.com%2F1%2Fq"
        );
        let key = EventKey { event_id: "a:b".to_owned(), timestamp: "2026-11-22T12:00:00.000000Z".to_owned() };
        assert!(item(&stack, &key).contains("pk=a%3Ab&sk=2026-11-22T12%3A00%3A00.000000Z"));
        stack.region = "us-gov-west-1".to_owned();
        assert!(alarm(&stack, "a").starts_with("https://us-gov-west-1.console.amazonaws-us-gov.com/cloudwatch/"));
    }
}
