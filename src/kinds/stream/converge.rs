//! Waiting until a cluster is done with the servers of a stream.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::view::View;
use super::withheld;
use crate::broker::Brokers;
use crate::broker::nats::{JetStream, Peers};
use crate::kinds::news::News;
use crate::kinds::{Live, NatsVersion, is_in_place};
use crate::model::{Address, Doc, Outcome, Step};

/// Stands in the raw document of a stream while the cluster adds or removes servers.
pub(super) const ON_THEIR_WAY: &str = "servers_on_their_way";

/// The same while some of its servers lack some of it.
pub(super) const BEHIND: &str = "servers_behind";

/// Since when a server says by itself that it is not done (`cluster.desired`).
const SAYS_SO: NatsVersion = NatsVersion(2, 15, 0);

/// How often in a row an older server has to look settled: for some 0.1 s after a change its replicas are called current
/// that have nothing yet (seen on 2.11.11 and 2.14.6).
const LOOKS: usize = 4;

/// The pauses between looks.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// Nothing is said of what is done sooner.
const SHORT: Duration = Duration::from_secs(2);

/// For how long nothing may move before it is given up: servers restart, and a large stream has its snapshots.
const STANDSTILL: Duration = Duration::from_secs(600);

/// For how long every look may fail.
const SILENCE: Duration = Duration::from_secs(45);

/// What a document tells of its servers, for the raw document of a live resource.
pub(super) fn noted(info: &Doc) -> Doc {
    let mut raw = Doc::new();
    match Peers::of(info) {
        Peers::Settled => {}
        Peers::Behind(words) => {
            raw.insert(BEHIND.to_owned(), words.into());
        }
        Peers::OnTheirWay(words) => {
            raw.insert(ON_THEIR_WAY.to_owned(), words.into());
        }
    }
    raw
}

/// Whether the cluster adds or removes servers of it.
pub(super) fn is_on_its_way(live: &Live) -> bool {
    live.raw.contains_key(ON_THEIR_WAY)
}

/// Said in a plan that finds the cluster at work.
pub(in crate::kinds) fn note(live: Option<&Live>) -> Option<String> {
    let words = live?.raw.get(ON_THEIR_WAY)?.as_str()?;
    Some(format!(
        "the cluster is carrying out an earlier change of its servers ({words}); an apply waits for that first"
    ))
}

/// Said of a step that nobody waits for any longer.
pub(in crate::kinds) fn goes_on(view: &dyn View, step: &Step, live: &Live) -> Option<String> {
    let mut noted = [ON_THEIR_WAY, BEHIND].iter();
    let words = noted.find_map(|key| live.raw.get(*key)?.as_str());
    let words = words.filter(|_| is_of_servers(view, step))?;
    Some(format!(
        "its servers change ({words}); the cluster goes on by itself, and the next run does what is left"
    ))
}

/// Whether a step changes which servers hold a stream, or whose servers its consumers follow.
fn is_of_servers(view: &dyn View, step: &Step) -> bool {
    let own = ["num_replicas", "retention", "placement"].map(|field| view.field_name(field));
    let mut changes = step.changes.iter();
    is_in_place(step)
        && changes.any(|change| {
            let top = change.field.split('.').next();
            own.iter()
                .any(|own| *own == change.field || Some(own.as_str()) == top)
        })
}

/// Waits until the cluster is done with what these steps changed.
pub(in crate::kinds) async fn see(
    view: &dyn View,
    brokers: &Brokers,
    steps: &[&Step],
) -> Vec<(Address, Outcome)> {
    let Some(nats) = &brokers.nats else {
        return withheld(steps, "there is no connection to NATS");
    };
    let waited = steps.iter().filter(|step| is_of_servers(view, step));
    let streams = waited.map(|step| view.stream_name(&step.address.name));
    let mut late = done(nats, streams.collect()).await;
    let told = |step: &&Step| {
        let why = late.remove(&view.stream_name(&step.address.name));
        let outcome = why.map_or(Outcome::Applied, |why| Outcome::Unknown {
            why: format!("the cluster took it, and {why}"),
        });
        (step.address.clone(), outcome)
    };
    steps.iter().map(told).collect()
}

/// A stream that is waited for.
struct Waited {
    name: String,
    /// How often in a row it looked settled.
    settled: usize,
    /// How far it was, and since when.
    seen: (String, Instant),
    /// When it was read last.
    read: Instant,
}

/// Waits for these streams; gives back those that were given up, with the reason. Whoever waits is told how far they are, and
/// may stop waiting at any time.
pub(super) async fn done(nats: &JetStream, streams: Vec<String>) -> HashMap<String, String> {
    let now = Instant::now();
    let waited = |name| Waited {
        name,
        settled: 0,
        seen: (String::new(), now),
        read: now,
    };
    let mut left: Vec<Waited> = match nats.server().cluster {
        Some(_) => streams.into_iter().map(waited).collect(),
        None => Vec::new(),
    };
    let (news, mut pause, mut late) = (News::after(SHORT), FIRST_PAUSE, HashMap::new());
    let looks = match super::version(nats) >= SAYS_SO {
        true => 1,
        false => LOOKS,
    };
    while !left.is_empty() {
        let names: Vec<String> = left.iter().map(|it| it.name.clone()).collect();
        let mut answers = nats.stream_infos(&names).await;
        left.retain_mut(|it| match answers.swap_remove(&it.name) {
            // what is gone has no servers
            Some(Ok(None)) => false,
            Some(Ok(Some(info))) => it.look(&info, looks, &mut late),
            Some(Err(error)) => it.miss(&error.to_string(), &mut late),
            None => it.miss("the server gave no answer for it", &mut late),
        });
        let Some(first) = left.first() else { break };
        news.tell(|| first.told(left.len()));
        sleep(pause).await;
        pause = (pause * 2).min(if looks == 1 {
            LONGEST_PAUSE
        } else {
            2 * FIRST_PAUSE
        });
    }
    late
}

impl Waited {
    /// Takes in how far it is; whether it is waited for any longer.
    fn look(&mut self, info: &Doc, looks: usize, late: &mut HashMap<String, String>) -> bool {
        self.read = Instant::now();
        let words = match Peers::of(info) {
            Peers::Settled => {
                self.settled += 1;
                return self.settled < looks;
            }
            Peers::Behind(words) => format!("{words}{}", lag(info)),
            Peers::OnTheirWay(words) => format!("{words}{}", lag(info)),
        };
        self.settled = 0;
        if self.seen.0 != words {
            self.seen = (words, Instant::now());
        }
        let stands = self.seen.1.elapsed() > STANDSTILL;
        if stands {
            let minutes = STANDSTILL.as_secs() / 60;
            let why = format!(
                "nothing moved for {minutes} minutes ({}); it goes on by itself, plan again",
                self.seen.0
            );
            late.insert(self.name.clone(), why);
        }
        !stands
    }

    fn miss(&mut self, error: &str, late: &mut HashMap<String, String>) -> bool {
        self.settled = 0;
        let is_silent = self.read.elapsed() > SILENCE;
        if is_silent {
            let why = format!("it could not be read back: {error}");
            late.insert(self.name.clone(), why);
        }
        !is_silent
    }

    fn told(&self, count: usize) -> String {
        let which = match count {
            1 => format!("`{}`", self.name),
            _ => format!("{count} streams, `{}` first", self.name),
        };
        let far = match self.seen.0.as_str() {
            "" => String::new(),
            words => format!(": {words}"),
        };
        format!("waiting for the servers of {which}{far}; Ctrl-C leaves it to the cluster")
    }
}

/// How many messages the servers lack that have not all of them.
fn lag(info: &Doc) -> String {
    let others = info.get("cluster").and_then(|it| it["replicas"].as_array());
    let lags = others
        .into_iter()
        .flatten()
        .filter_map(|it| it["lag"].as_u64());
    match lags.max().filter(|lag| *lag > 0) {
        Some(lag) => format!(", {} to go", crate::model::counted(lag, "message")),
        None => String::new(),
    }
}
