//! Users as the cluster has them.

use indexmap::IndexMap;
use serde_json::json;

use super::{ITERATIONS, MECHANISM};
use crate::broker::kafka::{Credential, ItemError, Kafka, KafkaError};
use crate::kinds::kafka::{is_denial, live_by_name, needs, unreadable};
use crate::kinds::{Live, Observations, Observed};
use crate::model::{Address, Code, Flat, KindName, Problem};

type Users = IndexMap<String, Result<Vec<Credential>, ItemError>>;

/// Reads these users, in one request.
pub(super) async fn observe(kafka: &Kafka, addresses: &[Address]) -> Observations {
    match read(kafka, addresses).await {
        Ok(seen) => seen,
        Err(error) => unreadable(addresses, &unread(&error)),
    }
}

/// The same, with the failure of the whole request apart.
pub(super) async fn read(kafka: &Kafka, addresses: &[Address]) -> Result<Observations, KafkaError> {
    let names: Vec<String> = addresses.iter().map(|a| a.name.clone()).collect();
    let users = match names.is_empty() {
        true => Users::new(),
        false => kafka.describe_users(Some(&names)).await?,
    };
    let seen = addresses.iter();
    Ok(seen
        .map(|address| (address.clone(), of(address, &users)))
        .collect())
}

fn of(address: &Address, users: &Users) -> Observed {
    match users.get(&address.name) {
        Some(Ok(credentials)) if !credentials.is_empty() => Observed::Present(live(credentials)),
        Some(Ok(_)) | None => Observed::Absent,
        Some(Err(error)) => {
            let problem = match is_denial(error) {
                true => denied(),
                false => Problem::error(Code::Unreadable, error.to_string()),
            };
            Observed::Unreadable(problem.about(address))
        }
    }
}

/// Each is under its mechanism in what is not compared; the fields hold what a manifest says.
fn live(credentials: &[Credential]) -> Live {
    let mechanisms = credentials.iter().map(|one| one.mechanism.as_str());
    let mechanisms = mechanisms.collect::<Vec<_>>().join(",");
    let fewest = credentials.iter().map(|one| one.iterations).min();
    let mut fields = Flat::new();
    fields.insert(MECHANISM.to_owned(), mechanisms.into());
    fields.insert(ITERATIONS.to_owned(), json!(fewest));
    let each = credentials.iter();
    let each = each.map(|one| (one.mechanism.as_str().to_owned(), json!(one.iterations)));
    Live {
        raw: each.collect(),
        ..live_by_name(fields)
    }
}

fn denied() -> Problem {
    Problem::error(Code::Denied, needs("DESCRIBE on the cluster"))
        .hint("without it no user can be read, so none is taken to be absent")
}

/// Unauthorised never reads as "no users".
fn unread(error: &KafkaError) -> Problem {
    match error {
        KafkaError::ClusterAuthorizationFailed { .. } => denied(),
        other => other.problem(),
    }
}

/// Every user of the cluster.
pub(super) async fn list(kafka: &Kafka) -> Result<Vec<Address>, Problem> {
    let all = kafka.describe_users(None).await;
    let all = all.map_err(|error| unread(&error))?.into_keys();
    let mut all: Vec<Address> = all.map(|name| Address::new(KindName::User, name)).collect();
    all.sort();
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::broker::kafka::ScramMechanism::{Sha256, Sha512};

    #[test]
    fn a_user_is_its_credentials() {
        let credential = |mechanism, iterations| Credential {
            mechanism,
            iterations,
        };
        let live = live(&[credential(Sha256, 8192), credential(Sha512, 4096)]);
        assert_eq!(live.fields[MECHANISM], "SCRAM-SHA-256,SCRAM-SHA-512");
        assert_eq!(live.fields[ITERATIONS], 4096);
        let address: Address = "user/ann".parse().unwrap();
        assert_eq!(of(&address, &Users::new()), Observed::Absent);
        let denied = Users::from([("ann".to_owned(), Err(ItemError::refused(31, None)))]);
        assert!(matches!(of(&address, &denied), Observed::Unreadable(_)));
    }
}
