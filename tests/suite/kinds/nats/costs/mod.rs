//! What changing on NATS costs, as it is told before: what is said to be lost is lost, and nothing else.

mod limits;
mod readers;

use async_nats::HeaderMap;
use async_nats::jetstream::Context;
use trueup::kinds::Resources;
use trueup::model::{Code, Outcome, Risk};
use trueup::plan::Plan;

use super::bench::{Bench, Patience};
use crate::main_job::approved;

/// Publishes these sizes to these subjects in turn; every third message has headers.
async fn publish(context: &Context, messages: &[(&str, usize)]) {
    for (index, (subject, size)) in messages.iter().enumerate() {
        let (subject, payload) = ((*subject).to_owned(), vec![b'm'; *size].into());
        let sent = if index % 3 == 0 {
            let mut headers = HeaderMap::new();
            headers.insert("Kind", "test");
            context
                .publish_with_headers(subject, headers, payload)
                .await
        } else {
            context.publish(subject, payload).await
        };
        sent.unwrap().await.unwrap();
    }
}

async fn held(bench: &Bench, stream: &str) -> u64 {
    bench.info(stream).await["state"]["messages"]
        .as_u64()
        .unwrap()
}

/// The one risk of this code at this field.
fn risk(plan: &Plan, code: Code, field: &str) -> Risk {
    let risks = plan.steps.iter().flat_map(|step| &step.risks);
    let mut found = risks.filter(|risk| risk.code == code && risk.field.as_deref() == Some(field));
    let one = found.next();
    one.unwrap_or_else(|| panic!("{code} at {field}: {:#?}", plan.steps))
        .clone()
}

/// Plans a change, sees that it is blocked and costs nothing until somebody consents, applies it and compares.
async fn lost_as_told(bench: &Bench, stream: &str, wanted: &Resources, at: (Code, &str)) -> Risk {
    let before = held(bench, stream).await;
    let told = told_and_done(bench, stream, wanted, at).await;
    let kept = before - told.at_stake.unwrap();
    let mut patience = Patience::default();
    while held(bench, stream).await > kept {
        patience.wait().await;
    }
    assert_eq!(held(bench, stream).await, kept, "{told:?}");
    told
}

/// The risk of a change that blocks without consent, and is then done with it.
async fn told_and_done(
    bench: &Bench,
    stream: &str,
    wanted: &Resources,
    (code, field): (Code, &str),
) -> Risk {
    let before = held(bench, stream).await;
    let blocked = approved(wanted, bench.port(), &[]).await;
    let told = risk(&blocked, code, field);
    assert!(told.blocks(), "{told:?}");
    for (address, outcome) in bench.apply(&blocked).await {
        assert!(
            matches!(outcome, Outcome::NotAttempted { .. }),
            "{address}: {outcome:?}"
        );
    }
    assert_eq!(held(bench, stream).await, before, "nobody consented");

    let plan = bench.plan(wanted).await;
    for (address, outcome) in bench.apply(&plan).await {
        assert_eq!(outcome, Outcome::Applied, "{address}");
    }
    told
}
