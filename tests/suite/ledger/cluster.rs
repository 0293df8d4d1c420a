//! Three servers: three replicas, one winner, and a leader that goes.

use std::net::TcpListener;

use futures::future::join_all;
use trueup::broker::nats::JetStream;
use trueup::ledger::Store;

use super::{BUCKETS, MINUTE, holder, store, winners};
use crate::broker::nats_server::NatsServer;

/// Servers of one cluster, on ports that were free a moment ago.
fn cluster() -> Vec<NatsServer> {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = listeners.map(|listener| listener.local_addr().unwrap().port());
    let routes = ports
        .map(|port| format!("\"nats://127.0.0.1:{port}\""))
        .join(", ");
    let server = |port| {
        NatsServer::start(&format!(
            "server_name: n{port}\ncluster {{ name: three, listen: \"127.0.0.1:{port}\", routes: [{routes}] }}"
        ))
    };
    ports.map(server).into()
}

/// A connection that was told of all three.
async fn connect(server: &NatsServer) -> JetStream {
    let begin = std::time::Instant::now();
    loop {
        let connection = server.connect().await;
        if connection.server().servers_told == Some(3) {
            return connection;
        }
        assert!(begin.elapsed() < MINUTE, "{:?}", connection.server());
    }
}

async fn leader(jetstream: &JetStream, stream: &str) -> String {
    let info = jetstream.stream_info(stream).await.unwrap().unwrap();
    info["cluster"]["leader"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn three_replicas_hold_it_and_outlive_their_leader() {
    let mut servers = cluster();
    let connections = join_all(servers.iter().map(connect)).await;
    let stores: Vec<_> = connections.iter().map(store).collect();
    let holders: Vec<_> = (0..9).map(|number| holder(&number.to_string())).collect();
    for round in 0..10 {
        let stack = format!("s{round}");
        let racers = stores.iter().cycle().zip(&holders);
        let racers = racers.map(|(store, holder)| store.acquire(&stack, holder, MINUTE));
        assert_eq!(winners(join_all(racers).await), 1);
    }
    let first = stores[0].put("owned.a.01", b"1", None).await.unwrap();
    for store in &stores {
        assert_eq!(store.list("owned.").await.unwrap()[0].revision, first);
    }
    for bucket in BUCKETS {
        let info = connections[0].stream_info(&format!("KV_{bucket}")).await;
        assert_eq!(info.unwrap().unwrap()["config"]["num_replicas"], 3);
    }
    let lease = stores[0]
        .acquire("shop", &holders[0], MINUTE)
        .await
        .unwrap();
    let gone = leader(&connections[0], "KV_trueup").await;
    let names = connections
        .iter()
        .map(|connection| connection.server().name.clone());
    let gone = names
        .collect::<Vec<_>>()
        .iter()
        .position(|name| *name == gone)
        .unwrap();
    servers[gone].kill();
    let left = &stores[(gone + 1) % 3];
    left.put("owned.a.01", b"2", Some(first)).await.unwrap();
    assert_eq!(left.list("owned.").await.unwrap()[0].value, b"2");
    left.renew(&lease, MINUTE).await.unwrap();
}
