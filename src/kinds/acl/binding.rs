//! Between an ACL and its address: `principal/permission/operation/resource type/pattern/name/host`.
//!
//! A `%` or `/` inside a field is percent-encoded (`%25`, `%2F`), so that seven fields are seven
//! whatever the names hold; everything else stands as it is.

use std::borrow::Cow;

use super::{AclBinding, Operation, PatternType, Permission, ResourceType};
use crate::kinds::kafka::{decoded, encoded};
use crate::model::{Address, KindName};

/// The seven fields of an ACL, lent by whoever has them: thousands are told apart without a copy.
pub(super) struct Parts<'a> {
    pub principal: Cow<'a, str>,
    pub permission: Permission,
    pub operation: Operation,
    pub resource_type: ResourceType,
    pub pattern: PatternType,
    pub name: Cow<'a, str>,
    pub host: Cow<'a, str>,
}

impl<'a> Parts<'a> {
    /// The parts of an address.
    ///
    /// # Errors
    /// As [`acl_of`].
    pub(super) fn of(address: &'a Address) -> Result<Parts<'a>, String> {
        let mut fields = address.name.split('/');
        let fields: [Option<&str>; 8] = std::array::from_fn(|_| fields.next());
        let [
            Some(principal),
            Some(permission),
            Some(operation),
            Some(resource_type),
            Some(pattern),
            Some(name),
            Some(host),
            None,
        ] = fields
        else {
            return Err(format!(
                "`{address}` is no ACL's address: write `acl/principal/permission/operation/resource type/pattern/name/host`, with `%2F` for a `/` in a field"
            ));
        };
        Ok(Parts {
            principal: decoded(principal),
            permission: permission.parse()?,
            operation: operation.parse()?,
            resource_type: resource_type.parse()?,
            pattern: pattern.parse()?,
            name: decoded(name),
            host: decoded(host),
        })
    }

    /// The address that holds them.
    pub(super) fn address(&self) -> Address {
        let [principal, name, host] =
            [&self.principal, &self.name, &self.host].map(|field| encoded(field));
        let fields = [
            &*principal,
            self.permission.as_str(),
            self.operation.as_str(),
            self.resource_type.as_str(),
            self.pattern.as_str(),
            &*name,
            &*host,
        ];
        Address::new(KindName::Acl, fields.join("/"))
    }
}

/// The address of an ACL.
pub fn address_of(acl: &AclBinding) -> Address {
    let parts = Parts {
        principal: acl.principal.as_str().into(),
        permission: acl.permission,
        operation: acl.operation,
        resource_type: acl.resource_type,
        pattern: acl.pattern,
        name: acl.name.as_str().into(),
        host: acl.host.as_str().into(),
    };
    parts.address()
}

/// The ACL of an address.
///
/// # Errors
/// Says what is wrong when the address has not seven fields or one of them is no word of Kafka's.
pub fn acl_of(address: &Address) -> Result<AclBinding, String> {
    let parts = Parts::of(address)?;
    Ok(AclBinding {
        principal: parts.principal.into_owned(),
        permission: parts.permission,
        operation: parts.operation,
        resource_type: parts.resource_type,
        pattern: parts.pattern,
        name: parts.name.into_owned(),
        host: parts.host.into_owned(),
    })
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
