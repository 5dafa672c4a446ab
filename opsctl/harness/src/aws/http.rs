//! The server: as much of HTTP/1.1 as the SDK speaks.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::services;
use super::trouble::{Service, Trouble};
use super::world::World;

/// How often a call that hangs looks whether it still should.
const POLL: Duration = Duration::from_millis(20);

/// An AWS on a port of this machine. Clones are the same one.
#[derive(Debug, Clone)]
pub struct FakeAws {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    world: Mutex<World>,
    troubles: Mutex<BTreeMap<Service, Trouble>>,
    calls: Mutex<BTreeMap<String, u64>>,
}

/// A request.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    /// `x-amz-target`, or empty.
    pub(super) target: String,
    pub(super) body: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Vec<u8>,
}

impl FakeAws {
    /// Starts one in which all is well. It ends with the process.
    ///
    /// # Panics
    /// When no port is free.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let aws = Self { address: listener.local_addr().expect("an address"), shared: Arc::default() };
        let shared = Arc::clone(&aws.shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                // A client that goes away in the midst is one that has ended: nobody to tell.
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        aws
    }

    /// Its address.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Changes what there is.
    pub fn change(&self, change: impl FnOnce(&mut World)) {
        change(&mut lock(&self.shared.world));
    }

    /// From now on that happens to every call of the service.
    pub fn trouble(&self, service: Service, trouble: Trouble) {
        lock(&self.shared.troubles).insert(service, trouble);
    }

    /// From now on that happens to every call.
    pub fn trouble_everywhere(&self, trouble: Trouble) {
        for service in Service::ALL {
            self.trouble(service, trouble);
        }
    }

    /// All is well again.
    pub fn mend(&self) {
        lock(&self.shared.troubles).clear();
    }

    /// How often each operation was called, whatever came of it.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        lock(&self.shared.calls).clone()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        let Some((service, operation)) = services::operation(&request) else {
            // Such as the machine's own metadata service, asked for credentials.
            write(stream, &Answer { status: 404, headers: Vec::new(), body: Vec::new() })?;
            continue;
        };
        *lock(&shared.calls).entry(operation.clone()).or_default() += 1;
        let trouble = || lock(&shared.troubles).get(&service).copied();
        while trouble() == Some(Trouble::Hangs) {
            thread::sleep(POLL);
        }
        let answer = match trouble() {
            // Who waited so long for an answer does not wait any more.
            Some(Trouble::Hangs | Trouble::Drops) => return Ok(()),
            Some(Trouble::Refuses { status, code, message }) => services::error(service, status, code, message),
            None => services::answer(&lock(&shared.world), service, &operation, &request),
        };
        write(stream, &answer)?;
    }
    Ok(())
}

/// The next request; none at the end of the connection.
fn read(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (mut target, mut length, mut chunked) = (String::new(), 0, false);
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().unwrap_or_default(),
            "transfer-encoding" => chunked = value.trim().eq_ignore_ascii_case("chunked"),
            "x-amz-target" => value.trim().clone_into(&mut target),
            _ => {}
        }
    }
    let mut body = Vec::new();
    if chunked {
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let size = u64::from_str_radix(line.trim(), 16).map_err(|_| io::ErrorKind::InvalidData)?;
            reader.take(size).read_to_end(&mut body)?;
            line.clear();
            reader.read_line(&mut line)?;
            if size == 0 {
                break;
            }
        }
    } else {
        reader.take(length).read_to_end(&mut body)?;
    }
    Ok(Some(Request { method, path, target, body }))
}

fn write(mut stream: &TcpStream, answer: &Answer) -> io::Result<()> {
    let mut head = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", answer.status, answer.body.len());
    for (name, value) in &answer.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    let mut message = head.into_bytes();
    message.extend(&answer.body);
    stream.write_all(&message)
}
