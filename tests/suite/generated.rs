//! Files in the repository that are made from the declarations.

use trueup::kinds::registry;
use trueup::manifest::parts;
use trueup::model::Code;
use trueup::report::explain::markdown;

use super::manifest::{root, same_as_file};

const HOW: &str = "UPDATE_GENERATED=1 cargo test --test suite generated::";

#[test]
fn the_schema_of_a_manifest() {
    same_as_file(
        &root().join("schema/manifest.schema.json"),
        &trueup::manifest::schema_text(),
        HOW,
    );
}

#[test]
fn a_page_for_each_kind() {
    for kind in registry() {
        page(kind.name().as_str(), &markdown::kind(*kind));
    }
    page("README", &markdown::overview(registry(), parts()));
}

#[test]
fn a_page_of_the_sections_of_a_manifest() {
    let sections = parts().iter().filter(|part| part.kind.is_none());
    let sections: Vec<String> = sections.map(markdown::part).collect();
    page(
        "manifest",
        &format!("# Sections of a manifest\n\n{}", sections.join("\n")),
    );
}

#[test]
fn a_page_of_all_codes() {
    let codes: Vec<String> = Code::ALL.iter().map(|code| markdown::code(*code)).collect();
    page("codes", &format!("# Codes\n\n{}", codes.join("\n")));
}

#[test]
fn a_page_of_the_commands() {
    let mut whole = trueup::cli::command(clap::ColorChoice::Never);
    whole.build();
    let global: Vec<_> = whole
        .get_arguments()
        .filter(|argument| argument.is_global_set())
        .map(|argument| argument.get_id().clone())
        .collect();
    let mut text = format!("# Commands\n\n{}", help(whole.clone()));
    for command in whole
        .get_subcommands()
        .filter(|command| command.get_name() != "help")
    {
        let name = format!("trueup {}", command.get_name());
        let mut own = command.clone().bin_name(&name);
        for id in &global {
            own = own.mut_arg(id, |argument| argument.hide(true));
        }
        text.push_str(&format!("\n## {}\n\n{}", command.get_name(), help(own)));
    }
    page("commands", &text);
}

fn help(command: clap::Command) -> String {
    let text = command
        .term_width(100)
        .clone()
        .render_long_help()
        .to_string();
    let lines: Vec<_> = text.lines().map(str::trim_end).collect();
    format!("```text\n{}\n```\n", lines.join("\n").trim_end())
}

fn page(name: &str, text: &str) {
    same_as_file(&root().join(format!("docs/reference/{name}.md")), text, HOW);
}
