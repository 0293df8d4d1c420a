use serde_json::{Map, Value};

/// What the servers of a stream are up to, as its document tells; the words say how far they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peers {
    /// Those that are to hold it do, and each has all of it.
    Settled,
    /// Those that are to hold it do; not each has all of it.
    Behind(String),
    /// The cluster adds or removes some, or is about to.
    OnTheirWay(String),
}

impl Peers {
    /// Reads the document of a stream. A server that stands alone is settled.
    ///
    /// From 2.15 on a cluster says itself that it is not done (`cluster.desired`). Before, the peers of a stream that moves
    /// are more than its replicas (seen on 2.11.11 and 2.14.6).
    pub fn of(info: &Map<String, Value>) -> Peers {
        let Some(cluster) = info.get("cluster") else {
            return Peers::Settled;
        };
        if let Some(desired) = cluster.get("desired").filter(|desired| desired.is_object()) {
            return Peers::OnTheirWay(told(desired));
        }
        let others = cluster.get("replicas").and_then(Value::as_array);
        let others = others.map(Vec::as_slice).unwrap_or_default();
        let leads = usize::from(cluster["leader"].as_str().is_some_and(|it| !it.is_empty()));
        let wanted = info
            .get("config")
            .and_then(|config| config["num_replicas"].as_u64());
        let wanted = wanted.and_then(|wanted| usize::try_from(wanted).ok());
        let (wanted, held) = (wanted.unwrap_or(1).max(1), others.len() + leads);
        if held != wanted {
            return Peers::OnTheirWay(format!("{held} servers hold it, {wanted} will"));
        }
        let is_whole = |other: &&Value| other["current"] == Value::Bool(true);
        let whole = others.iter().filter(is_whole).count() + leads;
        match (leads, whole == wanted) {
            (0, _) => Peers::Behind("it has no leader yet".to_owned()),
            (_, false) => Peers::Behind(format!("{whole} of {wanted} servers have all of it")),
            (_, true) => Peers::Settled,
        }
    }
}

/// What a cluster says of a change that it is at.
fn told(desired: &Value) -> String {
    let status = &desired["status"];
    let said = ["description", "type"].map(|field| status[field].as_str().unwrap_or_default());
    let error = status["err"].as_str().filter(|error| !error.is_empty());
    let error = error.map_or_else(String::new, |error| format!(": {error}"));
    match said {
        ["", ""] => format!("the cluster is about to begin{error}"),
        ["", kind] => format!("{kind}{error}"),
        [description, _] => format!("{description}{error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn peers(replicas: u64, cluster: Value) -> Peers {
        let info = json!({ "config": { "num_replicas": replicas }, "cluster": cluster });
        Peers::of(info.as_object().unwrap())
    }

    fn on_their_way(words: &str) -> Peers {
        Peers::OnTheirWay(words.to_owned())
    }

    #[test]
    fn what_the_cluster_wants_yet_goes_before_what_is_there() {
        let wants = |desired| json!({ "leader": "a", "replicas": [], "desired": desired });
        let status = json!({ "type": "membership", "description": "adding peer b" });
        assert_eq!(
            peers(1, wants(json!({ "status": status }))),
            on_their_way("adding peer b")
        );
        assert_eq!(
            peers(1, wants(json!({ "name": "sandbox" }))),
            on_their_way("the cluster is about to begin")
        );
        let blocked = json!({ "status": { "type": "blocked", "err": "no room" } });
        assert_eq!(peers(1, wants(blocked)), on_their_way("blocked: no room"));
        assert_eq!(peers(1, wants(Value::Null)), Peers::Settled);
    }

    #[test]
    fn without_that_the_peers_are_counted() {
        let b = |current: bool| json!({ "name": "b", "current": current });
        let of = |leader: &str, others: Value| json!({ "leader": leader, "replicas": others });
        assert_eq!(
            peers(1, of("a", json!([b(true)]))),
            on_their_way("2 servers hold it, 1 will")
        );
        assert_eq!(peers(2, of("a", json!([b(true)]))), Peers::Settled);
        assert_eq!(
            peers(2, of("a", json!([b(false)]))),
            Peers::Behind("1 of 2 servers have all of it".to_owned())
        );
        assert_eq!(
            peers(2, json!({ "replicas": [b(true), b(true)] })),
            Peers::Behind("it has no leader yet".to_owned())
        );
        assert_eq!(Peers::of(&Map::new()), Peers::Settled);
    }
}
