use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::evidence::Each;
use super::*;
use crate::broker::kafka::{
    ConfigEntry, ConfigSource, ConfigType, Group, Partition, Sample, Span, TopicDescription,
};
use crate::kinds::topic::readers::Readers;
use crate::model::{Action, Change};

/// An update of `topic/t` from what is in force to this.
fn turn(in_force: &[(&str, &str)], changes: &[(&str, Value)]) -> Turn {
    of_topic("t", 3, in_force, changes)
}

fn of_topic(
    name: &str,
    replicas: i32,
    in_force: &[(&str, &str)],
    changes: &[(&str, Value)],
) -> Turn {
    let address = format!("topic/{name}").parse().unwrap();
    let change = |(field, after): &(&str, Value)| Change {
        field: field.to_string(),
        before: matches!(*field, "partitions" | "replication_factor").then(|| json!(2)),
        after: Some(after.clone()).filter(|after| !after.is_null()),
        note: None,
    };
    let step = Step {
        changes: changes.iter().map(change).collect(),
        ..Step::of(address, Action::Update)
    };
    let entry = |(key, value): &(&str, &str)| ConfigEntry {
        name: key.to_string(),
        value: Some(value.to_string()),
        source: ConfigSource::Default,
        read_only: false,
        sensitive: false,
        config_type: ConfigType::String,
        synonyms: Vec::new(),
    };
    let configs: Vec<ConfigEntry> = in_force.iter().map(entry).collect();
    turn::of(&step, Some(described(replicas)), &configs)
}

fn described(replicas: i32) -> TopicDescription {
    let partition = |index| Partition {
        index,
        leader: Some(1),
        replicas: (1..=replicas).collect(),
        in_sync: (1..=replicas).collect(),
        offline: Vec::new(),
    };
    TopicDescription {
        topic_id: None,
        internal: false,
        partitions: vec![partition(0), partition(1)],
        authorized_operations: None,
    }
}

/// A topic of 1,000 and 200 records of 100 bytes each, of which the group `late` has read nothing.
fn seen() -> Seen {
    let span = |start, end| Span { start, end };
    let group = Group {
        id: "late".to_owned(),
        state: Some("Stable".to_owned()),
        coordinator: 1,
    };
    let committed = [("t".to_owned(), BTreeMap::from([(0, 0), (1, 0)]))];
    Seen {
        spans: Ok(Each::from([(0, span(500, 1_500)), (1, span(0, 200))])),
        sizes: Ok(Each::from([(0, 100_000), (1, 20_000)])),
        kept_from: Ok(Each::from([(0, Some(900)), (1, None)])),
        samples: Ok(Each::from([(0, sample(1_400, &[None; 100]))])),
        local: Ok(Each::from([(0, 600), (1, 0)])),
        room: Ok(BTreeMap::from([
            (1, 1_000_000),
            (2, 1_000_000),
            (3, 1_000_000),
        ])),
        readers: Readers {
            groups: vec![(group, committed.into_iter().collect())],
            gaps: Vec::new(),
        },
    }
}

fn sample(from: i64, keys: &[Option<u64>]) -> Sample {
    Sample {
        from,
        to: from + keys.len() as i64,
        keys: keys.to_vec(),
        largest_batch: 10_000,
        first_time: None,
        gap: None,
    }
}

fn empty() -> Seen {
    let none = Span { start: 7, end: 7 };
    Seen {
        spans: Ok(Each::from([(0, none), (1, none)])),
        ..Seen::nothing("nobody asked")
    }
}

type Told = Vec<(&'static str, Harm, Option<u64>)>;

fn told(turn: &Turn, seen: &Seen) -> Told {
    let risks = of_turn(&applying(turn), turn, seen);
    risks
        .iter()
        .map(|risk| (risk.code.as_str(), risk.harm, risk.at_stake))
        .collect()
}

fn evidence(turn: &Turn, seen: &Seen) -> String {
    let risks = of_turn(&applying(turn), turn, seen);
    assert_eq!(risks.len(), 1, "{risks:?}");
    risks[0].evidence.clone()
}

const DELETES: (&str, &str) = ("cleanup.policy", "delete");
const COMPACTS: (&str, &str) = ("cleanup.policy", "compact");
const WEEK: (&str, &str) = ("retention.ms", "604800000");
const NO_END: (&str, &str) = ("retention.bytes", "-1");

#[test]
fn a_longer_time_needs_room_on_each_broker() {
    let room = |free: u64| Seen {
        room: Ok(BTreeMap::from([(1, 1_000_000), (2, free), (3, 1_000_000)])),
        ..seen()
    };
    let raised = turn(
        &[DELETES, WEEK, NO_END],
        &[("config.retention.ms", json!("14d"))],
    );
    let code = "topic-retention-raised";
    assert_eq!(told(&raised, &room(120_000)), [(code, Harm::Low, Some(0))]);
    assert_eq!(told(&raised, &room(119_999)), [(code, Harm::High, Some(0))]);
    assert_eq!(
        evidence(&raised, &room(100_000)),
        "about 120 kB more come to broker 2, which has 100 kB free"
    );
    let dark = Seen::nothing("needs DESCRIBE on the cluster");
    assert_eq!(told(&raised, &dark), [(code, Harm::Medium, Some(0))]);
    let bounded = turn(
        &[DELETES, WEEK, ("retention.bytes", "110000")],
        &[("config.retention.ms", json!("14d"))],
    );
    assert_eq!(told(&bounded, &room(30_000)), [(code, Harm::Low, Some(0))]);
    assert_eq!(told(&bounded, &room(29_999)), [(code, Harm::High, Some(0))]);
    assert!(told(&raised, &empty()).is_empty());
    let compacts = turn(&[COMPACTS, WEEK], &[("config.retention.ms", json!("14d"))]);
    assert!(told(&compacts, &room(1)).is_empty());
}

#[test]
fn what_nothing_bounds_is_told_by_the_days_that_are_left() {
    let endless = turn(
        &[DELETES, WEEK, NO_END],
        &[("config.retention.ms", json!("unlimited"))],
    );
    assert_eq!(
        evidence(&endless, &seen()),
        "nothing bounds from then on how much it holds; at the rate of now (about 17 kB a day) the 1.0 MB that broker 1 has free are full in 58 days"
    );
}

#[test]
fn a_larger_size_matters_where_a_partition_has_reached_the_old_one() {
    let larger = |before: &str| {
        let in_force = [DELETES, WEEK, ("retention.bytes", before)];
        turn(&in_force, &[("config.retention.bytes", json!("5MB"))])
    };
    let code = "topic-retention-raised";
    assert_eq!(
        told(&larger("100000"), &seen()),
        [(code, Harm::High, Some(0))]
    );
    assert_eq!(
        told(&larger("200000"), &seen()),
        [(code, Harm::Low, Some(0))]
    );
}

#[test]
fn a_shorter_time_costs_what_is_older() {
    let cut = turn(&[DELETES, WEEK], &[("config.retention.ms", json!("1d"))]);
    assert_eq!(
        told(&cut, &seen()),
        [("topic-retention-lowered", Harm::Critical, Some(600))]
    );
    assert_eq!(
        evidence(&cut, &seen()),
        "about 600 records (60 kB) are older than 1d and become deletable at once; group `late` (stable) has not read 600 of them; the other 600 records become deletable within 1d; before, they were kept for 7d"
    );
    let risks = of_turn(&applying(&cut), &cut, &seen());
    assert_eq!(risks[0].field.as_deref(), Some("config.retention.ms"));
}

#[test]
fn a_cut_of_what_is_young_is_as_bad_as_it_is_short_and_one_that_nobody_could_weigh_is_critical() {
    let cut = turn(&[DELETES, WEEK], &[("config.retention.ms", json!("1d"))]);
    let code = "topic-retention-lowered";
    assert_eq!(told(&cut, &empty()), [(code, Harm::Low, Some(0))]);
    let all_new = Seen {
        kept_from: Ok(Each::from([(0, Some(500)), (1, Some(0))])),
        ..seen()
    };
    assert_eq!(told(&cut, &all_new), [(code, Harm::Medium, Some(1_200))]);
    let minute = turn(&[DELETES, WEEK], &[("config.retention.ms", json!("1m"))]);
    assert_eq!(told(&minute, &all_new), [(code, Harm::High, Some(1_200))]);
    assert_eq!(
        evidence(&minute, &all_new),
        "all that it holds, 1,200 records (120 kB), become deletable within 1m; before, they were kept for 7d; group `late` (stable) has not read 1,200 of them"
    );
    // all of it goes within the minute, half of it at once
    assert_eq!(
        told(&minute, &seen()),
        [(code, Harm::Critical, Some(1_200))]
    );
    let unread = Seen::nothing("needs a right");
    assert_eq!(told(&cut, &unread), [(code, Harm::Critical, None)]);
    assert_eq!(
        evidence(&cut, &unread),
        "how many records are older than 1d could not be read: needs a right"
    );
}

#[test]
fn what_keeps_more_or_does_not_delete_at_all_loses_nothing() {
    let code = "topic-retention-raised";
    for (in_force, after, expected) in [
        (
            [DELETES, WEEK],
            json!("8d"),
            vec![(code, Harm::Low, Some(0))],
        ),
        (
            [DELETES, WEEK],
            json!("unlimited"),
            vec![(code, Harm::Medium, Some(0))],
        ),
        ([COMPACTS, WEEK], json!("1d"), vec![]),
    ] {
        let turn = turn(&in_force, &[("config.retention.ms", after)]);
        assert_eq!(told(&turn, &seen()), expected);
    }
    let from_unlimited = turn(
        &[DELETES, ("retention.ms", "-1")],
        &[("config.retention.ms", json!("7d"))],
    );
    assert_eq!(told(&from_unlimited, &seen()).len(), 1);
}

#[test]
fn going_back_to_the_default_is_weighed_by_the_default() {
    let month = ("retention.ms", "2592000000");
    let reset = turn(&[DELETES, month], &[("config.retention.ms", Value::Null)]);
    assert_eq!(told(&reset, &seen()).len(), 1);
    assert!(evidence(&reset, &seen()).contains("older than 7d"));
    let day = ("retention.ms", "86400000");
    let reset = turn(&[DELETES, day], &[("config.retention.ms", Value::Null)]);
    let keeps_more = [("topic-retention-raised", Harm::Low, Some(0))];
    assert_eq!(told(&reset, &seen()), keeps_more);
}

#[test]
fn a_smaller_size_costs_the_share_that_is_too_much() {
    let cut = turn(
        &[DELETES, NO_END],
        &[("config.retention.bytes", json!(75_000))],
    );
    let code = "topic-retention-lowered";
    // the average tells 250, and all of the partition may be small
    assert_eq!(told(&cut, &seen()), [(code, Harm::Critical, Some(1_000))]);
    let said = evidence(&cut, &seen());
    assert!(said.starts_with("about 250 records"), "{said}");
    assert!(said.contains("at most 1,000 records"), "{said}");
    let fits = turn(
        &[DELETES, NO_END],
        &[("config.retention.bytes", json!("1MB"))],
    );
    assert_eq!(told(&fits, &seen()), [(code, Harm::Low, Some(0))]);
    let tiered = turn(
        &[DELETES, NO_END, ("remote.storage.enable", "true")],
        &[("config.retention.bytes", json!(75_000))],
    );
    assert_eq!(told(&tiered, &seen()), [(code, Harm::Critical, None)]);
}

#[test]
fn deletion_that_begins_costs_what_is_older_or_too_much() {
    let begins = |size, policy: Value| {
        let in_force = [COMPACTS, WEEK, ("retention.bytes", size)];
        turn(&in_force, &[("config.cleanup.policy", policy)])
    };
    let code = "topic-deletion-on";
    for policy in [json!("delete"), json!(["compact", "delete"])] {
        let told = told(&begins("-1", policy), &seen());
        assert_eq!(told, [(code, Harm::Critical, Some(1_200))]);
    }
    // half of partition 0, and all of partition 1, which is older
    let both = begins("50000", json!("delete"));
    let risks = of_turn(&applying(&both), &both, &seen());
    assert!(
        risks[0].evidence.starts_with("about 700 records"),
        "{risks:?}"
    );
    let live_keys = Seen {
        kept_from: Ok(Each::from([(0, Some(500)), (1, Some(0))])),
        ..seen()
    };
    let week = begins("-1", json!("delete"));
    assert_eq!(told(&week, &live_keys), [(code, Harm::High, Some(1_200))]);
    assert!(
        evidence(&week, &live_keys)
            .contains("deletable within 7d; before, they were kept for ever")
    );
    let timeless = |size| {
        let in_force = [COMPACTS, ("retention.ms", "-1"), ("retention.bytes", size)];
        let policy = [("config.cleanup.policy", json!("delete"))];
        told(&turn(&in_force, &policy), &live_keys)
    };
    assert_eq!(timeless("-1"), [(code, Harm::Low, Some(0))]);
    assert_eq!(timeless("1000000"), [(code, Harm::Medium, Some(0))]);
    let ends = turn(
        &[("cleanup.policy", "compact,delete"), WEEK],
        &[("config.cleanup.policy", json!("delete"))],
    );
    assert_eq!(told(&ends, &seen()), []);
}

#[test]
fn compaction_costs_what_has_no_key_and_older_values() {
    let on = turn(
        &[DELETES, WEEK],
        &[("config.cleanup.policy", json!("compact"))],
    );
    let code = "topic-compaction-on";
    assert_eq!(told(&on, &seen()), [(code, Harm::Critical, Some(1_200))]);
    assert_eq!(
        evidence(&on, &seen()),
        "of up to 1,200 records, compaction keeps only the last of each key; 100 of the 100 looked at have no key, and such go altogether; producers that send none are refused from then on"
    );
    let small = |keys: &[Option<u64>]| Seen {
        spans: Ok(Each::from([(
            0,
            Span {
                start: 0,
                end: keys.len() as i64,
            },
        )])),
        samples: Ok(Each::from([(0, sample(0, keys))])),
        ..seen()
    };
    let mixed = small(&[Some(1), None, Some(2), Some(1)]);
    assert_eq!(told(&on, &mixed), [(code, Harm::Critical, Some(2))]);
    let each = small(&[Some(1), Some(2)]);
    assert_eq!(told(&on, &each), [(code, Harm::Low, Some(0))]);
    let unread = Seen {
        samples: Err("needs READ".to_owned()),
        ..seen()
    };
    assert_eq!(told(&on, &unread), [(code, Harm::Critical, Some(1_200))]);
    assert_eq!(told(&on, &empty()), [(code, Harm::Low, Some(0))]);
    let off = turn(
        &[("cleanup.policy", "compact,delete")],
        &[("config.cleanup.policy", json!("delete"))],
    );
    assert_eq!(told(&off, &seen()), []);
}

#[test]
fn tombstones_matter_to_who_is_slow() {
    let day = ("delete.retention.ms", "86400000");
    let cut = |policy| {
        turn(
            &[policy, day],
            &[("config.delete.retention.ms", json!("1h"))],
        )
    };
    assert_eq!(
        told(&cut(COMPACTS), &seen()),
        [("topic-tombstones-shortened", Harm::Medium, None)]
    );
    assert!(
        evidence(&cut(COMPACTS), &seen())
            .ends_with("group `late` (stable) has not read 1,200 records")
    );
    assert_eq!(told(&cut(DELETES), &seen()), []);
    let longer = turn(
        &[COMPACTS, day],
        &[("config.delete.retention.ms", json!("2d"))],
    );
    assert_eq!(told(&longer, &seen()), []);
}

#[test]
fn more_partitions_matter_where_keys_do() {
    let more = |name, policy| of_topic(name, 1, &[policy], &[("partitions", json!(4))]);
    let plain = more("t", DELETES);
    let code = "topic-partitions-added";
    let alone = || Seen {
        readers: Readers::default(),
        ..seen()
    };
    assert_eq!(told(&plain, &alone()), [(code, Harm::Low, None)]);
    assert_eq!(told(&plain, &seen()), [(code, Harm::Medium, None)]);
    let keyed = Seen {
        samples: Ok(Each::from([(0, sample(0, &[None, Some(3)]))])),
        ..alone()
    };
    assert_eq!(told(&plain, &keyed), [(code, Harm::High, None)]);
    assert!(evidence(&plain, &keyed).starts_with("1 of the last 2 records"));
    let mut packed = sample(0, &[]);
    packed.gap = Some("they are compressed in a way of number 7".to_owned());
    for samples in [Err("needs READ".to_owned()), Ok(Each::from([(0, packed)]))] {
        let unread = Seen { samples, ..alone() };
        assert_eq!(told(&plain, &unread), [(code, Harm::High, None)]);
    }
    for risky in [more("t", COMPACTS), more("app-store-changelog", DELETES)] {
        assert_eq!(told(&risky, &alone()), [(code, Harm::Critical, None)]);
        assert_eq!(told(&risky, &empty()), [(code, Harm::Low, Some(0))]);
    }
}

#[test]
fn smaller_batches_matter_where_larger_ones_come() {
    let cut = |to| {
        let before = ("max.message.bytes", "1048588");
        turn(&[before], &[("config.max.message.bytes", json!(to))])
    };
    let code = "topic-message-size-lowered";
    assert_eq!(told(&cut(9_999), &seen()), [(code, Harm::High, None)]);
    assert_eq!(told(&cut(10_000), &seen()), [(code, Harm::Medium, None)]);
    assert_eq!(told(&cut(2_000_000), &seen()), []);
    let unread = Seen::nothing("needs READ");
    assert_eq!(told(&cut(10_000), &unread), [(code, Harm::High, None)]);
    assert_eq!(told(&cut(9_999), &empty()), [(code, Harm::Low, Some(0))]);
}

#[test]
fn times_and_compression_are_worth_a_look() {
    let times = ("message.timestamp.type", "CreateTime");
    let change = |to| turn(&[times], &[("config.message.timestamp.type", json!(to))]);
    assert_eq!(
        told(&change("LogAppendTime"), &seen()),
        [("topic-timestamps-changed", Harm::Medium, None)]
    );
    assert_eq!(told(&change("CreateTime"), &seen()), []);
    let packs = ("compression.type", "producer");
    let change = |to| turn(&[packs], &[("config.compression.type", json!(to))]);
    assert_eq!(
        told(&change("zstd"), &seen()),
        [("topic-compression-changed", Harm::Medium, None)]
    );
    for to in ["producer", "uncompressed"] {
        assert_eq!(told(&change(to), &seen()), []);
    }
}

#[test]
fn replicas_in_sync_are_counted() {
    let set = |replicas, before, after: i32| {
        let before = ("min.insync.replicas", before);
        of_topic(
            "t",
            replicas,
            &[before],
            &[("config.min.insync.replicas", json!(after))],
        )
    };
    let (raised, lowered) = ("topic-min-isr-raised", "topic-min-isr-lowered");
    assert_eq!(told(&set(3, "1", 2), &seen()), []);
    assert_eq!(
        told(&set(3, "2", 3), &seen()),
        [(raised, Harm::Medium, None)]
    );
    assert_eq!(told(&set(3, "2", 4), &seen()), [(raised, Harm::High, None)]);
    assert_eq!(
        told(&set(1, "1", 2), &empty()),
        [(raised, Harm::Medium, None)]
    );
    assert_eq!(
        told(&set(3, "2", 1), &seen()),
        [(lowered, Harm::High, None)]
    );
    assert_eq!(
        told(&set(3, "2", 1), &empty()),
        [(lowered, Harm::Low, Some(0))]
    );
    assert_eq!(told(&set(3, "3", 2), &seen()), []);
    assert_eq!(told(&set(1, "2", 1), &seen()), []);
    let mut away = set(3, "1", 2);
    if let Some(topic) = &mut away.topic {
        topic.partitions[1].in_sync = vec![1];
    }
    assert_eq!(told(&away, &seen()), [(raised, Harm::High, None)]);
    assert!(evidence(&away, &seen()).starts_with("partition 1 has 1 in sync of 3"));
}

#[test]
fn an_unclean_leader_is_worst_where_there_is_none_now() {
    let on = |replicas, to: bool| {
        let before = ("unclean.leader.election.enable", "false");
        of_topic(
            "t",
            replicas,
            &[before],
            &[("config.unclean.leader.election.enable", json!(to))],
        )
    };
    let code = "topic-unclean-election";
    assert_eq!(told(&on(3, true), &seen()), [(code, Harm::High, None)]);
    assert_eq!(told(&on(1, true), &seen()), []);
    assert_eq!(told(&on(3, false), &seen()), []);
    let mut leaderless = on(3, true);
    if let Some(topic) = &mut leaderless.topic {
        topic.partitions[1].leader = None;
    }
    assert_eq!(told(&leaderless, &seen()), [(code, Harm::Critical, None)]);
}

#[test]
fn what_is_in_remote_storage_alone_goes_with_it() {
    let off = |before| {
        turn(
            &[("remote.storage.enable", before)],
            &[("config.remote.storage.enable", json!(false))],
        )
    };
    let code = "topic-remote-storage-off";
    assert_eq!(
        told(&off("true"), &seen()),
        [(code, Harm::Critical, Some(100))]
    );
    assert_eq!(told(&off("false"), &seen()), []);
    let local = Seen {
        local: Ok(Each::from([(0, 500), (1, 0)])),
        ..seen()
    };
    assert_eq!(told(&off("true"), &local), [(code, Harm::Low, Some(0))]);
    let unread = Seen::nothing("the broker does not know it");
    assert_eq!(told(&off("true"), &unread), [(code, Harm::Critical, None)]);
}

#[tokio::test]
async fn what_no_rule_watches_is_not_asked_for_and_what_could_not_be_is_told() {
    let off = || Err(Problem::error(Code::Unreachable, "kafka is not connected"));
    let step = |field: &str, before: &str, after: &str| Step {
        changes: vec![Change {
            field: field.to_owned(),
            before: Some(json!(before)),
            after: Some(json!(after)),
            note: None,
        }],
        ..Step::of("topic/t".parse().unwrap(), Action::Update)
    };
    let segments = step("config.segment.bytes", "1GiB", "1MiB");
    let smaller = step("config.segment.ms", "7d", "1d");
    let mut made = step("config.retention.ms", "7d", "1d");
    made.action = Action::Create;
    assert!(risks(off(), &[&segments, &smaller, &made]).await.is_empty());
    let cut = step("config.retention.ms", "7d", "1d");
    let told = risks(off(), &[&cut]).await;
    assert_eq!(told.len(), 1);
    let risk = &told[0].1[0];
    assert_eq!((risk.harm, risk.at_stake), (Harm::Critical, None));
    assert!(
        risk.evidence.ends_with("kafka is not connected"),
        "{risk:?}"
    );
}

#[test]
fn fewer_replicas_are_told_with_what_is_in_sync() {
    let fewer = |before, turn_of: i32| {
        let mut fewer = of_topic("t", before, &[], &[("replication_factor", json!(turn_of))]);
        let topic = fewer.topic.as_mut().unwrap();
        topic.partitions[1].in_sync.pop();
        fewer
    };
    let to_one = fewer(2, 1);
    assert_eq!(
        told(&to_one, &seen()),
        [("topic-replicas-lowered", Harm::High, None)]
    );
    assert_eq!(
        told(&to_one, &empty()),
        [("topic-replicas-lowered", Harm::Low, Some(0))]
    );
    assert_eq!(
        evidence(&to_one, &seen()),
        "each record is on one broker alone, and lost with it; partition 1 has 1 in sync of 2"
    );
}

#[test]
fn more_replicas_are_told_with_what_is_copied() {
    let more = |there| of_topic("t", there, &[], &[("replication_factor", json!(4))]);
    assert_eq!(
        told(&more(2), &seen()),
        [("topic-moved", Harm::Medium, None)]
    );
    assert_eq!(
        evidence(&more(2), &seen()),
        "about 240 kB are copied to 4 new replicas; all replicas are in sync now"
    );
    assert!(evidence(&more(4), &seen()).starts_with("all new replicas are on their way already"));
    assert!(evidence(&more(2), &Seen::nothing("no right")).contains("no right"));
    assert_eq!(
        told(&more(2), &empty()),
        [("topic-moved", Harm::Low, Some(0))]
    );
}
