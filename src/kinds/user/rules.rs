//! What is wrong with a user, whatever the brokers are.

use serde_json::Value;

use super::order::mechanisms;
use super::{MECHANISM, VERSION};
use crate::model::{Code, Problem, Resource};

/// Every problem of one user.
pub(super) fn check(user: &Resource) -> Vec<Problem> {
    let problems = [name(user), mechanism(user), version(user)];
    let problems = problems.into_iter().flatten();
    problems
        .map(|problem| problem.about(&user.address))
        .collect()
}

/// Kafka takes no empty name, and a name is without its type, unlike that of an ACL's principal.
fn name(user: &Resource) -> Option<Problem> {
    let name = &user.address.name;
    if name.is_empty() {
        let problem = Problem::error(Code::BadName, "a user's name is empty");
        return Some(
            problem
                .hint("write the name that it logs in with")
                .at(user.place.clone()),
        );
    }
    let bare = name.strip_prefix("User:")?;
    let what = format!("`{name}` is how an ACL names a user");
    let hint = match bare {
        "" => "write the name that it logs in with".to_owned(),
        bare => format!("write `{bare}`; its ACLs say `{name}`"),
    };
    Some(
        Problem::error(Code::BadName, what)
            .hint(hint)
            .at(user.place.clone()),
    )
}

fn mechanism(user: &Resource) -> Option<Problem> {
    let said = user.declared.get(MECHANISM)?.as_str()?;
    let (what, word) = match mechanisms(said) {
        Ok(found) if found.is_empty() => ("`mechanism` is empty".to_owned(), ""),
        Ok(_) => return None,
        Err(word) => (format!("`mechanism` can't be `{word}`"), word),
    };
    Some(
        Problem::error(Code::UnknownValue, what)
            .hint("it takes one of `SCRAM-SHA-512`, `SCRAM-SHA-256`, or a list of both")
            .at(user.place_of_word(MECHANISM, word)),
    )
}

/// A version of nothing.
fn version(user: &Resource) -> Option<Problem> {
    let says_version = user.declared.get(VERSION).is_some_and(Value::is_number);
    (says_version && !user.has_secret).then(|| {
        Problem::error(
            Code::MissingField,
            "`version` stands for a password, and none is declared",
        )
        .hint("add `password: ${NAME}` or `password_file: PATH`, or take `version` out")
        .at(user.place_of(VERSION))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Flat, KindName};
    use serde_json::json;

    fn told(name: &str, declared: Value, has_secret: bool) -> Vec<Code> {
        let declared: Flat = declared.as_object().unwrap().clone().into_iter().collect();
        let address = Address::new(KindName::User, name);
        let user = Resource {
            has_secret,
            ..Resource::new(address, declared)
        };
        check(&user).into_iter().map(|one| one.code).collect()
    }

    #[test]
    fn users_and_what_is_wrong_with_them() {
        let both = json!({ "mechanism": "SCRAM-SHA-256, SCRAM-SHA-512", "version": 1 });
        assert_eq!(told("ann", both, true), []);
        assert_eq!(told("ann", json!({}), false), []);
        assert_eq!(told("User:ann", json!({}), true), [Code::BadName]);
        assert_eq!(told("", json!({}), true), [Code::BadName]);
        assert_eq!(
            told("ann", json!({ "mechanism": "PLAIN" }), true),
            [Code::UnknownValue]
        );
        assert_eq!(
            told("ann", json!({ "version": 2 }), false),
            [Code::MissingField]
        );
    }
}
