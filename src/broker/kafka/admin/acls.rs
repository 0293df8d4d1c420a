//! Reading, creating and deleting ACLs.

use indexmap::IndexSet;
use kafka_protocol::messages::create_acls_request::AclCreation;
use kafka_protocol::messages::delete_acls_request::DeleteAclsFilter;
use kafka_protocol::messages::delete_acls_response::DeleteAclsFilterResult;
use kafka_protocol::messages::describe_acls_response::{AclDescription, DescribeAclsResource};
use kafka_protocol::messages::{CreateAclsRequest, DeleteAclsRequest, DescribeAclsRequest};

use super::{NOT_CONTROLLER, item, text, words};
use crate::broker::kafka::acl::{
    AclBinding, AclFilter, Operation, PatternType, Permission, ResourceType,
};
use crate::broker::kafka::batch::{RECORDS_PER_REQUEST, Results, read, split, write};
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};

/// Filters in flight: one request carries one filter.
const FILTERS_IN_FLIGHT: usize = 32;

/// The wire's word for "every value".
const ANY: i8 = 1;

impl Kafka {
    /// The ACLs that match any of these filters, each once, filter by filter. One that has a word newer than this version can't
    /// be told as an [`AclBinding`] and is not among them, see [`Kafka::unknown_acls`].
    ///
    /// Needs DESCRIBE on the cluster ([`KafkaError::ClusterAuthorizationFailed`]); a cluster without an authorizer is
    /// [`KafkaError::SecurityDisabled`].
    pub async fn describe_acls(
        &self,
        filters: &[AclFilter],
    ) -> Result<Vec<AclBinding>, KafkaError> {
        let found = self.describe(filters).await?.into_iter();
        let distinct: IndexSet<AclBinding> = found.flat_map(|found| found.known).collect();
        Ok(distinct.into_iter().collect())
    }

    /// The ACLs of the cluster that have a word newer than this version, in words: what they are on, and what is not known.
    ///
    /// Errors as in [`Kafka::describe_acls`].
    pub async fn unknown_acls(&self) -> Result<Vec<String>, KafkaError> {
        let found = self.describe(&[AclFilter::default()]).await?.into_iter();
        Ok(found.flat_map(|found| found.unknown).collect())
    }

    async fn describe(&self, filters: &[AclFilter]) -> Result<Vec<Found>, KafkaError> {
        let slices = split(filters, 1, |_| 1);
        read(slices, FILTERS_IN_FLIGHT, |filter| {
            self.describe_some(filter)
        })
        .await
    }

    async fn describe_some(&self, filters: Vec<AclFilter>) -> Result<Found, KafkaError> {
        let mut found = Found::default();
        for filter in &filters {
            let answer = self
                .ask(Target::Any, Effect::Read, &request(filter), |_| false)
                .await?;
            let message = words(&answer.error_message);
            ItemError::check(answer.error_code, message.as_deref())
                .map_err(|error| KafkaError::refused("DescribeAcls", error))?;
            for resource in &answer.resources {
                found.take(resource);
            }
        }
        Ok(found)
    }

    /// Creates ACLs; one that exists already is fine. Each has its own result, in the order given, as in [`Kafka::create_topics`].
    ///
    /// Needs ALTER on the cluster: an item's error 31 (`CLUSTER_AUTHORIZATION_FAILED`) says that it lacks.
    pub async fn create_acls(
        &self,
        acls: &[AclBinding],
    ) -> Result<Vec<Result<(), ItemError>>, KafkaError> {
        let slices = split(acls, RECORDS_PER_REQUEST, |_| 1);
        let results = write(slices, |slice| self.create_some_acls(slice)).await?;
        unless_disabled(results)
    }

    async fn create_some_acls(&self, acls: Vec<AclBinding>) -> Result<Results, KafkaError> {
        let request =
            CreateAclsRequest::default().with_creations(acls.iter().map(creation).collect());
        let answer = self.ask(Target::Controller, Effect::Write, &request, |answer| {
            answer
                .results
                .iter()
                .any(|result| result.error_code == NOT_CONTROLLER)
        });
        let mut answers = answer.await?.results.into_iter();
        let next = |_| {
            answers.next().map_or_else(
                || Err(ItemError::left_out()),
                |result| item(result.error_code, &result.error_message),
            )
        };
        Ok(acls.iter().map(next).collect())
    }

    /// Deletes exactly these ACLs and none that they only cover; one that is gone already is fine. Results, rights and errors as in
    /// [`Kafka::create_acls`].
    pub async fn delete_acls(
        &self,
        acls: &[AclBinding],
    ) -> Result<Vec<Result<(), ItemError>>, KafkaError> {
        let slices = split(acls, RECORDS_PER_REQUEST, |_| 1);
        let results = write(slices, |slice| self.delete_some_acls(slice)).await?;
        unless_disabled(results)
    }

    async fn delete_some_acls(&self, acls: Vec<AclBinding>) -> Result<Results, KafkaError> {
        let request =
            DeleteAclsRequest::default().with_filters(acls.iter().map(deletion).collect());
        let answer = self.ask(Target::Controller, Effect::Write, &request, |answer| {
            let mut results = answer.filter_results.iter();
            results.any(|result| result.error_code == NOT_CONTROLLER)
        });
        let mut answers = answer.await?.filter_results.into_iter();
        let next = |_| {
            let answer = answers.next();
            answer.map_or_else(|| Err(ItemError::left_out()), |result| deleted(&result))
        };
        Ok(acls.iter().map(next).collect())
    }
}

/// A cluster without an authorizer says so of each item.
fn unless_disabled(results: Results) -> Result<Results, KafkaError> {
    let disabled =
        |result: &&Result<(), ItemError>| result.as_ref().is_err_and(|error| error.code == 54);
    match results.iter().find(disabled) {
        Some(Err(error)) => Err(KafkaError::SecurityDisabled {
            message: error.message.clone(),
        }),
        Some(Ok(())) | None => Ok(results),
    }
}

/// The filter's own error, or that of an ACL that it matched.
fn deleted(result: &DeleteAclsFilterResult) -> Result<(), ItemError> {
    item(result.error_code, &result.error_message)?;
    let mut matched = result.matching_acls.iter();
    matched.try_for_each(|acl| item(acl.error_code, &acl.error_message))
}

fn request(filter: &AclFilter) -> DescribeAclsRequest {
    let AclFilter {
        principal,
        permission,
        operation,
        resource_type,
        pattern,
        name,
        host,
    } = filter;
    DescribeAclsRequest::default()
        .with_principal_filter(principal.as_deref().map(text))
        .with_permission_type(permission.map_or(ANY, Permission::code))
        .with_operation(operation.map_or(ANY, Operation::code))
        .with_resource_type_filter(resource_type.map_or(ANY, ResourceType::code))
        .with_pattern_type_filter(pattern.map_or(ANY, PatternType::code))
        .with_resource_name_filter(name.as_deref().map(text))
        .with_host_filter(host.as_deref().map(text))
}

fn creation(acl: &AclBinding) -> AclCreation {
    let AclBinding {
        principal,
        permission,
        operation,
        resource_type,
        pattern,
        name,
        host,
    } = acl;
    AclCreation::default()
        .with_principal(text(principal))
        .with_permission_type(permission.code())
        .with_operation(operation.code())
        .with_resource_type(resource_type.code())
        .with_resource_pattern_type(pattern.code())
        .with_resource_name(text(name))
        .with_host(text(host))
}

/// A filter that matches this ACL and no other: each field has one value, none is `ANY` or `MATCH`.
fn deletion(acl: &AclBinding) -> DeleteAclsFilter {
    let AclBinding {
        principal,
        permission,
        operation,
        resource_type,
        pattern,
        name,
        host,
    } = acl;
    DeleteAclsFilter::default()
        .with_principal_filter(Some(text(principal)))
        .with_permission_type(permission.code())
        .with_operation(operation.code())
        .with_resource_type_filter(resource_type.code())
        .with_pattern_type_filter(pattern.code())
        .with_resource_name_filter(Some(text(name)))
        .with_host_filter(Some(text(host)))
}

/// The ACLs of an answer.
#[derive(Default)]
struct Found {
    known: Vec<AclBinding>,
    unknown: Vec<String>,
}

impl Found {
    fn take(&mut self, resource: &DescribeAclsResource) {
        for acl in &resource.acls {
            match binding(resource, acl) {
                Ok(known) => self.known.push(known),
                Err(what) => {
                    let (who, on) = (&acl.principal, &resource.resource_name);
                    self.unknown.push(format!("of {who} on {on}, {what}"));
                }
            }
        }
    }
}

/// One ACL; a word that we don't know is an error.
fn binding(resource: &DescribeAclsResource, acl: &AclDescription) -> Result<AclBinding, String> {
    let unknown = |what: &str, code: i8| format!("{what} {code}");
    Ok(AclBinding {
        principal: acl.principal.to_string(),
        permission: Permission::from_code(acl.permission_type)
            .ok_or_else(|| unknown("permission", acl.permission_type))?,
        operation: Operation::from_code(acl.operation)
            .ok_or_else(|| unknown("operation", acl.operation))?,
        resource_type: ResourceType::from_code(resource.resource_type)
            .ok_or_else(|| unknown("resource type", resource.resource_type))?,
        pattern: PatternType::from_code(resource.pattern_type)
            .ok_or_else(|| unknown("pattern type", resource.pattern_type))?,
        name: resource.resource_name.to_string(),
        host: acl.host.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_newer_than_this_version_is_told_and_hides_no_other() {
        let acl = |operation: i8| {
            AclDescription::default()
                .with_principal(text("User:a"))
                .with_host(text("*"))
                .with_operation(operation)
                .with_permission_type(Permission::Allow.code())
        };
        let resource = |kind: i8, pattern: i8| {
            DescribeAclsResource::default()
                .with_resource_type(kind)
                .with_pattern_type(pattern)
                .with_resource_name(text("x"))
                .with_acls(vec![acl(Operation::Read.code()), acl(99)])
        };
        let mut found = Found::default();
        found.take(&resource(
            ResourceType::Topic.code(),
            PatternType::Literal.code(),
        ));
        found.take(&resource(77, PatternType::Literal.code()));
        assert_eq!(found.known.len(), 1);
        assert_eq!(
            found.unknown,
            [
                "of User:a on x, operation 99",
                "of User:a on x, resource type 77",
                "of User:a on x, operation 99"
            ]
        );
    }
}
