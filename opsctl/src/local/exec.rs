//! Runs a command that takes long: every line to a log and to whoever shows progress, a limit, and a clean end on Ctrl-C.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};

use super::layout::{make_dir, remove, write_atomically};
use super::process::ProcessId;
use crate::error::{Error, Result};

/// How many of the last lines an error shows.
const TAIL: usize = 15;
/// What an interrupted command may take to save its work.
const GRACE: Duration = Duration::from_mins(1);

const INTERRUPTED: &str = ": interrupted";

/// Is this the error of a command that was interrupted by the user? Then its own errors only say so once more.
pub fn was_interrupted(error: &Error) -> bool {
    error.to_string().ends_with(INTERRUPTED)
}

/// How to run a command.
#[derive(Debug)]
pub struct Exec<'a> {
    /// What is done, for messages: "failed to {what}".
    pub what: &'a str,
    /// Where every line goes. Overwritten.
    pub log: PathBuf,
    /// When it has taken this long it is stopped.
    pub limit: Duration,
    /// Names the process while it runs, so that a later call finds it if this one is killed; and an interrupt is handed
    /// on to it, once, and its end awaited. Without it the command just shares this process's fate.
    pub record: Option<PathBuf>,
}

impl Exec<'_> {
    /// Runs the command; `on_line` sees each line of both of its streams. Fails unless it exits with 0.
    pub async fn run(self, mut command: Command, mut on_line: impl FnMut(&str)) -> Result<()> {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        if self.record.is_some() {
            // Its own group, or the terminal would interrupt it a second time, which makes Terraform drop its work.
            command.process_group(0);
        } else {
            command.kill_on_drop(true);
        }
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let mut child = command
            .spawn()
            .map_err(|source| Error::io(format!("failed to {}: {program} does not start", self.what), source))?;
        let process = child.id().and_then(|pid| ProcessId::of(pid.cast_signed()));
        if let (Some(path), Some(process)) = (&self.record, &process) {
            let json = serde_json::to_vec(process).map_err(anyhow::Error::from)?;
            write_atomically(path, &json)?;
        }
        let mut tail = VecDeque::new();
        let followed = self.follow(&mut child, process.as_ref(), &mut tail, &mut on_line).await;
        if let Some(path) = &self.record {
            remove(path)?;
        }
        let status = followed?;
        if status.success() {
            return Ok(());
        }
        let tail: Vec<String> = tail.into();
        Err(Error::failed(
            format!("failed to {} ({program}: {status}); it said last:\n{}", self.what, tail.join("\n")),
            format!("everything it said is in {}", self.log.display()),
        ))
    }

    async fn follow(
        &self,
        child: &mut Child,
        process: Option<&ProcessId>,
        tail: &mut VecDeque<String>,
        on_line: &mut impl FnMut(&str),
    ) -> Result<ExitStatus> {
        let failed = |source| Error::io(format!("failed to {}", self.what), source);
        let mut log = open_log(&self.log).await?;
        let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
            return child.wait().await.map_err(failed);
        };
        let (mut stdout, mut stderr) = (BufReader::new(stdout).lines(), BufReader::new(stderr).lines());
        let (mut stdout_open, mut stderr_open) = (true, true);
        let limit = sleep(self.limit);
        tokio::pin!(limit);
        let mut interrupts = if self.record.is_some() { Some(Interrupts::new()?) } else { None };
        let mut interrupted = false;
        while stdout_open || stderr_open {
            let line = tokio::select! {
                line = stdout.next_line(), if stdout_open => line.map_err(failed)?.or_else(|| { stdout_open = false; None }),
                line = stderr.next_line(), if stderr_open => line.map_err(failed)?.or_else(|| { stderr_open = false; None }),
                () = &mut limit => return Err(self.out_of_time(child, process, interrupted).await),
                () = Interrupts::next(&mut interrupts) => {
                    if let Some(process) = process {
                        process.signal(Signal::INT);
                    }
                    if !interrupted {
                        interrupted = true;
                        limit.as_mut().reset(tokio::time::Instant::now() + GRACE);
                    }
                    None
                }
            };
            if let Some(line) = line {
                log.write_all(format!("{line}\n").as_bytes()).await.map_err(failed)?;
                on_line(&line);
                if tail.len() == TAIL {
                    tail.pop_front();
                }
                tail.push_back(line);
            }
        }
        log.flush().await.map_err(failed)?;
        let status = child.wait().await.map_err(failed)?;
        if interrupted {
            return Err(Error::failed(
                format!("failed to {}{INTERRUPTED}", self.what),
                "start it again: it goes on from where it was",
            ));
        }
        Ok(status)
    }

    async fn out_of_time(&self, child: &mut Child, process: Option<&ProcessId>, interrupted: bool) -> Error {
        if let Some(process) = process {
            let grace = if interrupted { Duration::ZERO } else { GRACE };
            let (stopped, _) = tokio::join!(process.stop_group(Signal::INT, grace), timeout(grace, child.wait()));
            if let Err(error) = stopped {
                return error;
            }
        }
        let _ = child.kill().await;
        let why = if interrupted { "interrupted" } else { "it takes too long" };
        Error::failed(
            format!("failed to {}: {why}; stopped after {} s", self.what, self.limit.as_secs()),
            format!("what it did is in {}", self.log.display()),
        )
    }
}

async fn open_log(path: &Path) -> Result<tokio::fs::File> {
    if let Some(parent) = path.parent() {
        make_dir(parent)?;
    }
    tokio::fs::File::create(path)
        .await
        .map_err(|source| Error::io(format!("failed to write {}", path.display()), source))
}

/// Ctrl-C, SIGTERM and the terminal's end.
struct Interrupts([tokio::signal::unix::Signal; 3]);

impl Interrupts {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).map_err(|source| Error::io("failed to listen to signals", source));
        Ok(Self([listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?, listen(SignalKind::hangup())?]))
    }

    async fn next(interrupts: &mut Option<Self>) {
        let Some(Self([interrupt, terminate, hangup])) = interrupts else { return std::future::pending().await };
        tokio::select! {
            _ = interrupt.recv() => (),
            _ = terminate.recv() => (),
            _ = hangup.recv() => (),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    fn exec(dir: &Path, limit: Duration) -> Exec<'static> {
        Exec { what: "test", log: dir.join("logs/test.log"), limit, record: Some(dir.join("process.json")) }
    }

    #[tokio::test]
    async fn lines_of_both_streams_are_seen_and_logged() {
        let dir = tempfile::tempdir().unwrap();
        let mut lines = Vec::new();
        let on_line = |line: &str| lines.push(line.to_owned());
        let exec = exec(dir.path(), Duration::from_mins(1));
        exec.run(shell("echo one; echo two >&2"), on_line).await.unwrap();
        lines.sort();
        assert_eq!(lines, ["one", "two"]);
        let log = std::fs::read_to_string(dir.path().join("logs/test.log")).unwrap();
        assert_eq!(log.lines().count(), 2);
        assert!(!dir.path().join("process.json").exists(), "nothing runs any more");
    }

    #[tokio::test]
    async fn a_failure_shows_the_last_lines_and_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let script = shell("for i in $(seq 40); do echo line-$i; done; exit 7");
        let error = exec(dir.path(), Duration::from_mins(1)).run(script, |_| ()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("failed to test (sh: exit status: 7)"), "{text}");
        assert!(text.contains("line-40") && text.contains("line-26") && !text.contains("line-25"), "{text}");
        assert!(error.help().unwrap().contains("test.log"));
    }

    #[tokio::test]
    async fn a_running_command_is_on_record_and_stopped_when_its_time_is_up() {
        let dir = tempfile::tempdir().unwrap();
        let record = dir.path().join("process.json");
        let mut seen = None;
        let exec = exec(dir.path(), Duration::from_secs(2));
        let error = exec
            .run(shell("echo started; exec sleep 300"), |_| {
                seen = Some(serde_json::from_slice::<ProcessId>(&std::fs::read(&record).unwrap()).unwrap());
            })
            .await
            .unwrap_err();
        assert!(error.to_string().contains("takes too long"), "{error}");
        assert!(!seen.unwrap().is_alive());
        assert!(!record.exists());
    }
}
