use anstyle::{AnsiColor, Style};

/// What a piece of text is, which decides its colour; without colour the words say the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Just text.
    #[default]
    Plain,
    /// What stands out: a heading, an address.
    Strong,
    /// What may be skipped: a place, a count of what is hidden.
    Faint,
    /// What is made, or went well.
    Good,
    /// What changes, or wants a look.
    Change,
    /// What goes away, is blocked or failed.
    Bad,
    /// What can be typed.
    Command,
}

impl Tone {
    /// The terminal's style for it.
    pub const fn style(self) -> Style {
        match self {
            Tone::Plain => Style::new(),
            Tone::Strong => Style::new().bold(),
            Tone::Faint => Style::new().dimmed(),
            Tone::Good => AnsiColor::Green.on_default(),
            Tone::Change => AnsiColor::Yellow.on_default(),
            Tone::Bad => AnsiColor::Red.on_default(),
            Tone::Command => AnsiColor::Cyan.on_default(),
        }
    }
}
