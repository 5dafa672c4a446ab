//! An execution environment: one process of a function, its Runtime API and its AWS, on a port of its own. So every AWS
//! call is known to belong to the one event that the environment works on.

use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::process::{Child, Command};

use crate::cloud::{Cloud, Message, PREFIX, STAGES, lock};
use crate::http::{Answer, Handler, Request, serve};
use crate::proc::{self, Usage};
use crate::sample::{Sample, Span, chain, covered};

/// Lambda's time-out of the functions.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How an environment started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Start {
    /// From starting the process to its first request for an event.
    pub(crate) wall: Duration,
    /// The part of it in which a call (the settings') was in AWS's hands.
    pub(crate) held: Duration,
    pub(crate) cpu: Duration,
    /// Waiting for a core.
    pub(crate) waited: Duration,
}

struct Invocation {
    message: Message,
    began: Instant,
    usage: Usage,
}

#[derive(Default)]
struct State {
    pid: u32,
    start: Option<Start>,
    invocation: Option<Invocation>,
    calls: Vec<Span>,
    handled: usize,
}

/// What the servers of an environment share.
struct Api {
    stage: usize,
    cloud: Arc<Cloud>,
    spawned: Instant,
    state: Mutex<State>,
}

/// A running environment. Its process ends when it is dropped.
pub(crate) struct Environment {
    api: Arc<Api>,
    process: Child,
    server: tokio::task::JoinHandle<()>,
}

impl Environment {
    /// Starts the function's process. `xray` is the port of a daemon that listens and forgets.
    pub(crate) async fn start(functions: &Path, stage: usize, cloud: &Arc<Cloud>, xray: u16) -> Result<Self, String> {
        let name = STAGES[stage];
        let program = functions.join(format!("{name}_handler/bootstrap"));
        let failed = |error: std::io::Error| format!("failed to start {}: {error}", program.display());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let api = Arc::new(Api { stage, cloud: cloud.clone(), spawned: Instant::now(), state: Mutex::default() });
        let server = tokio::spawn(serve(listener, api.clone()));
        let process = Command::new(&program)
            .env_clear()
            .envs([
                ("AWS_LAMBDA_RUNTIME_API", address.to_string().as_str()),
                ("AWS_LAMBDA_FUNCTION_NAME", &format!("lambda-{name}-bench")),
                ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
                ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
                ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
                ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
                ("AWS_LAMBDA_LOG_LEVEL", "INFO"),
                ("AWS_REGION", "us-east-1"),
                ("AWS_ACCESS_KEY_ID", "bench"),
                ("AWS_SECRET_ACCESS_KEY", "bench"),
                ("AWS_ENDPOINT_URL", &format!("http://{address}")),
                ("AWS_XRAY_DAEMON_ADDRESS", &format!("127.0.0.1:{xray}")),
                ("PARAMETER_PREFIX", PREFIX),
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed)?;
        lock(&api.state).pid = process.id().unwrap_or_default();
        Ok(Self { api, process, server })
    }

    /// How it started, once it has asked for its first event.
    pub(crate) async fn started(&mut self) -> Result<Start, String> {
        let name = STAGES[self.api.stage];
        for _ in 0..6000 {
            if let Some(start) = lock(&self.api.state).start {
                return Ok(start);
            }
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(format!("failed to start {name}: it ended with {status}"));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Err(format!("failed to start {name}: it asked for no event within 30 s"))
    }

    /// The most memory that the process has held, in bytes.
    pub(crate) fn peak_memory(&self) -> u64 {
        proc::peak_memory(lock(&self.api.state).pid)
    }

    /// CPU time of the process so far.
    pub(crate) fn cpu(&self) -> Duration {
        proc::usage(lock(&self.api.state).pid).cpu
    }

    /// Ends the process and waits for it.
    pub(crate) async fn stop(mut self) {
        self.process.kill().await.ok();
        self.server.abort();
    }
}

impl Drop for Environment {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Handler for Api {
    async fn handle(self: Arc<Self>, request: Request) -> Answer {
        let runtime = request.path.strip_prefix("/2018-06-01/runtime/");
        match runtime {
            Some("invocation/next") => self.next().await,
            Some(path) if path.ends_with("/response") => self.response(),
            Some(path) if path.starts_with("invocation/") => self.error(&request.body),
            Some(_) => {
                eprintln!("{} failed to start: {}", STAGES[self.stage], String::from_utf8_lossy(&request.body));
                Answer::new(202, "{}")
            }
            None => self.call(&request).await,
        }
    }
}

impl Api {
    async fn next(&self) -> Answer {
        let now = Instant::now();
        {
            let mut state = lock(&self.state);
            if state.start.is_none() {
                let Usage { cpu, waited } = proc::usage(state.pid);
                let held = covered(&std::mem::take(&mut state.calls));
                state.start = Some(Start { wall: now - self.spawned, held, cpu, waited });
            }
        }
        // Closed queues only ever mean that everything ends.
        let Some(message) = self.cloud.queues[self.stage].pop().await else { return Answer::new(500, "{}") };
        let mut answer = Answer::new(200, message.envelope.as_bytes());
        let deadline = jiff::Timestamp::now().as_millisecond() + i64::try_from(TIMEOUT.as_millis()).unwrap_or(0);
        let trace = format!(
            "Root=1-{:08x}-{};Parent=53995c3f42cd8ad8;Sampled={}",
            jiff::Timestamp::now().as_second(),
            message.request_id.replace('-', "").get(8..).unwrap_or_default(),
            u8::from(message.sampled)
        );
        answer.headers = vec![
            ("content-type", "application/json".to_owned()),
            ("lambda-runtime-aws-request-id", message.request_id.clone()),
            ("lambda-runtime-deadline-ms", deadline.to_string()),
            (
                "lambda-runtime-invoked-function-arn",
                format!("arn:aws:lambda:us-east-1:000000000000:function:lambda-{}-bench", STAGES[self.stage]),
            ),
            ("lambda-runtime-trace-id", trace),
        ];
        let mut state = lock(&self.state);
        let usage = proc::usage(state.pid);
        state.calls.clear();
        state.invocation = Some(Invocation { message, began: Instant::now(), usage });
        answer
    }

    fn response(&self) -> Answer {
        let now = Instant::now();
        let mut state = lock(&self.state);
        if let Some(Invocation { began, usage, .. }) = state.invocation.take() {
            let Usage { cpu, waited } = proc::usage(state.pid).since(usage);
            let sample = Sample {
                first: state.handled == 0,
                wall: now - began,
                held: covered(&state.calls),
                cpu,
                waited,
                trips: chain(&state.calls),
                calls: state.calls.len(),
            };
            state.handled += 1;
            self.cloud.handled(self.stage, sample);
        }
        Answer::new(202, "{}")
    }

    fn error(&self, body: &[u8]) -> Answer {
        if let Some(invocation) = lock(&self.state).invocation.take() {
            self.cloud.failed(self.stage, invocation.message, body);
        }
        Answer::new(202, "{}")
    }

    /// An AWS call: it takes its time, then it has its effect, then it is answered.
    async fn call(&self, request: &Request) -> Answer {
        let start = Instant::now();
        // Only SNS speaks in forms; all others name the operation in a header.
        let operation =
            if request.target.is_empty() { "Publish" } else { request.target.rsplit('.').next().unwrap_or_default() };
        pause(self.cloud.latency(operation)).await;
        let mut answer = self.cloud.answer(operation, &request.body);
        answer.headers.push(("x-amzn-requestid", "bench".to_owned()));
        lock(&self.state).calls.push((start, Instant::now()));
        answer
    }
}

/// Waits to some 0.1 ms. Tokio's timers go by whole milliseconds and end late by one on average: with three calls an event
/// that would be a tenth of all that an event takes.
async fn pause(time: Duration) {
    // It fails only when the runtime ends, and nobody waits any more then.
    let _ = tokio::task::spawn_blocking(move || std::thread::sleep(time)).await;
}
