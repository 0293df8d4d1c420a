//! A server of the test's own with plans made and applied on it.

use serde_json::{Map, Value};
use trueup::broker::Brokers;
use trueup::broker::nats::{ConsumerAction, JetStream, NatsError, NatsSettings};
use trueup::engine::LiveBrokers;
use trueup::kinds::{NatsFacts, Resources, Surroundings, kind};
use trueup::model::{Address, Flat, KindName, Outcome, Resource};
use trueup::plan::Plan;

use crate::broker::nats_server::NatsServer;
use crate::main_job::{applied, planned};

/// A running server, connected.
pub struct Bench {
    pub nats: JetStream,
    port: LiveBrokers,
    server: NatsServer,
}

impl Bench {
    /// A server with JetStream.
    pub async fn start() -> Bench {
        Bench::start_with("").await
    }

    /// The same with more in the server's configuration.
    pub async fn start_with(config: &str) -> Bench {
        Bench::of(NatsServer::start(config), None).await
    }

    /// A server with this configuration alone.
    pub async fn start_in(config: &str) -> Bench {
        Bench::of(NatsServer::launch(config), None).await
    }

    /// A server with more in its configuration, reached with the text of a credentials file.
    pub async fn start_as(config: &str, creds: &str) -> Bench {
        let server = NatsServer::start(config);
        let creds = server.write("creds", creds);
        Bench::of(server, Some(creds)).await
    }

    async fn of(server: NatsServer, creds: Option<std::path::PathBuf>) -> Bench {
        let settings = NatsSettings {
            creds,
            ..server.settings()
        };
        let nats = JetStream::connect(settings).await.unwrap();
        let account = nats.account().await.unwrap();
        let surroundings = Surroundings {
            nats: Some(NatsFacts {
                version: nats.server().version.parse().unwrap(),
                api_level: account.api_level,
                account: None,
                domain: None,
                clustered: nats.server().cluster.is_some(),
                max_bytes_required: account.limits.max_bytes_required,
            }),
            kafka: None,
        };
        let brokers = Brokers {
            nats: Some(nats.clone()),
            ..Brokers::default()
        };
        Bench {
            nats,
            port: LiveBrokers::new(brokers, surroundings, Vec::new()),
            server,
        }
    }

    /// The connection as the engine takes it.
    pub fn port(&self) -> &LiveBrokers {
        &self.port
    }

    /// Somebody else makes a stream.
    pub async fn create(&self, config: Value) {
        let config = config.as_object().unwrap();
        self.nats.stream_create(config, None).await.unwrap();
    }

    /// Somebody else changes a stream.
    pub async fn change(&self, stream: &str, change: Value) {
        let mut config = self.config(stream).await.as_object().unwrap().clone();
        config.extend(change.as_object().unwrap().clone());
        self.nats.stream_update(&config, None).await.unwrap();
    }

    /// A stream's configuration as the server holds it.
    pub async fn config(&self, stream: &str) -> Value {
        self.info(stream).await["config"].clone()
    }

    /// A stream's whole document.
    pub async fn info(&self, stream: &str) -> Value {
        self.nats.stream_info(stream).await.unwrap().unwrap().into()
    }

    /// Where the server is.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// A client's own view of the server.
    pub async fn context(&self) -> async_nats::jetstream::Context {
        let client = async_nats::connect(self.server.url()).await.unwrap();
        async_nats::jetstream::new(client)
    }

    /// Sends a stream's or a consumer's document, live values and all, past our rules.
    pub async fn send(&self, resource: &Resource) -> Answer {
        let name = &resource.address.name;
        let declared = &resource.declared;
        if let Some((stream, name)) = resource.address.stream_and_consumer() {
            let live = self.nats.consumer_info(stream, name).await?;
            let action = match &live {
                Some(_) => ConsumerAction::Update,
                None => ConsumerAction::Create,
            };
            let mut config = overlaid(resource.address.kind, live, declared, name);
            config.insert("durable_name".to_owned(), name.into());
            return self
                .nats
                .consumer_create(stream, &config, action, None)
                .await;
        }
        let live = self.nats.stream_info(name).await?;
        let creates = live.is_none();
        let config = overlaid(resource.address.kind, live, declared, name);
        match creates {
            true => self.nats.stream_create(&config, None).await,
            false => self.nats.stream_update(&config, None).await,
        }
    }

    /// What would change.
    pub async fn plan(&self, resources: &Resources) -> Plan {
        planned(resources, &self.port).await
    }

    /// Plans and applies, and demands that all of it is done and that nothing is left to do.
    pub async fn settle(&self, resources: &Resources) {
        let plan = self.plan(resources).await;
        for done in self.apply(&plan).await {
            assert_eq!(done.1, Outcome::Applied, "{}: {plan:#?}", done.0);
        }
        let again = self.plan(resources).await;
        assert!(!again.has_changes(), "the second plan: {:#?}", again.steps);
        assert!(again.complete, "{:#?}", again.problems);
    }

    /// Applies a plan.
    pub async fn apply(&self, plan: &Plan) -> Vec<(Address, Outcome)> {
        let done = applied(plan, &self.port).await;
        done.into_iter()
            .map(|done| (done.address, done.outcome))
            .collect()
    }
}

/// Waits for what comes by itself, two minutes altogether.
#[derive(Default)]
pub struct Patience(u32);

impl Patience {
    pub async fn wait(&mut self) {
        self.0 += 1;
        assert!(self.0 < 6000, "it never came");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

type Answer = Result<Map<String, Value>, NatsError>;

fn overlaid(
    kind_name: KindName,
    live: Option<Map<String, Value>>,
    declared: &Flat,
    name: &str,
) -> Map<String, Value> {
    let mut config = live
        .and_then(|live| live["config"].as_object().cloned())
        .unwrap_or_default();
    config.insert("name".to_owned(), name.into());
    for (path, value) in declared {
        let declaration = kind(kind_name).unwrap().declaration();
        declaration.set(&mut config, path, Some(value.clone()));
    }
    config
}

/// Declared resources from an address and what a manifest says of each.
pub fn manifest(declared: Value) -> Resources {
    let Value::Object(declared) = declared else {
        panic!("{declared} is no object");
    };
    let said = |value: &Value| value.as_object().cloned().unwrap_or_default();
    declared
        .iter()
        .map(|(address, value)| {
            let resource = resource(address, &said(value));
            (resource.address.clone(), resource)
        })
        .collect()
}

/// The same from parts.
pub fn resources(declared: &[(&str, &Map<String, Value>)]) -> Resources {
    declared
        .iter()
        .map(|(address, said)| {
            let resource = resource(address, said);
            (resource.address.clone(), resource)
        })
        .collect()
}

/// A resource as a checked manifest has it: in wire units, flat, completed.
pub fn resource(address: &str, said: &Map<String, Value>) -> Resource {
    let address: Address = address.parse().unwrap();
    let kind = kind(address.kind).unwrap();
    let declaration = kind.declaration();
    let wire = declaration.to_wire(said).unwrap();
    let mut resource = Resource::new(address, declaration.flatten(wire));
    kind.complete(&mut resource);
    resource
}
