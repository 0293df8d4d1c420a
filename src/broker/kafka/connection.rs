//! One connection: frames, correlation ids, many requests in flight.

mod state;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{RequestHeader, ResponseHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_rustls::rustls;

use super::client::api::{Request, Versions};
use state::State;

/// The largest answer that is read: what a broker of default settings would send at most, and far above what we ask for.
const MAX_FRAME: usize = 100 * 1024 * 1024;

/// What bytes travel over: TCP, or TLS over TCP.
pub(crate) trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// An open connection to one broker. Requests may overlap; dropping it closes it.
pub(crate) struct Connection {
    address: String,
    /// Where it comes from on this side.
    local: Option<IpAddr>,
    client_id: StrBytes,
    outgoing: mpsc::UnboundedSender<Bytes>,
    state: Arc<State>,
    sent: Arc<AtomicU64>,
    tasks: [JoinHandle<()>; 2],
    versions: OnceLock<Versions>,
    expires: OnceLock<Instant>,
}

/// Why a connection can't be used any more.
#[derive(Debug, Clone)]
pub(crate) enum Broken {
    /// The peer hung up, or the network failed (with its words).
    Closed(Option<String>),
    /// TLS failed.
    Tls(rustls::Error),
    /// A TLS record where a frame was expected.
    PlainAgainstTls,
    /// The first bytes of an answer are no frame's: another protocol.
    Foreign([u8; 4]),
    /// Not the Kafka protocol.
    Garbled(String),
    /// We gave up waiting for an answer.
    Abandoned(Duration),
    /// The broker waits for a controller, and answers nothing else on this connection meanwhile.
    Headless(Duration),
}

/// Why a request has no answer.
#[derive(Debug, Clone)]
pub(crate) struct Unanswered {
    /// True when the request may have reached the broker.
    pub(crate) sent: bool,
    pub(crate) why: Broken,
}

impl Connection {
    /// Takes over an open wire. `sent` counts every request of the client.
    pub(crate) fn new(
        address: &str,
        client_id: &str,
        wire: Box<dyn Wire>,
        sent: Arc<AtomicU64>,
    ) -> Connection {
        let (read, write) = tokio::io::split(wire);
        let (outgoing, frames) = mpsc::unbounded_channel();
        let state = Arc::new(State::default());
        let tasks = [
            tokio::spawn(read_frames(read, state.clone())),
            tokio::spawn(write_frames(write, frames, state.clone())),
        ];
        Connection {
            address: address.to_string(),
            local: None,
            client_id: StrBytes::from_string(client_id.to_string()),
            outgoing,
            state,
            sent,
            tasks,
            versions: OnceLock::new(),
            expires: OnceLock::new(),
        }
    }

    /// The same, known to come from this address.
    pub(crate) fn coming_from(mut self, local: Option<IpAddr>) -> Connection {
        self.local = local;
        self
    }

    /// The address on this side, where the system tells it.
    pub(crate) fn local(&self) -> Option<IpAddr> {
        self.local
    }

    /// `host:port`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What the broker speaks; empty before the negotiation.
    pub(crate) fn versions(&self) -> &Versions {
        static NONE: Versions = Versions::none();
        self.versions.get().unwrap_or(&NONE)
    }

    pub(crate) fn negotiated(&self, versions: Versions) {
        self.versions.get_or_init(|| versions);
    }

    /// The broker closes a session that is used after this moment (KIP-368).
    pub(crate) fn expires_at(&self, moment: Instant) {
        self.expires.get_or_init(|| moment);
    }

    /// True when a new request may be sent.
    pub(crate) fn is_usable(&self) -> bool {
        let expired = self
            .expires
            .get()
            .is_some_and(|moment| Instant::now() >= *moment);
        !expired && self.state.broken().is_none()
    }

    /// Gives up on it: every request in flight fails.
    pub(crate) fn abandon(&self, why: Broken) {
        self.state.fail(why);
    }

    /// Sends one request and waits for its answer, without limit.
    pub(crate) async fn call<R: Request>(
        &self,
        request: &R,
        version: i16,
    ) -> Result<R::Response, Unanswered> {
        let not_sent = |why| Unanswered { sent: false, why };
        let (id, answer) = self.state.expect().map_err(not_sent)?;
        let frame = self
            .frame(request, version, id)
            .map_err(|error| not_sent(Broken::Garbled(error)))?;
        self.sent.fetch_add(1, Ordering::Relaxed);
        // The writer only ends after the state is broken, so the answer below says why.
        let _ = self.outgoing.send(frame);
        let lost = |why| Unanswered { sent: true, why };
        let frame = answer
            .await
            .unwrap_or(Err(Broken::Closed(None)))
            .map_err(lost)?;
        decode::<R>(frame, version).map_err(|error| lost(Broken::Garbled(error)))
    }

    fn frame<R: Request>(&self, request: &R, version: i16, id: i32) -> Result<Bytes, String> {
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY as i16)
            .with_request_api_version(version)
            .with_correlation_id(id)
            .with_client_id(Some(self.client_id.clone()));
        let mut frame = BytesMut::new();
        frame.put_i32(0);
        let encoded = header.encode(&mut frame, R::header_version(version));
        encoded
            .and_then(|()| request.encode(&mut frame, version))
            .map_err(|error| error.to_string())?;
        let length = i32::try_from(frame.len() - 4).map_err(|error| error.to_string())?;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        Ok(frame.freeze())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn decode<R: Request>(mut frame: Bytes, version: i16) -> Result<R::Response, String> {
    let header = ResponseHeader::decode(&mut frame, R::Response::header_version(version));
    let answer = header.and_then(|_| R::Response::decode(&mut frame, version));
    answer.map_err(|error| error.to_string().trim().to_string())
}

async fn read_frames(mut read: ReadHalf<Box<dyn Wire>>, state: Arc<State>) {
    let why = loop {
        match read_frame(&mut read)
            .await
            .and_then(|frame| state.deliver(frame))
        {
            Ok(()) => {}
            Err(why) => break why,
        }
    };
    state.fail(why);
}

async fn read_frame(read: &mut ReadHalf<Box<dyn Wire>>) -> Result<Bytes, Broken> {
    let mut length = [0; 4];
    read.read_exact(&mut length).await.map_err(broken)?;
    let length = frame_length(length)?;
    let mut frame = Vec::new();
    // Grows as bytes arrive: a claimed length alone allocates nothing.
    let got = read
        .take(length as u64)
        .read_to_end(&mut frame)
        .await
        .map_err(broken)?;
    if got < length {
        Err(Broken::Closed(None))
    } else {
        Ok(Bytes::from(frame))
    }
}

fn frame_length(bytes: [u8; 4]) -> Result<usize, Broken> {
    // A TLS alert (type 21) or handshake (type 22) record of version 3.x.
    if matches!(bytes, [0x15 | 0x16, 0x03, ..]) {
        return Err(Broken::PlainAgainstTls);
    }
    let length = i32::from_be_bytes(bytes);
    match usize::try_from(length) {
        Ok(length) if (4..=MAX_FRAME).contains(&length) => Ok(length),
        Ok(_) | Err(_) => Err(Broken::Foreign(bytes)),
    }
}

async fn write_frames(
    mut write: WriteHalf<Box<dyn Wire>>,
    mut frames: mpsc::UnboundedReceiver<Bytes>,
    state: Arc<State>,
) {
    while let Some(frame) = frames.recv().await {
        let written = async {
            write.write_all(&frame).await?;
            write.flush().await
        };
        if let Err(error) = written.await {
            return fail_after_reader(state, broken(error)).await;
        }
    }
}

/// When writing fails, what the broker said last (a TLS alert) explains more: the reader gets a moment to find it.
async fn fail_after_reader(state: Arc<State>, why: Broken) {
    tokio::time::sleep(Duration::from_millis(200)).await;
    state.fail(why);
}

/// What an I/O error of the wire means.
pub(crate) fn broken(error: std::io::Error) -> Broken {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(tls) => Broken::Tls(tls.clone()),
        None if error.kind() == std::io::ErrorKind::UnexpectedEof => Broken::Closed(None),
        None => Broken::Closed(Some(error.to_string())),
    }
}

#[cfg(test)]
mod tests;
