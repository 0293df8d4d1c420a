use std::fmt::Write;

use super::{Graph, Node, Role};
use crate::model::{Broker, KindName};

/// The picture for Graphviz: `trueup graph --as dot | dot -Tsvg`.
pub fn dot(graph: &Graph) -> String {
    let mut text = format!(
        "digraph {} {{\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n  edge [fontname=\"sans-serif\", fontsize=10];\n",
        quoted(&graph.stack)
    );
    for broker in [Broker::Nats, Broker::Kafka] {
        let mut nodes = graph.of_broker(broker).peekable();
        if nodes.peek().is_none() {
            continue;
        }
        let _ = writeln!(
            text,
            "  subgraph \"cluster_{broker}\" {{\n    label=\"{broker}\";"
        );
        for (number, node) in nodes {
            let _ = writeln!(text, "    n{number} [{}];", looks(node));
        }
        text.push_str("  }\n");
    }
    for link in &graph.links {
        let (from, to) = (graph.number(&link.from), graph.number(&link.to));
        let mut looks = Vec::new();
        if !link.how.is_empty() {
            looks.push(format!("label={}", quoted(&link.how)));
        }
        if link.is_denied {
            looks.push("style=dashed, arrowhead=tee".to_owned());
        }
        let looks = match looks.is_empty() {
            true => String::new(),
            false => format!(" [{}]", looks.join(", ")),
        };
        let _ = writeln!(text, "  n{from} -> n{to}{looks};");
    }
    text.push_str("}\n");
    text
}

fn looks(node: &Node) -> String {
    let shape = match node.role {
        Role::Kind(KindName::Stream | KindName::Kv | KindName::ObjectStore) | Role::Elsewhere => {
            "cylinder"
        }
        Role::Kind(KindName::Topic) | Role::Topics => "box3d",
        Role::Kind(KindName::Consumer) => "component",
        Role::Group => "hexagon",
        Role::Subject => "cds",
        Role::Principal | Role::Kind(KindName::Acl | KindName::User) => "ellipse",
        Role::Kind(KindName::Quota) => "note",
        Role::Kind(KindName::Route) => "cds",
    };
    let text = format!("{} {}", node.role.as_str(), node.lines.join("\n"));
    let style = match node.is_foreign() {
        true => ", style=dashed",
        false => "",
    };
    format!("shape={shape}, label={}{style}", quoted(&text))
}

/// A string of DOT: quotes and backslashes are escaped, lines are told apart by `\n`.
fn quoted(text: &str) -> String {
    let mut safe = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => safe.push_str("\\\""),
            '\\' => safe.push_str("\\\\"),
            '\n' => safe.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(safe, "\\\\u{{{:x}}}", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    safe.push('"');
    safe
}
