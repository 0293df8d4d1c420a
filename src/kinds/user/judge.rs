//! What can't be done to a user, and what is worth knowing before it is.

use super::VERSION;
use super::order::write_any;
use crate::kinds::kafka::is_before;
use crate::kinds::{Case, Surroundings};
use crate::model::{Address, Code, KindName, Refusal};

/// The release whose clusters in KRaft mode keep users (KIP-900).
const SINCE: &str = "3.5";

/// Every reason why the user can't be made or changed.
pub(super) fn judge(case: &Case<'_>) -> Vec<Refusal> {
    let refusals = [too_old(case), without_password(case), own(case)];
    refusals.into_iter().flatten().collect()
}

fn too_old(case: &Case<'_>) -> Option<Refusal> {
    let release = case.surroundings.kafka.as_ref()?.release.as_deref()?;
    is_before(release, SINCE).then(|| {
        Refusal::new(
            Code::ServerTooOld,
            format!("users need Kafka {SINCE}; the cluster is at {release}"),
            format!("upgrade the cluster to {SINCE} (`metadata.version` too)"),
        )
    })
}

fn writes(case: &Case<'_>) -> bool {
    case.live.is_none() || write_any(case.deltas)
}

fn without_password(case: &Case<'_>) -> Option<Refusal> {
    (writes(case) && !case.resource.has_secret).then(|| {
        Refusal::new(
            Code::MissingField,
            "it takes a password to write what a user logs in by, and none is declared",
            "add `password: ${NAME}` or `password_file: PATH`",
        )
    })
}

/// The new password would be asked for as soon as the next connection is made, in the middle of the apply.
fn own(case: &Case<'_>) -> Option<Refusal> {
    let is_changed = case.live.is_some() && !case.deltas.is_empty();
    let is_own = own_login(&case.resource.address, case.surroundings);
    (is_changed && is_own).then(|| {
        Refusal::new(
            Code::LockOut,
            "trueup itself logs in as this user, and would be locked out in the middle of its work",
            "change it as another principal, or with `kafka-configs`",
        )
    })
}

/// Whether trueup itself logs in as this user.
pub(crate) fn own_login(address: &Address, surroundings: &Surroundings) -> bool {
    let kafka = surroundings.kafka.as_ref();
    let own = kafka.and_then(|facts| facts.principal.as_deref());
    let name = own.and_then(|own| own.strip_prefix("User:"));
    address.kind == KindName::User && name == Some(address.name.as_str())
}

/// That a change of something else sets the password, too.
pub(super) fn notes(case: &Case<'_>) -> Vec<String> {
    let says_version = case.delta(VERSION).is_some();
    let note = match (case.live, says_version) {
        (Some(_), false) if writes(case) => {
            "Kafka keeps no password that could be hashed anew, so the declared one is written"
        }
        (_, _) => return Vec::new(),
    };
    vec![note.to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::kafka::live_by_name;
    use crate::kinds::user::MECHANISM;
    use crate::kinds::{Delta, KafkaFacts, Resources};
    use crate::model::{Flat, Resource};
    use serde_json::json;

    fn judged(own: &str, has_secret: bool, is_there: bool, field: &str) -> Vec<Code> {
        let address: Address = "user/ann".parse().unwrap();
        let resource = Resource {
            has_secret,
            ..Resource::new(address, Flat::new())
        };
        let both = || json!("SCRAM-SHA-256,SCRAM-SHA-512");
        let live = is_there.then(|| live_by_name(Flat::from([(MECHANISM.to_owned(), both())])));
        let deltas = [Delta {
            path: field.to_owned(),
            before: is_there.then(both),
            after: Some(json!("SCRAM-SHA-512")),
        }];
        let surroundings = Surroundings {
            nats: None,
            kafka: Some(KafkaFacts {
                cluster_id: "c".to_owned(),
                brokers: 1,
                release: Some("4.3".to_owned()),
                principal: Some(own.to_owned()),
                rights: Vec::new(),
                local_address: None,
            }),
        };
        let case = Case {
            resource: &resource,
            live: live.as_ref(),
            deltas: &deltas,
            all: &Resources::new(),
            surroundings: &surroundings,
        };
        judge(&case)
            .into_iter()
            .map(|refusal| refusal.code)
            .collect()
    }

    #[test]
    fn what_writes_wants_a_password() {
        assert_eq!(judged("User:x", true, false, VERSION), []);
        assert_eq!(
            judged("User:x", false, false, VERSION),
            [Code::MissingField]
        );
        assert_eq!(
            judged("User:x", false, true, "iterations"),
            [Code::MissingField]
        );
        assert_eq!(judged("User:x", false, true, MECHANISM), []);
    }

    #[test]
    fn trueups_own_user_is_left_alone() {
        assert_eq!(judged("User:ann", true, true, VERSION), [Code::LockOut]);
        assert_eq!(judged("User:ann", true, true, MECHANISM), [Code::LockOut]);
        assert_eq!(judged("User:ann", true, false, VERSION), []);
    }
}
