//! What is on the brokers beside the declared resources, and concerns them.

use super::assemble::plan_problem;
use super::document::{Plan, UndeclaredField};
use crate::kinds::acl::acl_of;
use crate::model::{Address, Problem};

impl Plan {
    /// The same plan with rights on declared topics that the manifest doesn't have; or with why they can't be known, so that
    /// it is not complete.
    pub fn beside(mut self, rights: Result<Vec<Address>, Problem>) -> Plan {
        match rights {
            Ok(acls) => self.undeclared.extend(acls.into_iter().map(held)),
            Err(problem) => {
                self.problems.push(plan_problem(&problem));
                self.complete = false;
            }
        }
        self.sealed()
    }
}

/// An ACL, by the name that it is on.
fn held(address: Address) -> UndeclaredField {
    let on = acl_of(&address).map(|acl| acl.name);
    UndeclaredField {
        field: "name".to_owned(),
        value: on.unwrap_or_default().into(),
        address,
        unknown: false,
    }
}
