//! trueup brings NATS JetStream and Kafka to what one YAML manifest says: streams, consumers, KV
//! buckets, object stores, topics and ACLs, in one plan.
//!
//! # One way through, no way back
//!
//! ```text
//! files --yaml--> manifest --check--> resources ---+
//!                                                  +--> diff -> judge -> order --> Plan --report--> text | json | markdown
//! brokers --observe (IO)--> live documents --------+                 ^              |
//!                                    brokers --rehearse (IO)---------+              |
//!                                                     Plan --carry out (IO)--> outcomes --report--> table, exit code
//! ```
//!
//! The core is pure: values in, values out, no clock, no environment, no I/O. Two verbs touch the
//! world, *observe* and *carry out*; a third, *rehearse*, asks the brokers what they would refuse
//! and changes nothing. Nothing is decided at apply time that the plan did not say.
//!
//! # The map of the house
//!
//! Arrows only point down: a room may use those below it.
//!
//! | room | what it is |
//! |---|---|
//! | [`cli`] | one file per command; the only place that prints, prompts and reads the environment |
//! | [`report`] | plans, drift, outcomes, problems and reference pages as text, JSON and Markdown (pure) |
//! | [`convert`] | what other tools are configured with, as a manifest (pure) |
//! | [`bridge`] | the worker: moves messages along the routes in the table; beside `apply`, neither uses the other |
//! | [`apply`] | walks a plan: lock, journal, batches, outcomes, stopping |
//! | [`engine`] | connect, observe, plan; what moved since a plan was saved; export; doctor |
//! | [`plan`] | diff, judge, order, seal: the plan document (pure) |
//! | [`manifest`] | YAML to checked resources, with places; and resources to YAML |
//! | [`kinds`] | a folder per kind: its fields, its rules, how it is read and written |
//! | [`ledger`] | which stack owns what, and who is at work: records, stores, leases |
//! | [`broker`] | connections and protocols of NATS and Kafka; knows no kinds |
//! | [`model`] | the words: address, place, problem, resource, step; imports nothing of ours |
//!
//! # What holds
//!
//! - A kind's struct is the only place where its fields are written down. The diff, the JSON
//!   Schema, `explain`, `export` and the tests' generators read [`kinds::Declaration`].
//! - The second plan is empty: values are compared as what they are, defaults are told from
//!   overrides, what the server itself sets is not ours.
//! - A document is read whole and written whole: a field that trueup does not know survives.
//! - Unauthorised, timed out and incomplete never read as absent.
//! - What holds data is never replaced. Only what the ledger records as the stack's own, in the same life of its
//!   name, is ever deleted; a ledger that is lost, old or unreadable leads to "keep" or "refuse".
//!
//! # The worker
//!
//! [`bridge`] knows no manifest and no plan: what it runs stands in the route table, which an apply writes and it reads
//! ([`kinds::route`] is all that the two share). It keeps nothing. Positions lie beside the data, and the brokers'
//! own protocols say which worker moves what: leases and transactional ids from a stream, consumer groups from a topic.
//!
//! - Nothing is acknowledged past a hole. A fault ends a session; the next one begins where the position is.
//! - A table that can't be read changes nothing. Only a marker of deletion stops a route.
//! - Memory is bounded by budgets of bytes, however long the other side is down.
//! - Who lost a lease, or froze for longer than others wait, writes nothing that a reader of committed records sees.
//!
//! # What is deliberately absent
//!
//! Risks of changes on NATS other than deletions. They have their places: a kind's `risks`, and `plan/`.

#![forbid(unsafe_code)]

pub mod apply;
pub mod bridge;
pub mod broker;
pub mod cli;
pub mod convert;
pub mod engine;
pub mod kinds;
pub mod ledger;
pub mod manifest;
pub mod model;
pub mod plan;
pub mod report;
