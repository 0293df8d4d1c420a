use serde_json::Value;

use crate::engine::{Going, RouteStatus, StackStatus, is_silent};
use crate::kinds::route::RouteState;
use crate::model::counted;
use crate::model::unit::Unit;
use crate::report::{Line, Page, Tone};

/// A stack's ledger and lock, where they are known, then the routes, one below the other.
pub fn status(stack: Option<&StackStatus>, routes: &[RouteStatus], width: usize) -> String {
    let mut page = Page::new(width);
    if let Some(stack) = stack {
        of_stack(&mut page, stack);
        page.gap();
    }
    if routes.is_empty() {
        page.wrapped(Line::new(), Tone::Plain, "there are no routes");
    }
    for (place, route) in routes.iter().enumerate() {
        if place > 0 {
            page.gap();
        }
        of_route(&mut page, route);
    }
    page.finish()
}

/// Routes that are not as they should be, under a heading; nothing where there are none.
pub fn unwell(routes: &[RouteStatus], width: usize) -> String {
    if routes.is_empty() {
        return String::new();
    }
    let mut page = Page::new(width);
    page.gap();
    let what = "Routes whose position, lag or workers are not as they should be:";
    page.wrapped(Line::new(), Tone::Plain, what);
    for route in routes {
        page.gap();
        of_route(&mut page, route);
    }
    page.finish()
}

fn of_stack(page: &mut Page, stack: &StackStatus) {
    page.line(&Line::new().put(Tone::Strong, &format!("stack {}", stack.name)));
    let owned = counted(stack.owned, "resource");
    let ledger = match stack.unfinished {
        0 => format!("{}: {owned}", stack.ledger),
        more => format!(
            "{}: {owned}, {more} of them not finished: the next `trueup apply` settles that",
            stack.ledger
        ),
    };
    let lock = match &stack.lock {
        None => "free".to_owned(),
        Some(holder) => format!(
            "{} on {} (pid {}) since {} for `{}`",
            holder.who, holder.host, holder.pid, holder.since, holder.command
        ),
    };
    let row = |name: &str, text: String| vec![(Tone::Faint, name.to_owned()), (Tone::Plain, text)];
    page.table(2, &[row("ledger", ledger), row("lock", lock)]);
}

fn of_route(page: &mut Page, route: &RouteStatus) {
    let (tone, word) = state(route);
    let heading = Line::new()
        .put(Tone::Strong, &format!("route/{}", route.name))
        .plain("  ")
        .put(tone, &word);
    page.line(&heading);
    let mut rows: Vec<Vec<(Tone, String)>> = Vec::new();
    let mut row = |name: &str, tone: Tone, text: String| {
        rows.push(vec![(Tone::Faint, name.to_owned()), (tone, text)]);
    };
    row("from", Tone::Plain, route.from.clone());
    row("to", Tone::Plain, route.to.clone());
    if let Some(stack) = &route.stack {
        row("stack", Tone::Plain, stack.clone());
    }
    if let Some(lag) = &route.lag {
        let age = lag.age_ms.filter(|_| lag.messages > 0);
        // whole seconds: what is older is told to the second, too
        let age = age.map(|ms| format!(", the first {} old", seconds(ms)));
        let text = match lag.messages {
            0 => "0: nothing is left to move".to_owned(),
            more => format!("{}{}", counted(more, "message"), age.unwrap_or_default()),
        };
        let tone = match route.alerts.is_empty() {
            true => Tone::Plain,
            false => Tone::Bad,
        };
        row("lag", tone, text);
    }
    for alert in &route.alerts {
        row("alert", Tone::Bad, alert.clone());
    }
    if let Some(position) = &route.position {
        row("position", Tone::Bad, position.clone());
    }
    match route.workers.as_slice() {
        [] if route.state == Some(RouteState::Running) => {
            row(
                "workers",
                Tone::Change,
                "none: `trueup bridge run` moves its messages".to_owned(),
            );
        }
        [] => row("workers", Tone::Plain, "none".to_owned()),
        workers => {
            for beat in workers {
                let (tone, text) = worker(beat);
                row("worker", tone, text);
            }
        }
    }
    page.table(2, &rows);
}

/// How a route goes, and what of it is not as the manifest says.
fn state(route: &RouteStatus) -> (Tone, String) {
    let (tone, word) = match route.going {
        Going::Running => (Tone::Good, "running"),
        Going::Starting => (Tone::Plain, "starting"),
        Going::Paused => (Tone::Change, "paused"),
        Going::Degraded => (Tone::Bad, "degraded"),
        Going::Failed => (Tone::Bad, "failed"),
        Going::Silent => (Tone::Bad, "silent: its worker gives no sign of life"),
        Going::NoWorker => (Tone::Change, "no worker"),
        Going::Unreadable => return (Tone::Bad, "unreadable".to_owned()),
        Going::Absent => return (Tone::Bad, "not in the table".to_owned()),
    };
    let said = match route.declared {
        Some(RouteState::Running) => "running",
        Some(RouteState::Paused) => "paused",
        None => return (tone, word.to_owned()),
    };
    match (route.state == route.declared, route.drifts) {
        (_, false) => (tone, word.to_owned()),
        (false, true) => (
            Tone::Change,
            format!("{word}, and the manifest says {said}"),
        ),
        (true, true) => (
            Tone::Change,
            format!("{word}, and not as the manifest says: `trueup plan` tells"),
        ),
    }
}

fn worker(beat: &Value) -> (Tone, String) {
    let word = |field: &str| beat[field].as_str().unwrap_or("?").to_owned();
    let state = word("state");
    let tone = match state.as_str() {
        _ if is_silent(beat) => Tone::Bad,
        "running" | "standby" => Tone::Good,
        "failed" | "degraded" => Tone::Bad,
        _ => Tone::Plain,
    };
    let who = format!(
        "on {} ({}), shard {}",
        word("host"),
        word("worker"),
        word("shard")
    );
    let mut text = match (is_silent(beat), beat["age_ms"].as_i64()) {
        (true, Some(age)) => format!(
            "no sign of life for {}, {state} before that, {who}",
            seconds(age)
        ),
        _ => format!("{state} {who}"),
    };
    let last = &beat["last_error"];
    if let Some(error) = last["text"].as_str() {
        let when = last["time"].as_str().unwrap_or("?");
        text.push_str(&format!("; last error: {error} ({when})"));
    }
    (tone, text)
}

/// A time in whole seconds.
fn seconds(ms: i64) -> String {
    Unit::Millis.format(ms / 1000 * 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::LagStatus;
    use serde_json::json;

    fn route() -> RouteStatus {
        RouteStatus {
            name: "out".to_owned(),
            stack: Some("platform".to_owned()),
            declared: Some(RouteState::Running),
            state: Some(RouteState::Paused),
            going: Going::Paused,
            drifts: true,
            from: "stream/EVENTS (events.>)".to_owned(),
            to: "topic/analytics".to_owned(),
            lag: Some(LagStatus {
                messages: 1204,
                oldest: None,
                age_ms: Some(61_500),
            }),
            position: None,
            alerts: vec!["more than 1000 messages behind".to_owned()],
            workers: vec![json!({
                "worker": "w1", "host": "h", "state": "degraded", "shard": "1",
                "age_ms": 13_400, "last_error": { "text": "Kafka is away", "time": "2026-01-01T00:00:00Z" },
            })],
        }
    }

    #[test]
    fn each_route_is_told() {
        let none = RouteStatus {
            name: "in".to_owned(),
            state: None,
            going: Going::Absent,
            lag: None,
            position: Some("it is not in the table".to_owned()),
            alerts: Vec::new(),
            workers: Vec::new(),
            ..route()
        };
        let stack = StackStatus {
            name: "platform".to_owned(),
            ledger: "the NATS bucket trueup".to_owned(),
            owned: 12,
            unfinished: 1,
            lock: None,
        };
        let text = status(Some(&stack), &[route(), none], 100);
        let text = anstream::adapter::strip_str(&text).to_string();
        insta::assert_snapshot!(text);
        assert!(status(None, &[], 80).contains("there are no routes"));
        assert_eq!(unwell(&[], 80), "");
        let told = unwell(&[route()], 80);
        assert!(told.contains("Routes whose position"), "{told}");
    }
}
