//! Rights on what is declared that the manifest doesn't have.

use std::collections::HashSet;

use super::port::Port;
use crate::kinds::acl::{PatternType, ResourceType, acl_of};
use crate::model::{Address, Code, KindName, Problem};
use crate::plan::Desired;

/// The ACLs on the very names of declared topics that are not declared, in order. None where no authorizer holds any.
///
/// # Errors
/// That they can't be listed.
pub async fn undeclared_rights(
    desired: Desired<'_>,
    port: &dyn Port,
) -> Result<Vec<Address>, Problem> {
    let planned = desired.planned().map(|resource| &resource.address);
    let topics = planned.filter(|address| address.kind == KindName::Topic);
    let topics: HashSet<&str> = topics.map(|address| address.name.as_str()).collect();
    if topics.is_empty() {
        return Ok(Vec::new());
    }
    let is_foreign = |address: &Address| {
        let acl = acl_of(address);
        let on_a_topic = acl.is_ok_and(|acl| {
            acl.resource_type == ResourceType::Topic
                && acl.pattern == PatternType::Literal
                && topics.contains(acl.name.as_str())
        });
        on_a_topic && !desired.resources.contains_key(address)
    };
    match port.list(KindName::Acl, &is_foreign).await {
        Ok(mut acls) => {
            acls.retain(is_foreign);
            acls.sort();
            Ok(acls)
        }
        Err(problem) if problem.code == Code::NoAuthorizer => Ok(Vec::new()),
        Err(problem) => Err(problem),
    }
}
