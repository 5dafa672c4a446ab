//! opsctl in an environment in which nothing of the user's is found, and nobody is at the terminal.

use std::io::Write;
use std::process::{Command, Output, Stdio};

/// An address at which nobody listens: port 1 of this machine.
pub(crate) const NOWHERE: &str = "http://127.0.0.1:1";
/// What Terraform printed of a stack.
pub(crate) const OUTPUTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/outputs/dev.json");

/// opsctl in an environment in which nothing of the user's is found.
pub(crate) fn opsctl(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opsctl"));
    command
        .args(arguments)
        .env_clear()
        .env("HOME", "/nonexistent")
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_ACCESS_KEY_ID", "test")
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .current_dir(std::env::temp_dir())
        .stdin(Stdio::null());
    command
}

/// Runs it to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    opsctl(arguments).output().expect("opsctl starts")
}

/// Runs it with this on standard input.
pub(crate) fn run_with_input(arguments: &[&str], input: &str) -> Output {
    let mut child = opsctl(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("opsctl starts");
    // A command that fails before it reads closes the pipe; that is not this function's business.
    let _ = child.stdin.take().expect("it is piped").write_all(input.as_bytes());
    child.wait_with_output().expect("opsctl ends")
}

/// What it wrote to standard output.
pub(crate) fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What it wrote to standard error.
pub(crate) fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// It ended with this exit code.
#[track_caller]
pub(crate) fn assert_exit(output: &Output, code: i32) {
    assert_eq!(output.status.code(), Some(code), "stdout: {}\nstderr: {}", out(output), err(output));
}
