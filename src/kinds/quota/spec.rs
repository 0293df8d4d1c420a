use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::kinds::facts::field;
use crate::model::unit::Unit;

/// A client quota of Kafka: what a user, a client id, both together or an IP address may take of each broker at most.
///
/// Its name says whose it is: `user/NAME`, `client-id/NAME`, `user/NAME/client-id/NAME`, `ip/ADDRESS`; `user-default`,
/// `client-id-default` or `ip-default` in their place is all without one of their own. A key that is not said is not limited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("x-source" = "Kafka AlterClientQuotas request (KIP-546)"))]
pub struct QuotaSpec {
    /// How many bytes a second may be produced to each broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("x-field" = field().unit(Unit::Bytes).source("KIP-13")))]
    pub producer_byte_rate: Option<i64>,
    /// How many bytes a second may be fetched from each broker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1), extend("x-field" = field().unit(Unit::Bytes).source("KIP-13")))]
    pub consumer_byte_rate: Option<i64>,
    /// How much of the time of a broker's network and request threads may be taken, in percent of one thread.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().takes("number above 0").source("KIP-124")))]
    pub request_percentage: Option<f64>,
    /// How many partitions a second may be created or deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-field" = field().takes("number above 0").source("KIP-599")))]
    pub controller_mutation_rate: Option<f64>,
    /// How many connections a second may be opened to each broker; of an IP address only, which has no other key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_147_483_647), extend("x-field" = field().source("KIP-612")))]
    pub connection_creation_rate: Option<i32>,
}
