//! One line of `CloudWatch`'s embedded metric format an invocation: namespace `MarketData`, dimension `Stage`. Never a
//! dimension by symbol: each combination would be a metric to pay for. The symbol, the ids and the status ride along as
//! properties, which Logs Insights can group by.

use std::io;
use std::time::{Duration, SystemTime};

use metrique::emf::Emf;
use metrique::unit::{Count, Millisecond};
use metrique::unit_of_work::metrics;
use metrique::writer::sink::FlushImmediately;
use metrique::writer::{BoxEntrySink, FormatExt as _};

/// What an invocation counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events that were there already with the same content, or whose work was done already.
    pub duplicates: u64,
    /// Events whose identity was taken by other content.
    pub conflicts: u64,
    /// Events enriched and marked PROCESSED.
    pub processed: u64,
    /// Processing: Alert events published. Notification: messages sent.
    pub alerts: u64,
    /// Messages not sent because of a cool-down.
    pub suppressed: u64,
    /// Invocations that found an alert rules parameter which is not valid.
    pub rules_invalid: u64,
    /// How long after the exchange's time the event was received; not for replays.
    pub feed_lag: Option<Duration>,
}

/// The line. `CloudWatch` names: `Received`, `Rejected`, `Failed`, `Duplicates`, `Conflicts`, `Processed`, `Alerts`,
/// `Suppressed`, `RulesInvalid`, `ColdStart` (counts), `FeedLag`, `StageLatency` (milliseconds). What was not counted is
/// left out: a metric costs about a hundred bytes of log with every event.
#[metrics(rename_all = "PascalCase", emf::dimension_sets = [["Stage"]])]
pub(crate) struct Line {
    #[metrics(timestamp)]
    pub(crate) timestamp: SystemTime,
    pub(crate) stage: &'static str,
    #[metrics(unit = Count)]
    pub(crate) received: u64,
    #[metrics(unit = Count)]
    pub(crate) rejected: Option<u64>,
    #[metrics(unit = Count)]
    pub(crate) failed: Option<u64>,
    #[metrics(unit = Count)]
    pub(crate) duplicates: Option<u64>,
    #[metrics(unit = Count)]
    pub(crate) conflicts: Option<u64>,
    #[metrics(unit = Count)]
    pub(crate) processed: Option<u64>,
    #[metrics(unit = Count)]
    pub(crate) alerts: Option<u64>,
    #[metrics(unit = Count)]
    pub(crate) suppressed: Option<u64>,
    #[metrics(unit = Count)]
    pub(crate) rules_invalid: Option<u64>,
    #[metrics(unit = Count)]
    pub(crate) cold_start: Option<u64>,
    #[metrics(unit = Millisecond)]
    pub(crate) feed_lag: Option<Duration>,
    #[metrics(unit = Millisecond)]
    pub(crate) stage_latency: Duration,
    #[metrics(name = "status")]
    pub(crate) status: &'static str,
    #[metrics(name = "request_id")]
    pub(crate) request_id: String,
    #[metrics(name = "event_id")]
    pub(crate) event_id: String,
    #[metrics(name = "symbol")]
    pub(crate) symbol: String,
}

/// A count for the line: none if nothing was counted.
pub(crate) fn counted(count: u64) -> Option<u64> {
    (count > 0).then_some(count)
}

/// Where the lines go.
#[derive(Clone)]
pub struct Sink(BoxEntrySink);

impl Sink {
    /// Writes each line to `output` at once: Lambda may freeze the process after the answer, so nothing waits in a queue.
    pub fn to(output: impl io::Write + Send + Sync + 'static) -> Self {
        let emf = Emf::builder(super::NAMESPACE.to_owned(), vec![vec![]]).build();
        Self(FlushImmediately::new_boxed(emf.output_to(output)))
    }

    pub(crate) fn write(&self, line: Line) {
        drop(line.append_on_drop(self.0.clone()));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::telemetry::testing::Buffer;

    fn line() -> Line {
        Line {
            timestamp: SystemTime::UNIX_EPOCH + Duration::from_millis(1_610_064_000_278),
            stage: "ingestion",
            received: 1,
            rejected: None,
            failed: None,
            duplicates: None,
            conflicts: None,
            processed: None,
            alerts: None,
            suppressed: None,
            rules_invalid: None,
            cold_start: Some(1),
            feed_lag: Some(Duration::from_millis(250)),
            stage_latency: Duration::from_millis(12),
            status: "STORED",
            request_id: "r-1".to_owned(),
            event_id: "e-1".to_owned(),
            symbol: "BTCUSDT".to_owned(),
        }
    }

    fn written(line: Line) -> Value {
        let buffer = Buffer::default();
        Sink::to(buffer.clone()).write(line);
        serde_json::from_str(&buffer.text()).unwrap()
    }

    #[test]
    fn a_line_is_in_the_embedded_metric_format() {
        let value = written(line());
        assert_eq!(value["_aws"]["Timestamp"], json!(1_610_064_000_278_u64));
        let directive = &value["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "MarketData");
        assert_eq!(directive["Dimensions"], json!([["Stage"]]));
        let mut names: Vec<_> =
            directive["Metrics"].as_array().unwrap().iter().map(|metric| metric["Name"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ["ColdStart", "FeedLag", "Received", "StageLatency"]);
        assert_eq!(value["Stage"], "ingestion");
        assert_eq!(value["FeedLag"], json!(250));
        assert_eq!(value["symbol"], "BTCUSDT");
    }

    #[test]
    fn what_was_not_measured_or_counted_is_not_there() {
        let value = written(Line { feed_lag: None, cold_start: counted(0), suppressed: counted(2), ..line() });
        assert_eq!((value.get("FeedLag"), value.get("ColdStart")), (None, None));
        assert_eq!(value["Suppressed"], 2);
        let metrics = value["_aws"]["CloudWatchMetrics"][0]["Metrics"].as_array().unwrap();
        assert!(metrics.iter().all(|metric| !["FeedLag", "ColdStart"].contains(&metric["Name"].as_str().unwrap())));
    }
}
