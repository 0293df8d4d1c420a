use serde_json::{Value, json};

use super::Graph;
use crate::plan::FORMAT_VERSION;

/// The picture for programs: `{format_version, stack, nodes, links}`; a link's ends are numbers of nodes.
pub fn json(graph: &Graph) -> Value {
    let nodes: Vec<Value> = graph
        .nodes
        .values()
        .map(|node| {
            let (name, told) = match node.lines.split_first() {
                Some((name, told)) => (name.as_str(), told),
                None => ("", &[][..]),
            };
            json!({
                "role": node.role.as_str(),
                "name": name,
                "broker": node.broker,
                "declared": node.is_declared,
                "told": told,
            })
        })
        .collect();
    let links: Vec<Value> = graph
        .links
        .iter()
        .map(|link| {
            json!({
                "from": graph.number(&link.from),
                "to": graph.number(&link.to),
                "how": link.how,
                "denied": link.is_denied,
            })
        })
        .collect();
    json!({ "format_version": FORMAT_VERSION, "stack": graph.stack, "nodes": nodes, "links": links })
}
