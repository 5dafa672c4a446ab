//! As much of HTTP/1.1 as the functions speak: requests with a length or in chunks, connections that stay open. Every
//! microsecond spent here is taken from the functions, so there is no framework between them and the stubs.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// No request of the functions is near that.
const MAX_BODY: usize = 8 << 20;

/// A request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// `x-amz-target`, or empty.
    pub(crate) target: String,
    pub(crate) body: Vec<u8>,
}

/// An answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// An answer with that status and JSON (or XML) body.
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, headers: Vec::new(), body: body.into() }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut head = format!("HTTP/1.1 {} X\r\ncontent-length: {}\r\n", self.status, self.body.len());
        for (name, value) in &self.headers {
            head.push_str(name);
            head.push_str(": ");
            head.push_str(value);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// What answers.
pub(crate) trait Handler: Send + Sync + 'static {
    fn handle(self: Arc<Self>, request: Request) -> impl Future<Output = Answer> + Send;
}

/// Accepts connections. When it is dropped, they end with it, also those whose request is still waiting for its answer.
pub(crate) async fn serve<H: Handler>(listener: TcpListener, handler: Arc<H>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // It ends when the function closes the connection; there is nobody to tell.
        connections.spawn(connection(stream, handler.clone()));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection<H: Handler>(stream: TcpStream, handler: Arc<H>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let mut reader = BufReader::with_capacity(16 << 10, reader);
    while let Some(request) = read(&mut reader).await? {
        let answer = handler.clone().handle(request).await;
        writer.write_all(&answer.bytes()).await?;
    }
    Ok(())
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

/// The next request; none at the end of the connection.
async fn read(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line).await? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace();
    let mut request = Request {
        method: words.next().unwrap_or_default().to_owned(),
        path: words.next().unwrap_or_default().to_owned(),
        ..Request::default()
    };
    let (mut length, mut chunked) = (0, false);
    loop {
        line.clear();
        reader.read_line(&mut line).await?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().map_err(|_| bad("content-length is no number"))?,
            "transfer-encoding" => chunked = value.eq_ignore_ascii_case("chunked"),
            "x-amz-target" => value.clone_into(&mut request.target),
            _ => {}
        }
    }
    if chunked {
        loop {
            line.clear();
            reader.read_line(&mut line).await?;
            let size = usize::from_str_radix(line.trim(), 16).map_err(|_| bad("a chunk without a size"))?;
            append(reader, size, &mut request.body).await?;
            line.clear();
            reader.read_line(&mut line).await?;
            if size == 0 {
                break;
            }
        }
    } else {
        append(reader, length, &mut request.body).await?;
    }
    Ok(Some(request))
}

async fn append(reader: &mut (impl AsyncBufRead + Unpin), size: usize, body: &mut Vec<u8>) -> io::Result<()> {
    let start = body.len();
    if start + size > MAX_BODY {
        return Err(bad("a request of more than 8 MB"));
    }
    body.resize(start + size, 0);
    reader.read_exact(&mut body[start..]).await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn all(mut bytes: &[u8]) -> Vec<Request> {
        let mut requests = Vec::new();
        while let Some(request) = read(&mut bytes).await.unwrap() {
            requests.push(request);
        }
        requests
    }

    #[tokio::test]
    async fn requests_follow_one_another_with_a_length_or_in_chunks() {
        let requests =
            all(b"POST / HTTP/1.1\r\nX-Amz-Target: DynamoDB_20120810.PutItem\r\nContent-Length: 2\r\n\r\n{}\
              POST /x HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n\
              GET /next HTTP/1.1\r\n\r\n")
            .await;
        let seen: Vec<_> = requests.iter().map(|r| (r.path.as_str(), r.body.as_slice())).collect();
        assert_eq!(seen, [("/", b"{}".as_slice()), ("/x", b"abcde"), ("/next", b"")]);
        assert_eq!(requests[0].target, "DynamoDB_20120810.PutItem");
        assert_eq!(requests[2].method, "GET");
    }

    #[tokio::test]
    async fn a_request_that_breaks_off_is_an_error() {
        let mut bytes: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: 20\r\n\r\n{}";
        assert!(read(&mut bytes).await.is_err());
    }
}
