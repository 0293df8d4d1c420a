use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::facts::{Compare, field};

/// A user of Kafka who logs in by SCRAM.
///
/// The password comes by reference, `password: ${NAME}` or `password_file: PATH`, and is kept in no plan and no ledger. Kafka
/// shows it to nobody, so a password that changed is set when `version` is raised, and at no other time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-source" = "Kafka AlterUserScramCredentials request (KIP-554)"))]
pub struct UserSpec {
    /// By which mechanisms it logs in: `SCRAM-SHA-512`, `SCRAM-SHA-256`, or both as a list. Each other one is taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field()
        .text()
        .compare(Compare::TextSet)
        .default_is("SCRAM-SHA-512")
        .takes("`SCRAM-SHA-512`, `SCRAM-SHA-256`, or a list of both")
        .source("KIP-84")))]
    pub mechanism: Option<String>,
    /// How often the salted password is hashed; of a user with two mechanisms, the fewer. Changing it sets the password anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 4096, max = 16_384), extend("x-field" = field().default_is(4096)))]
    pub iterations: Option<i32>,
    /// Which password it is: a number of your own, raised when the password is to be set anew. Without a ledger nobody knows which
    /// one was applied, and the password of a user that is there stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("x-field" = field().stands_for("the password")))]
    pub version: Option<i64>,
}
