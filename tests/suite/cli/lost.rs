//! A Kafka that is lost in the middle of an apply: the end comes soon, with a table.

use std::time::{Duration, Instant};

use uuid::Uuid;

use super::{Ran, file, run, trueup};
use crate::broker::kafka_proxy::{CREATE_TOPICS, Mood, Proxy};
use crate::sandbox::variable;

/// The promised 10 s behind the loss, what stands before it, and what a busy machine adds.
const ENDED: Duration = Duration::from_secs(40);

async fn at(broker: String, arguments: Vec<String>) -> Ran {
    let ran = move || {
        let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
        let mut command = trueup(&arguments);
        command.env("KAFKA_BROKERS", broker);
        run(command)
    };
    tokio::task::spawn_blocking(ran).await.unwrap()
}

#[tokio::test]
async fn a_kafka_lost_in_the_middle_ends_soon_with_a_table() {
    for mood in [Mood::FreezesAt(CREATE_TOPICS), Mood::DiesAt(CREATE_TOPICS)] {
        let topic = format!("lost-{}", Uuid::new_v4());
        let there = format!("{topic}-there");
        let kafka = |retention: &str, rest: &str| {
            let text = format!(
                "stack: lost\nkafka: {{ topics: {{ {there}: {{ retention: {retention} }}{rest} }} }}\n"
            );
            file(&text, ".yaml")
        };
        let words = |line: String| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let before = kafka("7d", "");
        let before = words(format!("apply --auto-approve -f {}", before.display()));
        assert_eq!(at(variable("KAFKA_BROKERS"), before).await.code, 0);
        let access = "access: { produce: [User:a] }";
        let wanted = kafka("1d", &format!(", {topic}: {{}}, {topic}-b: {{ {access} }}"));
        let saved = file("", ".json");
        let plan = words(format!(
            "plan -f {} -o {}",
            wanted.display(),
            saved.display()
        ));
        assert_eq!(at(variable("KAFKA_BROKERS"), plan).await.code, 0);
        let proxy = Proxy::start().await;
        proxy.set(mood);
        let begin = Instant::now();
        let apply = words(format!("apply {} --auto-approve", saved.display()));
        let lost = at(proxy.address.clone(), apply).await;
        let took = begin.elapsed();
        assert_eq!(lost.code, 6, "{}{}", lost.stdout, lost.stderr);
        assert!(took < ENDED, "{took:?}");
        for said in [
            "unknown        + topic/lost-",
            "Unknown: no answer came",
            "Next: trueup plan -f",
        ] {
            assert!(lost.stdout.contains(said), "{said}: {}", lost.stdout);
        }
        if mood == Mood::FreezesAt(CREATE_TOPICS) {
            let said = "the broker no longer answers";
            assert!(lost.stdout.contains(said), "{}", lost.stdout);
        }
        assert_eq!(proxy.count(CREATE_TOPICS), 1, "a change is sent once");
    }
}

#[tokio::test]
async fn one_lost_answer_stops_nothing_else() {
    let topic = format!("lost-{}", Uuid::new_v4());
    let access = "access: { produce: [User:a] }";
    let text = format!("stack: lost\nkafka: {{ topics: {{ {topic}: {{ {access} }} }} }}\n");
    let (wanted, saved) = (file(&text, ".yaml"), file("", ".json"));
    let path = |file: &tempfile::TempPath| file.to_str().unwrap().to_owned();
    let plan = ["plan", "-f", &path(&wanted), "-o", &path(&saved)].map(str::to_owned);
    let planned = at(variable("KAFKA_BROKERS"), plan.to_vec()).await;
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    let proxy = Proxy::start().await;
    proxy.set(Mood::LosesAnswerTo(CREATE_TOPICS));
    let apply = ["apply", &path(&saved), "--auto-approve"].map(str::to_owned);
    let ran = at(proxy.address.clone(), apply.to_vec()).await;
    assert_eq!(ran.code, 6, "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains("Applied 2 of 3: 1 unknown."),
        "{}",
        ran.stdout
    );
}
