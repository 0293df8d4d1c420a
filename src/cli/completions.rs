use super::args::{Form, Global, command};
use super::exit::Exit;
use super::failure::Failure;
use super::screen::Screen;

/// Prints the completions of a shell.
pub(super) fn run(
    shell: clap_complete::Shell,
    global: &Global,
    screen: &Screen,
) -> Result<Exit, Failure> {
    if global.output != Form::Text || !global.reports.is_empty() {
        return Err(Failure::said(
            "`completions` writes a shell's script only; leave `--output` and `--report` out",
        ));
    }
    let mut text = Vec::new();
    let mut command = command(clap::ColorChoice::Never);
    clap_complete::generate(shell, &mut command, "trueup", &mut text);
    screen.result(&String::from_utf8_lossy(&text))?;
    Ok(Exit::Done)
}
