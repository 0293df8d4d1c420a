//! [`Kafka`]: which connection a request goes to, and what happens when that connection is gone.

pub(crate) mod api;
mod bootstrap;
mod controller;
mod links;
mod silence;
mod witness;

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use tokio::sync::Mutex;
use tokio::time::Instant;

pub use api::ApiRange;
use api::Request;
use bootstrap::address;
use controller::Controller;
use links::Links;
use silence::Silences;
pub use witness::Witness;

use super::admin::Broker;
use super::connection::{Broken, Connection, Unanswered};
use super::dial::{self, CONNECT_LIMIT, Dialing};
use super::error::KafkaError;
use super::probe;
use super::settings::KafkaSettings;
use super::tls::Tls;
use crate::broker::Fence;

/// A client of one cluster's admin plane. Clones share its connections.
#[derive(Clone)]
pub struct Kafka {
    pub(crate) inner: Arc<Inner>,
}

impl std::fmt::Debug for Kafka {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kafka")
            .field("bootstrap", &self.inner.settings.bootstrap)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Inner {
    settings: Arc<KafkaSettings>,
    tls: Option<Tls>,
    sent: Arc<AtomicU64>,
    links: Mutex<Links>,
    controller: Controller,
    fence: Fence,
    silences: Silences,
}

/// Which broker a request wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    Any,
    Controller,
    /// Any broker, which passes it on to the controller.
    Forwarded,
    Node(i32),
}

impl Target {
    /// Whether nothing is answered without a controller.
    fn needs_controller(self) -> bool {
        match self {
            Target::Controller | Target::Forwarded => true,
            Target::Any | Target::Node(_) => false,
        }
    }
}

/// Whether a request changes something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It may be asked again when the connection broke.
    Read,
    /// It is never sent twice.
    Write,
    /// It changes something, and sent twice it changes no more than once.
    Idempotent,
}

impl Effect {
    /// A request that is only validated changes nothing.
    pub(crate) fn of(validate_only: bool) -> Effect {
        if validate_only {
            Effect::Read
        } else {
            Effect::Write
        }
    }
}

/// After this long without an answer, a look at the broker tells a slow one from a frozen one.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long a broker may take to show that it is there.
const LOOK: Duration = Duration::from_secs(3);

impl Kafka {
    /// Connects to the first bootstrap address that answers, logs in and reads who the brokers are.
    ///
    /// An answer comes within 10 s. With several addresses, a failure that another address can't cure (a wrong password) ends it.
    pub async fn connect(settings: KafkaSettings) -> Result<Kafka, KafkaError> {
        let tls = settings.tls.as_ref().map(Tls::new).transpose()?;
        let inner = Inner {
            settings: Arc::new(settings),
            tls,
            sent: Arc::new(AtomicU64::new(0)),
            links: Mutex::new(Links::default()),
            controller: Controller::default(),
            fence: Fence::default(),
            silences: Silences::default(),
        };
        let kafka = Kafka {
            inner: Arc::new(inner),
        };
        kafka.connection(Target::Any).await?;
        Ok(kafka)
    }

    /// Until when changes may be sent.
    pub fn fence(&self) -> &Fence {
        &self.inner.fence
    }

    /// How many requests have been sent so far, those that open connections included.
    pub fn requests_sent(&self) -> u64 {
        self.inner.sent.load(Ordering::Relaxed)
    }

    /// The address that the connection to the cluster comes from on this side; a broker behind address translation sees another.
    pub async fn local_address(&self) -> Option<IpAddr> {
        self.connection(Target::Any).await.ok()?.local()
    }

    /// The requests that trueup uses, with the versions in use on the current connection.
    pub async fn api_versions(&self) -> Result<Vec<ApiRange>, KafkaError> {
        let connection = self.connection(Target::Any).await?;
        Ok(connection.versions().table())
    }

    /// Sends one request to the broker it wants.
    ///
    /// A controller that moved is looked up again once. A broken connection is opened again once, unless the request changes
    /// something and may have been received: that is [`KafkaError::AnswerLost`].
    pub(crate) async fn ask<R: Request>(
        &self,
        target: Target,
        effect: Effect,
        request: &R,
        moved: impl Fn(&R::Response) -> bool,
    ) -> Result<R::Response, KafkaError> {
        match self.ask_once(target, effect, request).await {
            Ok(answer) if target == Target::Controller && moved(&answer) => {
                tracing::debug!(
                    request = R::NAME,
                    "the controller moved, asking the new one"
                );
                self.inner.links.lock().await.forget_brokers();
                self.ask_once(target, effect, request)
                    .await
                    .map_err(Failed::into_error)
            }
            Ok(answer) => Ok(answer),
            Err(failed) if failed.retry => {
                tracing::debug!(request = R::NAME, cause = %failed.error, "the connection is gone, opening it again");
                let target = self.instead(target, &failed.error).await;
                self.ask_once(target, effect, request)
                    .await
                    .map_err(Failed::into_error)
            }
            Err(failed) => Err(failed.error),
        }
    }

    /// Makes sure that the broker of a target speaks a request in this version or a newer one.
    pub(crate) async fn must_speak<R: Request>(
        &self,
        target: Target,
        least: i16,
    ) -> Result<(), KafkaError> {
        let connection = self.connection(target).await?;
        let reached = connection.versions().reach::<R>(least);
        reached.map_err(|cause| KafkaError::Unsupported {
            broker: connection.address().to_string(),
            request: R::NAME,
            cause,
        })
    }

    /// Who is asked when `target` is gone. A broker that died stays in the others' metadata for as long as its
    /// session lasts (`broker.session.timeout.ms`, 9 s): any live one forwards to the controller meanwhile
    /// (KIP-590), and one that does not says `NOT_CONTROLLER`.
    async fn instead(&self, target: Target, error: &KafkaError) -> Target {
        if !matches!(error, KafkaError::AdvertisedUnreachable { .. }) {
            return target;
        }
        self.inner.links.lock().await.forget_brokers();
        match target {
            Target::Controller => Target::Forwarded,
            Target::Any | Target::Forwarded | Target::Node(_) => target,
        }
    }

    async fn ask_once<R: Request>(
        &self,
        target: Target,
        effect: Effect,
        request: &R,
    ) -> Result<R::Response, Failed> {
        let name = R::NAME;
        if effect != Effect::Read && !self.inner.fence.is_open() {
            return Err(Failed::at_once(KafkaError::Fenced { request: name }));
        }
        if target.needs_controller() {
            let there = self.inner.controller.is_there(name);
            there.map_err(Failed::at_once)?;
        }
        let connection = self
            .connection(target)
            .await
            .map_err(Failed::before_sending)?;
        let broker = || connection.address().to_string();
        let version = connection.versions().choose::<R>();
        let version = version.map_err(|cause| {
            Failed::at_once(KafkaError::Unsupported {
                broker: broker(),
                request: name,
                cause,
            })
        })?;
        tracing::trace!(
            request = name,
            version,
            broker = connection.address(),
            "asking"
        );
        let answer = self
            .watch(
                &connection,
                target,
                effect,
                connection.call(request, version),
            )
            .await;
        answer.map_err(|unanswered| {
            let others = self.inner.settings.bootstrap.len() > 1;
            let failed = failure(broker(), name, effect, unanswered, self.inner.tls.as_ref());
            // a frozen broker is of no use again, another one of the cluster may be
            let elsewhere = others && matches!(failed.error, KafkaError::NoAnswer { .. });
            Failed {
                retry: failed.retry || elsewhere,
                ..failed
            }
        })
    }

    /// Waits for an answer as long as the broker is alive, has a controller to ask, and `socket.timeout.ms` allows.
    async fn watch<A>(
        &self,
        connection: &Connection,
        target: Target,
        effect: Effect,
        answer: impl Future<Output = Result<A, Unanswered>>,
    ) -> Result<A, Unanswered> {
        tokio::pin!(answer);
        let started = Instant::now();
        let mut heard = started;
        let timeout = self.inner.settings.request_timeout;
        loop {
            let left = timeout.saturating_sub(started.elapsed());
            match tokio::time::timeout(left.min(PATIENCE), &mut answer).await {
                Ok(answered) => return answered,
                Err(_) if left > PATIENCE && self.is_alive(connection, effect).await => {
                    heard = Instant::now();
                    if target.needs_controller()
                        && !self.hears_controller(connection, started).await
                    {
                        connection.abandon(Broken::Headless(started.elapsed()));
                        return answer.await;
                    }
                }
                Err(_) => {
                    let address = connection.address();
                    self.inner.silences.note(address, heard, Instant::now());
                    connection.abandon(Broken::Abandoned(started.elapsed()));
                    return answer.await;
                }
            }
        }
    }

    /// A look at the broker on a connection of its own; a second one before the outcome of a change becomes unknown.
    async fn is_alive(&self, connection: &Connection, effect: Effect) -> bool {
        let dialing = self.dialing(connection.address(), Instant::now() + CONNECT_LIMIT);
        probe::is_alive(&dialing).await
            || (effect == Effect::Write && probe::is_alive(&dialing).await)
    }

    /// Those of `brokers` that give no answer at their advertised address within 3 s.
    pub async fn unanswering(&self, brokers: &[Broker]) -> Vec<Broker> {
        let deadline = Instant::now() + LOOK;
        let looks = brokers.iter().map(|broker| async move {
            let dialing = self.dialing(&address(&broker.host, broker.port), deadline);
            (!probe::is_alive(&dialing).await).then(|| broker.clone())
        });
        join_all(looks).await.into_iter().flatten().collect()
    }

    /// Those of the bootstrap addresses that are none of `listed` and give no answer within 3 s.
    pub async fn unanswering_bootstrap(&self, listed: &[Broker]) -> Vec<String> {
        let deadline = Instant::now() + LOOK;
        let advertised = listed.iter().map(|one| address(&one.host, one.port));
        let advertised: Vec<String> = advertised.collect();
        let named = self.inner.settings.bootstrap.iter();
        let looks =
            named
                .filter(|address| !advertised.contains(address))
                .map(|address| async move {
                    let dialing = self.dialing(address, deadline);
                    (!probe::is_alive(&dialing).await).then(|| address.clone())
                });
        join_all(looks).await.into_iter().flatten().collect()
    }

    /// An attempt to reach an address, until `deadline`.
    fn dialing(&self, address: &str, deadline: Instant) -> Dialing {
        let started = Instant::now();
        let allowed = started + self.inner.settings.connect_timeout;
        Dialing {
            settings: self.inner.settings.clone(),
            tls: self.inner.tls.clone(),
            address: address.to_string(),
            sent: self.inner.sent.clone(),
            started,
            deadline: deadline.min(allowed),
        }
    }
}

/// A failed request, and whether asking again is safe and may help.
struct Failed {
    error: KafkaError,
    retry: bool,
}

impl Failed {
    fn at_once(error: KafkaError) -> Failed {
        Failed {
            error,
            retry: false,
        }
    }

    /// A broker that is gone from its advertised address may have a successor.
    fn before_sending(error: KafkaError) -> Failed {
        let retry = matches!(error, KafkaError::AdvertisedUnreachable { .. });
        Failed { error, retry }
    }

    fn into_error(self) -> KafkaError {
        self.error
    }
}

fn failure(
    broker: String,
    request: &'static str,
    effect: Effect,
    unanswered: Unanswered,
    tls: Option<&Tls>,
) -> Failed {
    let Unanswered { sent, why } = unanswered;
    let again = matches!(
        why,
        Broken::Closed(_) | Broken::Tls(_) | Broken::Headless(_)
    );
    let error = match why {
        Broken::Closed(cause) => KafkaError::ConnectionClosed {
            broker: broker.clone(),
            request,
            cause,
        },
        Broken::Abandoned(after) => KafkaError::NoAnswer {
            broker: broker.clone(),
            request,
            after,
        },
        Broken::Headless(_) => Controller::missing(&broker, request),
        Broken::Foreign(bytes) => dial::not_kafka(broker.clone(), bytes),
        Broken::Garbled(cause) => KafkaError::Protocol {
            broker: broker.clone(),
            cause,
        },
        Broken::PlainAgainstTls => KafkaError::PlainAgainstTls {
            broker: broker.clone(),
        },
        Broken::Tls(error) => match tls {
            Some(tls) => tls.failure(&broker, &error),
            None => KafkaError::Tls {
                broker: broker.clone(),
                cause: error.to_string(),
            },
        },
    };
    if sent && effect == Effect::Write {
        let cause = error.to_string();
        return Failed::at_once(KafkaError::AnswerLost {
            broker,
            request,
            cause,
        });
    }
    Failed {
        error,
        retry: again || !sent,
    }
}
