//! Between an ACL and its address: `principal/permission/operation/resource type/pattern/name/host`.
//!
//! A `%` or `/` inside a field is percent-encoded (`%25`, `%2F`), so that seven fields are seven
//! whatever the names hold; everything else stands as it is.

use std::borrow::Cow;
use std::iter;

use super::AclBinding;
use crate::model::{Address, KindName};

/// The address of an ACL.
pub fn address_of(acl: &AclBinding) -> Address {
    let AclBinding {
        principal,
        permission,
        operation,
        resource_type,
        pattern,
        name,
        host,
    } = acl;
    let [principal, name, host] = [principal, name, host].map(|field| encoded(field));
    let words = [
        permission.as_str(),
        operation.as_str(),
        resource_type.as_str(),
        pattern.as_str(),
    ];
    let fields = iter::once(&*principal).chain(words).chain([&*name, &*host]);
    Address::new(KindName::Acl, fields.collect::<Vec<_>>().join("/"))
}

/// The ACL of an address.
///
/// # Errors
/// Says what is wrong when the address has not seven fields or one of them is no word of Kafka's.
pub fn acl_of(address: &Address) -> Result<AclBinding, String> {
    let fields: Vec<&str> = address.name.split('/').collect();
    let [
        principal,
        permission,
        operation,
        resource_type,
        pattern,
        name,
        host,
    ] = fields[..]
    else {
        return Err(format!(
            "`{address}` is no ACL's address: write `acl/principal/permission/operation/resource type/pattern/name/host`, with `%2F` for a `/` in a field"
        ));
    };
    Ok(AclBinding {
        principal: decoded(principal),
        permission: permission.parse()?,
        operation: operation.parse()?,
        resource_type: resource_type.parse()?,
        pattern: pattern.parse()?,
        name: decoded(name),
        host: decoded(host),
    })
}

fn encoded(field: &str) -> Cow<'_, str> {
    match field.contains(['%', '/']) {
        true => field.replace('%', "%25").replace('/', "%2F").into(),
        false => field.into(),
    }
}

fn decoded(field: &str) -> String {
    if !field.contains('%') {
        return field.to_owned();
    }
    field
        .replace("%2F", "/")
        .replace("%2f", "/")
        .replace("%25", "%")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::acl::{Operation, PatternType, Permission, ResourceType};
    use proptest::prelude::*;

    fn acl(principal: &str, name: &str, host: &str) -> AclBinding {
        AclBinding {
            principal: principal.into(),
            permission: Permission::Allow,
            operation: Operation::DescribeConfigs,
            resource_type: ResourceType::TransactionalId,
            pattern: PatternType::Prefixed,
            name: name.into(),
            host: host.into(),
        }
    }

    #[test]
    fn the_designs_example() {
        let example = "acl/User:analytics/allow/read/topic/literal/analytics-events/*";
        let address: Address = example.parse().unwrap();
        let acl = acl_of(&address).unwrap();
        assert_eq!(acl.principal, "User:analytics");
        assert_eq!(
            (acl.name.as_str(), acl.host.as_str()),
            ("analytics-events", "*")
        );
        assert_eq!(address_of(&acl), address);
    }

    #[test]
    fn what_is_no_acl_is_refused() {
        for text in [
            "acl/User:a/allow/read/topic/literal/x",
            "acl/User:a/allow/reed/topic/literal/x/*",
            "acl/User:a/allow/read/topic/literal/a/b/*",
        ] {
            assert!(acl_of(&text.parse().unwrap()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_names_read_back(principal in ".*", name in "[a%/2F5]*", host in "[a%/2F5]*") {
            let acl = acl(&principal, &name, &host);
            prop_assert_eq!(acl_of(&address_of(&acl)), Ok(acl));
        }
    }
}
