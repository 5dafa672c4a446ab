//! Mending events before they are sent again: by settings, or by hand in an editor. What was mended is checked with the
//! stages' own validation; what was not is sent as it is, byte for byte.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use market::derived::{AlertDetail, ValidatedDetail};
use market::envelope::{DETAIL_TYPE_ALERT, DETAIL_TYPE_RAW, DETAIL_TYPE_VALIDATED, Envelope};
use market::event::{Receipt, validate};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use similar::TextDiff;

use super::machine::MessageId;
use super::plan::Selection;
use crate::aws::dead_letters::DeadLetter;
use crate::feed::event::MAX_FUTURE_SKEW;

/// A field of the event and its new value: `price=39432.48`, `side="buy"`; `venue=null` takes the field away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    text: String,
    path: Vec<String>,
    value: Value,
}

/// As it was given.
impl fmt::Display for Setting {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (field, value) = text.split_once('=').ok_or("must be FIELD=VALUE")?;
        let path: Vec<String> = field.split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err("must begin with the name of a field, or several with dots between".to_owned());
        }
        // What is not JSON is text.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        Ok(Self { text: text.to_owned(), path, value })
    }
}

/// Applies settings to the event in an envelope. Nothing when they change nothing. `Err` says why they cannot be applied.
pub fn mend(envelope: &str, settings: &[Setting]) -> Result<Option<String>, String> {
    let before: Value = serde_json::from_str(envelope).map_err(|error| format!("its body is not JSON: {error}"))?;
    let mut after = before.clone();
    for setting in settings {
        let mut place = match after.get_mut("detail") {
            Some(detail) if detail["event"].is_object() => &mut detail["event"],
            Some(detail) => detail,
            None => return Err("its body has no detail".to_owned()),
        };
        let Some((last, parents)) = setting.path.split_last() else { continue };
        for parent in parents {
            place = place.get_mut(parent).ok_or_else(|| format!("the event has no {parent}"))?;
        }
        let object = place.as_object_mut().ok_or_else(|| format!("{} has no fields", setting.path.join(".")))?;
        if setting.value.is_null() {
            object.remove(last);
        } else {
            object.insert(last.clone(), setting.value.clone());
        }
    }
    Ok((after != before).then(|| after.to_string()))
}

/// Checks a mended envelope as the stage will. `Err` names every fault.
pub fn check_mended(envelope: &str, now: Timestamp) -> Result<(), String> {
    let envelope = Envelope::parse(envelope.as_bytes()).map_err(|rejection| rejection.summary())?;
    let checked = match envelope.detail_type.as_str() {
        DETAIL_TYPE_RAW => validate(&envelope.detail, &Receipt::new(&envelope, now, MAX_FUTURE_SKEW)).map(|_| ()),
        DETAIL_TYPE_VALIDATED => ValidatedDetail::from_json(&envelope.detail).map(|_| ()),
        DETAIL_TYPE_ALERT => AlertDetail::from_json(&envelope.detail).map(|_| ()),
        other => return Err(format!("detail-type: {other:?} is none that a stage takes")),
    };
    checked.map_err(|rejection| rejection.summary())
}

/// What changes, as a unified diff.
pub fn difference(name: &str, before: &str, after: &str) -> String {
    let pretty = |text: &str| {
        let value = serde_json::from_str::<Value>(text).and_then(|value| serde_json::to_string_pretty(&value));
        value.unwrap_or_else(|_| text.to_owned()) + "\n"
    };
    let (before, after) = (pretty(before), pretty(after));
    let diff = TextDiff::from_lines(&before, &after);
    diff.unified_diff().context_radius(2).header(&format!("{name} as it is"), &format!("{name} mended")).to_string()
}

/// New envelopes, by the letters' message ids.
pub type Mended = BTreeMap<MessageId, String>;

/// A letter as it is laid before a person in an editor.
#[derive(Debug, Serialize, Deserialize)]
struct Sheet {
    message_id: MessageId,
    /// Why it is a dead letter; not read back.
    #[serde(default)]
    reason: String,
    /// The envelope; text when it is not JSON.
    envelope: Value,
}

/// Letters for an editor: one JSON object each, a blank line between.
pub fn sheets(selection: &Selection, mended: &Mended) -> String {
    let sheet = |letter: &DeadLetter| {
        let sheet = Sheet {
            message_id: letter.message_id.clone(),
            reason: format!("{}: {}", letter.code, letter.message),
            envelope: as_json(mended.get(&letter.message_id).unwrap_or(&letter.body)),
        };
        serde_json::to_string_pretty(&sheet).unwrap_or_default() + "\n"
    };
    selection.letters.iter().map(|(_, letter)| sheet(letter)).collect::<Vec<_>>().join("\n")
}

fn as_json(body: &str) -> Value {
    serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()))
}

/// Reads back what came out of the editor into `mended`; letters that were taken out of the text are taken out of the
/// selection. `Err` says what cannot be read.
pub fn from_sheets(text: &str, selection: &mut Selection, mended: &mut Mended) -> Result<(), String> {
    let mut kept: HashMap<MessageId, Value> = HashMap::new();
    for sheet in serde_json::Deserializer::from_str(text).into_iter::<Value>() {
        // By way of a value: reading into a struct would change how numbers are written.
        let sheet = sheet.map_err(|error| format!("it is no longer JSON: {error}"))?;
        let sheet: Sheet = serde_json::from_value(sheet).map_err(|error| format!("a letter is incomplete: {error}"))?;
        if !selection.letters.iter().any(|(_, letter)| letter.message_id == sheet.message_id) {
            return Err(format!("there was no letter {}", sheet.message_id));
        }
        kept.insert(sheet.message_id, sheet.envelope);
    }
    let all = selection.letters.len();
    selection.letters.retain(|(_, letter)| kept.contains_key(&letter.message_id));
    selection.others += all - selection.letters.len();
    for (_, letter) in &selection.letters {
        if let Some(envelope) = kept.remove(&letter.message_id)
            && envelope != as_json(mended.get(&letter.message_id).unwrap_or(&letter.body))
        {
            let text = envelope.as_str().map_or_else(|| envelope.to_string(), str::to_owned);
            mended.insert(letter.message_id.clone(), text);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::dead_letters::samples::rejected;
    use crate::stack::StageName;

    const NOW: &str = "2026-11-22T12:00:00Z";

    fn envelope(price: &str) -> String {
        format!(
            r#"{{"version":"0","id":"bus-1","detail-type":"MarketData.Raw","source":"marketdata.feed.x","time":"{NOW}",
            "detail":{{"event_id":"e1","event_type":"trade","symbol":"BTCUSDT","price":{price},"size":"0.0002630"}}}}"#
        )
    }

    fn settings(texts: &[&str]) -> Vec<Setting> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn settings_change_the_event_and_keep_the_digits_of_the_rest() {
        let mended = mend(&envelope("-1"), &settings(&["price=39432.480", "side=buy"])).unwrap().unwrap();
        assert!(mended.contains(r#""price":39432.480"#) && mended.contains(r#""size":"0.0002630""#), "{mended}");
        assert!(mended.contains(r#""side":"buy""#), "{mended}");
        assert_eq!(check_mended(&mended, NOW.parse().unwrap()), Ok(()));
        assert_eq!(mend(&envelope("1"), &settings(&["price=1"])), Ok(None));
        assert!(mend("not json", &settings(&["price=1"])).is_err());
        for wrong in ["price", "=1", "a..b=1"] {
            assert!(wrong.parse::<Setting>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn settings_of_derived_events_are_about_the_event_in_them() {
        let derived = r#"{"detail":{"event_id":"e1:validated","event":{"event_id":"e1","price":"1"}}}"#;
        let mended = mend(derived, &settings(&["price=\"2\"", "event_id=null"])).unwrap().unwrap();
        let mended: Value = serde_json::from_str(&mended).unwrap();
        assert_eq!(mended, serde_json::json!({"detail": {"event": {"price": "2"}, "event_id": "e1:validated"}}));
    }

    #[test]
    fn what_is_still_wrong_is_named() {
        let error = check_mended(&envelope("-2"), NOW.parse().unwrap()).unwrap_err();
        assert!(error.contains("price"), "{error}");
    }

    #[test]
    fn a_difference_shows_the_field() {
        let diff = difference("m1", &envelope("\"-1\""), &envelope("\"1\""));
        assert!(diff.contains("-    \"price\": \"-1\"") && diff.contains("+    \"price\": \"1\""), "{diff}");
        assert!(diff.starts_with("--- m1 as it is\n+++ m1 mended\n"), "{diff}");
    }

    #[test]
    fn an_editor_may_change_letters_and_take_them_out() {
        let letter = |id: &str| (StageName::Ingestion, rejected(id, "VALIDATION", "price"));
        let mut selection = Selection { letters: vec![letter("a"), letter("b"), letter("c")], others: 1 };
        let text = sheets(&selection, &Mended::new());
        assert!(text.contains(r#""reason": "VALIDATION: price""#), "{text}");
        let mut mended = Mended::new();
        from_sheets(&text, &mut selection, &mut mended).unwrap();
        assert!(mended.is_empty(), "what was not touched is sent byte for byte");

        let sheets: Vec<&str> = text.split("\n\n").collect();
        let edited = format!("{}\n{}", sheets[0].replace("-1", "1"), sheets[2]);
        from_sheets(&edited, &mut selection, &mut mended).unwrap();
        let ids: Vec<_> = selection.letters.iter().map(|(_, letter)| letter.message_id.as_str()).collect();
        assert_eq!((ids, selection.others), (vec!["m-a", "m-c"], 2));
        assert!(mended.len() == 1 && mended["m-a"].contains(r#""price":"1""#), "{mended:?}");

        assert!(from_sheets("{", &mut selection, &mut mended).is_err());
        assert!(from_sheets(r#"{"message_id":"other","envelope":{}}"#, &mut selection, &mut mended).is_err());
    }
}
