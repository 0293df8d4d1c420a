//! From what a manifest says to single ACLs.

use super::entry::{Access, AclEntry};
use super::rules::{self, Complaint};
use super::{Operation, Parts, PatternType, Permission, ResourceType};
use crate::model::{Address, Flat, Place, Problem, Resource};

/// The ACLs that an entry or an access stands for, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Expansion {
    /// In the order of the manifest, each once.
    pub acls: Vec<Resource>,
    /// What stands in the way of others.
    pub problems: Vec<Problem>,
}

/// Where a part of the entry stands, by its path in it: `operations[1]`, `resource.topic`,
/// `produce[0]`, `consume[1].groups[0]`; the empty path is the whole.
pub type Places<'a> = &'a dyn Fn(&str) -> Option<Place>;

/// One ACL for each principal, operation and host of an entry of `kafka.acls`.
pub fn expand_entry(entry: &AclEntry, places: Places<'_>) -> Expansion {
    let mut work = Work::new(places, None);
    let principals = work.one_or_many("principal", "", &entry.principal, &entry.principals, None);
    let hosts = work.one_or_many("host", "", &entry.host, &entry.hosts, Some("*"));
    let on = work.resource(entry);
    if entry.operations.is_empty() {
        work.complain("operations", rules::no_operation());
    }
    let Some(on) = on else {
        return work.done;
    };
    for (index, operation) in entry.operations.iter().enumerate() {
        work.judge(
            &format!("operations[{index}]"),
            rules::operation(on.kind, *operation),
        );
    }
    let permission = entry.permission.unwrap_or(Permission::Allow);
    for (principal, path) in &principals {
        let grants = entry.operations.iter().map(|operation| (&on, *operation));
        work.push(path, principal, permission, grants, &hosts);
    }
    work.done
}

/// The ACLs of a topic's `access`; each is `required_by` the topic.
///
/// A producer gets write and describe on the topic and on each of its transactional ids, a
/// consumer read and describe on the topic and read on each of its groups (which implies describe).
pub fn expand_access(topic: &Address, access: &Access, places: Places<'_>) -> Expansion {
    let mut work = Work::new(places, Some(topic.clone()));
    let on_topic = On::literal(ResourceType::Topic, &topic.name);
    for (index, producer) in access.produce.iter().enumerate() {
        let (path, terms) = (format!("produce[{index}]"), producer.terms());
        let wants = [Operation::Write, Operation::Describe];
        let ids = work.named(
            ResourceType::TransactionalId,
            &path,
            "transactional_ids",
            &terms.transactional_ids,
        );
        let grants = grants(&on_topic, &wants, &ids, &wants);
        work.grant(
            &path,
            &terms.principal,
            (&terms.host, &terms.hosts),
            &grants,
        );
    }
    for (index, consumer) in access.consume.iter().enumerate() {
        let (path, terms) = (format!("consume[{index}]"), consumer.terms());
        let groups = work.named(ResourceType::Group, &path, "groups", &terms.groups);
        let wants = [Operation::Read, Operation::Describe];
        let grants = grants(&on_topic, &wants, &groups, &[Operation::Read]);
        work.grant(
            &path,
            &terms.principal,
            (&terms.host, &terms.hosts),
            &grants,
        );
    }
    work.done
}

/// What an ACL is on.
#[derive(Clone, Copy, Debug)]
struct On<'a> {
    kind: ResourceType,
    pattern: PatternType,
    name: &'a str,
}

impl<'a> On<'a> {
    fn literal(kind: ResourceType, name: &'a str) -> On<'a> {
        On {
            kind,
            pattern: PatternType::Literal,
            name,
        }
    }

    /// `billing-*` stands for all that begin with `billing-`, `*` alone for every one.
    fn starred(kind: ResourceType, text: &'a str) -> On<'a> {
        match text.strip_suffix('*').filter(|prefix| !prefix.is_empty()) {
            Some(name) => On {
                kind,
                pattern: PatternType::Prefixed,
                name,
            },
            None => On::literal(kind, text),
        }
    }
}

/// An operation on something.
type Grant<'a> = (&'a On<'a>, Operation);

/// These operations on the topic, and those on each of what stands beside it.
fn grants<'a>(
    topic: &'a On<'a>,
    on_topic: &[Operation],
    beside: &'a [On<'a>],
    on_beside: &[Operation],
) -> Vec<Grant<'a>> {
    let with = |on: &'a On<'a>, operations: &[Operation]| -> Vec<Grant<'a>> {
        operations
            .iter()
            .map(|operation| (on, *operation))
            .collect()
    };
    let mut all = with(topic, on_topic);
    all.extend(beside.iter().flat_map(|on| with(on, on_beside)));
    all
}

struct Work<'a> {
    places: Places<'a>,
    required_by: Option<Address>,
    done: Expansion,
}

impl<'a> Work<'a> {
    fn new(places: Places<'a>, required_by: Option<Address>) -> Self {
        Work {
            places,
            required_by,
            done: Expansion::default(),
        }
    }

    /// The place of the path, or of what it is in.
    fn place(&self, path: &str) -> Option<Place> {
        let mut path = path;
        loop {
            if let Some(place) = (self.places)(path) {
                return Some(place);
            }
            if path.is_empty() {
                return None;
            }
            path = path.rfind(['.', '[']).map_or("", |end| &path[..end]);
        }
    }

    fn complain(&mut self, path: &str, complaint: Complaint) {
        let problem = complaint.problem().at(self.place(path));
        self.done.problems.push(problem);
    }

    /// Adds the complaint, if any; false when what it is about can't be sent.
    fn judge(&mut self, path: &str, complaint: Option<Complaint>) -> bool {
        let sound = complaint
            .as_ref()
            .is_none_or(|complaint| !complaint.is_error());
        if let Some(complaint) = complaint {
            self.complain(path, complaint);
        }
        sound
    }

    /// `principal` or `principals`, `host` or `hosts`: the sound values, each with its path.
    fn one_or_many<'v>(
        &mut self,
        word: &'static str,
        within: &str,
        one: &'v Option<String>,
        many: &'v [String],
        default: Option<&'v str>,
    ) -> Vec<(&'v str, String)> {
        let path = join(within, word);
        let values: Vec<(&str, String)> = match (one, many, default) {
            (Some(_), [_, ..], _) => {
                self.complain(&format!("{path}s"), rules::both(word));
                Vec::new()
            }
            (Some(one), [], _) => vec![(one, path)],
            (None, [], Some(default)) => vec![(default, path)],
            (None, [], None) => {
                self.complain(within, rules::missing(word));
                Vec::new()
            }
            (None, many, _) => many
                .iter()
                .enumerate()
                .map(|(index, value)| (value.as_str(), format!("{path}s[{index}]")))
                .collect(),
        };
        let rule = if word == "host" {
            rules::host
        } else {
            rules::principal
        };
        values
            .into_iter()
            .filter(|(value, path)| self.judge(path, rule(value)))
            .collect()
    }

    fn resource<'v>(&mut self, entry: &'v AclEntry) -> Option<On<'v>> {
        let names = entry.resource.names();
        let &[(kind, name)] = names.as_slice() else {
            self.complain("resource", rules::one_resource(names.len()));
            return None;
        };
        let pattern = entry.resource.pattern.unwrap_or(PatternType::Literal);
        let on = On {
            kind,
            pattern,
            name,
        };
        let path = format!("resource.{kind}");
        self.judge(&path, rules::name(kind, pattern, name))
            .then_some(on)
    }

    /// Groups or transactional ids of an access.
    fn named<'v>(
        &mut self,
        kind: ResourceType,
        within: &str,
        field: &str,
        names: &'v [String],
    ) -> Vec<On<'v>> {
        let mut all = Vec::new();
        for (index, text) in names.iter().enumerate() {
            let on = On::starred(kind, text);
            let path = format!("{within}.{field}[{index}]");
            if self.judge(&path, rules::name(kind, on.pattern, on.name)) {
                all.push(on);
            }
        }
        all
    }

    fn grant(
        &mut self,
        path: &str,
        principal: &str,
        (host, hosts): (&Option<String>, &[String]),
        grants: &[Grant<'_>],
    ) {
        let hosts = self.one_or_many("host", path, host, hosts, Some("*"));
        if !self.judge(&join(path, "principal"), rules::principal(principal)) {
            return;
        }
        let grants = grants.iter().copied();
        self.push(path, principal, Permission::Allow, grants, &hosts);
    }

    fn push<'g>(
        &mut self,
        path: &str,
        principal: &str,
        permission: Permission,
        grants: impl Iterator<Item = Grant<'g>>,
        hosts: &[(&str, String)],
    ) {
        let place = self.place(path);
        let all = grants.flat_map(|grant| hosts.iter().map(move |(host, _)| (grant, *host)));
        for ((on, operation), host) in all {
            let parts = Parts {
                principal: principal.into(),
                permission,
                operation,
                resource_type: on.kind,
                pattern: on.pattern,
                name: on.name.into(),
                host: host.into(),
            };
            let address = parts.address();
            if self.done.acls.iter().any(|acl| acl.address == address) {
                continue;
            }
            let mut resource = Resource::new(address, Flat::new());
            resource.place = place.clone();
            resource.required_by = self.required_by.clone();
            self.done.acls.push(resource);
        }
    }
}

fn join(within: &str, word: &str) -> String {
    if within.is_empty() {
        word.to_owned()
    } else {
        format!("{within}.{word}")
    }
}

#[cfg(test)]
mod tests;
