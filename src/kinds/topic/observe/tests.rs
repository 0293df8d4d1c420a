use super::*;
use crate::broker::kafka::{ConfigSynonym, ConfigType, Fate};

fn topic(replicas: &[&[i32]]) -> TopicDescription {
    let partition = |(index, replicas): (usize, &&[i32])| Partition {
        index: i32::try_from(index).unwrap(),
        leader: None,
        replicas: replicas.to_vec(),
        in_sync: Vec::new(),
        offline: Vec::new(),
    };
    TopicDescription {
        topic_id: Some("id".to_owned()),
        internal: false,
        partitions: replicas.iter().enumerate().map(partition).collect(),
        authorized_operations: None,
    }
}

fn config(name: &str, value: &str, source: ConfigSource, below: Option<&str>) -> ConfigEntry {
    let synonym = |value: &str, source| ConfigSynonym {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        source,
    };
    let mut synonyms = vec![synonym(value, source)];
    synonyms.extend(below.map(|value| synonym(value, ConfigSource::DynamicDefaultBroker)));
    ConfigEntry {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        source,
        sensitive: false,
        read_only: false,
        config_type: ConfigType::Long,
        synonyms,
    }
}

fn error(code: i16) -> ItemError {
    ItemError {
        code,
        name: "NAME",
        message: None,
        fate: Fate::Refused,
    }
}

#[test]
fn only_what_is_set_on_the_topic_is_its_own() {
    let configs = vec![
        config("retention.ms", "1", ConfigSource::DynamicTopic, Some("7")),
        config("segment.ms", "2", ConfigSource::DynamicDefaultBroker, None),
        config("flush.ms", "3", ConfigSource::DynamicBroker, None),
        config("preallocate", "true", ConfigSource::StaticBroker, None),
        config("segment.bytes", "4", ConfigSource::Default, None),
        config("new.key", "5", ConfigSource::Unknown, None),
    ];
    let live = live("t", &topic(&[&[1], &[1]]), configs, &[]);
    let fields: Vec<_> = live
        .fields
        .iter()
        .map(|(k, v)| (k.as_str(), v.clone()))
        .collect();
    assert_eq!(
        fields,
        [
            ("partitions", json!(2)),
            ("replication_factor", json!(1)),
            ("config.retention.ms", json!("1")),
        ]
    );
    assert_eq!(live.inherited["config.retention.ms"], json!("7"));
    assert_eq!(live.inherited.len(), 6);
    assert_eq!(live.incarnation.as_deref(), Some("id"));
}

#[test]
fn replicas_on_the_move_differ_from_before_and_after_until_all_are_there() {
    let going = |adding: &[i32], removing: &[i32]| {
        let moving = [Reassignment {
            partition: 0,
            replicas: vec![1, 2, 3],
            adding: adding.to_vec(),
            removing: removing.to_vec(),
        }];
        live("t", &topic(&[&[1, 2, 3], &[1, 2, 3]]), Vec::new(), &moving)
    };
    let up = going(&[2, 3], &[]);
    assert_eq!(up.fields["replication_factor"], json!([1, 3]));
    assert_eq!(up.raw[BEING_MOVED], json!({ "done": 1, "of": 2 }));
    let down = going(&[], &[3]);
    assert_eq!(down.fields["replication_factor"], json!([2, 3]));
    let same = live("t", &topic(&[&[1, 2], &[1, 2]]), Vec::new(), &[]);
    assert_eq!(same.fields["replication_factor"], json!(2));
    assert!(!same.raw.contains_key(BEING_MOVED));
}

#[test]
fn a_move_to_other_brokers_is_no_change_of_their_number() {
    let moving = [Reassignment {
        partition: 0,
        replicas: vec![1, 2, 3, 4],
        adding: vec![3, 4],
        removing: vec![1, 2],
    }];
    let seen = live("t", &topic(&[&[1, 2, 3, 4], &[1, 2]]), Vec::new(), &moving);
    assert_eq!(seen.fields["replication_factor"], json!(2));
}

#[test]
fn partitions_with_different_numbers_of_replicas_are_no_number() {
    let seen = live("t", &topic(&[&[1, 2, 3], &[1, 2]]), Vec::new(), &[]);
    assert_eq!(seen.fields["replication_factor"], json!([2, 3]));
}

#[test]
fn a_throttle_does_not_make_a_plan_stale() {
    let key = "leader.replication.throttled.replicas";
    let with = vec![config(key, "0:1", ConfigSource::DynamicTopic, None)];
    let with = live("t", &topic(&[&[1]]), with, &[]);
    let without = live("t", &topic(&[&[1]]), Vec::new(), &[]);
    assert_ne!(with.fields, without.fields);
    assert_eq!(with.fingerprint(), without.fingerprint());
}

#[test]
fn only_the_brokers_word_is_absence() {
    let told = |description: i16, configs: Option<i16>| {
        let description = match description {
            0 => Ok(topic(&[&[1]])),
            code => Err(error(code)),
        };
        let configs = configs.map(|code| match code {
            0 => Ok(Vec::new()),
            code => Err(error(code)),
        });
        match one("t", description, configs, None) {
            Observed::Absent => "absent".to_owned(),
            Observed::Present(_) => "present".to_owned(),
            Observed::Unreadable(problem) => format!("{}: {}", problem.code, problem.message),
        }
    };
    assert_eq!(told(0, Some(0)), "present");
    assert_eq!(told(3, Some(3)), "absent");
    assert_eq!(told(0, Some(3)), "absent");
    assert_eq!(told(29, Some(29)), "denied: needs DESCRIBE on topic/t");
    assert_eq!(
        told(0, Some(29)),
        "denied: needs DESCRIBE_CONFIGS on topic/t"
    );
    let hint = |description, configs| match one("t", description, Some(configs), None) {
        Observed::Unreadable(problem) => problem.hint.unwrap(),
        Observed::Absent | Observed::Present(_) => panic!("it was read"),
    };
    assert_eq!(
        hint(Ok(topic(&[&[1]])), Err(error(29))),
        "grant DESCRIBE_CONFIGS on topic/t"
    );
    assert!(hint(Err(error(29)), Err(error(29))).starts_with("whether the topic exists"));
    assert_eq!(
        told(7, Some(0)),
        "unreadable: topic/t: NAME (7): the cluster did not finish in time; plan again"
    );
    assert_eq!(told(5, Some(0)), "unreadable: topic/t: NAME (5)");
    assert!(told(0, None).starts_with("unreadable"));
}
