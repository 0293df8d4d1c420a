//! Large manifests.

use std::fmt::Write as _;

use super::{load_text, told};

#[test]
fn ten_thousand_topics_and_two_thousand_streams() {
    let mut text = "stack: s\nnats:\n  streams:\n".to_owned();
    for index in 0..2_000 {
        writeln!(text, "    S{index}:\n      subjects: [s{index}.>]\n      num_replicas: 1\n      consumers: {{ c: {{ ack_policy: explicit, filter_subject: s{index}.a }} }}").unwrap();
    }
    text.push_str("kafka:\n  topics:\n");
    for index in 0..10_000 {
        writeln!(text, "    t{index}: {{ partitions: 12, replication_factor: 3, retention: 7d, config: {{ cleanup.policy: delete, max.message.bytes: 2MiB }}, access: {{ consume: [{{ principal: User:a, groups: [g-*] }}] }} }}").unwrap();
    }
    let loaded = load_text(&text);
    assert_eq!(told(&loaded), "");
    let resources = loaded.manifest.unwrap().resources;
    // a topic's two ACLs each, and one for the group that all of them share
    assert_eq!(resources.len(), 2_000 * 2 + 10_000 * 3 + 1);
}
