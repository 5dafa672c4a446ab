//! The emulator process: started detached, found again, restarted when it should be, stopped with all it started.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::files::{Fingerprint, tree};
use super::http;
use super::layout::{Layout, make_dir, remove, write_atomically};
use super::process::{ProcessId, with_arguments};
use super::steps::Ticker;
use crate::error::{Error, Result};

/// Where the emulator listens unless told otherwise: the port that emulators of AWS have in common.
pub const DEFAULT_PORT: u16 = 4566;
const START_LIMIT: Duration = Duration::from_mins(1);
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// It saves its state and ends its functions in that time.
const STOP_GRACE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);
/// A port that was free a moment ago may be taken before the emulator listens.
const FREE_PORT_ATTEMPTS: usize = 3;

/// What may be asked of the emulator. What is not asked for stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The port; 0 takes a free one.
    pub port: Option<u16>,
    /// Waits before the second and third asynchronous attempt, in seconds, as `1,2`.
    pub retry_delays: Option<String>,
    /// Time between two evaluations of the alarms, in seconds.
    pub alarm_interval: Option<String>,
}

/// The emulator as it was started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Emulator {
    /// The process, which leads its own group.
    pub process: ProcessId,
    /// The port on 127.0.0.1.
    pub port: u16,
    /// When it was started.
    pub started: Timestamp,
    /// The settings it was started with.
    pub settings: Settings,
    /// The fingerprint of its sources and requirements.
    pub sources: String,
}

impl Emulator {
    /// Its address.
    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The emulator that was started last for this stack, alive or not.
    pub fn last(layout: &Layout) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(record_file(layout)).ok()?).ok()
    }

    /// Does it answer?
    pub async fn is_ready(&self) -> bool {
        http::status_of(self.port, "/_ministack/ready", Duration::from_secs(2)).await == Some(200)
    }

    async fn gets_ready(&self, limit: Duration) -> bool {
        let started = Instant::now();
        while self.process.is_alive() {
            if self.is_ready().await {
                return true;
            }
            if started.elapsed() >= limit {
                break;
            }
            sleep(POLL).await;
        }
        false
    }

    /// Why this one cannot be used for what is asked, if it cannot.
    fn must_restart(&self, asked: &Settings, sources: &str) -> Option<&'static str> {
        let differs = |asked: &Option<String>, has: &Option<String>| asked.is_some() && asked != has;
        if self.sources != sources {
            Some("its sources changed")
        } else if asked.port.is_some_and(|port| port != 0 && port != self.port) {
            Some("another port is asked for")
        } else if differs(&asked.retry_delays, &self.settings.retry_delays)
            || differs(&asked.alarm_interval, &self.settings.alarm_interval)
        {
            Some("other settings are asked for")
        } else {
            None
        }
    }

    /// Was there anything to load when it started?
    pub fn holds_state(&self, layout: &Layout) -> bool {
        std::fs::read_dir(layout.emulator_state().join("ministack")).is_ok_and(|mut saved| saved.next().is_some())
    }

    fn save(&self, layout: &Layout) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).map_err(anyhow::Error::from)?;
        write_atomically(&record_file(layout), &json)?;
        // For people and scripts.
        write_atomically(&layout.emulator().join("pid"), format!("{}\n", self.process.pid).as_bytes())?;
        write_atomically(&layout.emulator().join("endpoint"), format!("{}\n", self.endpoint()).as_bytes())
    }
}

/// Makes sure that an emulator runs that is what is asked for. Returns it and what was done.
pub async fn ensure(layout: &Layout, asked: &Settings, ticker: &Ticker<'_>) -> Result<(Emulator, String)> {
    make_dir(&layout.emulator())?;
    let sources = sources(layout)?;
    let last = Emulator::last(layout);
    let mut settings = asked.clone();
    let done = match &last {
        Some(running) if running.process.is_alive() => {
            let why = match running.must_restart(asked, &sources) {
                None if running.gets_ready(ANSWER_LIMIT).await => {
                    let outcome = format!("runs on {} (process {})", running.endpoint(), running.process.pid);
                    return Ok((running.clone(), outcome));
                }
                None => "it did not answer",
                Some(why) => why,
            };
            ticker.at("stopping");
            settings.retry_delays = settings.retry_delays.or_else(|| running.settings.retry_delays.clone());
            settings.alarm_interval = settings.alarm_interval.or_else(|| running.settings.alarm_interval.clone());
            format!("restarted, because {why},")
        }
        _ => "started".to_owned(),
    };
    stop(layout).await?;
    ticker.at("starting");
    let emulator = start(layout, &settings, sources, last.map(|last| last.port)).await?;
    let outcome = format!("{done} on {} (process {})", emulator.endpoint(), emulator.process.pid);
    Ok((emulator, outcome))
}

/// Ends the emulator and all that it started. Safe when nothing runs. Returns whether one ran.
pub async fn stop(layout: &Layout) -> Result<bool> {
    let mut ran = false;
    if let Some(last) = Emulator::last(layout) {
        ran = last.process.is_alive();
        last.process.stop_group(Signal::TERM, STOP_GRACE).await?;
    }
    // One that was started by an opsctl that died before it could write down so.
    for unrecorded in with_arguments(&["local_aws", &layout.emulator_state().to_string_lossy()]) {
        ran = true;
        unrecorded.stop_group(Signal::TERM, STOP_GRACE).await?;
    }
    remove(&layout.emulator().join("pid"))?;
    remove(&layout.emulator().join("endpoint"))?;
    Ok(ran)
}

async fn start(layout: &Layout, settings: &Settings, sources: String, last: Option<u16>) -> Result<Emulator> {
    let mut attempt = 1;
    loop {
        let port = choose_port(settings.port, last)?;
        let mut child = spawn(layout, settings, port)?;
        let Some(process) = ProcessId::of(child.id().cast_signed()) else {
            return Err(did_not_start(layout, &mut child));
        };
        let settings = settings.clone();
        let emulator = Emulator { process, port, started: Timestamp::now(), settings, sources: sources.clone() };
        emulator.save(layout)?;
        if emulator.gets_ready(START_LIMIT).await {
            return Ok(emulator);
        }
        emulator.process.stop_group(Signal::TERM, Duration::from_secs(2)).await?;
        if emulator.settings.port != Some(0) || attempt == FREE_PORT_ATTEMPTS || is_free(port) {
            return Err(did_not_start(layout, &mut child));
        }
        attempt += 1;
    }
}

fn spawn(layout: &Layout, settings: &Settings, port: u16) -> Result<Child> {
    let log = layout.emulator_log();
    let python = layout.venv().join("bin/python");
    let failed = |what: &Path, source| Error::io(format!("failed to start the emulator: {}", what.display()), source);
    match std::fs::rename(&log, log.with_extension("old")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&log, error)),
        _ => {}
    }
    let out = File::create(&log).map_err(|source| failed(&log, source))?;
    let err = out.try_clone().map_err(|source| failed(&log, source))?;
    let mut command = Command::new(&python);
    command.args(["-m", "local_aws", "--port", &port.to_string(), "--state-dir"]).arg(layout.emulator_state());
    if let Some(delays) = &settings.retry_delays {
        command.args(["--retry-delays", delays]);
    }
    if let Some(interval) = &settings.alarm_interval {
        command.args(["--alarm-interval", interval]);
    }
    command
        // Nothing of the user's environment, for it would reach the functions.
        .env_clear()
        .env("PYTHONPATH", layout.emulator_sources())
        // Sources stay clean, whoever watches them.
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(layout.emulator())
        // Its own group, so that a Ctrl-C meant for us leaves it alone and a stop reaches all that it started.
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err);
    for name in ["PATH", "HOME"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.spawn().map_err(|source| failed(&python, source))
}

fn did_not_start(layout: &Layout, child: &mut Child) -> Error {
    let ending = match child.try_wait() {
        Ok(Some(status)) => format!("it ended with {status}"),
        _ => format!("it was not ready within {} s", START_LIMIT.as_secs()),
    };
    let log = layout.emulator_log();
    let said = std::fs::read_to_string(&log).unwrap_or_default();
    let tail: Vec<&str> = said.lines().rev().take(10).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    Error::failed(
        format!("failed to start the emulator: {ending}; it said last:\n{}", tail.join("\n")),
        format!("its log is {}", log.display()),
    )
}

/// The port asked for; else the one used before, because the queues' addresses contain it; else the default.
fn choose_port(asked: Option<u16>, last: Option<u16>) -> Result<u16> {
    if asked == Some(0) {
        if let Some(port) = last.filter(|port| is_free(*port)) {
            return Ok(port);
        }
        return TcpListener::bind(("127.0.0.1", 0))
            .and_then(|listener| listener.local_addr())
            .map(|address| address.port())
            .map_err(|source| Error::io("failed to find a free port on 127.0.0.1", source));
    }
    let port = asked.or(last).unwrap_or(DEFAULT_PORT);
    if is_free(port) {
        return Ok(port);
    }
    Err(Error::failed(
        format!("failed to start the emulator: something else listens on port {port} of 127.0.0.1"),
        "stop that, or give another port with --port (--port 0 takes a free one)",
    ))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(("127.0.0.1", port)).is_ok()
}

/// The fingerprint of what the emulator is made of.
fn sources(layout: &Layout) -> Result<String> {
    let root = layout.emulator_sources();
    let wanted = |path: &Path| {
        path.starts_with("local_aws") && !path.ends_with("__pycache__") || path == Path::new("requirements.txt")
    };
    let mut fingerprint = Fingerprint::default();
    fingerprint.add_tree(&root, &tree(&root, wanted)?)?;
    Ok(fingerprint.text())
}

fn record_file(layout: &Layout) -> std::path::PathBuf {
    layout.emulator().join("run.json")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running() -> Emulator {
        Emulator {
            process: ProcessId { pid: 1, born: "then".into() },
            port: 4566,
            started: Timestamp::UNIX_EPOCH,
            settings: Settings { port: None, retry_delays: Some("1,2".into()), alarm_interval: None },
            sources: "abc".into(),
        }
    }

    #[test]
    fn a_running_one_is_kept_unless_something_else_is_asked_for() {
        let nothing = Settings::default();
        assert_eq!(running().must_restart(&nothing, "abc"), None);
        assert_eq!(running().must_restart(&Settings { port: Some(0), ..nothing.clone() }, "abc"), None);
        assert_eq!(running().must_restart(&Settings { port: Some(4566), ..nothing.clone() }, "abc"), None);
        let same = Settings { retry_delays: Some("1,2".into()), ..nothing.clone() };
        assert_eq!(running().must_restart(&same, "abc"), None);

        assert!(running().must_restart(&nothing, "abd").unwrap().contains("sources"));
        let elsewhere = Settings { port: Some(5000), ..nothing.clone() };
        assert!(running().must_restart(&elsewhere, "abc").unwrap().contains("port"));
        let faster = Settings { retry_delays: Some("0,0".into()), ..nothing.clone() };
        assert!(running().must_restart(&faster, "abc").unwrap().contains("settings"));
        let alarms = Settings { alarm_interval: Some("1".into()), ..nothing };
        assert!(running().must_restart(&alarms, "abc").unwrap().contains("settings"));
    }

    #[test]
    fn a_taken_port_is_named_with_the_option() {
        let taken = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        for (asked, last) in [(Some(port), None), (None, Some(port))] {
            let error = choose_port(asked, last).unwrap_err();
            assert!(error.to_string().contains(&port.to_string()), "{error}");
            assert!(error.help().unwrap().contains("--port"));
        }
        let free = choose_port(Some(0), Some(port)).unwrap();
        assert!(free != port && free != 0);
        assert_eq!(choose_port(Some(0), Some(free)).unwrap(), free, "the one used before, if it is free");
    }

    #[test]
    fn the_sources_fingerprint_ignores_bytecode_and_tests() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), dir.path().join(".local"));
        let root = layout.emulator_sources();
        let write = |name: &str, text: &str| {
            let path = root.join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("local_aws/launch.py", "1");
        write("requirements.txt", "ministack");
        let before = sources(&layout).unwrap();
        write("local_aws/__pycache__/launch.pyc", "x");
        write("tests/test_a.py", "x");
        assert_eq!(sources(&layout).unwrap(), before);
        write("local_aws/fixes/alarms.py", "2");
        let after = sources(&layout).unwrap();
        assert_ne!(after, before);
        write("requirements.txt", "ministack 2");
        assert_ne!(sources(&layout).unwrap(), after);
    }

    #[test]
    fn what_is_saved_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path(), dir.path());
        assert_eq!(Emulator::last(&layout), None);
        make_dir(&layout.emulator()).unwrap();
        running().save(&layout).unwrap();
        assert_eq!(Emulator::last(&layout), Some(running()));
        assert_eq!(std::fs::read_to_string(layout.emulator().join("pid")).unwrap(), "1\n");
        assert_eq!(std::fs::read_to_string(layout.emulator().join("endpoint")).unwrap(), "http://127.0.0.1:4566\n");
    }
}
