//! What a worker tells over HTTP: metrics for Prometheus, whether it lives, whether its routes move.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State as Of;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use tokio::net::TcpListener;

use super::gauge::{Counts, State};
use super::route::Route;
use crate::broker::nats::NatsData;

/// The routes of a worker, and what troubles it.
#[derive(Default)]
pub(super) struct Board(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    routes: BTreeMap<String, Vec<Arc<Route>>>,
    nats: Option<NatsData>,
    trouble: Option<String>,
    /// Whether the table was read once.
    is_read: bool,
}

impl Board {
    pub(super) fn put(&self, name: &str, routes: &[Arc<Route>]) {
        self.lock().routes.insert(name.to_owned(), routes.to_vec());
    }

    pub(super) fn take(&self, name: &str) {
        self.lock().routes.remove(name);
    }

    pub(super) fn connected(&self, nats: NatsData) {
        self.lock().nats = Some(nats);
    }

    /// What is wrong with the table now; whether that is news.
    pub(super) fn trouble(&self, trouble: Option<String>) -> bool {
        let mut inner = self.lock();
        inner.is_read |= trouble.is_none();
        let is_news = inner.trouble != trouble;
        inner.trouble = trouble;
        is_news
    }

    /// All shards of all routes.
    pub(super) fn routes(&self) -> Vec<Arc<Route>> {
        self.lock().routes.values().flatten().cloned().collect()
    }

    /// Why it is not ready; nothing when it is.
    fn unready(&self) -> Vec<String> {
        let (nats, trouble, is_read) = {
            let inner = self.lock();
            (inner.nats.clone(), inner.trouble.clone(), inner.is_read)
        };
        let mut why = Vec::new();
        if !nats.is_some_and(|nats| nats.is_connected()) {
            why.push("NATS is not connected".to_owned());
        }
        if let Some(trouble) = trouble {
            why.push(format!("the table of routes: {trouble}"));
        } else if !is_read {
            why.push("the table of routes was not read yet".to_owned());
        }
        for route in self.routes() {
            let state = route.gauge.state();
            if matches!(state, State::Starting | State::Degraded | State::Failed) {
                let error = route
                    .gauge
                    .last_error()
                    .map(|error| format!(": {}", error.text));
                let error = error
                    .filter(|_| state != State::Starting)
                    .unwrap_or_default();
                why.push(format!("route/{}: {}{error}", route.label(), state.word()));
            }
        }
        why
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Answers until it is dropped.
pub(super) async fn serve(listener: TcpListener, board: Arc<Board>) {
    let router = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(ready))
        .with_state(board);
    if let Err(error) = axum::serve(listener, router).await {
        tracing::warn!(%error, "nothing is told over HTTP any more");
    }
}

async fn ready(Of(board): Of<Arc<Board>>) -> impl IntoResponse {
    match board.unready().as_slice() {
        [] => (StatusCode::OK, "ready\n".to_owned()),
        why => (StatusCode::SERVICE_UNAVAILABLE, why.join("\n") + "\n"),
    }
}

async fn metrics(Of(board): Of<Arc<Board>>) -> impl IntoResponse {
    let samples: Vec<Sample> = board
        .routes()
        .iter()
        .map(|route| Sample::of(route))
        .collect();
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], rendered(&samples))
}

/// A shard of a route as metrics show it.
struct Sample {
    route: String,
    shard: u32,
    state: State,
    revision: u64,
    counts: Counts,
    last_success: Option<f64>,
}

impl Sample {
    fn of(route: &Route) -> Sample {
        let last = route.gauge.last_success();
        Sample {
            route: route.name.clone(),
            shard: route.shard,
            state: route.gauge.state(),
            revision: route.revision,
            counts: route.gauge.counts(),
            last_success: last.map(|last| last.as_millisecond() as f64 / 1000.0),
        }
    }
}

/// A family of metrics: name, type, help, and a route's value.
type Family = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Sample) -> Option<f64>,
);

const FAMILIES: [Family; 9] = [
    (
        "trueup_route_in_messages_total",
        "counter",
        "Messages taken from the source.",
        |s| Some(s.counts.r#in as f64),
    ),
    (
        "trueup_route_out_messages_total",
        "counter",
        "Messages written to the target and acknowledged there.",
        |s| Some(s.counts.out as f64),
    ),
    (
        "trueup_route_out_bytes_total",
        "counter",
        "Bytes of payload written to the target.",
        |s| Some(s.counts.out_bytes as f64),
    ),
    (
        "trueup_route_dlq_messages_total",
        "counter",
        "Messages put among the dead letters.",
        |s| Some(s.counts.dlq as f64),
    ),
    (
        "trueup_route_skipped_messages_total",
        "counter",
        "Messages passed over because on_error says so.",
        |s| Some(s.counts.skipped as f64),
    ),
    (
        "trueup_route_loop_dropped_messages_total",
        "counter",
        "Messages dropped because they went along the route before.",
        |s| Some(s.counts.loop_dropped as f64),
    ),
    (
        "trueup_route_redelivered_messages_total",
        "counter",
        "Messages that the source delivered once more.",
        |s| Some(s.counts.redelivered as f64),
    ),
    (
        "trueup_route_record_revision",
        "gauge",
        "The revision of the route's record in the table that the worker goes by.",
        |s| Some(s.revision as f64),
    ),
    (
        "trueup_route_last_success_timestamp_seconds",
        "gauge",
        "When messages were last written and acknowledged.",
        |s| s.last_success,
    ),
];

/// The text format of Prometheus.
fn rendered(samples: &[Sample]) -> String {
    let mut text = String::new();
    for (name, kind, help, value) in FAMILIES {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for sample in samples {
            if let Some(value) = value(sample) {
                let _ = writeln!(text, "{name}{{{}}} {value}", labels(sample));
            }
        }
    }
    let name = "trueup_route_state";
    let _ = writeln!(
        text,
        "# HELP {name} 1 for the state that the route is in.\n# TYPE {name} gauge"
    );
    for sample in samples {
        for state in State::ALL {
            let is = u8::from(sample.state == state);
            let _ = writeln!(
                text,
                "{name}{{{},state=\"{}\"}} {is}",
                labels(sample),
                state.word()
            );
        }
    }
    if let Some(memory) = memory_stats::memory_stats() {
        let name = "process_resident_memory_bytes";
        let _ = writeln!(
            text,
            "# HELP {name} Resident memory size in bytes.\n# TYPE {name} gauge\n{name} {}",
            memory.physical_mem
        );
    }
    text
}

fn labels(sample: &Sample) -> String {
    let route = sample
        .route
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n");
    format!("route=\"{route}\",shard=\"{}\"", sample.shard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_prometheus_text() {
        let sample = Sample {
            route: "a\"b".to_owned(),
            shard: 1,
            state: State::Running,
            revision: 7,
            counts: Counts {
                out: 3,
                ..Counts::default()
            },
            last_success: Some(1.5),
        };
        let text = rendered(&[sample]);
        for line in [
            "# TYPE trueup_route_out_messages_total counter",
            "trueup_route_out_messages_total{route=\"a\\\"b\",shard=\"1\"} 3",
            "trueup_route_last_success_timestamp_seconds{route=\"a\\\"b\",shard=\"1\"} 1.5",
            "trueup_route_state{route=\"a\\\"b\",shard=\"1\",state=\"running\"} 1",
            "trueup_route_state{route=\"a\\\"b\",shard=\"1\",state=\"failed\"} 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }

    #[test]
    fn who_has_not_read_the_table_is_not_ready() {
        let board = Board::default();
        assert!(
            board
                .unready()
                .iter()
                .any(|why| why.contains("not read yet"))
        );
        assert!(board.trouble(Some("gone".to_owned())));
        assert!(!board.trouble(Some("gone".to_owned())));
        assert!(board.unready().iter().any(|why| why.contains("gone")));
        assert!(board.trouble(None));
        assert_eq!(board.unready(), ["NATS is not connected"]);
    }
}
