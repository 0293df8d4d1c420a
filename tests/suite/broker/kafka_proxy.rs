//! A proxy before the sandbox's broker that misbehaves on demand. It puts its own port into what the broker says of itself, so
//! that every connection comes through it.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use kafka_protocol::messages::{MetadataResponse, ResponseHeader};
use kafka_protocol::protocol::{Decodable, HeaderVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::sandbox::variable;

/// How the proxy treats what comes by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Mood {
    Fair,
    /// Hangs up instead of handing over the answer to a request of this key; once, then fair again.
    LosesAnswerTo(i16),
    /// Hands nothing over in either direction, on new connections neither.
    Frozen,
    /// Freezes when a request of this key comes by.
    FreezesAt(i16),
    /// Freezes at the first look (Metadata) after a request of this key.
    FreezesAfter(i16),
    /// Dies when a request of this key comes by.
    DiesAt(i16),
    /// Dies at the first look (Metadata) after a request of this key.
    DiesAfter(i16),
    /// Hangs up on everybody who is there or comes.
    Dead,
    /// Makes the answer to the next CreateTopics (of one topic) say `NOT_CONTROLLER`; once, then fair again.
    NotController,
    /// Knows no topic, as a broker that lags behind its controller.
    Lags,
    /// The same beside one that does not: the broker behind the proxy keeps its own port.
    LagsBehindAnother,
}

pub const METADATA: i16 = 3;
pub const CREATE_TOPICS: i16 = 19;
pub const DELETE_TOPICS: i16 = 20;

const NOT_CONTROLLER: [u8; 2] = [0, 41];
const UNKNOWN_TOPIC: [u8; 2] = [0, 3];

#[derive(Clone)]
struct Shared {
    mood: Arc<Mutex<Mood>>,
    keys: Arc<Mutex<Vec<i16>>>,
    ports: (u16, u16),
}

impl Shared {
    fn is(&self, mood: Mood) -> bool {
        *self.mood.lock().unwrap() == mood
    }

    /// What a request of this key does to the mood.
    fn turn(&self, key: i16) {
        let mut mood = self.mood.lock().unwrap();
        *mood = match *mood {
            Mood::FreezesAt(unlucky) if unlucky == key => Mood::Frozen,
            Mood::DiesAt(unlucky) if unlucky == key => Mood::Dead,
            Mood::FreezesAfter(last) if last == key => Mood::FreezesAt(METADATA),
            Mood::DiesAfter(last) if last == key => Mood::DiesAt(METADATA),
            other => other,
        };
    }
}

pub struct Proxy {
    pub address: String,
    shared: Shared,
    connections: Arc<Mutex<JoinSet<()>>>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    pub async fn start() -> Proxy {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let upstream = variable("KAFKA_BROKERS");
        let upstream_port = upstream.rsplit_once(':').unwrap().1.parse().unwrap();
        let shared = Shared {
            mood: Arc::new(Mutex::new(Mood::Fair)),
            keys: Arc::default(),
            ports: (upstream_port, address.port()),
        };
        let connections: Arc<Mutex<JoinSet<()>>> = Arc::default();
        let mut accepting = JoinSet::new();
        let (serving, spawned) = (shared.clone(), connections.clone());
        accepting.spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if serving.is(Mood::Dead) {
                    continue;
                }
                let broker = TcpStream::connect(&upstream).await.unwrap();
                spawned
                    .lock()
                    .unwrap()
                    .spawn(relay(client, broker, serving.clone()));
            }
        });
        Proxy {
            address: address.to_string(),
            shared,
            connections,
            _accepting: accepting,
        }
    }

    pub fn set(&self, mood: Mood) {
        *self.shared.mood.lock().unwrap() = mood;
    }

    /// Hangs up on everybody.
    pub fn hang_up(&self) {
        self.connections.lock().unwrap().abort_all();
    }

    /// How often a request of this key came by.
    pub fn count(&self, key: i16) -> usize {
        self.shared
            .keys
            .lock()
            .unwrap()
            .iter()
            .filter(|seen| **seen == key)
            .count()
    }
}

/// Key and version of the requests in flight, by correlation id.
type Asked = HashMap<i32, (i16, i16)>;

/// Relays one connection until either side ends, or the mood says so.
async fn relay(client: TcpStream, broker: TcpStream, shared: Shared) {
    let asked: Arc<Mutex<Asked>> = Arc::default();
    let (from_client, to_client) = client.into_split();
    let (from_broker, to_broker) = broker.into_split();
    tokio::select! {
        () = requests(from_client, to_broker, &asked, &shared) => {}
        () = answers(from_broker, to_client, &asked, &shared) => {}
        () = until_dead(&shared) => {}
    }
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asked: &Mutex<Asked>,
    shared: &Shared,
) {
    while let Some(frame) = frame(&mut from).await {
        let key = i16::from_be_bytes(frame[4..6].try_into().unwrap());
        let id = i32::from_be_bytes(frame[8..12].try_into().unwrap());
        let version = i16::from_be_bytes(frame[6..8].try_into().unwrap());
        asked.lock().unwrap().insert(id, (key, version));
        shared.keys.lock().unwrap().push(key);
        shared.turn(key);
        if shared.is(Mood::Dead) {
            return;
        }
        unless_frozen(shared).await;
        if to.write_all(&frame).await.is_err() {
            return;
        }
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asked: &Mutex<Asked>,
    shared: &Shared,
) {
    while let Some(mut frame) = frame(&mut from).await {
        let id = i32::from_be_bytes(frame[4..8].try_into().unwrap());
        let (key, version) = asked.lock().unwrap().remove(&id).unwrap();
        unless_frozen(shared).await;
        let mood = *shared.mood.lock().unwrap();
        match mood {
            Mood::LosesAnswerTo(unlucky) if unlucky == key => {
                *shared.mood.lock().unwrap() = Mood::Fair;
                return;
            }
            Mood::NotController if key == CREATE_TOPICS => {
                *shared.mood.lock().unwrap() = Mood::Fair;
                deny_control(&mut frame);
            }
            Mood::Fair
            | Mood::Frozen
            | Mood::FreezesAt(_)
            | Mood::FreezesAfter(_)
            | Mood::DiesAt(_)
            | Mood::DiesAfter(_)
            | Mood::Dead
            | Mood::LosesAnswerTo(_)
            | Mood::NotController => {}
            Mood::Lags | Mood::LagsBehindAnother if key == METADATA => {
                forget_topics(&mut frame, version);
            }
            Mood::Lags | Mood::LagsBehindAnother => {}
        }
        if mood != Mood::LagsBehindAnother {
            move_port(&mut frame, shared.ports);
        }
        if to.write_all(&frame).await.is_err() {
            return;
        }
    }
}

/// A whole frame with its length.
async fn frame(from: &mut OwnedReadHalf) -> Option<Vec<u8>> {
    let length = from.read_i32().await.ok()?;
    let mut frame = length.to_be_bytes().to_vec();
    frame.resize(4 + length as usize, 0);
    from.read_exact(&mut frame[4..]).await.ok()?;
    Some(frame)
}

async fn pause() {
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
}

async fn until_dead(shared: &Shared) {
    while !shared.is(Mood::Dead) {
        pause().await;
    }
}

async fn unless_frozen(shared: &Shared) {
    while shared.is(Mood::Frozen) {
        pause().await;
    }
}

/// The broker's own address, as host and 4 bytes of port, becomes the proxy's.
fn move_port(frame: &mut [u8], (from, to): (u16, u16)) {
    let own = [b"127.0.0.1", &u32::from(from).to_be_bytes()[..]].concat();
    let places: Vec<usize> = frame
        .windows(own.len())
        .enumerate()
        .filter(|(_, bytes)| *bytes == own)
        .map(|(at, _)| at)
        .collect();
    for at in places {
        let port = at + own.len() - 4;
        frame[port..port + 4].copy_from_slice(&u32::from(to).to_be_bytes());
    }
}

/// Makes a Metadata answer know none of the topics that were asked for: each is an error code, its name behind the length, ...
fn forget_topics(frame: &mut [u8], version: i16) {
    let mut bytes = Bytes::copy_from_slice(&frame[4..]);
    ResponseHeader::decode(&mut bytes, MetadataResponse::header_version(version)).unwrap();
    let answer = MetadataResponse::decode(&mut bytes, version).unwrap();
    for name in answer.topics.into_iter().filter_map(|topic| topic.name) {
        let length = u8::try_from(name.len() + 1).unwrap();
        let fine = [&[0, 0, length], name.as_bytes()].concat();
        let mut places = frame.windows(fine.len());
        if let Some(at) = places.position(|bytes| bytes == fine) {
            frame[at..at + 2].copy_from_slice(&UNKNOWN_TOPIC);
        }
    }
}

/// CreateTopics version 7: length, id, tags, throttle time, count, name, topic id, error code.
fn deny_control(frame: &mut [u8]) {
    let name_length = usize::from(frame[14]) - 1;
    let code = 15 + name_length + 16;
    frame[code..code + 2].copy_from_slice(&NOT_CONTROLLER);
}
