//! Every config of a topic, every shape of an ACL, every quota and every credential of a user, on Kafka.

mod acls;
mod clients;
mod configs;

use trueup::engine::Port;
use trueup::kinds::NatsVersion;

use crate::kinds::kafka::world::World;

/// The release that the cluster is finalised at.
fn release(world: &World) -> String {
    let kafka = world.port.surroundings().kafka.as_ref();
    kafka.unwrap().release.clone().unwrap()
}

/// Whether a release came before another.
fn is_before(release: &str, other: &str) -> bool {
    // numbers with dots between them compare alike on both brokers
    let numbers = |text: &str| text.trim_end_matches('+').parse::<NatsVersion>().unwrap();
    numbers(release) < numbers(other)
}
