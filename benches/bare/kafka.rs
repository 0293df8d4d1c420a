use std::error::Error;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::ops::Range;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{
    ApiKey, CreateTopicsRequest, CreateTopicsResponse, DescribeConfigsRequest,
    DescribeConfigsResponse, MetadataRequest, MetadataResponse, RequestHeader, ResponseHeader,
    TopicName,
};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};

use crate::Done;

/// As many as trueup asks for at once.
const READ_AT_ONCE: usize = 1_000;
/// A controller refuses more than 10,000 records in one change.
const CREATED_AT_ONCE: usize = 1_000;
/// Between two looks for what is not visible yet.
const PAUSE: Duration = Duration::from_millis(100);

/// Creates topics of one partition with one config each.
pub(crate) fn create(broker: &str, topics: Range<usize>) -> Done {
    let mut wire = TcpStream::connect(broker)?;
    wire.set_nodelay(true)?;
    let names: Vec<_> = topics.map(name).collect();
    for names in names.chunks(CREATED_AT_ONCE) {
        let topic = |name: &StrBytes| {
            let config = CreatableTopicConfig::default()
                .with_name(StrBytes::from_static_str("retention.ms"))
                .with_value(Some(StrBytes::from_static_str("604800000")));
            CreatableTopic::default()
                .with_name(TopicName(name.clone()))
                .with_num_partitions(1)
                .with_replication_factor(1)
                .with_configs(vec![config])
        };
        let request = CreateTopicsRequest::default()
            .with_topics(names.iter().map(topic).collect())
            .with_timeout_ms(60_000);
        let answer: CreateTopicsResponse = ask(&mut wire, ApiKey::CreateTopics, &request, 7)?;
        let failed = answer.topics.iter().find(|topic| topic.error_code != 0);
        if let Some(topic) = failed {
            return Err(format!("{:?}: {:?}", topic.name, topic.error_message).into());
        }
    }
    wait(&mut wire, &names)
}

/// A broker answers before it shows a topic; a tool that says "created" waits until it does.
fn wait(wire: &mut TcpStream, names: &[StrBytes]) -> Done {
    for names in names.chunks(READ_AT_ONCE) {
        loop {
            let described: MetadataResponse = ask(wire, ApiKey::Metadata, &metadata_of(names), 12)?;
            if described.topics.iter().all(|topic| topic.error_code == 0) {
                break;
            }
            std::thread::sleep(PAUSE);
        }
    }
    Ok(())
}

fn metadata_of(names: &[StrBytes]) -> MetadataRequest {
    let topic =
        |name: &StrBytes| MetadataRequestTopic::default().with_name(Some(TopicName(name.clone())));
    MetadataRequest::default()
        .with_topics(Some(names.iter().map(topic).collect()))
        .with_allow_auto_topic_creation(false)
}

/// Reads topics and all of their configs.
pub(crate) fn read(broker: &str, topics: Range<usize>) -> Done {
    let mut wire = TcpStream::connect(broker)?;
    wire.set_nodelay(true)?;
    let names: Vec<_> = topics.map(name).collect();
    let mut seen = 0;
    for names in names.chunks(READ_AT_ONCE) {
        let request = metadata_of(names);
        let described: MetadataResponse = ask(&mut wire, ApiKey::Metadata, &request, 12)?;
        let resource = |name: &StrBytes| {
            DescribeConfigsResource::default()
                .with_resource_type(2)
                .with_resource_name(name.clone())
                .with_configuration_keys(None)
        };
        let request = DescribeConfigsRequest::default()
            .with_resources(names.iter().map(resource).collect())
            .with_include_synonyms(true);
        let configs: DescribeConfigsResponse =
            ask(&mut wire, ApiKey::DescribeConfigs, &request, 4)?;
        seen += described
            .topics
            .iter()
            .filter(|topic| topic.error_code == 0)
            .count();
        if configs.results.iter().any(|result| result.error_code != 0) {
            return Err("the configs of a topic could not be read".into());
        }
    }
    match seen == names.len() {
        true => Ok(()),
        false => Err(format!("{seen} of {} topics are there", names.len()).into()),
    }
}

fn name(number: usize) -> StrBytes {
    StrBytes::from_string(format!("bench-{number:05}"))
}

fn ask<Q: Encodable + HeaderVersion, A: Decodable + HeaderVersion>(
    wire: &mut TcpStream,
    key: ApiKey,
    request: &Q,
    version: i16,
) -> Result<A, Box<dyn Error>> {
    let header = RequestHeader::default()
        .with_request_api_key(key as i16)
        .with_request_api_version(version)
        .with_client_id(Some(StrBytes::from_static_str("bare")));
    let mut frame = BytesMut::new();
    frame.put_i32(0);
    header.encode(&mut frame, Q::header_version(version))?;
    request.encode(&mut frame, version)?;
    let length = i32::try_from(frame.len() - 4)?;
    frame[..4].copy_from_slice(&length.to_be_bytes());
    wire.write_all(&frame)?;
    let mut length = [0; 4];
    wire.read_exact(&mut length)?;
    let mut answer = vec![0; usize::try_from(i32::from_be_bytes(length))?];
    wire.read_exact(&mut answer)?;
    let mut answer = Bytes::from(answer);
    ResponseHeader::decode(&mut answer, A::header_version(version))?;
    Ok(A::decode(&mut answer, version)?)
}
