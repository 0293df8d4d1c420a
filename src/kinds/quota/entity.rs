//! Between whose a quota is and its address: `user/analytics/client-id-default`.
//!
//! A `%` or `/` inside a name is percent-encoded (`%25`, `%2F`), as in an ACL's address.

use crate::broker::kafka::{EntityName, QuotaEntity};
use crate::kinds::kafka::{decoded, encoded};
use crate::model::{Address, KindName};

const USER: &str = "user";
const CLIENT_ID: &str = "client-id";
const IP: &str = "ip";

/// The address of an entity's quota.
pub fn address_of(entity: &QuotaEntity) -> Address {
    let parts = [
        (USER, &entity.user),
        (CLIENT_ID, &entity.client_id),
        (IP, &entity.ip),
    ];
    let parts = parts.into_iter().filter_map(|(kind, name)| match name {
        Some(EntityName::Named(name)) => Some(format!("{kind}/{}", encoded(name))),
        Some(EntityName::Default) => Some(format!("{kind}-default")),
        None => None,
    });
    Address::new(KindName::Quota, parts.collect::<Vec<_>>().join("/"))
}

/// The entity of an address.
///
/// # Errors
/// Says what is wrong when the name says not whose the quota is.
pub fn entity_of(address: &Address) -> Result<QuotaEntity, String> {
    let mut rest = address.name.split('/').peekable();
    let mut next = |kind: &str| {
        let default = format!("{kind}-default");
        if rest.next_if(|part| *part == default).is_some() {
            return Ok(Some(EntityName::Default));
        }
        if rest.next_if_eq(&kind).is_none() {
            return Ok(None);
        }
        match rest.next().filter(|name| !name.is_empty()) {
            Some(name) => Ok(Some(EntityName::Named(decoded(name).into_owned()))),
            None => Err(format!("`{}` has no name behind `{kind}`", address.name)),
        }
    };
    let entity = QuotaEntity {
        user: next(USER)?,
        client_id: next(CLIENT_ID)?,
        ip: next(IP)?,
    };
    let is_of_ip = entity.ip.is_some();
    let is_of_client = entity.user.is_some() || entity.client_id.is_some();
    match rest.next().is_none() && is_of_ip != is_of_client {
        true => Ok(entity),
        false => Err(format!("`{}` says not whose the quota is", address.name)),
    }
}

/// How an address is written.
pub(super) const FORMS: &str = "write `user/NAME`, `client-id/NAME`, `user/NAME/client-id/NAME` or `ip/ADDRESS`, with `user-default`, `client-id-default` or `ip-default` for all without one of their own, and `%2F` for a `/` in a name";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(name: &str) -> Result<QuotaEntity, String> {
        entity_of(&Address::new(KindName::Quota, name))
    }

    #[test]
    fn every_form_reads_back() {
        for name in [
            "user/analytics",
            "user-default",
            "client-id/app",
            "client-id-default",
            "user/a/client-id/b",
            "user/a/client-id-default",
            "user-default/client-id/b",
            "user-default/client-id-default",
            "ip/10.0.0.1",
            "ip-default",
            "user/CN=a%2Fb%25",
            "user/client-id/client-id/user",
        ] {
            assert_eq!(address_of(&of(name).unwrap()).name, name);
        }
    }

    #[test]
    fn what_says_not_whose_it_is_is_refused() {
        for name in [
            "analytics",
            "user",
            "user/",
            "user/a/b",
            "client-id/b/user/a",
            "user/a/ip/10.0.0.1",
            "ip-default/client-id/x",
            "default",
        ] {
            assert!(of(name).is_err(), "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_names_read_back(user in "[a%/2F5-]+", client in "[a%/2F5-]+") {
            let entity = QuotaEntity {
                user: Some(EntityName::Named(user)),
                client_id: Some(EntityName::Named(client)),
                ip: None,
            };
            prop_assert_eq!(entity_of(&address_of(&entity)), Ok(entity));
        }
    }
}
