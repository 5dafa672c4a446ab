//! A test event: what is typed into its form, checked as `opsctl send-test-event` checks its options.

use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};
use market::envelope::SOURCE_FEED_PREFIX;
use rust_decimal::Decimal;
use tui_input::Input;

use crate::feed::event::FeedEvent;
use crate::feed::generate::{Kind, Walk};

/// The feed that test events are published as; the command's default too.
pub(super) const FEED: &str = "opsctl";

/// The form.
#[derive(Debug, Clone)]
pub struct Form {
    /// What is typed, field by field.
    pub fields: [Input; Self::NAMES.len()],
    /// The field that is typed in.
    pub focus: usize,
    /// Why it cannot be sent as it is.
    pub error: Option<String>,
}

/// What an event that may be sent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestEvent {
    /// Its kind.
    pub kind: Kind,
    /// Its symbol.
    pub symbol: String,
    /// Price of the trade or bar, bid of the quote.
    pub price: Decimal,
    /// Size of the trade, sizes of the quote, volume of the bar.
    pub size: Decimal,
}

impl Default for Form {
    fn default() -> Self {
        let fields = Self::DEFAULTS.map(|text| Input::new(text.to_owned()));
        // The symbol is what most people change.
        Self { fields, focus: 1, error: None }
    }
}

impl Form {
    /// What the fields are called.
    pub const NAMES: [&'static str; 4] = ["type", "symbol", "price", "size"];
    /// What each takes.
    pub const HINTS: [&'static str; 4] = [
        "trade, quote or bar",
        "A-Z 0-9 . / : _ -, at most 32",
        "trade or bar; of a quote its bid",
        "or the bar's volume",
    ];
    const DEFAULTS: [&'static str; 4] = ["trade", "TEST", "100.00", "1"];

    /// A form with what was given on a line: symbol, price, type, size.
    pub fn filled(line: &str) -> Self {
        let mut form = Self::default();
        for (word, field) in line.split_whitespace().zip([1, 2, 0, 3]) {
            form.fields[field] = Input::new(word.to_owned());
        }
        form
    }

    /// The field that is typed in.
    pub fn field(&mut self) -> &mut Input {
        &mut self.fields[self.focus.min(Self::NAMES.len() - 1)]
    }

    /// Goes to another field.
    pub fn step(&mut self, by: isize) {
        let count = Self::NAMES.len();
        self.focus = (self.focus + count).saturating_add_signed(by) % count;
    }

    /// What the form describes, checked with the pipeline's own validation; else why it would be rejected.
    pub fn read(&self, now: Timestamp) -> Result<TestEvent, String> {
        let [kind, symbol, price, size] = &self.fields;
        let kind = kind.value().trim().to_lowercase();
        let is_kind = |known: &&Kind| {
            known.to_possible_value().is_some_and(|value| !kind.is_empty() && value.get_name().starts_with(&kind))
        };
        let kind = Kind::value_variants().iter().find(is_kind).copied();
        let kind = kind.ok_or_else(|| "type: it is trade, quote or bar".to_owned())?;
        let number = |name: &str, text: &str| {
            text.trim().parse::<Decimal>().map_err(|_| format!("{name}: {text:?} is no number, such as 39432.48"))
        };
        let (price, size) = (number("price", price.value())?, number("size", size.value())?);
        let event = TestEvent { kind, symbol: symbol.value().trim().to_owned(), price, size };
        event.make("check", now)?;
        Ok(event)
    }
}

impl TestEvent {
    /// The event itself, with an id of its own; else why the pipeline would reject it.
    pub(super) fn make(&self, run: &str, now: Timestamp) -> Result<FeedEvent, String> {
        let walk = Walk {
            kind: self.kind,
            symbol: self.symbol.clone(),
            price: self.price,
            size: self.size,
            count: 1,
            start: now,
            step: SignedDuration::from_millis(1),
            seed: 1,
            prefix: format!("opsctl-{run}"),
        };
        let event = walk.events().pop().ok_or_else(|| "there is no event".to_owned())?;
        let source = format!("{SOURCE_FEED_PREFIX}.{FEED}");
        event.check(&source, now).map_err(|rejection| rejection.summary())?;
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::snapshot::samples::now;

    #[test]
    fn the_defaults_can_be_sent_and_a_line_fills_the_form() {
        let event = Form::default().read(now()).unwrap();
        assert_eq!((event.kind, event.symbol.as_str()), (Kind::Trade, "TEST"));
        let quote = Form::filled("BTCUSDT 39432.480 q").read(now()).unwrap();
        assert_eq!((quote.kind, quote.symbol.as_str()), (Kind::Quote, "BTCUSDT"));
        let made = quote.make("r1", now()).unwrap();
        assert_eq!(made.event_id(), Some("opsctl-r1-1"));
        assert_eq!(made.detail["bid"], "39432.480", "digits are kept");
    }

    #[test]
    fn what_the_pipeline_would_reject_is_not_sent() {
        for (line, why) in [
            ("BTCUSDT -1", "price"),
            ("BTCUSDT cheap", "price"),
            ("btc", "symbol"),
            ("BTCUSDT 1 option", "type"),
            ("BTCUSDT 1 trade 0", "size"),
        ] {
            let error = Form::filled(line).read(now()).unwrap_err();
            assert!(error.contains(why), "{line}: {error}");
        }
    }

    #[test]
    fn the_fields_are_gone_through_in_both_directions() {
        let mut form = Form::default();
        form.step(-1);
        form.step(-1);
        assert_eq!(form.focus, 3);
        form.step(1);
        assert_eq!(form.focus, 0);
    }
}
