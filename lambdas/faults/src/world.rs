//! The bus, Lambda's queues and environments around the functions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use aws_smithy_async::rt::sleep::SharedAsyncSleep;
use aws_types::region::Region;
use fake_aws::{FakeAws, Held, world};
use jiff::Timestamp;
use lambda_runtime::Diagnostic;
use market::envelope;
use pipeline::aws::SdkConfig;
use pipeline::clock::{Clock as _, elapsed, later};
use pipeline::stage::Stage;
use pipeline::telemetry::metrics::Sink;
use serde_json::{Value, json};

use crate::environment::{Environment, Invocation};
use crate::{Outcome, SimulatedClock};

/// Attempts that Lambda makes at an event.
const MAX_ATTEMPTS: u32 = 3;
/// Environments that a function may have.
const ENVIRONMENTS: usize = 10;
/// What an AWS call takes.
const CALL_TIME: Duration = Duration::from_millis(1);

/// What goes wrong with an AWS call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The service refuses it because of its load.
    Throttled,
    /// It never arrives, and the caller cannot know.
    LostRequest,
    /// It is carried out, and its answer is lost.
    LostAnswer,
    /// The process dies, and it never arrives.
    CrashBefore,
    /// The process dies when it has been carried out.
    CrashAfter,
}

impl Fault {
    /// Every fault.
    pub const ALL: [Self; 5] =
        [Self::Throttled, Self::LostRequest, Self::LostAnswer, Self::CrashBefore, Self::CrashAfter];
}

/// What may happen next.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// The waiting call is carried out.
    Call(Held),
    /// The waiting delivery, given by its position, starts in an environment.
    Start(usize),
    /// Nothing can happen before then: time passes.
    Wait(Timestamp),
}

/// An event that Lambda has in a function's queue.
#[derive(Debug, Clone)]
struct Delivery {
    stage: Stage,
    payload: String,
    request_id: String,
    /// Attempts that have failed.
    failed: u32,
    due: Timestamp,
}

/// A dead letter: what Lambda sends when its attempts are used up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Of which stage's queue.
    pub stage: Stage,
    /// The event.
    pub body: String,
    /// What the last attempt ended with.
    pub error: String,
}

struct Running {
    delivery: Delivery,
    environment: Environment,
    invocation: Invocation,
    began: Timestamp,
    woken: Arc<Woken>,
}

/// Notes that an invocation can go on.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How many have been made.
static WORLDS: AtomicUsize = AtomicUsize::new(1);

/// As long as those that AWS makes.
fn uuid(number: usize) -> String {
    format!("{number:08x}-0000-4000-8000-{number:012x}")
}

/// The pipeline and all around it.
pub struct World {
    /// What the functions call.
    pub aws: FakeAws,
    /// Whose time they live in.
    pub clock: SimulatedClock,
    /// What Lambda gave up.
    pub dead_letters: Vec<DeadLetter>,
    /// How long each invocation that has ended took.
    pub durations: Vec<(Stage, Duration)>,
    config: SdkConfig,
    metrics: Sink,
    waiting: Vec<Delivery>,
    running: BTreeMap<usize, Running>,
    idle: BTreeMap<Stage, Vec<Environment>>,
    /// Which invocation made a call.
    callers: BTreeMap<usize, usize>,
    /// Calls that are never answered.
    ignored: BTreeSet<usize>,
    /// Entries of the bus that have been routed.
    routed: usize,
    made: usize,
}

impl World {
    /// With those alert rules, at `now`, ten environments a function. The SDK does not repeat calls by itself, so that every
    /// fault reaches the functions; [`Self::with_sdk_retries`] is as it is in production.
    pub fn new(rules: &str, now: Timestamp) -> Self {
        let aws = FakeAws::pipeline();
        aws.set("alert-rules", rules);
        aws.hold();
        let clock = SimulatedClock::at(now);
        // The SDK keeps one budget of retries for each service and region in a process: not one for all worlds.
        let region = Region::new(format!("us-east-{}", WORLDS.fetch_add(1, Ordering::Relaxed)));
        let config = aws.sdk_config().into_builder().region(region);
        let config = config.sleep_impl(SharedAsyncSleep::new(clock.clone())).timeout_config(pipeline::aws::timeouts());
        Self {
            config: config.build(),
            metrics: Sink::to(std::io::sink()),
            aws,
            clock,
            dead_letters: Vec::new(),
            durations: Vec::new(),
            waiting: Vec::new(),
            running: BTreeMap::new(),
            idle: BTreeMap::new(),
            callers: BTreeMap::new(),
            ignored: BTreeSet::new(),
            routed: 0,
            made: 0,
        }
    }

    /// The SDK repeats calls as it does in production.
    #[must_use]
    pub fn with_sdk_retries(mut self) -> Self {
        self.config = self.config.into_builder().retry_config(pipeline::aws::retries()).build();
        self
    }

    /// The functions' metrics go there.
    #[must_use]
    pub fn with_metrics(mut self, metrics: Sink) -> Self {
        self.metrics = metrics;
        self
    }

    /// A feed publishes an event.
    pub fn publish(&mut self, detail: &Value) {
        self.route("marketdata.feed.test", envelope::DETAIL_TYPE_RAW, detail);
    }

    /// The bus delivers an event of this source and type to the stages whose rules match it.
    fn route(&mut self, source: &str, detail_type: &str, detail: &Value) {
        let stage = match (source, detail_type) {
            (source, envelope::DETAIL_TYPE_RAW) if source.starts_with(envelope::SOURCE_FEED_PREFIX) => Stage::Ingestion,
            (envelope::SOURCE_INGESTION, envelope::DETAIL_TYPE_VALIDATED) => Stage::Processing,
            (envelope::SOURCE_PROCESSING, envelope::DETAIL_TYPE_ALERT) => Stage::Notification,
            _ => return,
        };
        let number = self.number();
        let due = self.clock.now();
        let time = due.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let event = json!({
            "version": "0", "id": uuid(number), "detail-type": detail_type, "source": source,
            "account": "000000000000", "time": time, "region": "us-east-1", "resources": [], "detail": detail
        });
        let request_id = uuid(number);
        self.waiting.push(Delivery { stage, payload: event.to_string(), request_id, failed: 0, due });
    }

    fn number(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    /// Lambda has a delivery that waits a second time, as its queue may: with the same request id.
    pub fn repeat(&mut self, position: usize) {
        let position = position % self.waiting.len().max(1);
        self.waiting.extend(self.waiting.get(position).cloned());
    }

    /// What may happen next: calls first, in the order in which they were made, then what may start. Nothing is left to
    /// happen when there is none.
    pub fn actions(&self) -> Vec<Action> {
        let calls = self.aws.waiting().into_iter().filter(|call| !self.ignored.contains(&call.id)).map(Action::Call);
        let now = self.clock.now();
        let mut busy: BTreeMap<Stage, usize> = BTreeMap::new();
        for running in self.running.values() {
            *busy.entry(running.delivery.stage).or_default() += 1;
        }
        let free = |stage| busy.get(&stage).is_none_or(|busy| *busy < ENVIRONMENTS);
        let starts = self.waiting.iter().enumerate();
        let starts = starts.filter(|(_, delivery)| delivery.due <= now && free(delivery.stage));
        let mut actions: Vec<_> = calls.chain(starts.map(|(position, _)| Action::Start(position))).collect();
        if actions.is_empty() {
            let due = self.waiting.iter().map(|delivery| delivery.due).filter(|due| *due > now);
            actions.extend(due.chain(self.clock.next()).min().map(Action::Wait));
        }
        actions
    }

    /// Does it; `fault` befalls a call.
    pub fn act(&mut self, action: &Action, fault: Option<Fault>) {
        match action {
            Action::Start(position) => self.start(*position),
            Action::Wait(until) => self.clock.move_to(*until),
            Action::Call(call) => {
                self.clock.move_to(later(self.clock.now(), CALL_TIME));
                self.call(call, fault);
            }
        }
        self.settle();
        for entry in self.aws.events_after(self.routed) {
            self.routed += 1;
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            let detail = serde_json::from_str(&text("Detail")).expect("what the functions publish is JSON");
            self.route(&text("Source"), &text("DetailType"), &detail);
        }
    }

    fn start(&mut self, position: usize) {
        let delivery = self.waiting.remove(position);
        let stage = delivery.stage;
        let environment = self.idle.entry(stage).or_default().pop();
        let environment =
            environment.unwrap_or_else(|| Environment::new(stage, &self.config, &self.clock, &self.metrics));
        let began = self.clock.now();
        let milliseconds = u64::try_from(began.as_millisecond()).expect("after 1970");
        let event = world::invocation(&delivery.payload, &delivery.request_id, milliseconds);
        let invocation = environment.invoke(event);
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let number = self.number();
        self.running.insert(number, Running { delivery, environment, invocation, began, woken });
    }

    fn call(&mut self, call: &Held, fault: Option<Fault>) {
        // SNS has a word of its own for it.
        let throttled = if call.operation == "Publish" { "Throttled" } else { "ThrottlingException" };
        let on_the_way = match fault {
            Some(Fault::CrashBefore) => return self.crash(call.id),
            Some(Fault::Throttled) => Some(fake_aws::Fault::Refused(400, throttled)),
            Some(Fault::LostRequest) => Some(fake_aws::Fault::LostRequest),
            Some(Fault::LostAnswer) => Some(fake_aws::Fault::LostAnswer),
            Some(Fault::CrashAfter) | None => None,
        };
        self.aws.release(call.id, on_the_way.as_ref());
        if fault == Some(Fault::CrashAfter) {
            self.crash(call.id);
        }
    }

    /// From now on the call is not answered any more.
    pub fn ignore(&mut self, call: &Held) {
        self.ignored.insert(call.id);
    }

    fn crash(&mut self, call: usize) {
        let running = self.callers.get(&call).and_then(|number| self.running.remove(number));
        let Running { delivery, .. } = running.expect("a call that waits belongs to an invocation");
        self.failed(delivery, "Runtime.ExitError".to_owned());
    }

    /// Lets every invocation go on until it waits for an answer or for time.
    fn settle(&mut self) {
        loop {
            let woken = |running: &Running| running.woken.0.swap(false, Ordering::Relaxed);
            let Some(number) = self.running.iter().find_map(|(number, running)| woken(running).then_some(*number))
            else {
                return;
            };
            let Some(running) = self.running.get_mut(&number) else { return };
            let before = self.aws.made();
            let waker = Waker::from(Arc::clone(&running.woken));
            let polled = running.invocation.as_mut().poll(&mut Context::from_waker(&waker));
            self.callers.extend((before..self.aws.made()).map(|call| (call, number)));
            if let Poll::Ready(answer) = polled
                && let Some(running) = self.running.remove(&number)
            {
                self.ended(running, answer);
            }
        }
    }

    fn ended(&mut self, running: Running, answer: Result<Value, Diagnostic>) {
        let Running { delivery, environment, began, .. } = running;
        self.durations.push((delivery.stage, elapsed(began, self.clock.now())));
        self.idle.entry(delivery.stage).or_default().push(environment);
        if let Err(error) = answer {
            self.failed(delivery, error.error_message);
        }
    }

    fn failed(&mut self, delivery: Delivery, error: String) {
        let failed = delivery.failed + 1;
        if failed == MAX_ATTEMPTS {
            self.dead_letters.push(DeadLetter { stage: delivery.stage, body: delivery.payload, error });
            return;
        }
        // After one minute, then after two.
        let due = later(self.clock.now(), Duration::from_mins(failed.into()));
        self.waiting.push(Delivery { failed, due, ..delivery });
    }

    /// One thing after the other, each as soon as it can, until nothing is left to happen: `faults` befall the calls with
    /// those numbers, counted from the first one of this run on. Returns the number of calls.
    pub fn run(&mut self, faults: &[(usize, Fault)]) -> usize {
        let mut calls = 0;
        while let Some(action) = self.actions().first() {
            let is_call = matches!(action, Action::Call(_));
            let fault = faults.iter().find(|(number, _)| is_call && *number == calls).map(|(_, fault)| *fault);
            calls += usize::from(is_call);
            self.act(action, fault);
        }
        calls
    }

    /// What users can see.
    pub fn outcome(&self) -> Outcome {
        Outcome::of(&self.aws)
    }
}
