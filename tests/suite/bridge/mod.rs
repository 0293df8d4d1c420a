//! The worker as users run it: `trueup bridge run`, between a nats-server of the test's own and the sandbox's Kafka.

mod defects;
mod inward;
mod limits;
mod outward;
mod poison;
mod reset;
mod rights;
mod table;
mod world;
