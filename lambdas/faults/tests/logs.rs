//! What the functions write about an event: how much, and how much more if everything is to be logged about it.
//!
//! A binary of its own: tracing asks the subscriber of whichever thread comes first whether a line is wanted at all, and
//! remembers its answer for the others. Here every thread that logs has one that wants it.
#![allow(clippy::unwrap_used)]

use std::io;
use std::sync::{Arc, Mutex};

use faults::World;
use faults::samples::{trade, world};
use pipeline::telemetry::{logs, metrics::Sink};
use serde_json::{Value, json};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;

/// Most bytes of log lines of one event at one stage, at level INFO.
const MAX_LOG_BYTES: usize = 400;
/// Most bytes of the line of metrics beside them.
const MAX_METRIC_BYTES: usize = 550;

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    /// What has been written since the last time, line by line.
    fn take(&self) -> Vec<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap());
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }
}

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A world, its log and its metrics.
struct Observed {
    world: World,
    logs: Output,
    metrics: Output,
}

impl Observed {
    /// Runs with the real layer at level INFO.
    fn run(test: impl FnOnce(&mut Self)) {
        let (logs, metrics) = (Output::default(), Output::default());
        let writer = logs.clone();
        let layer = logs::layer(LevelFilter::INFO, move || writer.clone());
        let world = world().with_metrics(Sink::to(metrics.clone()));
        let mut observed = Self { world, logs, metrics };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || test(&mut observed));
    }

    fn publish(&mut self, event: &Value) {
        self.world.publish(event);
        self.world.run(&[]);
    }
}

/// The lines of a stage.
fn of<'a>(lines: &'a [String], field: &str, stage: &str) -> Vec<&'a String> {
    let is_its = |line: &&String| serde_json::from_str::<Value>(line).unwrap()[field] == stage;
    lines.iter().filter(is_its).collect()
}

#[test]
fn an_event_is_one_short_line_a_stage() {
    Observed::run(|observed| {
        // Warm environments.
        observed.publish(&trade("first", 1, "115"));
        observed.logs.take();
        observed.metrics.take();
        // Ids of a usual length; told about at notification, and suppressed there.
        for (second, price, status) in [(2, "115", "SENT"), (3, "105", "SUPPRESSED")] {
            observed.publish(&trade(&format!("0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f{second}"), second, price));
            let (logs, metrics) = (observed.logs.take(), observed.metrics.take());
            for (stage, status) in [("ingestion", "STORED"), ("processing", "PROCESSED"), ("notification", status)] {
                let (lines, counts) = (of(&logs, "stage", stage), of(&metrics, "Stage", stage));
                assert_eq!((lines.len(), counts.len()), (1, 1), "{logs:#?} {metrics:#?}");
                let line: Value = serde_json::from_str(lines[0]).unwrap();
                assert_eq!((&line["status"], &line["level"]), (&json!(status), &json!("INFO")));
                for (line, most) in [(lines[0], MAX_LOG_BYTES), (counts[0], MAX_METRIC_BYTES)] {
                    println!("{stage} {status}: {} of {most} bytes", line.len() + 1);
                    assert!(line.len() < most, "{} bytes: {line}", line.len() + 1);
                }
            }
        }
    });
}

#[test]
fn an_event_that_asks_for_it_is_followed_through_all_stages() {
    Observed::run(|observed| {
        let mut event = trade("e-1", 1, "115");
        event["metadata"] = json!({"debug": true});
        observed.publish(&event);
        let logs = observed.logs.take();
        for (stage, message) in
            [("ingestion", "event is valid"), ("processing", "event judged"), ("notification", "rule fired")]
        {
            let lines: Vec<Value> =
                of(&logs, "stage", stage).into_iter().map(|line| serde_json::from_str(line).unwrap()).collect();
            assert!(lines.iter().any(|line| line["message"] == message), "{stage}: {lines:#?}");
            assert!(lines.iter().all(|line| line["debug"] == true && line["event_id"] == "e-1"), "{lines:#?}");
        }
        let flags: Vec<_> =
            observed.world.aws.details().iter().map(|detail| detail["metadata"]["debug"].clone()).collect();
        assert_eq!(flags, [true, true]);

        observed.publish(&trade("e-2", 2, "115"));
        let logs = observed.logs.take();
        assert_eq!(logs.len(), 3, "of another event one line a stage: {logs:#?}");
        assert!(logs.iter().all(|line| !line.contains("debug")));
    });
}

#[test]
fn a_share_of_the_events_is_followed_and_always_the_same() {
    Observed::run(|observed| {
        observed.world.aws.set("ingestion/config", r#"{"debug_sample_rate":0.5}"#);
        let mut followed = Vec::new();
        for _ in 0..2 {
            for number in 0..20 {
                observed.publish(&trade(&format!("e-{number}"), number, "99"));
            }
            let logs = observed.logs.take();
            followed.push(
                (0..20)
                    .map(|number| {
                        logs.iter().any(|line| {
                            line.contains("\"debug\":true") && line.contains(&format!("\"event_id\":\"e-{number}\""))
                        })
                    })
                    .collect::<Vec<_>>(),
            );
        }
        assert_eq!(followed[0], followed[1]);
        let share = followed[0].iter().filter(|followed| **followed).count();
        assert!((4..=16).contains(&share), "{share} of 20");
    });
}

#[test]
fn rules_that_are_not_valid_are_counted_and_the_last_valid_ones_alert() {
    Observed::run(|observed| {
        observed.world.aws.set("alert-rules", r#"{"version":1,"rules":[{"id":"NOT VALID"}]}"#);
        observed.publish(&trade("e-1", 1, "115"));
        assert_eq!(observed.world.outcome().mails.len(), 2);
        let metrics = observed.metrics.take();
        let counted: Vec<_> =
            metrics.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["RulesInvalid"].clone()).collect();
        assert_eq!(counted, [Value::Null, json!(1), json!(1)], "processing and notification read the rules");
        let logs = observed.logs.take();
        let loud = |line: &&String| line.contains("\"level\":\"ERROR\"") && line.contains("rules[0].id");
        assert_eq!(logs.iter().filter(loud).count(), 2, "{logs:#?}");
    });
}
