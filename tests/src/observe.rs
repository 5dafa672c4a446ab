//! What a stage does when an event and a poison event are sent to it: five facts, each of which hangs on permissions of
//! its role.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::primitives::DateTime;
use aws_sdk_cloudwatch::types::{Dimension, Statistic};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::events::{id, time, trade, unique};
use crate::stack::Stack;
use crate::wait::{PATIENCE, until};

/// Something that a healthy stage does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fact {
    /// Handles a good event without a dead letter.
    Works,
    /// Sends a poison event, with its reason, to its own dead letter queue.
    Rejects,
    /// Its trace segments arrive.
    Traces,
    /// Its X-Ray daemon's telemetry arrives.
    Reports,
    /// Its log lines arrive (seen by the metrics embedded in them).
    Logs,
}

/// All five.
pub const HEALTHY: [Fact; 5] = [Fact::Works, Fact::Rejects, Fact::Traces, Fact::Reports, Fact::Logs];

/// The counters whose growth tells of an attempt, allowed or denied.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Tally {
    segments_stored: u64,
    segments_denied: u64,
    telemetry_sent: u64,
    telemetry_denied: u64,
    logged: f64,
    letters_lost: f64,
}

/// A symbol with one calm trade: the next trade 3 % above it must raise an alert.
#[derive(Debug)]
pub struct Primed {
    symbol: String,
}

impl Stack {
    /// Prepares [`Stack::observe`], while all roles are whole.
    ///
    /// # Panics
    /// When the calm trade is not processed.
    pub async fn primed(&self) -> Primed {
        let symbol = unique("OBS");
        let calm = trade(&symbol, "100", &time(3000));
        self.publish(std::slice::from_ref(&calm)).await;
        self.processed(&calm).await;
        Primed { symbol }
    }

    /// Sends a good event, which raises an alert, and a poison event to the stage, and tells which facts hold.
    ///
    /// # Panics
    /// When neither the presence nor the absence of a fact shows itself.
    pub async fn observe(&self, stage: &str, primed: Primed) -> BTreeSet<Fact> {
        let before = self.tally(stage).await;
        let mut facts = BTreeSet::new();

        let jump = trade(&primed.symbol, "103", &time(0));
        self.publish_traced(std::slice::from_ref(&jump), Some(&sampled())).await;
        if self.works(stage, &jump).await {
            facts.insert(Fact::Works);
        }
        if self.rejects(stage, before).await {
            facts.insert(Fact::Rejects);
        }
        let after = until(&format!("{stage}'s segments and telemetry, stored or denied"), PATIENCE, || async {
            let now = self.tally(stage).await;
            let told = now.segments_stored + now.segments_denied > before.segments_stored + before.segments_denied
                && now.telemetry_sent + now.telemetry_denied > before.telemetry_sent + before.telemetry_denied;
            if told { Ok(now) } else { Err(format!("{before:?} before, {now:?} now")) }
        })
        .await;
        if after.segments_stored > before.segments_stored {
            facts.insert(Fact::Traces);
        }
        if after.telemetry_sent > before.telemetry_sent {
            facts.insert(Fact::Reports);
        }
        // Log lines are stored when the invocation ends, which the dead letter or the segments may overtake by a moment.
        for _ in 0..20 {
            if self.tally(stage).await.logged > before.logged {
                facts.insert(Fact::Logs);
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        facts
    }

    /// Whether the stage handles the event; a dead letter says that it does not.
    async fn works(&self, stage: &str, event: &Value) -> bool {
        let done = match stage {
            "ingestion" => "STORED",
            "processing" => "PROCESSED",
            _ => "SENT",
        };
        until(&format!("{stage} handles {} or gives it up", id(event)), PATIENCE, || async {
            if !self.take_dead_letters(self.stage(stage), id(event)).await.is_empty() {
                return Ok(false);
            }
            let statuses = self.audit_statuses(id(event), stage).await;
            if statuses.iter().any(|status| status == done) { Ok(true) } else { Err(format!("{statuses:?}")) }
        })
        .await
    }

    /// Whether a poison event ends in the queue with the function's own reason. Lambda's dead letter instead, or none at
    /// all (which it counts), says that it does not.
    async fn rejects(&self, stage: &str, before: Tally) -> bool {
        let poison = unique("POISON-");
        let (detail_type, source, detail) = match stage {
            "ingestion" => {
                ("MarketData.Raw", "marketdata.feed.test", json!({"event_id": poison, "event_type": "trade"}))
            }
            "processing" => ("MarketData.Validated", "marketdata.ingestion", json!({"event_id": poison})),
            _ => ("MarketData.Alert", "marketdata.processing", json!({"event_id": poison})),
        };
        let entry = self.entry(detail_type, source, &detail, Some(&sampled()));
        self.eventbridge.put_events().entries(entry).send().await.expect("PutEvents");
        until(&format!("{stage} rejects {poison}, or fails to"), PATIENCE, || async {
            if let Some(letter) = self.take_dead_letters(self.stage(stage), &poison).await.first() {
                return Ok(letter.attribute("Stage") == stage);
            }
            let lost = self.tally(stage).await.letters_lost;
            if lost > before.letters_lost { Ok(false) } else { Err("no dead letter, none lost".into()) }
        })
        .await
    }

    async fn tally(&self, stage: &str) -> Tally {
        let function = &self.stage(stage).function_name;
        let status = self.get("/_local_aws/status").await;
        let counts = &status["xray"]["functions"][function.as_str()];
        let count = |name: &str| counts[name].as_u64().unwrap_or_default();
        Tally {
            segments_stored: count("segments_stored"),
            segments_denied: count("segments_denied"),
            telemetry_sent: count("telemetry_sent"),
            telemetry_denied: count("telemetry_denied"),
            logged: self.sum("MarketData", "Received", "Stage", stage).await,
            letters_lost: self.sum("AWS/Lambda", "DeadLetterErrors", "FunctionName", function).await,
        }
    }

    /// The sum of a metric over the last hours: it only grows while the tests run.
    async fn sum(&self, namespace: &str, metric: &str, dimension: &str, value: &str) -> f64 {
        let now = jiff::Timestamp::now().as_second();
        let statistics = self
            .cloudwatch
            .get_metric_statistics()
            .namespace(namespace)
            .metric_name(metric)
            .dimensions(Dimension::builder().name(dimension).value(value).build())
            .start_time(DateTime::from_secs(now - 6 * 3600))
            .end_time(DateTime::from_secs(now + 60))
            .period(60)
            .statistics(Statistic::Sum)
            .send()
            .await
            .expect("GetMetricStatistics");
        statistics.datapoints().iter().filter_map(aws_sdk_cloudwatch::types::Datapoint::sum).sum()
    }

    /// A page of the emulator that AWS does not have.
    async fn get(&self, path: &str) -> Value {
        let address = self.endpoint.trim_start_matches("http://");
        let mut stream = tokio::net::TcpStream::connect(address).await.expect("the emulator listens");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("write");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("read");
        let start = answer.find('{').unwrap_or_else(|| panic!("no JSON at {path}: {answer}"));
        let end = answer.rfind('}').expect("JSON ends");
        serde_json::from_str(&answer[start..=end]).unwrap_or_else(|error| panic!("{path}: {error}: {answer}"))
    }

    /// Ends the function's warm environments, as any change of its configuration does: settings are read anew.
    ///
    /// # Panics
    /// When the function cannot be changed.
    pub async fn recycle(&self, stage: &str) {
        let function = &self.stage(stage).function_name;
        let current =
            self.lambda.get_function_configuration().function_name(function).send().await.expect("configuration");
        let update = self.lambda.update_function_configuration().function_name(function).set_timeout(current.timeout);
        update.send().await.expect("UpdateFunctionConfiguration");
    }
}

/// A header that asks for tracing.
fn sampled() -> String {
    let now = jiff::Timestamp::now();
    format!("Root=1-{:08x}-{:024x};Sampled=1", now.as_second(), now.as_nanosecond())
}
