//! From single ACLs back to what a manifest says.

use indexmap::IndexMap;

use super::{AclEntry, AclResource, Permission, acl_of};
use crate::model::Address;

/// Entries that stand for exactly these ACLs: one for each principal, permission, resource and
/// host, with all its operations. An address that is no ACL's is left out.
pub fn entries<'a>(addresses: impl IntoIterator<Item = &'a Address>) -> Vec<AclEntry> {
    let mut grouped: IndexMap<_, Vec<_>> = IndexMap::new();
    for acl in addresses
        .into_iter()
        .filter_map(|address| acl_of(address).ok())
    {
        let on = (acl.resource_type, acl.pattern, acl.name);
        grouped
            .entry((acl.principal, acl.permission, on, acl.host))
            .or_default()
            .push(acl.operation);
    }
    grouped
        .into_iter()
        .map(
            |((principal, permission, (kind, pattern, name), host), operations)| AclEntry {
                principal: Some(principal),
                permission: (permission == Permission::Deny).then_some(permission),
                operations,
                resource: AclResource::new(kind, &name, pattern),
                host: (host != "*").then_some(host),
                ..AclEntry::default()
            },
        )
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::expand_entry;
    use super::*;

    #[test]
    fn entries_stand_for_the_same_acls() {
        let addresses: Vec<Address> = [
            "acl/User:a/allow/read/topic/literal/x/*",
            "acl/User:a/allow/describe/topic/literal/x/*",
            "acl/User:a/deny/read/topic/literal/x/10.0.0.1",
            "acl/User:CN=b%2Fc/allow/all/cluster/literal/kafka-cluster/*",
            "acl/User:a/allow/write/transactional_id/prefixed/tx-/*",
            "acl/User:a/allow/create_tokens/user/literal/User:b/*",
            "acl/User:a/allow/describe/delegation_token/literal/t/*",
            "acl/User:a/allow/read/group/literal/*/*",
        ]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
        let entries = entries(&addresses);
        assert_eq!(entries.len(), 7);
        let again: Vec<Address> = entries
            .iter()
            .map(|entry| expand_entry(entry, &|_| None))
            .inspect(|expansion| assert_eq!(expansion.problems, []))
            .flat_map(|expansion| expansion.acls)
            .map(|acl| acl.address)
            .collect();
        assert_eq!(again, addresses);
    }
}
