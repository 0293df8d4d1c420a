//! What is wrong with a quota, whatever the brokers are.

use std::net::IpAddr;

use serde_json::Value;

use super::entity::{FORMS, entity_of};
use crate::broker::kafka::{EntityName, QuotaEntity};
use crate::model::{Code, Problem, Resource};

/// The only key of an IP address, and of nothing else.
const OF_IP: &str = "connection_creation_rate";

/// Every problem of one quota.
pub(super) fn check(quota: &Resource) -> Vec<Problem> {
    let problems = match entity_of(&quota.address) {
        Err(why) => vec![
            Problem::error(Code::BadName, why)
                .hint(FORMS)
                .at(quota.place.clone()),
        ],
        Ok(entity) => of_entity(quota, &entity),
    };
    let problems = problems.into_iter();
    problems
        .map(|problem| problem.about(&quota.address))
        .collect()
}

fn of_entity(quota: &Resource, entity: &QuotaEntity) -> Vec<Problem> {
    let mut problems: Vec<Problem> = address(entity).into_iter().collect();
    problems.extend(principal(entity));
    if quota.declared.is_empty() {
        let what = "the quota limits nothing, and Kafka keeps none that is empty";
        let keys = match entity.ip {
            Some(_) => "say `connection_creation_rate`, or take the quota out",
            None => "say one of its keys, such as `producer_byte_rate: 10MiB`, or take it out",
        };
        problems.push(Problem::error(Code::MissingField, what).hint(keys));
    }
    let mut problems: Vec<Problem> = problems
        .into_iter()
        .map(|problem| problem.at(quota.place.clone()))
        .collect();
    for (key, value) in &quota.declared {
        let misplaced = misplaced(entity, key).map(|it| it.at(quota.place_of(key)));
        let place = || quota.place_of_word(key, &value.to_string());
        let nothing = nothing(key, value).map(|it| it.at(place()));
        problems.extend(misplaced.into_iter().chain(nothing));
    }
    problems
}

/// Kafka takes a host name, too, and compares addresses only.
fn address(entity: &QuotaEntity) -> Option<Problem> {
    let Some(EntityName::Named(ip)) = &entity.ip else {
        return None;
    };
    let is_one = ip.parse::<IpAddr>().is_ok();
    (!is_one).then(|| {
        Problem::error(Code::BadName, format!("`{ip}` is no IP address"))
            .hint("write the address that clients come from, such as `ip/10.0.0.1`")
    })
}

/// The name of a user is without its type, unlike that of an ACL's principal.
fn principal(entity: &QuotaEntity) -> Option<Problem> {
    let Some(EntityName::Named(user)) = &entity.user else {
        return None;
    };
    let name = user.strip_prefix("User:")?;
    let what = format!("`{user}` is how an ACL names a user: no user's name begins with `User:`");
    Some(Problem::warning(Code::BadName, what).hint(format!("write `user/{name}`")))
}

fn misplaced(entity: &QuotaEntity, key: &str) -> Option<Problem> {
    match (entity.ip.is_some(), key == OF_IP) {
        (true, true) | (false, false) => None,
        (true, false) => {
            let what = format!("an IP address has no `{key}`");
            let hint = "an IP address has `connection_creation_rate` only; limit the user or the client id";
            Some(Problem::error(Code::Contradiction, what).hint(hint))
        }
        (false, true) => {
            let what = format!("only an IP address has `{key}`");
            let hint = "write it at `ip/ADDRESS` or `ip-default`";
            Some(Problem::error(Code::Contradiction, what).hint(hint))
        }
    }
}

/// Kafka takes no quota of 0 or below.
fn nothing(key: &str, value: &Value) -> Option<Problem> {
    let is_none = value.as_f64().is_some_and(|value| value <= 0.0);
    let what = || format!("`{key}` can't be `{value}`");
    is_none.then(|| {
        Problem::error(Code::OutOfRange, what())
            .hint("it takes more than 0; without a limit, leave it out")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Flat;
    use serde_json::json;

    fn told(name: &str, declared: Value) -> Vec<(Code, String)> {
        let declared: Flat = declared.as_object().unwrap().clone().into_iter().collect();
        let address = format!("quota/{name}").parse().unwrap();
        let problems = check(&Resource::new(address, declared)).into_iter();
        problems.map(|one| (one.code, one.message)).collect()
    }

    #[test]
    fn a_quota_with_a_limit_is_fine() {
        assert_eq!(
            told(
                "user/a",
                json!({ "producer_byte_rate": 1, "request_percentage": 0.5 })
            ),
            []
        );
        assert_eq!(
            told("ip-default", json!({ "connection_creation_rate": 1 })),
            []
        );
    }

    #[test]
    fn what_kafka_would_not_take_is_told() {
        for (name, declared, code) in [
            ("a", json!({ "producer_byte_rate": 1 }), Code::BadName),
            (
                "ip/host",
                json!({ "connection_creation_rate": 1 }),
                Code::BadName,
            ),
            (
                "user/User:a",
                json!({ "producer_byte_rate": 1 }),
                Code::BadName,
            ),
            ("user/a", json!({}), Code::MissingField),
            (
                "ip/::1",
                json!({ "producer_byte_rate": 1 }),
                Code::Contradiction,
            ),
            (
                "user/a",
                json!({ "connection_creation_rate": 1 }),
                Code::Contradiction,
            ),
            (
                "user/a",
                json!({ "request_percentage": 0 }),
                Code::OutOfRange,
            ),
        ] {
            let told = told(name, declared);
            assert_eq!(told.len(), 1, "{name}: {told:?}");
            assert_eq!(told[0].0, code, "{name}");
        }
    }
}
