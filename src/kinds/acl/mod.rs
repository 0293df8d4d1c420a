//! Kafka ACLs: identity and nothing else, so that one is made or is there.

mod binding;
mod entry;
mod expand;
mod rules;
mod spec;
mod words;

pub use binding::{acl_of, address_of};
pub use entry::{Access, AclEntry, AclResource, Consumer, ConsumerTerms, Producer, ProducerTerms};
pub use expand::{Expansion, expand_access, expand_entry};
pub use spec::AclSpec;
pub use words::{AclBinding, AclFilter, Operation, PatternType, Permission, ResourceType};
