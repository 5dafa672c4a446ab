//! A proxy before the local AWS that does to calls what a bad day does: refuses them, throttles them, loses answers, and
//! fails single entries of a batch.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// AWS fails: 500, nothing was done.
    Fails,
    /// AWS asks to slow down: nothing was done.
    Throttled,
    /// It was done, and the answer is lost.
    LostAnswer,
    /// Of a batch one entry fails; the others are done.
    OneEntryFails,
}

/// A request, as far as faults depend on it.
#[derive(Debug)]
pub struct Call<'a> {
    /// `SQS.ReceiveMessage`, `Lambda.Invoke`, else the path.
    pub action: &'a str,
    /// Counts all calls.
    pub number: u64,
}

type Decide = dyn Fn(&Call<'_>) -> Option<Fault> + Send + Sync;

/// A running proxy. It ends with its test's runtime.
#[derive(Debug, Clone)]
pub struct Proxy {
    address: SocketAddr,
    faults: Arc<Mutex<Vec<(String, Fault)>>>,
}

impl Proxy {
    /// Starts a proxy before `upstream` (`http://127.0.0.1:4566`); `latency` is added to each call, and `decide` says what happens to it.
    ///
    /// # Panics
    /// When no port is free.
    pub async fn start(
        upstream: &str,
        latency: Duration,
        decide: impl Fn(&Call<'_>) -> Option<Fault> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let proxy = Self { address: listener.local_addr().expect("an address"), faults: Arc::default() };
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/').to_owned();
        let (decide, faults): (Arc<Decide>, _) = (Arc::new(decide), Arc::clone(&proxy.faults));
        let numbers = Arc::new(AtomicU64::new(0));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (upstream, decide) = (upstream.clone(), Arc::clone(&decide));
                let (faults, numbers) = (Arc::clone(&faults), Arc::clone(&numbers));
                tokio::spawn(async move {
                    // A client that goes away in the midst is one that was killed: nobody to tell.
                    let _ = serve(client, &upstream, (latency, &*decide), &faults, &numbers).await;
                });
            }
        });
        proxy
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often a fault was done to an action.
    ///
    /// # Panics
    /// Never, but for a panic elsewhere.
    pub fn count(&self, action: &str, fault: Fault) -> usize {
        let faults = self.faults.lock().expect("the list");
        faults.iter().filter(|(done_to, done)| done_to == action && *done == fault).count()
    }
}

async fn serve(
    client: TcpStream,
    upstream: &str,
    (latency, decide): (Duration, &Decide),
    faults: &Mutex<Vec<(String, Fault)>>,
    numbers: &AtomicU64,
) -> std::io::Result<()> {
    let mut client = BufReader::new(client);
    let Some((head, mut body)) = read_message(&mut client).await? else { return Ok(()) };
    tokio::time::sleep(latency).await;
    let action = action(&head);
    let call = Call { action: &action, number: numbers.fetch_add(1, Ordering::Relaxed) };
    let fault = decide(&call);
    if let Some(fault) = fault {
        faults.lock().expect("the list").push((action.clone(), fault));
    }
    match fault {
        Some(Fault::Fails) => return answer(&mut client, 500, &json!({"__type": "InternalFailure"})).await,
        Some(Fault::Throttled) => {
            let code = if action == "Lambda.Invoke" { 429 } else { 400 };
            return answer(&mut client, code, &json!({"__type": "ThrottlingException", "message": "Rate exceeded"}))
                .await;
        }
        Some(Fault::LostAnswer | Fault::OneEntryFails) | None => {}
    }
    let failed = (fault == Some(Fault::OneEntryFails)).then(|| take_entry(&mut body)).flatten();
    let server = TcpStream::connect(upstream).await?;
    let mut server = BufReader::new(server);
    server.write_all(&request(&head, &body)).await?;
    let Some((head, mut body)) = read_message(&mut server).await? else { return Ok(()) };
    if fault == Some(Fault::LostAnswer) {
        return Ok(());
    }
    if let Some(entry) = failed {
        let mut document: Value = serde_json::from_slice(&body)?;
        let entry = json!({"Id": entry, "SenderFault": false, "Code": "InternalError", "Message": "a bad day"});
        // Beside those that failed by themselves: every entry is in the answer, as SQS answers.
        match document["Failed"].as_array_mut() {
            Some(failed) => failed.push(entry),
            None => document["Failed"] = json!([entry]),
        }
        body = document.to_string().into_bytes();
    }
    client.write_all(&request(&head, &body)).await?;
    client.shutdown().await
}

/// `SQS.ReceiveMessage` of the JSON protocol's target header, `Lambda.Invoke`, else the path.
fn action(head: &str) -> String {
    let target = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("x-amz-target:").map(|_| line));
    if let Some(target) = target.and_then(|line| line.split_once(':')) {
        let target = target.1.trim();
        return target.replace("AmazonSQS.", "SQS.");
    }
    let path = head.split(' ').nth(1).unwrap_or_default();
    if path.ends_with("/invocations") { "Lambda.Invoke".to_owned() } else { path.to_owned() }
}

/// Takes the first entry out of a batch, unless it is the only one, and gives its id.
fn take_entry(body: &mut Vec<u8>) -> Option<Value> {
    let mut document: Value = serde_json::from_slice(body).ok()?;
    let entries = document["Entries"].as_array_mut()?;
    if entries.len() < 2 {
        return None;
    }
    let id = entries.remove(0)["Id"].clone();
    *body = document.to_string().into_bytes();
    Some(id)
}

/// Head and body; nothing when the connection was closed.
async fn read_message(stream: &mut BufReader<TcpStream>) -> std::io::Result<Option<(String, Vec<u8>)>> {
    let mut head = String::new();
    loop {
        let before = head.len();
        if stream.read_line(&mut head).await? == 0 {
            return Ok(None);
        }
        if head[before..].trim().is_empty() {
            break;
        }
    }
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).await?;
    Ok(Some((head, body)))
}

/// The message again, with the body's length as it is now, for a connection of its own.
fn request(head: &str, body: &[u8]) -> Vec<u8> {
    let keep = |line: &&str| {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        !matches!(name.as_str(), "content-length" | "connection" | "") && !name.starts_with("x-amz-checksum")
    };
    let mut message: Vec<u8> = head.lines().filter(keep).flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect();
    message.extend(format!("content-length: {}\r\nconnection: close\r\n\r\n", body.len()).bytes());
    message.extend(body);
    message
}

async fn answer(client: &mut BufReader<TcpStream>, status: u16, document: &Value) -> std::io::Result<()> {
    let code = document["__type"].as_str().unwrap_or_default();
    let body = document.to_string();
    let head = format!(
        "HTTP/1.1 {status} Fault\r\ncontent-type: application/x-amz-json-1.0\r\nx-amzn-errortype: {code}\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    client.write_all(head.as_bytes()).await?;
    client.write_all(body.as_bytes()).await?;
    client.shutdown().await
}
