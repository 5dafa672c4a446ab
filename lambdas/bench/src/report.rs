//! What was measured, as a table and as JSON.

use serde_json::{Value, json};

use crate::cloud::STAGES;
use crate::run::{Loaded, Sequential};
use crate::sample::{Sample, Summary};

/// At most so many AWS round trips, one after the other: ingestion, processing, processing with an alert, notification.
pub(crate) const TRIPS: [(&str, usize, usize); 4] =
    [("ingestion", 0, 3), ("processing", 1, 3), ("processing, alert", 1, 4), ("notification", 2, 3)];
/// The rate that the pipeline is made for, events a minute.
pub(crate) const RATE: f64 = 10_000.0;
/// What it should be able to take over that.
const HEADROOM: f64 = 3.0;
/// Of a stage, as lib/ reserves them.
const ENVIRONMENTS: f64 = 10.0;

/// Everything.
pub(crate) struct Report {
    pub(crate) machine: String,
    /// Under constant latencies: by path as in [`TRIPS`], the most round trips and calls of any event.
    pub(crate) trips: [(usize, usize); 4],
    pub(crate) sequential: Sequential,
    pub(crate) loads: Vec<Loaded>,
}

fn summary(samples: &[Sample], first: bool, of: impl Fn(&Sample) -> std::time::Duration) -> Summary {
    Summary::of(samples.iter().filter(|sample| sample.first == first).map(of))
}

#[expect(clippy::cast_precision_loss, reason = "memory is far below 2^52 bytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn judge(holds: bool) -> &'static str {
    if holds { "" } else { "  <- over the target" }
}

impl Report {
    /// What must hold whatever the machine does: nothing lost, nothing twice, no more round trips than designed.
    pub(crate) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for ((path, _, most), (trips, _)) in TRIPS.iter().zip(self.trips) {
            if trips > *most || trips == 0 {
                faults.push(format!("{path}: {trips} round trips, designed for {most}"));
            }
        }
        for loaded in &self.loads {
            let Loaded { load, lost, doubled, dead_letters, stored, .. } = loaded;
            if lost + doubled + dead_letters > 0 || *stored != load.events {
                faults.push(format!(
                    "{}: of {} events {stored} were stored, {lost} lost, {doubled} doubled, {dead_letters} dead letters: {}",
                    load.name,
                    load.events,
                    loaded.messages.join("; ")
                ));
            }
        }
        faults
    }

    /// How long ingestion and processing are busy with an event, on average, of the events as they come and the usual
    /// rules: milliseconds. On Lambda nobody waits for another environment's core.
    fn busy(&self) -> [f64; 2] {
        let samples = self.loads.first().map(|loaded| &loaded.samples);
        std::array::from_fn(|stage| {
            let samples = samples.map_or(&[][..], |samples| &samples[stage]);
            Summary::of(samples.iter().map(|sample| sample.wall.saturating_sub(sample.waited))).mean.max(0.1)
        })
    }

    /// What ten environments of each can take, events a minute.
    fn capacity(&self) -> [f64; 2] {
        self.busy().map(|milliseconds| ENVIRONMENTS * 60_000.0 / milliseconds)
    }

    /// The slower one's over [`RATE`].
    fn headroom(&self) -> f64 {
        self.capacity().into_iter().fold(f64::INFINITY, f64::min) / RATE
    }

    /// The environments a stage that [`HEADROOM`] takes.
    fn needed(&self) -> [f64; 2] {
        self.busy().map(|milliseconds| (HEADROOM * RATE * milliseconds / 60_000.0).ceil())
    }

    pub(crate) fn print(&self) {
        println!("{}", self.machine);
        println!("\nsequential AWS round trips (most of any event; calls; target)");
        for ((path, _, most), (trips, calls)) in TRIPS.iter().zip(self.trips) {
            println!("  {path:<18} {trips}  {calls} calls  <= {most}{}", judge(trips <= *most));
        }
        println!("\none environment, one event at a time: milliseconds, p50 / p99");
        for (stage, name) in STAGES.iter().enumerate() {
            let starts = &self.sequential.starts[stage];
            let samples = &self.sequential.samples[stage];
            let init = Summary::of(starts.iter().map(|start| start.wall));
            let own = Summary::of(starts.iter().map(|start| start.wall.saturating_sub(start.held)));
            let net = Summary::of(
                starts.iter().map(|start| start.wall.saturating_sub(start.held).saturating_sub(start.waited)),
            );
            let cpu = Summary::of(starts.iter().map(|start| start.cpu));
            println!("  {name}");
            println!(
                "    init (n={})          {:7.2} /{:7.2}  with the settings' call",
                init.count, init.p50, init.p99
            );
            println!("      without AWS       {:7.2} /{:7.2}  <= 30{}", own.p50, own.p99, judge(own.p50 <= 30.0));
            println!("      nor waiting for a core {:2.2} /{:7.2}  CPU {:.2}", net.p50, net.p99, cpu.p50);
            for (first, label) in [(true, "first"), (false, "warm")] {
                let wall = summary(samples, first, |sample| sample.wall);
                let over = summary(samples, first, Sample::overhead);
                let running = summary(samples, first, Sample::overhead_running);
                let cpu = summary(samples, first, |sample| sample.cpu);
                println!("    {label} event (n={})  {:7.2} /{:7.2}  in all", wall.count, wall.p50, wall.p99);
                let target = if first { String::new() } else { format!("  <= 5{}", judge(over.p99 <= 5.0)) };
                println!("      without AWS       {:7.2} /{:7.2}{target}", over.p50, over.p99);
                println!(
                    "      nor waiting for a core {:2.2} /{:7.2}  CPU {:.2} / {:.2}",
                    running.p50, running.p99, cpu.p50, cpu.p99
                );
            }
            let memory = megabytes(self.sequential.memory[stage]);
            println!("    peak memory {memory:.1} MB  <= 25{}", judge(memory <= 25.0));
        }
        println!(
            "\nheadroom of {ENVIRONMENTS} environments a stage, each with a core of its own, over 10,000 a minute"
        );
        for (stage, name) in STAGES.iter().enumerate().take(2) {
            println!(
                "  {name:<12} {:.1} ms an event: {:.0} a minute, {:.1}x; {HEADROOM}x takes {} environments",
                self.busy()[stage],
                self.capacity()[stage],
                self.capacity()[stage] / RATE,
                self.needed()[stage]
            );
        }
        println!("  of both {:.1}x  >= {HEADROOM}{}", self.headroom(), judge(self.headroom() >= HEADROOM));
        for loaded in &self.loads {
            loaded.print();
        }
        for fault in self.faults() {
            println!("FAULT {fault}");
        }
    }

    pub(crate) fn json(&self) -> Value {
        let stages = STAGES.iter().enumerate().map(|(stage, name)| {
            let samples = &self.sequential.samples[stage];
            let starts = &self.sequential.starts[stage];
            let of = |first| {
                json!({
                    "wall": summary(samples, first, |sample| sample.wall).json(),
                    "overhead": summary(samples, first, Sample::overhead).json(),
                    "overhead_running": summary(samples, first, Sample::overhead_running).json(),
                    "cpu": summary(samples, first, |sample| sample.cpu).json(),
                })
            };
            let init = json!({
                "wall": Summary::of(starts.iter().map(|start| start.wall)).json(),
                "overhead": Summary::of(starts.iter().map(|start| start.wall.saturating_sub(start.held))).json(),
                "cpu": Summary::of(starts.iter().map(|start| start.cpu)).json(),
            });
            json!({
                "stage": name, "init": init, "first": of(true), "warm": of(false),
                "peak_memory_bytes": self.sequential.memory[stage]
            })
        });
        let trips = TRIPS.iter().zip(self.trips).map(|((path, _, most), (trips, calls))| {
            json!({"path": path, "round_trips": trips, "calls": calls, "target": most})
        });
        json!({
            "schema_version": 1, "machine": self.machine, "round_trips": trips.collect::<Vec<_>>(),
            "stages": stages.collect::<Vec<_>>(), "headroom": self.headroom(), "capacity_per_minute": self.capacity(), "environments_needed": self.needed(),
            "loads": self.loads.iter().map(Loaded::json).collect::<Vec<_>>(), "faults": self.faults()
        })
    }
}

impl Loaded {
    fn print(&self) {
        let Self { load, end_to_end, .. } = self;
        println!(
            "\n{}: {} events, {} environments a stage, load {}",
            load.name, load.events, load.environments, self.machine_load
        );
        println!(
            "  stored {}, lost {}, doubled {}, errors {}, dead letters {}, mails {}",
            self.stored, self.lost, self.doubled, self.errors, self.dead_letters, self.mails
        );
        println!(
            "  end to end p50 {:.0} ms, p99 {:.0} ms, max {:.0} ms; all PROCESSED after {:.1} s: {:.0} a minute, {:.1}x",
            end_to_end.p50,
            end_to_end.p99,
            end_to_end.max,
            self.took.as_secs_f64(),
            self.per_minute(),
            self.per_minute() / RATE
        );
        for (stage, name) in STAGES.iter().enumerate() {
            let samples = &self.samples[stage];
            let wall = Summary::of(samples.iter().map(|sample| sample.wall));
            let over = Summary::of(samples.iter().map(Sample::overhead));
            let running = Summary::of(samples.iter().map(Sample::overhead_running));
            let cpu = Summary::of(samples.iter().map(|sample| sample.cpu));
            let depth = self.backlog.iter().map(|depths| depths[stage]).max().unwrap_or(0);
            println!(
                "  {name:<12} n={:<6} in all {:.1} / {:.1}, without AWS {:.1} / {:.1}, nor waiting {:.1} / {:.1}, CPU {:.2}, \
                 most waiting {depth}, memory {:.1} MB",
                wall.count,
                wall.p50,
                wall.p99,
                over.p50,
                over.p99,
                running.p50,
                running.p99,
                cpu.mean,
                megabytes(self.memory[stage])
            );
        }
        let [functions, bench, busy, all] = self.cpu;
        println!(
            "  CPU: functions {functions:.1} s, bench {bench:.1} s, others {:.1} s, of {all:.1} s that the machine had ({:.0} % in use)",
            (busy - functions - bench).max(0.0),
            busy * 100.0 / all.max(0.01)
        );
    }

    fn json(&self) -> Value {
        let stages = STAGES.iter().enumerate().map(|(stage, name)| {
            let of =
                |what: fn(&Sample) -> std::time::Duration| Summary::of(self.samples[stage].iter().map(what)).json();
            json!({
                "stage": name, "wall": of(|sample| sample.wall), "overhead": of(Sample::overhead),
                "overhead_running": of(Sample::overhead_running), "cpu": of(|sample| sample.cpu),
                "peak_memory_bytes": self.memory[stage]
            })
        });
        let [functions, bench, busy, all] = self.cpu;
        json!({
            "name": self.load.name, "events": self.load.events, "environments": self.load.environments,
            "stored": self.stored, "lost": self.lost, "doubled": self.doubled, "errors": self.errors,
            "dead_letters": self.dead_letters, "mails": self.mails, "audit": self.audit,
            "end_to_end": self.end_to_end.json(), "seconds": self.took.as_secs_f64(),
            "per_minute": self.per_minute().round(), "headroom": self.per_minute() / RATE, "backlog": self.backlog,
            "stages": stages.collect::<Vec<_>>(), "load_average": self.machine_load,
            "cpu_seconds": {"functions": functions, "bench": bench, "machine_busy": busy, "machine": all}
        })
    }
}
