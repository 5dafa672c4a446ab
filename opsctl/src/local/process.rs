//! Processes that outlive this one: who they are, whether they still are, and how to end them and nobody else.
//!
//! A process id alone is not an identity, for the system gives it to another process later. With the time of birth it is.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use crate::error::{Error, Result};

const POLL: Duration = Duration::from_millis(50);
const PS_COLUMNS: &str = "pid=,ppid=,pgid=,stat=,lstart=";

/// A process, and not another that got its number later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// The system's number.
    pub pid: i32,
    /// When it was born, in whatever words the system has for it; compared, never read.
    pub born: String,
}

/// One line of the process table.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    id: ProcessId,
    parent: i32,
    group: i32,
}

impl ProcessId {
    /// The living process of that number.
    pub fn of(pid: i32) -> Option<Self> {
        let row = if has_proc() {
            row_of_stat(&std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?, &boot_id())
        } else {
            row_of_ps(&ps(&["-o", PS_COLUMNS, "-p", &pid.to_string()])?)
        };
        row.map(|row| row.id)
    }

    /// Is it alive? A zombie is not.
    pub fn is_alive(&self) -> bool {
        Self::of(self.pid).as_ref() == Some(self)
    }

    /// Sends a signal, unless the process has ended.
    pub fn signal(&self, signal: Signal) {
        if let (true, Some(pid)) = (self.is_alive(), Pid::from_raw(self.pid)) {
            // It may end between the check and here; then there is nothing to signal.
            let _ = kill_process(pid, signal);
        }
    }

    /// Ends the leader of a process group and all that it started: `first` to the leader, which may take `grace` to end
    /// its own children in order; then SIGKILL to whatever is left. Also clears up what a dead leader left behind.
    ///
    /// Returns how many had to be killed.
    pub async fn stop_group(&self, first: Signal, grace: Duration) -> Result<usize> {
        let mut family = family(&table(), self);
        self.signal(first);
        wait_until(grace, || !self.is_alive()).await;
        for id in self::family(&table(), self) {
            if !family.contains(&id) {
                family.push(id);
            }
        }
        let rest: Vec<_> = family.iter().filter(|id| id.is_alive()).collect();
        for id in &rest {
            id.signal(Signal::KILL);
        }
        wait_until(Duration::from_secs(5), || !rest.iter().any(|id| id.is_alive())).await;
        if let Some(survivor) = rest.iter().find(|id| id.is_alive()) {
            return Err(Error::failed(
                format!("failed to end process {}: it survives SIGKILL", survivor.pid),
                "it hangs in the system; look at it with ps",
            ));
        }
        Ok(rest.len())
    }
}

/// The processes whose command line contains all of `words` as whole arguments.
pub fn with_arguments(words: &[&str]) -> Vec<ProcessId> {
    let matches = |arguments: &[&str]| words.iter().all(|word| arguments.contains(word));
    table()
        .into_iter()
        .map(|row| row.id)
        .filter(|id| match std::fs::read(format!("/proc/{}/cmdline", id.pid)) {
            Ok(line) => {
                let line = String::from_utf8_lossy(&line);
                matches(&line.split('\0').collect::<Vec<_>>())
            }
            Err(_) => ps(&["-o", "command=", "-p", &id.pid.to_string()])
                .is_some_and(|line| words.iter().all(|word| line.contains(word))),
        })
        .collect()
}

async fn wait_until(limit: Duration, mut reached: impl FnMut() -> bool) {
    let started = Instant::now();
    while !reached() && started.elapsed() < limit {
        sleep(POLL).await;
    }
}

/// The members of the group that `leader` leads or led, and the descendants of all of them.
fn family(table: &[Row], leader: &ProcessId) -> Vec<ProcessId> {
    if table.iter().any(|row| row.id.pid == leader.pid && row.id != *leader) {
        // The number was given away, so the group of that number is somebody else's; and the system does not give it
        // away while one of ours is in it.
        return Vec::new();
    }
    let mut members: Vec<&Row> = table.iter().filter(|row| row.group == leader.pid || row.id == *leader).collect();
    let mut next = 0;
    while let Some(member) = members.get(next) {
        let parent = member.id.pid;
        for row in table {
            if row.parent == parent && !members.contains(&row) {
                members.push(row);
            }
        }
        next += 1;
    }
    members.into_iter().map(|row| row.id.clone()).collect()
}

/// Every living process.
fn table() -> Vec<Row> {
    if has_proc() {
        let boot = boot_id();
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        return entries
            .flatten()
            .filter(|entry| entry.file_name().as_encoded_bytes().iter().all(u8::is_ascii_digit))
            .filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok())
            .filter_map(|line| row_of_stat(&line, &boot))
            .collect();
    }
    let lines = ps(&["-ax", "-o", PS_COLUMNS]).unwrap_or_default();
    lines.lines().filter_map(row_of_ps).collect()
}

/// Linux. Elsewhere `ps` is asked.
fn has_proc() -> bool {
    Path::new("/proc/self/stat").exists()
}

/// Start times count from the boot, so two boots must not be mistaken for each other.
fn boot_id() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

fn ps(arguments: &[&str]) -> Option<String> {
    let output = Command::new("ps").env("LC_ALL", "C").args(arguments).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// proc(5): `pid (name) state ppid pgrp …`, the start time being field 22. The name may contain anything.
fn row_of_stat(line: &str, boot: &str) -> Option<Row> {
    let (pid, rest) = line.split_once(" (")?;
    let fields: Vec<&str> = rest.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let [state, parent, group, ..] = fields[..] else { return None };
    if matches!(state, "Z" | "X") {
        return None;
    }
    Some(Row {
        id: ProcessId { pid: pid.parse().ok()?, born: format!("{boot}:{}", fields.get(19)?) },
        parent: parent.parse().ok()?,
        group: group.parse().ok()?,
    })
}

fn row_of_ps(line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [pid, parent, group, state, born @ ..] = &fields[..] else { return None };
    if state.starts_with('Z') || born.is_empty() {
        return None;
    }
    Some(Row {
        id: ProcessId { pid: pid.parse().ok()?, born: born.join(" ") },
        parent: parent.parse().ok()?,
        group: group.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::CommandExt;

    use super::*;

    fn row(pid: i32, parent: i32, group: i32) -> Row {
        Row { id: ProcessId { pid, born: format!("t{pid}") }, parent, group }
    }

    #[test]
    fn reads_a_stat_line_with_a_wild_name() {
        let line = "77 (a) (b) S 1 70 70 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 123456 1000 1 1";
        let row = row_of_stat(line, "boot").unwrap();
        assert_eq!(row, Row { id: ProcessId { pid: 77, born: "boot:123456".into() }, parent: 1, group: 70 });
        assert_eq!(row_of_stat(&line.replace(" S ", " Z "), "boot"), None, "a zombie is not alive");
    }

    #[test]
    fn reads_a_line_of_ps() {
        let row = row_of_ps("  12     1    12 Ss   Mon Nov 23 08:15:00 2026").unwrap();
        assert_eq!(row.id, ProcessId { pid: 12, born: "Mon Nov 23 08:15:00 2026".into() });
        assert_eq!((row.parent, row.group), (1, 12));
        assert_eq!(row_of_ps("12 1 12 Z"), None);
    }

    #[test]
    fn the_family_is_the_group_and_its_descendants() {
        let table = [row(1, 0, 1), row(10, 1, 10), row(11, 10, 10), row(12, 11, 12), row(20, 1, 20)];
        let pids = |leader: &ProcessId| family(&table, leader).iter().map(|id| id.pid).collect::<Vec<_>>();
        assert_eq!(pids(&table[1].id), [10, 11, 12]);
        let dead = ProcessId { pid: 12, born: "t12".into() };
        assert_eq!(family(&[row(13, 1, 12)], &dead), [row(13, 1, 12).id], "a dead leader's orphans");
    }

    #[test]
    fn a_number_that_was_given_away_has_no_family_here() {
        let table = [row(10, 1, 10), row(11, 10, 10)];
        let before = ProcessId { pid: 10, born: "earlier".into() };
        assert_eq!(family(&table, &before), []);
    }

    #[test]
    fn this_process_is_alive_and_another_of_its_number_is_not() {
        let me = ProcessId::of(std::process::id().cast_signed()).unwrap();
        assert!(me.is_alive());
        assert!(!ProcessId { born: "earlier".into(), ..me }.is_alive());
    }

    #[tokio::test]
    async fn stops_a_group_whose_members_ignore_sigterm() {
        let script = "trap '' TERM; (trap '' TERM; exec sleep 300) & exec sleep 300";
        let mut child = Command::new("sh").args(["-c", script]).process_group(0).spawn().unwrap();
        let id = ProcessId::of(child.id().cast_signed()).unwrap();
        wait_until(Duration::from_secs(30), || family(&table(), &id).len() == 2).await;
        let family = family(&table(), &id);
        let reaper = std::thread::spawn(move || child.wait());
        let killed = id.stop_group(Signal::TERM, Duration::from_millis(100)).await.unwrap();
        assert_eq!(killed, 2);
        assert!(!family.iter().any(ProcessId::is_alive));
        reaper.join().unwrap().unwrap();
    }
}
