//! Field × change × server: what the plan says is what the server then takes or refuses, and the
//! second plan is empty.
//!
//! The cells are made from the kinds' declarations; the values come from `tests/cases/kinds/`. A run
//! is against the brokers of the environment, whatever their versions; `make matrix` runs it against
//! all of them and writes docs/compatibility.md from the rows.

mod kafka;
mod nats;
mod row;

use trueup::kinds::registry;
use trueup::kinds::topic::known_configs;
use trueup::model::{Broker, KindName};

use super::manifest::root;
use nats::declared_paths;

/// Whoever declares another field runs `make matrix`.
#[test]
fn the_page_has_a_line_for_every_field() {
    let page = std::fs::read_to_string(root().join("docs/compatibility.md")).unwrap();
    let configs = known_configs().iter().map(|config| config.key.to_owned());
    let nats = registry()
        .iter()
        .filter(|kind| kind.name().broker() == Broker::Nats)
        // a route is a record of trueup's own: no server says what becomes of its fields
        .filter(|kind| kind.name() != KindName::Route);
    let fields = nats.flat_map(|kind| declared_paths(kind.declaration()));
    let missing: Vec<String> = fields
        .chain(configs)
        .filter(|field| !page.contains(&format!("| `{field}` |")))
        .collect();
    assert!(missing.is_empty(), "`make matrix` writes {missing:?}");
}
