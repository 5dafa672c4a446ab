//! The AWS between and behind the functions: tables, parameters, the bus, and Lambda's asynchronous queues.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::http::Answer;
use crate::latency::{Model, Random};
use crate::sample::Sample;
use crate::store::Store;

/// The stages, in the order of the pipeline.
pub(crate) const STAGES: [&str; 3] = ["ingestion", "processing", "notification"];
/// The prefix of the parameters.
pub(crate) const PREFIX: &str = "/market-data/bench";
/// Lambda's attempts of an asynchronous invocation.
const ATTEMPTS: u32 = 3;
/// Lambda waits 1 and 2 minutes; here nothing is gained by it.
const RETRY_AFTER: Duration = Duration::from_millis(200);

/// An event in a stage's queue.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) envelope: Arc<str>,
    pub(crate) request_id: String,
    pub(crate) sampled: bool,
    attempt: u32,
}

/// A stage's asynchronous queue: unbounded, in order, each event to one environment.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<VecDeque<Message>>,
    ready: Semaphore,
}

impl Default for Queue {
    fn default() -> Self {
        Self { waiting: Mutex::default(), ready: Semaphore::new(0) }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queue {
    fn push(&self, message: Message) {
        lock(&self.waiting).push_back(message);
        self.ready.add_permits(1);
    }

    /// The next event, as soon as there is one. None once the queue is closed.
    pub(crate) async fn pop(&self) -> Option<Message> {
        self.ready.acquire().await.ok()?.forget();
        lock(&self.waiting).pop_front()
    }

    pub(crate) fn depth(&self) -> usize {
        lock(&self.waiting).len()
    }
}

/// What happened to the events.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// When each was published.
    published: HashMap<String, Instant>,
    /// How long until each was PROCESSED, and how often it was marked so.
    pub(crate) end_to_end: Vec<Duration>,
    pub(crate) processed: HashMap<String, usize>,
    pub(crate) samples: [Vec<Sample>; 3],
    /// Attempts that returned an error, with the first few messages.
    pub(crate) errors: usize,
    pub(crate) messages: Vec<String>,
    /// Events given up by Lambda, and events that a function rejected.
    pub(crate) dead_letters: usize,
    pub(crate) mails: usize,
    pub(crate) last_processed: Option<Instant>,
}

/// The cloud.
#[derive(Debug)]
pub(crate) struct Cloud {
    pub(crate) queues: [Queue; 3],
    pub(crate) ledger: Mutex<Ledger>,
    pub(crate) store: Mutex<Store>,
    /// Each second, how many events wait in each queue.
    pub(crate) backlog: Mutex<Vec<[usize; 3]>>,
    model: Model,
    random: Mutex<Random>,
    parameters: BTreeMap<String, String>,
    ids: AtomicUsize,
    /// Events on their way, in a queue or in a function.
    under_way: AtomicUsize,
}

impl Cloud {
    pub(crate) fn new(model: Model, rules: &str) -> Arc<Self> {
        let parameters = [
            ("events-table", "dynamodb-events-bench"),
            ("audit-table", "dynamodb-audit-bench"),
            ("event-bus-name", "eventbridge-market-data-bench"),
            ("ingestion/dlq-url", "https://sqs.us-east-1.amazonaws.com/000000000000/sqs-ingestion-dlq-bench"),
            ("processing/dlq-url", "https://sqs.us-east-1.amazonaws.com/000000000000/sqs-processing-dlq-bench"),
            ("notification/dlq-url", "https://sqs.us-east-1.amazonaws.com/000000000000/sqs-notification-dlq-bench"),
            ("ingestion/config", r#"{"max_future_skew_seconds":300}"#),
            ("processing/config", r#"{"window_size":50}"#),
            ("alert-rules", rules),
            ("alerts-topic-arn", "arn:aws:sns:us-east-1:000000000000:sns-alerts-bench"),
            (
                "notification/config",
                r#"{"console_url_base":"https://console.aws.amazon.com","runbook_url":"https://example.com/runbook"}"#,
            ),
        ];
        let parameters = parameters.map(|(name, value)| (format!("{PREFIX}/{name}"), value.to_owned())).into();
        Arc::new(Self {
            queues: Default::default(),
            ledger: Mutex::default(),
            store: Mutex::default(),
            backlog: Mutex::default(),
            model,
            random: Mutex::new(Random::new(20_210_108)),
            parameters,
            ids: AtomicUsize::new(0),
            under_way: AtomicUsize::new(0),
        })
    }

    /// Publishes a raw event, as a feed does.
    pub(crate) fn feed(self: &Arc<Self>, event_id: &str, detail: &str) {
        lock(&self.ledger).published.insert(event_id.to_owned(), Instant::now());
        self.publish("MarketData.Raw", "marketdata.feed.bench", detail);
    }

    /// Puts an event on the bus; its rule's target gets it a little later.
    fn publish(self: &Arc<Self>, detail_type: &str, source: &str, detail: &str) {
        let stage = match (detail_type, source) {
            ("MarketData.Raw", _) => 0,
            ("MarketData.Validated", "marketdata.ingestion") => 1,
            ("MarketData.Alert", "marketdata.processing") => 2,
            _ => return,
        };
        self.under_way.fetch_add(1, Ordering::SeqCst);
        let id = self.ids.fetch_add(1, Ordering::Relaxed);
        let time = jiff::Timestamp::now();
        let envelope = format!(
            r#"{{"version":"0","id":"00000000-0000-4000-8000-{id:012}","detail-type":"{detail_type}","source":"{source}","account":"000000000000","time":"{time:.0}","region":"us-east-1","resources":[],"detail":{detail}}}"#
        );
        let (delay, sampled) = {
            let mut random = lock(&self.random);
            // X-Ray's default: five in a hundred.
            (self.model.delivery(&mut random), random.uniform() < 0.05)
        };
        let request_id = format!("10000000-0000-4000-8000-{id:012}");
        let message = Message { envelope: envelope.into(), request_id, sampled, attempt: 1 };
        let cloud = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            cloud.queues[stage].push(message);
        });
    }

    /// An invocation returned.
    pub(crate) fn handled(&self, stage: usize, sample: Sample) {
        lock(&self.ledger).samples[stage].push(sample);
        self.under_way.fetch_sub(1, Ordering::SeqCst);
    }

    /// An invocation failed: again later, as Lambda does, and after the third time not any more.
    pub(crate) fn failed(self: &Arc<Self>, stage: usize, mut message: Message, error: &[u8]) {
        {
            let mut ledger = lock(&self.ledger);
            ledger.errors += 1;
            if ledger.messages.len() < 5 {
                ledger.messages.push(String::from_utf8_lossy(error).into_owned());
            }
            if message.attempt == ATTEMPTS {
                ledger.dead_letters += 1;
                self.under_way.fetch_sub(1, Ordering::SeqCst);
                return;
            }
        }
        message.attempt += 1;
        let cloud = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(RETRY_AFTER).await;
            cloud.queues[stage].push(message);
        });
    }

    /// Whether nothing is on its way any more.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.load(Ordering::SeqCst) == 0
    }

    /// How long AWS takes for this call.
    pub(crate) fn latency(&self, operation: &str) -> Duration {
        self.model.of(operation, &mut lock(&self.random))
    }

    /// Carries out an AWS call.
    pub(crate) fn answer(self: &Arc<Self>, operation: &str, body: &[u8]) -> Answer {
        if operation == "Publish" {
            lock(&self.ledger).mails += 1;
            return Answer::new(
                200,
                "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><PublishResult><MessageId>m</MessageId>\
                 </PublishResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></PublishResponse>",
            );
        }
        let Ok(input) = serde_json::from_slice::<Value>(body) else { return Answer::new(400, "{}") };
        let answer = match operation {
            "PutItem" | "GetItem" | "UpdateItem" | "Query" => {
                let done = lock(&self.store).apply(operation, &input);
                if let Some(event_id) = done.processed {
                    self.processed(event_id);
                }
                return Answer::new(done.status, done.body.to_string());
            }
            "PutEvents" => self.put_events(&input),
            "GetParameters" => self.get_parameters(&input),
            "SendMessage" => {
                let mut ledger = lock(&self.ledger);
                ledger.dead_letters += 1;
                if ledger.messages.len() < 5 {
                    ledger.messages.push(input["MessageAttributes"].to_string());
                }
                json!({"MessageId": "m"})
            }
            other => {
                return Answer::new(400, json!({"__type": "UnknownOperationException", "message": other}).to_string());
            }
        };
        Answer::new(200, answer.to_string())
    }

    fn processed(&self, event_id: String) {
        let mut ledger = lock(&self.ledger);
        let now = Instant::now();
        ledger.last_processed = Some(now);
        if let Some(published) = ledger.published.get(&event_id).copied() {
            ledger.end_to_end.push(now - published);
        }
        *ledger.processed.entry(event_id).or_insert(0) += 1;
    }

    fn put_events(self: &Arc<Self>, input: &Value) -> Value {
        let mut results = Vec::new();
        for entry in input["Entries"].as_array().into_iter().flatten() {
            let field = |name: &str| entry[name].as_str().unwrap_or_default();
            self.publish(field("DetailType"), field("Source"), field("Detail"));
            results.push(json!({"EventId": "e"}));
        }
        json!({"FailedEntryCount": 0, "Entries": results})
    }

    fn get_parameters(&self, input: &Value) -> Value {
        let names = input["Names"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let (found, missing): (Vec<_>, Vec<_>) = names.partition(|name| self.parameters.contains_key(*name));
        let parameters: Vec<_> = found
            .into_iter()
            .map(|name| json!({"Name": name, "Type": "String", "Value": self.parameters[name], "Version": 1}))
            .collect();
        json!({"Parameters": parameters, "InvalidParameters": missing})
    }
}
