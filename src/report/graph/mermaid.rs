use std::fmt::Write;

use super::{Graph, Node};
use crate::model::Broker;

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
        .filter(|(_, node)| is_foreign(node))
    {
        let _ = writeln!(text, "  style n{number} stroke-dasharray: 4");
    }
    text
}

/// A resource that the manifest speaks of and does not declare.
pub(super) fn is_foreign(node: &Node) -> bool {
    !node.is_declared && matches!(node.role, "stream" | "topic" | "stream elsewhere")
}

fn shape(node: &Node) -> String {
    let lines: Vec<_> = node.lines.iter().map(|line| escaped(line)).collect();
    let text = format!("{} {}", node.role, lines.join("<br/>"));
    match node.role {
        "stream" | "stream elsewhere" | "kv" | "object-store" => format!("[(\"{text}\")]"),
        "topic" | "topics" => format!("[[\"{text}\"]]"),
        "consumer" => format!("([\"{text}\"])"),
        "group" => format!("{{{{\"{text}\"}}}}"),
        "subject" => format!(">\"{text}\"]"),
        _ => format!("(\"{text}\")"),
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
