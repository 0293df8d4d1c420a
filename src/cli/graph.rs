use super::args::{Form, Global, GraphArgs, Language};
use super::exit::Exit;
use super::failure::Failure;
use super::screen::Screen;
use super::target;
use super::work::Work;
use crate::report::graph::{Graph, dot, json, mermaid};

/// Draws what a manifest ties together, without any broker.
pub(super) fn run(args: &GraphArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    let work = Work::load(global, screen)?;
    let all = &work.manifest.resources;
    let chosen = target::chosen(&args.targets, all)?;
    let drawn = all.values().filter(|resource| {
        let chosen = chosen.as_ref();
        chosen.is_none_or(|chosen| chosen.contains(&resource.address))
    });
    let graph = Graph::of(&work.manifest.stack, drawn, all);
    let picture = || match args.language {
        Language::Mermaid => mermaid(&graph),
        Language::Dot => dot(&graph),
    };
    screen.publish(&|form| match form {
        Form::Text => picture(),
        Form::Json => format!("{:#}\n", json(&graph)),
        Form::Markdown => format!("```{}\n{}```\n", args.language.word(), picture()),
    })?;
    Ok(Exit::Done)
}
