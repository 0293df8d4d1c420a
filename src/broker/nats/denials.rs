//! Permission violations, brought back to the requests they belong to.
//!
//! A server answers a forbidden publish with an asynchronous error on the connection and nothing on the
//! reply subject, so without this a missing right looks like a time-out.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_nats::{Event, ServerError};
use tokio::sync::oneshot;

use super::error::Action;

/// Why a request will get no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cut {
    /// The account lacks a right.
    Denied(Action, String),
    /// The connection broke.
    Disconnected,
}

/// Why nothing more is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum GivenUp {
    /// The server gives no sign of life.
    Silent,
    /// The server is alive, and its cluster elects no leader.
    Leaderless,
    /// The lock that the change was made under is ours no longer.
    Fenced,
}

/// The requests in flight and what the server said against them.
#[derive(Debug, Default)]
pub(super) struct Denials {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    waiting: HashMap<u64, Waiter>,
    inbox: Option<String>,
    broken_since: Option<Instant>,
    silent_since: Option<Instant>,
    given_up: Option<GivenUp>,
    connections: u64,
    /// What was denied last, for who publishes without waiting.
    denied: Option<(Action, String)>,
}

#[derive(Debug)]
struct Waiter {
    subject: String,
    since: Instant,
    cut: oneshot::Sender<Cut>,
}

/// A request in flight; dropping it forgets the request.
pub(super) struct Watch<'d> {
    denials: &'d Denials,
    id: u64,
    cut: oneshot::Receiver<Cut>,
}

impl Denials {
    /// Watches one request to `subject`; call it before the request is sent.
    pub(super) fn watch(&self, subject: &str) -> Watch<'_> {
        let (sender, cut) = oneshot::channel();
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        match &state.inbox {
            Some(inbox) => {
                let _receiver_is_here = sender.send(Cut::Denied(Action::Subscribe, inbox.clone()));
            }
            None => {
                let subject = subject.to_owned();
                state.waiting.insert(
                    id,
                    Waiter {
                        subject,
                        since: Instant::now(),
                        cut: sender,
                    },
                );
            }
        }
        drop(state);
        Watch {
            denials: self,
            id,
            cut,
        }
    }

    /// Takes in what the connection reports.
    pub(super) fn note(&self, event: &Event) {
        match event {
            Event::ServerError(ServerError::Other(text)) => self.note_violation(text),
            Event::Connected => {
                let mut state = self.lock();
                state.broken_since = None;
                state.silent_since = None;
                state.given_up = None;
                state.connections += 1;
            }
            Event::Disconnected | Event::Closed => {
                self.note_break();
                self.cut_where(|_| true, &Cut::Disconnected);
            }
            _ => {}
        }
    }

    /// How long the connection has been broken, as far as it is known.
    pub(super) fn broken_for(&self) -> Duration {
        let since = self.lock().broken_since;
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// How long the server has left requests unanswered; nothing when it answered since.
    pub(super) fn silent_for(&self) -> Duration {
        let since = self.lock().silent_since;
        since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// A request that was sent then got no answer.
    pub(super) fn note_silence(&self, since: Instant) {
        self.lock().silent_since.get_or_insert(since);
    }

    /// Why nothing more is asked, until the server answers or connects anew.
    pub(super) fn given_up(&self) -> Option<GivenUp> {
        self.lock().given_up
    }

    /// Nothing more is asked.
    pub(super) fn give_up(&self, why: GivenUp) {
        self.lock().given_up = Some(why);
    }

    /// How often a connection came about.
    pub(super) fn connections(&self) -> u64 {
        self.lock().connections
    }

    /// An answer came.
    pub(super) fn note_answer(&self) {
        let mut state = self.lock();
        state.silent_since = None;
        state.given_up = None;
    }

    /// A break that is found out by silence began with the oldest request that waits.
    fn note_break(&self) {
        let mut state = self.lock();
        state.inbox = None;
        let oldest = state.waiting.values().map(|waiter| waiter.since).min();
        let since = oldest.unwrap_or_else(Instant::now);
        state.broken_since.get_or_insert(since);
    }

    /// What was denied last, where its subject begins so; it is told once.
    pub(super) fn take(&self, prefix: &str) -> Option<(Action, String)> {
        let denied = &mut self.lock().denied;
        match denied {
            Some((_, subject)) if subject.starts_with(prefix) => denied.take(),
            Some(_) | None => None,
        }
    }

    fn note_violation(&self, text: &str) {
        if let Some((action, subject)) = violation(text) {
            self.lock().denied = Some((action, subject.to_owned()));
        }
        match violation(text) {
            Some((Action::Publish, subject)) => {
                let cut = Cut::Denied(Action::Publish, subject.to_owned());
                self.cut_where(|waiter| waiter.subject == subject, &cut);
            }
            Some((Action::Subscribe, subject)) => {
                let inbox = inbox_right(subject);
                self.lock().inbox = Some(inbox.clone());
                self.cut_where(|_| true, &Cut::Denied(Action::Subscribe, inbox));
            }
            None => {}
        }
    }

    fn cut_where(&self, hit: impl Fn(&Waiter) -> bool, cut: &Cut) {
        let hits = self
            .lock()
            .waiting
            .extract_if(|_, waiter| hit(waiter))
            .collect::<Vec<_>>();
        for (_, waiter) in hits {
            let _may_be_gone = waiter.cut.send(cut.clone());
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watch<'_> {
    /// Comes back when the server said that this request gets no answer; otherwise never.
    pub(super) async fn cut(&mut self) -> Cut {
        match (&mut self.cut).await {
            Ok(cut) => cut,
            Err(_) => std::future::pending().await,
        }
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.denials.lock().waiting.remove(&self.id);
    }
}

/// The right that a violation names: `Permissions Violation for Publish to "subject"` (nats-server `client.go`).
fn violation(text: &str) -> Option<(Action, &str)> {
    let rest = strip_prefix_ignoring_case(text, "permissions violation for ")?;
    let action = match rest {
        _ if strip_prefix_ignoring_case(rest, "publish to ").is_some() => Action::Publish,
        _ if strip_prefix_ignoring_case(rest, "subscription to ").is_some() => Action::Subscribe,
        _ => return None,
    };
    let subject = rest.split('"').nth(1)?;
    Some((action, subject))
}

fn strip_prefix_ignoring_case<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

/// The right to grant for a connection's own reply subject: `_INBOX.abc.*` needs `_INBOX.>`.
fn inbox_right(subject: &str) -> String {
    let mut tokens = subject.split('.').collect::<Vec<_>>();
    tokens.truncate(tokens.len().saturating_sub(2).max(1));
    format!("{}.>", tokens.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server_says(denials: &Denials, text: &str) {
        denials.note(&Event::ServerError(ServerError::Other(text.to_owned())));
    }

    #[tokio::test]
    async fn a_publish_violation_ends_the_request_to_that_subject_only() {
        let denials = Denials::default();
        let mut hit = denials.watch("$JS.API.INFO");
        let mut other = denials.watch("$JS.API.STREAM.NAMES");
        server_says(
            &denials,
            r#"Permissions Violation for Publish to "$JS.API.INFO""#,
        );
        let right = Cut::Denied(Action::Publish, "$JS.API.INFO".to_owned());
        assert_eq!(hit.cut().await, right);
        assert!(
            other.cut.try_recv().is_err(),
            "the other request was ended too"
        );
    }

    #[tokio::test]
    async fn a_forbidden_inbox_ends_all_requests_and_later_ones() {
        let denials = Denials::default();
        let mut first = denials.watch("a");
        server_says(
            &denials,
            r#"Permissions Violation for Subscription to "_INBOX.abc.*""#,
        );
        let right = Cut::Denied(Action::Subscribe, "_INBOX.>".to_owned());
        assert_eq!(first.cut().await, right);
        assert_eq!(denials.watch("b").cut().await, right);
    }

    #[tokio::test]
    async fn a_broken_connection_ends_all_requests() {
        let denials = Denials::default();
        let mut first = denials.watch("a");
        denials.note(&Event::Disconnected);
        assert_eq!(first.cut().await, Cut::Disconnected);
    }

    #[test]
    fn a_break_began_with_the_oldest_request_and_an_answer_ends_silence() {
        let denials = Denials::default();
        let _first = denials.watch("a");
        std::thread::sleep(Duration::from_millis(5));
        denials.note(&Event::Disconnected);
        assert!(denials.broken_for() >= Duration::from_millis(5));
        denials.note_silence(Instant::now());
        std::thread::sleep(Duration::from_millis(1));
        assert!(denials.silent_for() > Duration::ZERO);
        denials.note_answer();
        assert_eq!(denials.silent_for(), Duration::ZERO);
    }

    #[test]
    fn what_nobody_waited_for_is_told_once() {
        let denials = Denials::default();
        server_says(&denials, r#"Permissions Violation for Publish to "a.b""#);
        assert_eq!(denials.take("b"), None);
        let told = Some((Action::Publish, "a.b".to_owned()));
        assert_eq!(denials.take("a."), told);
        assert_eq!(denials.take("a."), None);
    }

    #[test]
    fn a_finished_request_is_forgotten() {
        let denials = Denials::default();
        drop(denials.watch("a"));
        assert!(denials.lock().waiting.is_empty());
    }

    #[test]
    fn other_errors_are_no_violations() {
        assert_eq!(violation("Maximum Connections Exceeded"), None);
        assert_eq!(violation("Permissions Violation for Publish"), None);
    }
}
