//! What the dashboard costs: time to the first frame, memory, processor, calls of AWS and their price. `make
//! bench-dashboard`; [docs/performance.md](../../docs/performance.md) has the results.
//!
//! The real binary in a terminal of 200 by 60, against the fake AWS of the harness on this machine.
#![expect(clippy::expect_used, reason = "a bench that cannot go on should stop there and say where")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use opsctl::aws::{Clients, Connection};
use opsctl::dashboard::state::State;
use opsctl::dashboard::theme::{Theme, ThemeName};
use opsctl::dashboard::view;
use opsctl::snapshot::{Fetch, Poller, Schedule, SourceName, collect};
use opsctl_harness::{FakeAws, Terminal};
use ratatui::Terminal as Drawing;
use ratatui::backend::TestBackend;
use serde_json::json;

const OUTPUTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outputs/dev.json");
const SIZE: (u16, u16) = (200, 60);
const STARTS: usize = 15;
const FRAMES: usize = 300;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let value = |name: &str| arguments.iter().position(|argument| argument == name).map(|at| &arguments[at + 1]);
    let seconds = value("--seconds").map_or(60, |text| text.parse().expect("--seconds is a number"));
    let span = Duration::from_secs(seconds);

    let mut starts: Vec<(f64, f64)> = (0..STARTS).map(|_| start()).collect();
    starts.sort_by(|one, other| one.0.total_cmp(&other.0));
    let first_frame = starts[STARTS / 2].0;
    starts.sort_by(|one, other| one.1.total_cmp(&other.1));
    let first_data = starts[STARTS / 2].1;
    let rest = watch(0.0, span);
    let busy = watch(20.0, span);
    let frame = frame_ms();
    let mut poller = Poller::new(Schedule::default(), 1);
    poller.due(Timestamp::now(), &SourceName::ALL);
    let price = poller.meter();

    let figures = [
        ("exec to first frame, median", "ms", first_frame, "150"),
        ("exec to all data, median", "ms", first_data, ""),
        ("memory at rest (RSS)", "MB", rest.megabytes, "50"),
        ("memory at 20 events/s (RSS)", "MB", busy.megabytes, "50"),
        ("CPU at rest", "% of a core", rest.cpu_percent, "1"),
        ("CPU at 20 events/s", "% of a core", busy.cpu_percent, "5"),
        ("written to the terminal at rest", "KB/s", rest.kilobytes_per_second, ""),
        ("written to the terminal at 20 events/s", "KB/s", busy.kilobytes_per_second, ""),
        ("AWS calls at rest", "a minute", rest.calls_per_minute, ""),
        ("a frame of 200 by 60, median", "ms", frame, "16"),
        ("a month of it, with the free tier", "$", price.month_dollars_with_free_tier, "2"),
        ("a month of it, without", "$", price.month_dollars_without, "12"),
    ];
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
    let build = if cfg!(debug_assertions) { "debug" } else { "release" };
    println!("opsctl dashboard, {build} build, load {load}, {seconds} s each\n");
    println!("{:<42} {:>9}  {:<12} goal", "", "", "");
    for (what, unit, value, goal) in figures {
        println!("{what:<42} {value:>9.2}  {unit:<12} {goal:>4}");
    }
    if let Some(file) = value("--json") {
        let figures: Vec<_> =
            figures.iter().map(|(what, unit, value, _)| json!({"what": what, "unit": unit, "value": value})).collect();
        let document = json!({"build": build, "load": load, "seconds": seconds, "figures": figures});
        fs::write(project().join(file), format!("{document:#}\n")).expect("the file is written");
    }
}

/// Cargo starts a bench in its crate; a file that is named is meant from the project on.
fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn dashboard(aws: &FakeAws) -> Terminal {
    let url = aws.url();
    let arguments = ["--outputs", OUTPUTS, "--endpoint-url", &url, "dashboard"];
    let environment = [
        ("HOME", "/nonexistent"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
    ];
    Terminal::start(env!("CARGO_BIN_EXE_opsctl"), arguments, &environment, Path::new("/"), SIZE)
}

/// Milliseconds until the first frame and until all data are on the screen.
fn start() -> (f64, f64) {
    let aws = FakeAws::start();
    let began = Instant::now();
    let terminal = dashboard(&aws);
    terminal.wait_for_text("1 Pipeline");
    let first = began.elapsed().as_secs_f64() * 1e3;
    terminal.wait_for("all data", |screen| screen.contains("HEALTHY") && !screen.contains("reading…"));
    (first, began.elapsed().as_secs_f64() * 1e3)
}

struct Watched {
    megabytes: f64,
    cpu_percent: f64,
    kilobytes_per_second: f64,
    calls_per_minute: f64,
}

/// Watches it for a while, after its first reads.
#[expect(clippy::cast_precision_loss, reason = "counts and sizes")]
fn watch(events_per_second: f64, span: Duration) -> Watched {
    let aws = FakeAws::start();
    aws.change(|world| world.feed = events_per_second);
    let terminal = dashboard(&aws);
    terminal.wait_for("all data", |screen| screen.contains("HEALTHY") && !screen.contains("reading…"));
    std::thread::sleep(Duration::from_secs(3));
    let pid = terminal.pid().as_raw_nonzero();
    let calls = || aws.calls().values().sum::<u64>();
    let (cpu, written, called) = (cpu_seconds(pid), terminal.bytes_written(), calls());
    std::thread::sleep(span);
    let seconds = span.as_secs_f64();
    Watched {
        megabytes: megabytes(pid),
        cpu_percent: (cpu_seconds(pid) - cpu) / seconds * 100.0,
        kilobytes_per_second: (terminal.bytes_written() - written) as f64 / 1e3 / seconds,
        calls_per_minute: (calls() - called) as f64 * 60.0 / seconds,
    }
}

/// The processor time of all of its threads.
fn cpu_seconds(pid: impl std::fmt::Display) -> f64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let nanoseconds = threads.filter_map(|thread| {
        let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e9
}

fn megabytes(pid: impl std::fmt::Display) -> f64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes = text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.unwrap_or(0.0_f64) / 1024.0
}

/// The median time to draw a frame of a full screen, without the terminal.
fn frame_ms() -> f64 {
    let aws = FakeAws::start();
    aws.change(|world| world.stored = 1_000);
    let stack = opsctl::terraform::stack_from_file(Path::new(OUTPUTS)).expect("outputs of a stack");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let snapshot = runtime.block_on(async {
        let connection = Connection {
            region: stack.region.clone(),
            endpoint: Some(aws.url()),
            test_credentials: true,
            ..Connection::default()
        };
        collect(&Fetch::new(Clients::connect(&connection).await, stack.clone(), 15, 1_000)).await
    });
    let mut state = State::new(stack, None, Timestamp::now());
    state.log.merge(snapshot.events.data.as_deref().unwrap_or_default());
    state.snapshot = snapshot;
    state.judge();
    let theme = Theme::new(ThemeName::Dark, false, None);
    let mut drawing = Drawing::new(TestBackend::new(SIZE.0, SIZE.1)).expect("a buffer");
    let mut times: Vec<f64> = (0..FRAMES)
        .map(|_| {
            let began = Instant::now();
            drawing.draw(|frame| drop(view::draw(&state, frame, &theme))).expect("it is drawn");
            began.elapsed().as_secs_f64() * 1e3
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[FRAMES / 2]
}
