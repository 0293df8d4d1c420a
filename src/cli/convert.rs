use std::path::Path;

use super::args::{ConvertArgs, Foreign, Form, Global};
use super::exit::Exit;
use super::failure::{Complaints, Failure};
use super::screen::Screen;
use crate::convert::{nats_kafka, parse};
use crate::manifest;

/// Writes another tool's configuration as a manifest, without any broker.
pub(super) fn run(args: &ConvertArgs, global: &Global, screen: &Screen) -> Result<Exit, Failure> {
    if global.output == Form::Markdown {
        return Err(Failure::said(
            "`convert` has no Markdown form; take text, which is YAML, or json",
        ));
    }
    let Foreign::NatsKafka = args.from;
    let file = args.file.as_path();
    let text = read(file)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let included =
        |name: &str| std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string());
    let configuration = parse(&text, &included).map_err(|error| {
        Failure::said(format!("`{}`: {error}", file.display()))
            .hint("it is read as nats-kafka reads it: keys and values, `{}`, `[]`, comments by `#` or `//`")
    })?;
    if !configuration.contains_key("connect") {
        return Err(
            Failure::said(format!("`{}` has no `connect`", file.display()))
                .hint("name the file that nats-kafka gets with `-c`"),
        );
    }
    let converted = nats_kafka(&args.stack, &configuration, &args.streams);
    screen.publish(&|form| match form {
        Form::Text | Form::Markdown => manifest::write_tree(converted.manifest.clone()),
        Form::Json => format!("{:#}\n", converted.manifest),
    })?;
    screen.insist(&Complaints::from(converted.problems));
    screen.tell(&format!(
        "{} of {} connectors became routes; read what is told above before you apply them\n",
        converted.routes, converted.connectors
    ));
    Ok(Exit::Done)
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file)
        .map_err(|error| Failure::system(format!("can't read `{}`: {error}", file.display())))
}
