//! Which requests we know, and in which versions a broker speaks them.

use kafka_protocol::messages::{self, ApiKey};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Message, VersionRange};

/// One kind of request, for people who look into a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiRange {
    /// The request as the protocol names it, `CreateTopics`.
    pub api: &'static str,
    /// Its key.
    pub key: i16,
    /// The versions that the broker speaks, lowest and highest; None when it does not know the request.
    pub broker: Option<(i16, i16)>,
    /// The version in use; None when there is no common one.
    pub used: Option<i16>,
}

/// What one broker speaks, from its ApiVersions answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Versions {
    pub(crate) ranges: Vec<(i16, VersionRange)>,
    /// The finalized level of `metadata.version`.
    pub(crate) metadata_version: Option<i16>,
    /// The highest level of `metadata.version` that the broker's software supports.
    pub(crate) metadata_version_supported: Option<i16>,
}

/// A request that we send, with the answer that comes back.
pub(crate) trait Request: Message + Encodable + HeaderVersion {
    /// Its key on the wire.
    const KEY: ApiKey;
    /// Its name in the protocol.
    const NAME: &'static str;
    /// The newest version that is used, where the crate knows newer ones.
    const NEWEST: i16 = i16::MAX;
    type Response: Decodable + HeaderVersion;
}

/// The requests of this client. Those of the log stay below the versions of KIP-890 (transactions whose epoch the broker
/// moves) and of topic ids (KIP-516): every broker from 2.5 to 4.3 speaks them.
macro_rules! requests {
    ($($api:ident $(up to $newest:literal)?: $request:ident -> $response:ident,)*) => {
        $(impl Request for messages::$request {
            const KEY: ApiKey = ApiKey::$api;
            const NAME: &'static str = stringify!($api);
            $(const NEWEST: i16 = $newest;)?
            type Response = messages::$response;
        })*

        const USED: &[(ApiKey, &str, i16)] =
            &[$((ApiKey::$api, stringify!($api), <messages::$request as Request>::NEWEST),)*];
    };
}

requests! {
    ApiVersions: ApiVersionsRequest -> ApiVersionsResponse,
    SaslHandshake: SaslHandshakeRequest -> SaslHandshakeResponse,
    SaslAuthenticate: SaslAuthenticateRequest -> SaslAuthenticateResponse,
    Metadata: MetadataRequest -> MetadataResponse,
    DescribeCluster: DescribeClusterRequest -> DescribeClusterResponse,
    DescribeQuorum: DescribeQuorumRequest -> DescribeQuorumResponse,
    DescribeConfigs: DescribeConfigsRequest -> DescribeConfigsResponse,
    DescribeAcls: DescribeAclsRequest -> DescribeAclsResponse,
    DescribeClientQuotas: DescribeClientQuotasRequest -> DescribeClientQuotasResponse,
    DescribeUserScramCredentials: DescribeUserScramCredentialsRequest -> DescribeUserScramCredentialsResponse,
    ListPartitionReassignments: ListPartitionReassignmentsRequest -> ListPartitionReassignmentsResponse,
    ListOffsets: ListOffsetsRequest -> ListOffsetsResponse,
    DescribeLogDirs: DescribeLogDirsRequest -> DescribeLogDirsResponse,
    ListGroups: ListGroupsRequest -> ListGroupsResponse,
    OffsetFetch: OffsetFetchRequest -> OffsetFetchResponse,
    Fetch up to 12: FetchRequest -> FetchResponse,
    FindCoordinator up to 3: FindCoordinatorRequest -> FindCoordinatorResponse,
    InitProducerId up to 4: InitProducerIdRequest -> InitProducerIdResponse,
    AddPartitionsToTxn up to 3: AddPartitionsToTxnRequest -> AddPartitionsToTxnResponse,
    Produce up to 11: ProduceRequest -> ProduceResponse,
    EndTxn up to 4: EndTxnRequest -> EndTxnResponse,
    CreateTopics: CreateTopicsRequest -> CreateTopicsResponse,
    CreatePartitions: CreatePartitionsRequest -> CreatePartitionsResponse,
    IncrementalAlterConfigs: IncrementalAlterConfigsRequest -> IncrementalAlterConfigsResponse,
    CreateAcls: CreateAclsRequest -> CreateAclsResponse,
    DeleteTopics: DeleteTopicsRequest -> DeleteTopicsResponse,
    AlterPartitionReassignments: AlterPartitionReassignmentsRequest -> AlterPartitionReassignmentsResponse,
    DeleteAcls: DeleteAclsRequest -> DeleteAclsResponse,
    AlterClientQuotas: AlterClientQuotasRequest -> AlterClientQuotasResponse,
    AlterUserScramCredentials: AlterUserScramCredentialsRequest -> AlterUserScramCredentialsResponse,
}

impl Versions {
    pub(crate) const fn none() -> Versions {
        Versions {
            ranges: Vec::new(),
            metadata_version: None,
            metadata_version_supported: None,
        }
    }

    /// The newest version that both sides speak, or both ranges in words.
    pub(crate) fn choose<R: Request>(&self) -> Result<i16, String> {
        let broker = self
            .range(R::KEY as i16)
            .ok_or("the broker does not know it")?;
        let ours = up_to(R::VERSIONS, R::NEWEST);
        let common = broker.intersect(&ours);
        if common.is_empty() {
            return Err(format!("the broker speaks {broker}, trueup {ours}"));
        }
        Ok(common.max)
    }

    /// Whether what `choose` picks is `least` or newer; both in words where it is not.
    pub(crate) fn reach<R: Request>(&self, least: i16) -> Result<(), String> {
        match self.choose::<R>()? {
            chosen if chosen < least => Err(format!(
                "version {least} is needed, and the broker speaks none above {chosen}"
            )),
            _ => Ok(()),
        }
    }

    /// Whether the broker said what it knows, and this request is not among it.
    pub(crate) fn lacks<R: Request>(&self) -> bool {
        !self.ranges.is_empty() && self.range(R::KEY as i16).is_none()
    }

    /// Every request of this client with the versions in use.
    pub(crate) fn table(&self) -> Vec<ApiRange> {
        USED.iter()
            .map(|(api, name, newest)| self.row(*api, name, *newest))
            .collect()
    }

    fn row(&self, api: ApiKey, name: &'static str, newest: i16) -> ApiRange {
        let broker = self.range(api as i16);
        let ours = up_to(api.valid_versions(), newest);
        let common = broker.map(|range| range.intersect(&ours));
        ApiRange {
            api: name,
            key: api as i16,
            broker: broker.map(|range| (range.min, range.max)),
            used: common
                .filter(|range| !range.is_empty())
                .map(|range| range.max),
        }
    }

    fn range(&self, key: i16) -> Option<VersionRange> {
        self.ranges
            .iter()
            .find(|(known, _)| *known == key)
            .map(|(_, range)| *range)
    }
}

fn up_to(range: VersionRange, newest: i16) -> VersionRange {
    VersionRange {
        max: range.max.min(newest),
        ..range
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_that_the_broker_does_not_reach_is_told() {
        let mut broker = Versions::none();
        let range = |max| (ApiKey::DeleteTopics as i16, VersionRange { min: 1, max });
        broker.ranges.push(range(5));
        let told = broker.reach::<messages::DeleteTopicsRequest>(6);
        assert_eq!(
            told.unwrap_err(),
            "version 6 is needed, and the broker speaks none above 5"
        );
        broker.ranges[0] = range(6);
        assert_eq!(broker.reach::<messages::DeleteTopicsRequest>(6), Ok(()));
    }

    #[test]
    fn a_newer_version_than_is_wanted_is_not_chosen() {
        let mut broker = Versions::none();
        let range = VersionRange { min: 0, max: 17 };
        broker.ranges.push((ApiKey::Fetch as i16, range));
        assert_eq!(broker.choose::<messages::FetchRequest>(), Ok(12));
        let table = broker.table();
        let fetch = table.iter().find(|range| range.api == "Fetch").unwrap();
        assert_eq!((fetch.broker, fetch.used), (Some((0, 17)), Some(12)));
    }

    #[test]
    fn a_controller_does_not_know_who_the_brokers_are() {
        let range = VersionRange { min: 0, max: 4 };
        let mut controller = Versions::none();
        assert!(
            !controller.lacks::<messages::MetadataRequest>(),
            "nothing is known yet"
        );
        controller.ranges.push((ApiKey::ApiVersions as i16, range));
        assert!(controller.lacks::<messages::MetadataRequest>());
        controller.ranges.push((ApiKey::Metadata as i16, range));
        assert!(!controller.lacks::<messages::MetadataRequest>());
    }
}
