//! The console that operates the market-data pipeline. Everything is in the library; see [`opsctl::run`].

use std::process::ExitCode;

fn main() -> ExitCode {
    opsctl::run(std::env::args_os())
}
