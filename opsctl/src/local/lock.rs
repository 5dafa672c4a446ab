//! One at a time: an advisory lock on a file, released by the system when its holder dies, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::layout::make_dir;
use crate::error::{Error, Result};

const POLL: Duration = Duration::from_millis(200);

/// Held as long as the value lives.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock, waiting up to `patience`. `waiting` is called once, with the holder's process id where it is
    /// known, when there is something to wait for.
    pub async fn take(path: &Path, patience: Duration, waiting: impl FnOnce(Option<&str>)) -> Result<Self> {
        let failed = |source| Error::io(format!("failed to lock {}", path.display()), source);
        if let Some(parent) = path.parent() {
            make_dir(parent)?;
        }
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).map_err(failed)?;
        let mut waiting = Some(waiting);
        let started = Instant::now();
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(failed(source)),
                Err(TryLockError::WouldBlock) => {
                    let holder = holder(&mut file);
                    if let Some(waiting) = waiting.take() {
                        waiting(holder.as_deref());
                    }
                    if started.elapsed() >= patience {
                        let holder = holder.map_or_else(String::new, |pid| format!(" (process {pid})"));
                        return Err(Error::failed(
                            format!("failed to lock {}: another opsctl{holder} holds it", path.display()),
                            "let it finish, or stop it, and try again",
                        ));
                    }
                    sleep(POLL).await;
                }
            }
        }
        // For the message of whoever waits; the lock itself does not need it.
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> Option<String> {
    let mut pid = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut pid)).ok()?;
    let pid = pid.trim();
    (!pid.is_empty()).then(|| pid.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_second_taker_waits_for_the_first_and_is_told_who_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("deep/lock");
        let first = Lock::take(&path, Duration::ZERO, |_| panic!("nobody holds it")).await.unwrap();
        let mut told = None;
        let error = Lock::take(&path, Duration::ZERO, |pid| told = pid.map(ToOwned::to_owned)).await.unwrap_err();
        assert_eq!(told, Some(std::process::id().to_string()));
        assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");

        let second = tokio::spawn(async move { Lock::take(&path, Duration::from_mins(1), |_| ()).await });
        drop(first);
        second.await.unwrap().unwrap();
    }
}
