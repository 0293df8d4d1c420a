use super::{AclBinding, Operation, PatternType, Permission, ResourceType};
use crate::kinds::{End, Link, Resources};
use crate::model::{Address, KindName};

/// Who writes to which topics and reads from them, and in which groups.
pub(super) fn links(acl: &AclBinding, all: &Resources) -> Vec<Link> {
    let who = End::Principal(acl.principal.clone());
    let (reads, writes) = match acl.operation {
        Operation::Read => (true, false),
        Operation::Write => (false, true),
        Operation::All => (true, true),
        _ => (false, false),
    };
    let mut links = Vec::new();
    match acl.resource_type {
        ResourceType::Topic => {
            for topic in topics(acl, all) {
                if writes {
                    links.push(Link::new(who.clone(), topic.clone(), how(acl, "write")));
                }
                if reads {
                    links.push(Link::new(topic, who.clone(), how(acl, "read")));
                }
            }
        }
        ResourceType::Group if reads => {
            let groups = End::Groups(pattern(acl));
            links.push(Link::new(who, groups, how(acl, "in group")));
        }
        ResourceType::Group
        | ResourceType::Cluster
        | ResourceType::TransactionalId
        | ResourceType::DelegationToken
        | ResourceType::User => {}
    }
    let is_denied = acl.permission == Permission::Deny;
    links
        .into_iter()
        .map(|link| Link { is_denied, ..link })
        .collect()
}

/// The declared topics that a prefix stands for; the pattern itself where it is none's or all's.
fn topics(acl: &AclBinding, all: &Resources) -> Vec<End> {
    let prefix = match acl.pattern {
        PatternType::Literal if acl.name == "*" => return vec![End::Topics("*".to_owned())],
        PatternType::Literal => {
            return vec![End::Resource(Address::new(KindName::Topic, &*acl.name))];
        }
        PatternType::Prefixed => &acl.name,
    };
    let named = all
        .keys()
        .filter(|address| address.kind == KindName::Topic && address.name.starts_with(prefix))
        .map(|address| End::Resource(address.clone()));
    let named: Vec<End> = named.collect();
    match named.is_empty() {
        true => vec![End::Topics(pattern(acl))],
        false => named,
    }
}

fn pattern(acl: &AclBinding) -> String {
    match acl.pattern {
        PatternType::Literal => acl.name.clone(),
        PatternType::Prefixed => format!("{}*", acl.name),
    }
}

fn how(acl: &AclBinding, verb: &str) -> String {
    let deny = match acl.permission {
        Permission::Allow => "",
        Permission::Deny => "may not ",
    };
    match acl.host.as_str() {
        "*" => format!("{deny}{verb}"),
        host => format!("{deny}{verb} from {host}"),
    }
}
