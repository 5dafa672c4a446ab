//! Raw details and envelopes: what is accepted, what is refused and how it is said.

use market::{
    envelope::Envelope,
    event::{Body, EventType, MAX_DETAIL_BYTES, MarketEvent, Side, canonical_json, validate},
    fault::{
        FaultCode::{self, BadFormat, Missing, OutOfRange, WrongType},
        RejectionCode,
    },
    time,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{any_event, any_json, at, check, decimal, faults, quote, raw_trade, receipt, with};

#[test]
fn a_trade_is_normalised() {
    let detail =
        with(raw_trade(), json!({"timestamp": "2021-01-08T01:00:00.2781239+01:00", "size": 1.50, "note": "kept"}));
    let event = check(&detail).unwrap();
    assert_eq!(event.event_id.as_str(), "BINANCE-T-1");
    assert_eq!(event.event_type(), EventType::Trade);
    assert_eq!(time::format(event.timestamp), "2021-01-08T00:00:00.278123Z");
    assert_eq!(event.source, "marketdata.feed.test");
    let Body::Trade(trade) = &event.body else { panic!("not a trade: {event:?}") };
    assert_eq!((trade.price, trade.size, trade.side), (decimal("39432.48"), decimal("1.5"), Some(Side::Sell)));
    assert_eq!(serde_json::to_value(&event).unwrap()["size"], "1.5");
}

#[test]
fn what_is_absent_or_null_comes_from_the_envelope_or_stays_unknown() {
    for absent in [Value::Null, json!("remove")] {
        let mut detail = raw_trade();
        for field in ["schema_version", "event_id", "timestamp", "venue", "sequence", "currency", "side"] {
            if absent.is_null() {
                detail[field] = Value::Null;
            } else {
                detail.as_object_mut().unwrap().remove(field);
            }
        }
        let event = check(&detail).unwrap();
        assert_eq!(event.event_id.as_str(), receipt().envelope_id);
        assert_eq!(event.timestamp, receipt().envelope_time);
        assert_eq!((&event.venue, event.sequence, &event.currency), (&None, None, &None));
    }
}

#[test]
fn every_fault_is_reported_at_once_and_in_order() {
    let detail = json!({
        "event_id": "has space", "event_type": "bar", "symbol": "btc", "timestamp": "yesterday", "venue": 7,
        "sequence": -1, "currency": "dollar", "open": "0", "high": "NaN", "low": true, "volume": "-1",
    });
    let expected = [
        ("event_id", BadFormat),
        ("timestamp", BadFormat),
        ("symbol", BadFormat),
        ("venue", WrongType),
        ("sequence", OutOfRange),
        ("currency", BadFormat),
        ("open", OutOfRange),
        ("high", BadFormat),
        ("low", WrongType),
        ("close", Missing),
        ("volume", OutOfRange),
    ];
    let expected: Vec<_> = expected.map(|(field, code)| (field.to_owned(), code)).into();
    assert_eq!(faults(&detail), expected);
    assert_eq!(check(&detail).unwrap_err().code, RejectionCode::Validation);
}

#[test]
fn an_empty_detail_names_what_is_missing() {
    let missing = |field: &str| (field.to_owned(), FaultCode::Missing);
    assert_eq!(faults(&json!({})), [missing("symbol"), missing("event_type")]);
}

#[test]
fn unknown_versions_are_rejected_by_name() {
    for version in [json!(2), json!("1"), json!(0), json!(1.5), json!([1])] {
        let rejection = check(&with(raw_trade(), json!({"schema_version": version, "price": "bad"}))).unwrap_err();
        assert_eq!(rejection.code, RejectionCode::UnknownVersion);
        assert_eq!(rejection.faults.len(), 1);
        assert!(rejection.summary().contains(&version.to_string()[..]), "{rejection}");
    }
    for version in [json!(1), json!(1.0), Value::Null] {
        assert!(check(&with(raw_trade(), json!({"schema_version": version}))).is_ok(), "{version}");
    }
}

#[test]
fn times_too_far_ahead_are_refused_and_the_limit_itself_is_not() {
    let ahead = |millis: i64| with(raw_trade(), json!({"timestamp": time::format(at(millis))}));
    assert!(check(&ahead(60_000 + 300_000)).is_ok());
    assert_eq!(faults(&ahead(60_000 + 300_001)), [("timestamp".to_owned(), FaultCode::OutOfRange)]);
    // An envelope's own time is checked the same.
    let mut receipt = receipt();
    receipt.envelope_time = at(400_000);
    let mut detail = raw_trade();
    detail.as_object_mut().unwrap().remove("timestamp");
    assert_eq!(validate(&detail, &receipt).unwrap_err().faults[0].field, "timestamp");
}

#[test]
fn numbers_must_be_exact_and_in_range() {
    let code = |field: &str, text: &str| {
        let mut detail = raw_trade();
        detail[field] = serde_json::from_str(text).unwrap();
        check(&detail).err().map(|rejection| rejection.faults[0].code)
    };
    assert_eq!(code("price", "0.1000"), None);
    assert_eq!(code("price", "1e-8"), None);
    assert_eq!(code("price", "0"), Some(FaultCode::OutOfRange));
    assert_eq!(code("price", "\"-1\""), Some(FaultCode::OutOfRange));
    assert_eq!(code("size", "\"0.000\""), Some(FaultCode::OutOfRange));
    assert_eq!(code("price", "1e400"), Some(FaultCode::NotExact));
    assert_eq!(code("price", "0.33333333333333333333333333333"), Some(FaultCode::NotExact));
    assert_eq!(code("price", "\"inf\""), Some(FaultCode::BadFormat));
    assert_eq!(code("price", "\"\""), Some(FaultCode::BadFormat));
    assert_eq!(code("sequence", "18446744073709551615"), None);
    assert_eq!(code("sequence", "18446744073709551616"), Some(FaultCode::OutOfRange));
    assert_eq!(code("sequence", "1.5"), Some(FaultCode::OutOfRange));
    assert_eq!(code("sequence", "\"1\""), Some(FaultCode::WrongType));
    assert_eq!(code("side", "\"BUY\""), Some(FaultCode::UnknownValue));
}

#[test]
fn crossed_locked_and_one_sided_quotes_are_data() {
    let raw = |bid: &str, ask: &str| json!({"event_type": "quote", "symbol": "BTCUSDT", "bid": bid, "ask": ask, "bid_size": "0", "ask_size": 1});
    for (bid, ask, mid) in [("2", "1", Some("1.5")), ("1", "1", Some("1")), ("0", "1", None), ("0", "0", None)] {
        let event = check(&raw(bid, ask)).unwrap();
        assert_eq!(event.reference_price(), mid.map(decimal), "{bid}/{ask}");
        assert_eq!(event.reference_size(), None);
    }
    let largest = "79228162514264337593543950335";
    assert!(quote(0, largest, largest).reference_price().is_some(), "the middle of the largest prices fits");
}

#[test]
fn a_bar_must_not_contradict_itself() {
    let raw = |open: &str, high: &str, low: &str, close: &str| json!({"event_type": "bar", "symbol": "X", "open": open, "high": high, "low": low, "close": close, "volume": 0});
    let event = check(&raw("2", "3", "1", "2.5")).unwrap();
    assert_eq!((event.reference_price(), event.reference_size()), (Some(decimal("2.5")), Some(decimal("0"))));
    assert!(check(&raw("1", "1", "1", "1")).is_ok());
    let fields = |detail: &Value| faults(detail).into_iter().map(|(field, _)| field).collect::<Vec<_>>();
    assert_eq!(fields(&raw("4", "3", "1", "0.5")), ["open", "close"]);
    assert_eq!(fields(&raw("2", "1", "3", "2")), ["low", "open", "open", "close", "close"]);
}

#[test]
fn a_detail_that_is_too_large_is_refused() {
    let detail = |bytes: usize| with(raw_trade(), json!({"padding": "x".repeat(bytes)}));
    let room = MAX_DETAIL_BYTES - canonical_json(&detail(0)).len();
    assert!(check(&detail(room)).is_ok());
    assert_eq!(faults(&detail(room + 1)), [(String::new(), FaultCode::TooLarge)]);
}

fn envelope() -> Value {
    json!({
        "version": "0", "id": "6a7e8feb-b491-4cf7-a9f1-bf3703467718", "detail-type": "MarketData.Raw",
        "source": "marketdata.feed.test", "account": "111122223333", "time": "2021-01-08T00:00:01Z",
        "region": "us-east-1", "resources": ["arn:x"], "replay-name": "r1", "detail": raw_trade(),
    })
}

#[test]
fn an_envelope_is_read_and_written_back() {
    let read = Envelope::parse(envelope().to_string().as_bytes()).unwrap();
    assert_eq!(read.time, at(1000));
    assert_eq!(read.replay_name.as_deref(), Some("r1"));
    assert_eq!(read.detail, raw_trade());
    assert_eq!(Envelope::from_value(serde_json::to_value(&read).unwrap()), Ok(read));
}

#[test]
fn what_is_no_envelope_is_malformed_with_every_fault() {
    let fields = |value: Value| {
        let rejection = Envelope::from_value(value).unwrap_err();
        assert_eq!(rejection.code, RejectionCode::Malformed);
        rejection.faults.into_iter().map(|fault| fault.field).collect::<Vec<_>>()
    };
    assert_eq!(fields(json!({})), ["id", "detail-type", "source", "time", "detail"]);
    assert_eq!(fields(json!([])), [""]);
    assert_eq!(
        fields(with(envelope(), json!({"id": "", "time": 5, "resources": [1], "detail": "x"}))),
        ["id", "time", "resources", "detail"]
    );
    assert_eq!(Envelope::parse(b"\xff{").unwrap_err().faults[0].code, FaultCode::NotJson);
    assert_eq!(Envelope::parse(&b"[".repeat(100_000)).unwrap_err().code, RejectionCode::Malformed);
    assert_eq!(check(&json!("text")).unwrap_err().code, RejectionCode::Malformed);
}

proptest! {
    #[test]
    fn any_bytes_give_a_verdict(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Err(rejection) = Envelope::parse(&bytes) {
            prop_assert!(!rejection.faults.is_empty());
        }
    }

    #[test]
    fn any_json_gives_a_verdict_that_can_be_sent(value in any_json(), fields in any_json()) {
        for detail in [&value, &with(raw_trade(), fields), &with(envelope(), value.clone())] {
            for rejection in [check(detail).err(), Envelope::from_value(detail.clone()).err()].into_iter().flatten() {
                prop_assert!(!rejection.faults.is_empty());
                prop_assert!(rejection.summary().len() <= 1024);
                prop_assert!(!rejection.summary().chars().any(char::is_control));
                prop_assert!(rejection.faults_json().len() <= 8192);
            }
        }
    }

    #[test]
    fn validating_what_was_written_changes_nothing(event in any_event()) {
        let wire = serde_json::to_value(&event).unwrap();
        prop_assert_eq!(check(&wire), Ok(event.clone()));
        prop_assert_eq!(MarketEvent::from_json(&wire), Ok(event.clone()));
        let text = serde_json::to_string(&event).unwrap();
        prop_assert_eq!(serde_json::from_str::<MarketEvent>(&text).unwrap(), event);
    }

    #[test]
    fn canonical_json_is_a_fixed_point_and_says_the_same(value in any_json()) {
        let text = canonical_json(&value);
        let read: Value = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(canonical_json(&read), text);
    }
}
