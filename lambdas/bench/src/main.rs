//! `make bench`: measures the functions as they are shipped, without AWS and without the local stack.
//!
//! The binaries run behind Lambda's Runtime API and AWS stubs over HTTP on loopback, with AWS's latencies injected
//! ([`latency`]). What the functions themselves take is what is left when the time that the stubs held is taken off.
//! docs/performance.md has the results and how to read them.

mod cloud;
mod environment;
mod feed;
mod http;
mod latency;
mod proc;
mod report;
mod run;
mod sample;
mod store;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use crate::latency::Model;
use crate::report::Report;
use crate::run::{Bench, LOUD, Load, QUIET};

const USAGE: &str = "usage: bench [--quick] [--functions DIR] [--data FILE] [--rules FILE] [--json FILE]

  --quick           a few seconds: fewer events and starts
  --functions DIR   the built functions: DIR/{stage}_handler/bootstrap  [default: target/lambda]
  --data FILE       raw events, one a line  [default: tests/data/btcusdt-2021-01-08.jsonl]
  --rules FILE      alert rules under load  [default: lib/envs/alert-rules.json]
  --json FILE       write the report there too";

struct Options {
    quick: bool,
    functions: PathBuf,
    data: PathBuf,
    rules: PathBuf,
    json: Option<PathBuf>,
}

fn options() -> Result<Options, String> {
    let mut options = Options {
        quick: false,
        functions: "target/lambda".into(),
        data: "tests/data/btcusdt-2021-01-08.jsonl".into(),
        rules: "lib/envs/alert-rules.json".into(),
        json: None,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        if argument == "--quick" {
            options.quick = true;
            continue;
        }
        let value = arguments.next().ok_or(USAGE)?.into();
        match argument.as_str() {
            "--functions" => options.functions = value,
            "--data" => options.data = value,
            "--rules" => options.rules = value,
            "--json" => options.json = Some(value),
            _ => return Err(USAGE.to_owned()),
        }
    }
    Ok(options)
}

async fn measure(options: &Options) -> Result<Report, String> {
    let rules = std::fs::read_to_string(&options.rules)
        .map_err(|error| format!("failed to read {}: {error}", options.rules.display()))?;
    let bench = Bench::new(&options.functions, &options.data).await?;
    let machine = proc::machine();
    let quick = options.quick;

    // Long enough for calls that are made together to overlap, however busy the machine is.
    let constant = Model::Constant(Duration::from_millis(60));
    eprintln!("counting round trips");
    let quiet = bench.sequential(constant, QUIET, 1, 5).await?;
    let loud = bench.sequential(constant, LOUD, 1, 5).await?;
    let most = |samples: &[sample::Sample]| {
        let most = |of: fn(&sample::Sample) -> usize| samples.iter().map(of).max().unwrap_or(0);
        (most(|sample| sample.trips), most(|sample| sample.calls))
    };
    let trips = [most(&quiet.samples[0]), most(&quiet.samples[1]), most(&loud.samples[1]), most(&loud.samples[2])];

    eprintln!("one environment, one event at a time");
    let (rounds, count) = if quick { (3, 10) } else { (12, 60) };
    let sequential = bench.sequential(Model::Aws, LOUD, rounds, count).await?;

    let mut loads = Vec::new();
    let minute = Duration::from_mins(1);
    let planned = if quick {
        vec![Load { name: "10,000 a minute", events: 500, over: Duration::from_secs(3), environments: 10 }]
    } else {
        vec![
            Load { name: "10,000 a minute for a minute", events: 10_000, over: minute, environments: 10 },
            Load { name: "20,000 in a minute", events: 20_000, over: minute, environments: 10 },
            Load { name: "10,000 at once", events: 10_000, over: Duration::ZERO, environments: 10 },
        ]
    };
    for load in planned {
        eprintln!("{}", load.name);
        loads.push(bench.load(load, &rules).await?);
    }
    Ok(Report { machine, trips, sequential, loads })
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = match options() {
        Ok(options) => options,
        Err(usage) => {
            eprintln!("{usage}");
            return ExitCode::from(2);
        }
    };
    let report = match measure(&options).await {
        Ok(report) => report,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    report.print();
    if let Some(path) = &options.json
        && let Err(error) = std::fs::write(path, format!("{:#}\n", report.json()))
    {
        eprintln!("failed to write {}: {error}", path.display());
        return ExitCode::FAILURE;
    }
    if report.faults().is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
