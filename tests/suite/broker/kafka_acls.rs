//! ACLs.

use trueup::broker::kafka::{
    AclBinding, AclFilter, Operation, PatternType, Permission, ResourceType,
};

use super::kafka::{eventually, plain, unique};

fn acl(name: &str, pattern: PatternType, operation: Operation) -> AclBinding {
    AclBinding {
        principal: "User:reader".to_string(),
        permission: Permission::Allow,
        operation,
        resource_type: ResourceType::Topic,
        pattern,
        name: name.to_string(),
        host: "*".to_string(),
    }
}

#[tokio::test]
async fn literal_and_prefixed_acls_are_created_and_found_by_exact_filters() {
    let kafka = plain().await;
    let name = unique("acl");
    let literal = acl(&name, PatternType::Literal, Operation::Read);
    let prefixed = acl(&name, PatternType::Prefixed, Operation::DescribeConfigs);
    let group = AclBinding {
        resource_type: ResourceType::Group,
        permission: Permission::Deny,
        host: "10.0.0.7".to_string(),
        ..acl(&name, PatternType::Literal, Operation::All)
    };
    let wanted = [literal.clone(), prefixed.clone(), group.clone()];
    let created = kafka.create_acls(&wanted).await.unwrap();
    assert!(created.iter().all(Result::is_ok), "{created:?}");
    let filters: Vec<AclFilter> = wanted.iter().map(AclFilter::exactly).collect();
    eventually("the ACLs are visible", || async {
        kafka.describe_acls(&filters).await.unwrap().len() == 3
    })
    .await;

    assert_eq!(kafka.describe_acls(&filters).await.unwrap(), wanted);
    let on = AclFilter::on(ResourceType::Topic, PatternType::Prefixed, &name);
    assert_eq!(
        kafka.describe_acls(&[on.clone(), on]).await.unwrap(),
        [prefixed]
    );
    let by_name = AclFilter {
        name: Some(name),
        ..AclFilter::default()
    };
    assert_eq!(kafka.describe_acls(&[by_name]).await.unwrap().len(), 3);
    assert!(
        kafka.create_acls(&[literal]).await.unwrap()[0].is_ok(),
        "one that exists is fine"
    );
}

#[tokio::test]
async fn a_bad_acl_is_refused_alone() {
    let kafka = plain().await;
    let name = unique("acl");
    let good = acl(&name, PatternType::Literal, Operation::Write);
    let bad = AclBinding {
        principal: "reader".to_string(),
        ..good.clone()
    };
    let results = kafka.create_acls(&[good, bad]).await.unwrap();
    assert!(results[0].is_ok());
    assert!(results[1].is_err(), "a principal without a type");
}

#[tokio::test]
async fn many_filters_travel_together() {
    let kafka = plain().await;
    let prefix = unique("many");
    let acls: Vec<AclBinding> = (0..100)
        .map(|index| {
            acl(
                &format!("{prefix}-{index}"),
                PatternType::Literal,
                Operation::Read,
            )
        })
        .collect();
    let before = kafka.requests_sent();
    assert!(
        kafka
            .create_acls(&acls)
            .await
            .unwrap()
            .iter()
            .all(Result::is_ok)
    );
    assert_eq!(kafka.requests_sent() - before, 1);
    let filters: Vec<AclFilter> = acls.iter().map(AclFilter::exactly).collect();
    eventually("the ACLs are visible", || async {
        kafka.describe_acls(&filters).await.unwrap() == acls
    })
    .await;
}

#[tokio::test]
async fn an_acl_is_deleted_and_none_that_it_covers() {
    let kafka = plain().await;
    let name = unique("acl");
    let doomed = acl(&name, PatternType::Literal, Operation::All);
    let others = [
        acl(&name, PatternType::Prefixed, Operation::All),
        acl(&name, PatternType::Literal, Operation::Read),
        acl(&format!("{name}-b"), PatternType::Literal, Operation::All),
        AclBinding {
            principal: "User:*".to_string(),
            ..doomed.clone()
        },
        AclBinding {
            host: "10.0.0.7".to_string(),
            ..doomed.clone()
        },
        AclBinding {
            permission: Permission::Deny,
            ..doomed.clone()
        },
    ];
    let all = [&others[..], std::slice::from_ref(&doomed)].concat();
    let created = kafka.create_acls(&all).await.unwrap();
    assert!(created.iter().all(Result::is_ok), "{created:?}");
    let filters: Vec<AclFilter> = all.iter().map(AclFilter::exactly).collect();
    eventually("the ACLs are visible", || async {
        kafka.describe_acls(&filters).await.unwrap().len() == all.len()
    })
    .await;
    let never = acl(&unique("never"), PatternType::Literal, Operation::Read);
    let deleted = kafka.delete_acls(&[doomed.clone(), never]).await.unwrap();
    assert_eq!(deleted, [Ok(()), Ok(())], "one that is gone is fine");
    eventually("it is gone", || async {
        let left = kafka.describe_acls(&filters).await.unwrap();
        left.len() < all.len()
    })
    .await;
    assert_eq!(kafka.describe_acls(&filters).await.unwrap(), others);
}
