//! What Linux knows about a process.

use std::fs;
use std::time::Duration;

/// Time on a core, and time waiting for one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) cpu: Duration,
    pub(crate) waited: Duration,
}

impl Usage {
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { cpu: self.cpu.saturating_sub(earlier.cpu), waited: self.waited.saturating_sub(earlier.waited) }
    }
}

/// The sum over the process's threads; zero if it is gone.
pub(crate) fn usage(pid: u32) -> Usage {
    let mut usage = Usage::default();
    for thread in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
        let text = fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        let mut numbers = text.split_whitespace().filter_map(|word| word.parse().ok()).map(Duration::from_nanos);
        usage.cpu += numbers.next().unwrap_or_default();
        usage.waited += numbers.next().unwrap_or_default();
    }
    usage
}

/// The most memory that the process has held, in bytes; zero if it is gone.
pub(crate) fn peak_memory(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let kilobytes =
        text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

/// The machine: cores, model, load.
pub(crate) fn machine() -> String {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown", |(_, name)| name);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{cores} cores of {model}, load {}", load())
}

/// Load averages of 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}

/// How much of the machine's time was in use, by anybody, and how much there was: seconds of all cores.
pub(crate) fn machine_time() -> (f64, f64) {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let ticks: Vec<f64> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .skip(1)
        .take(8)
        .filter_map(|word| word.parse().ok())
        .collect();
    let all: f64 = ticks.iter().sum();
    // The fourth and fifth are idle and waiting for disks.
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    ((all - idle) / 100.0, all / 100.0)
}
