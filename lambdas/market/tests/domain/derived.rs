//! Validated and Alert details: their ids, their form, and the way back.

use std::collections::BTreeMap;

use market::{
    business::Tag,
    derived::{AlertDetail, ValidatedDetail},
    enrichment::enrich,
    event::MarketEvent,
    fault::RejectionCode,
    indicators::Measured,
    observation::Observation,
    rules::{RuleId, references},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{any_event, any_json, decimal, real_events, trade, window_of};

/// The Alert of an event, with a move reference.
fn alert(event: &MarketEvent, window: &[Observation]) -> AlertDetail {
    let validated = ValidatedDetail::new(event.clone(), Some("Root=1-2-3".to_owned()), Some("replay-1".to_owned()));
    let moves = BTreeMap::from([(300, window.first().cloned())]);
    AlertDetail::new(
        event.clone(),
        enrich(event, window),
        references(event, window, &moves),
        vec![Tag::PriceSpike],
        vec![RuleId::new("r-1").unwrap()],
        &validated.metadata,
        None,
    )
}

#[test]
fn ids_and_causes_follow_from_the_raw_event() {
    let event = trade(5, "1.50", "2");
    let validated = ValidatedDetail::new(event.clone(), Some("Root=1-2-3".to_owned()), None);
    let expected = json!({
        "schema_version": 1,
        "event_id": "T-5:validated",
        "event": {
            "event_id": "T-5", "event_type": "trade", "symbol": "BTCUSDT", "timestamp": "2021-01-08T00:00:00.005000Z",
            "source": "marketdata.feed.test", "venue": "BINANCE", "price": "1.5", "size": "2",
        },
        "metadata": {"correlation_id": "T-5", "causation_id": "T-5", "trace_header": "Root=1-2-3", "replay": null},
    });
    assert_eq!(serde_json::to_value(&validated).unwrap(), expected);
    let alert = alert(&event, &[]);
    assert_eq!(alert.event_id, "T-5:alert");
    assert_eq!(alert.metadata.causation_id, "T-5:validated");
    assert_eq!(alert.metadata.correlation_id.as_str(), "T-5");
    assert_eq!(alert.metadata.replay.as_deref(), Some("replay-1"));
    assert_eq!(alert.metadata.trace_header, None);
}

#[test]
fn alerts_of_real_events_survive_the_bus() {
    let events = real_events();
    for index in (0..events.len()).step_by(61) {
        let alert = alert(&events[index], &window_of(&events, index, 50));
        let value = serde_json::to_value(&alert).unwrap();
        assert_eq!(AlertDetail::from_json(&value), Ok(alert.clone()), "as a value");
        let text: Value = serde_json::from_str(&value.to_string()).unwrap();
        assert_eq!(AlertDetail::from_json(&text), Ok(alert), "as text");
    }
}

#[test]
fn enrichment_numbers_are_json_numbers_with_all_their_digits() {
    let events = real_events();
    let value = serde_json::to_value(alert(&events[200], &window_of(&events, 200, 50))).unwrap();
    let sma = &value["enrichment"]["indicators"]["sma_20"];
    assert!(sma["value"].is_number(), "{sma}");
    assert_eq!(sma["observations"], 20);
    assert_eq!(value["enrichment"]["window"]["count"], 50);
}

/// `serde_json::from_value` gives 774775958403083.2 for this number.
#[test]
fn numbers_of_sixteen_digits_do_not_change_on_the_way() {
    let event = trade(0, "774775958403083.3", "1");
    let mut alert = alert(&event, &[]);
    alert.enrichment.indicators.vwap = Some(Measured { value: decimal("774775958403083.3"), observations: 1 });
    let value = serde_json::to_value(&alert).unwrap();
    assert_eq!(AlertDetail::from_json(&value), Ok(alert));
}

#[test]
fn details_with_faults_are_rejected() {
    let good = serde_json::to_value(ValidatedDetail::new(trade(5, "1", "2"), None, None)).unwrap();
    assert!(ValidatedDetail::from_json(&good).is_ok());
    let code = |change: fn(&mut Value)| {
        let mut value = good.clone();
        change(&mut value);
        let rejection = ValidatedDetail::from_json(&value).unwrap_err();
        (rejection.code, rejection.faults[0].field.clone())
    };
    assert_eq!(code(|value| value["schema_version"] = json!(2)).0, RejectionCode::UnknownVersion);
    assert_eq!(code(|value| *value = json!([])).0, RejectionCode::Malformed);
    assert_eq!(
        code(|value| value["event_id"] = json!("other:validated")),
        (RejectionCode::Validation, "event_id".into())
    );
    assert_eq!(code(|value| value["event"]["price"] = json!("-1")), (RejectionCode::Validation, "event.price".into()));
    assert_eq!(code(|value| value["metadata"] = json!(1)), (RejectionCode::Validation, "detail".into()));
    assert_eq!(code(|value| *value = json!({})), (RejectionCode::Validation, "detail".into()));
}

proptest! {
    #[test]
    fn any_event_survives_as_validated_and_as_alert(event in any_event()) {
        let validated = ValidatedDetail::new(event.clone(), None, None);
        let value = serde_json::to_value(&validated).unwrap();
        prop_assert_eq!(ValidatedDetail::from_json(&value), Ok(validated));
        let alert = alert(&event, &[]);
        let value = serde_json::to_value(&alert).unwrap();
        prop_assert_eq!(AlertDetail::from_json(&value), Ok(alert));
    }

    #[test]
    fn any_json_gives_a_verdict(value in any_json()) {
        prop_assert!(ValidatedDetail::from_json(&value).is_err());
        prop_assert!(AlertDetail::from_json(&value).is_err());
    }
}
