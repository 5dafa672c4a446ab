//! The measurements.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::net::UdpSocket;

use crate::cloud::{Cloud, STAGES, lock};
use crate::environment::{Environment, Start};
use crate::feed::{Feed, Pace};
use crate::latency::Model;
use crate::proc;
use crate::sample::{Sample, Summary};

/// No rule: no event goes on to notification unless a business tag says so.
pub(crate) const QUIET: &str = r#"{"version":1,"rules":[]}"#;
/// Every event raises an alert and sends a mail.
pub(crate) const LOUD: &str = r#"{"version":1,"rules":[{"id":"always","description":"Any trade or quote","enabled":true,
    "severity":"info","symbols":["*"],"condition":{"kind":"price_above","threshold":"1","trigger":"level"},
    "cooldown_seconds":1,"send_on_replay":false}]}"#;

/// The longest that anything may take beyond the time that it is planned for.
const PATIENCE: Duration = Duration::from_mins(4);

/// What all measurements need.
pub(crate) struct Bench {
    pub(crate) functions: PathBuf,
    pub(crate) feed: Feed,
    xray: u16,
}

/// One environment a stage, one event at a time.
#[derive(Default)]
pub(crate) struct Sequential {
    pub(crate) starts: [Vec<Start>; 3],
    pub(crate) samples: [Vec<Sample>; 3],
    /// Bytes.
    pub(crate) memory: [u64; 3],
}

/// A load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) name: &'static str,
    pub(crate) events: usize,
    /// Over which they are fed, evenly; zero: all at once.
    pub(crate) over: Duration,
    /// A stage.
    pub(crate) environments: usize,
}

/// What became of a load.
pub(crate) struct Loaded {
    pub(crate) load: Load,
    pub(crate) end_to_end: Summary,
    /// Each second, the events waiting in each stage's queue.
    pub(crate) backlog: Vec<[usize; 3]>,
    pub(crate) stored: usize,
    /// Events that were not marked PROCESSED, and that were more than once.
    pub(crate) lost: usize,
    pub(crate) doubled: usize,
    pub(crate) errors: usize,
    pub(crate) dead_letters: usize,
    pub(crate) mails: usize,
    pub(crate) messages: Vec<String>,
    pub(crate) audit: std::collections::BTreeMap<String, usize>,
    /// From the first event to the last one PROCESSED.
    pub(crate) took: Duration,
    pub(crate) samples: [Vec<Sample>; 3],
    pub(crate) memory: [u64; 3],
    /// Of the functions, of the bench itself, of everything on the machine, and what there was: seconds of CPU.
    pub(crate) cpu: [f64; 4],
    pub(crate) machine_load: String,
}

impl Loaded {
    /// Events a minute.
    pub(crate) fn per_minute(&self) -> f64 {
        f64::from(u32::try_from(self.load.events).unwrap_or(u32::MAX)) * 60.0 / self.took.as_secs_f64()
    }
}

impl Bench {
    pub(crate) async fn new(functions: &Path, data: &Path) -> Result<Self, String> {
        let feed = Feed::read(data)?;
        let failed = |error: std::io::Error| format!("failed to listen as an X-Ray daemon: {error}");
        let daemon = UdpSocket::bind("127.0.0.1:0").await.map_err(failed)?;
        let xray = daemon.local_addr().map_err(failed)?.port();
        tokio::spawn(async move {
            let mut buffer = vec![0; 1 << 16];
            while daemon.recv(&mut buffer).await.is_ok() {}
        });
        Ok(Self { functions: functions.to_owned(), feed, xray })
    }

    /// `rounds` times fresh environments, each for `count` events, one after the other.
    pub(crate) async fn sequential(
        &self,
        model: Model,
        rules: &str,
        rounds: usize,
        count: usize,
    ) -> Result<Sequential, String> {
        let cloud = Cloud::new(model, rules);
        // Apart, so that no cool-down and no burst is in the way; within what a window of 50 sees all the same.
        let total = i64::try_from(rounds * count).unwrap_or(0);
        let start = Timestamp::now() - jiff::SignedDuration::from_secs(2 * total + 60);
        let events = self.feed.events(rounds * count, start, Pace::Apart(2));
        let mut result = Sequential::default();
        for round in events.chunks(count) {
            let mut environments = Vec::new();
            for stage in 0..STAGES.len() {
                let mut environment = Environment::start(&self.functions, stage, &cloud, self.xray).await?;
                result.starts[stage].push(environment.started().await?);
                environments.push(environment);
            }
            for (id, detail) in round {
                cloud.feed(id, detail);
                idle(&cloud).await?;
            }
            for (stage, environment) in environments.into_iter().enumerate() {
                result.memory[stage] = result.memory[stage].max(environment.peak_memory());
                environment.stop().await;
            }
        }
        let mut ledger = lock(&cloud.ledger);
        if ledger.errors + ledger.dead_letters > 0 {
            return Err(format!("failed to handle events: {}", ledger.messages.join("; ")));
        }
        result.samples = std::mem::take(&mut ledger.samples);
        Ok(result)
    }

    /// Feeds a load whatever the functions do (open loop), and waits until all is done.
    pub(crate) async fn load(&self, load: Load, rules: &str) -> Result<Loaded, String> {
        let cloud = Cloud::new(Model::Aws, rules);
        let events = self.feed.events(load.events, self.feed.start(load.events, Timestamp::now()), Pace::Real);
        let mut environments = Vec::new();
        for stage in 0..STAGES.len() {
            for _ in 0..load.environments {
                environments.push((stage, Environment::start(&self.functions, stage, &cloud, self.xray).await?));
            }
        }
        for (_, environment) in &mut environments {
            environment.started().await?;
        }
        let used = |environments: &[(usize, Environment)]| {
            let functions: f64 = environments.iter().map(|(_, environment)| environment.cpu().as_secs_f64()).sum();
            let (busy, all) = proc::machine_time();
            [functions, proc::usage(std::process::id()).cpu.as_secs_f64(), busy, all]
        };
        let before = used(&environments);
        let began = Instant::now();
        let watcher = tokio::spawn(watch(cloud.clone()));
        feed(&cloud, &events, load.over, began).await;
        let done = tokio::time::timeout(PATIENCE, async {
            while !cloud.is_idle() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        if done.is_err() {
            eprintln!("{}: gave up waiting {PATIENCE:?} after the last event", load.name);
        }
        watcher.abort();
        let after = used(&environments);
        let machine_load = proc::load();
        let mut memory = [0; 3];
        for (stage, environment) in environments {
            memory[stage] = memory[stage].max(environment.peak_memory());
            environment.stop().await;
        }
        let (stored, _) = lock(&cloud.store).counts();
        let audit = lock(&cloud.store).audit();
        let mut ledger = lock(&cloud.ledger);
        let times = |id: &String| ledger.processed.get(id).copied().unwrap_or_default();
        Ok(Loaded {
            load,
            end_to_end: Summary::of(ledger.end_to_end.iter().copied()),
            backlog: std::mem::take(&mut *lock(&cloud.backlog)),
            stored,
            lost: events.iter().filter(|(id, _)| times(id) == 0).count(),
            doubled: events.iter().filter(|(id, _)| times(id) > 1).count(),
            errors: ledger.errors,
            dead_letters: ledger.dead_letters,
            mails: ledger.mails,
            messages: ledger.messages.clone(),
            audit,
            took: ledger.last_processed.map_or(began.elapsed(), |last| last - began),
            samples: std::mem::take(&mut ledger.samples),
            memory,
            cpu: std::array::from_fn(|index| after[index] - before[index]),
            machine_load,
        })
    }
}

/// Feeds the events when they are due, every 5 ms those that are.
async fn feed(cloud: &Arc<Cloud>, events: &[(String, String)], over: Duration, began: Instant) {
    let mut next = 0;
    while next < events.len() {
        let due = if over.is_zero() {
            events.len()
        } else {
            let share = began.elapsed().as_secs_f64() / over.as_secs_f64();
            events
                .iter()
                .enumerate()
                .skip(next)
                .find(|(index, _)| fraction(*index, events.len()) > share)
                .map_or(events.len(), |(index, _)| index)
        };
        for (id, detail) in &events[next..due] {
            cloud.feed(id, detail);
        }
        next = due;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn fraction(part: usize, whole: usize) -> f64 {
    let float = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
    float(part) / float(whole)
}

async fn watch(cloud: Arc<Cloud>) {
    loop {
        let depths = std::array::from_fn(|stage: usize| cloud.queues[stage].depth());
        lock(&cloud.backlog).push(depths);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

async fn idle(cloud: &Cloud) -> Result<(), String> {
    let wait = async {
        while !cloud.is_idle() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.map_err(|_| format!("failed to finish an event within {PATIENCE:?}"))
}
