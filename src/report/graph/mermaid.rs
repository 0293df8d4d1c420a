use std::fmt::Write;

use super::{Graph, Node, Role};
use crate::model::{Broker, KindName};

/// The picture for Mermaid (`flowchart`), as GitHub, GitLab and mermaid.live draw it.
pub fn mermaid(graph: &Graph) -> String {
    let mut text = String::from("flowchart LR\n");
    for broker in [Broker::Nats, Broker::Kafka] {
        let mut nodes = graph.of_broker(broker).peekable();
        if nodes.peek().is_none() {
            continue;
        }
        let _ = writeln!(text, "  subgraph {broker}");
        for (number, node) in nodes {
            let _ = writeln!(text, "    n{number}{}", shape(node));
        }
        text.push_str("  end\n");
    }
    for link in &graph.links {
        let (from, to) = (graph.number(&link.from), graph.number(&link.to));
        let arrow = match (link.is_denied, link.how.is_empty()) {
            (true, _) => format!("-. \"{}\" .-x", escaped(&link.how)),
            (false, true) => "-->".to_owned(),
            (false, false) => format!("-- \"{}\" -->", escaped(&link.how)),
        };
        let _ = writeln!(text, "  n{from} {arrow} n{to}");
    }
    for (number, _) in graph
        .nodes
        .values()
        .enumerate()
        .filter(|(_, node)| node.is_foreign())
    {
        let _ = writeln!(text, "  style n{number} stroke-dasharray: 4");
    }
    text
}

fn shape(node: &Node) -> String {
    let lines: Vec<_> = node.lines.iter().map(|line| escaped(line)).collect();
    let text = format!("{} {}", node.role.as_str(), lines.join("<br/>"));
    match node.role {
        Role::Kind(KindName::Stream | KindName::Kv | KindName::ObjectStore) | Role::Elsewhere => {
            format!("[(\"{text}\")]")
        }
        Role::Kind(KindName::Topic) | Role::Topics => format!("[[\"{text}\"]]"),
        Role::Kind(KindName::Consumer) => format!("([\"{text}\"])"),
        Role::Group => format!("{{{{\"{text}\"}}}}"),
        Role::Subject => format!(">\"{text}\"]"),
        Role::Kind(KindName::Route) => format!("[/\"{text}\"/]"),
        Role::Principal | Role::Kind(KindName::Acl | KindName::User | KindName::Quota) => {
            format!("(\"{text}\")")
        }
    }
}

/// A text between double quotes: Mermaid reads HTML and `#...;` there, and Markdown where it can.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '#' | '<' | '>' | '&' | '`' | '\\' | ';' => {
                let _ = write!(safe, "#{};", u32::from(c));
            }
            c if c.is_control() => {
                let _ = write!(safe, "#92;u#123;{:x}#125;", u32::from(c));
            }
            c => safe.push(c),
        }
    }
    safe
}
