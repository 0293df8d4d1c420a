//! Values of options that take more than a word.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;

use super::Form;
use crate::convert::KnownStream;
use crate::ledger::LedgerPlace;
use crate::manifest::is_variable_name;

/// Reads `NAME=VALUE`. What is no such thing may be a secret: the complaint does not show it.
#[derive(Clone)]
pub(super) struct VariableParser;

impl TypedValueParser for VariableParser {
    type Value = (String, String);

    fn parse_ref(
        &self,
        command: &clap::Command,
        _: Option<&clap::Arg>,
        text: &OsStr,
    ) -> Result<(String, String), clap::Error> {
        let refused = |why: &str| {
            let what = format!(
                "a `--var` can't be read: {why}; what it says is not shown, it may be a secret"
            );
            Err(command.clone().error(ErrorKind::ValueValidation, what))
        };
        match text.to_str().map(|text| text.split_once('=')) {
            None => refused("it is no UTF-8 text"),
            Some(None) => refused("write it as NAME=VALUE"),
            Some(Some((name, value))) if is_variable_name(name) => {
                Ok((name.to_owned(), value.to_owned()))
            }
            Some(Some(_)) => {
                refused("a NAME is of letters, digits and `_`, and begins with no digit")
            }
        }
    }
}

/// A duration as manifests write it.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let parsed: jiff::SignedDuration = text.parse().map_err(|_| {
        format!("`{text}` is no duration; write a number and a unit: `30s`, `5m`, `1h`")
    })?;
    Duration::try_from(parsed).map_err(|_| format!("`{text}` is below zero"))
}

/// Where the ledger is.
pub(super) fn ledger(text: &str) -> Result<LedgerPlace, String> {
    text.parse()
}

/// A stream and what it takes.
pub(super) fn stream(text: &str) -> Result<KnownStream, String> {
    let (name, subject) = text
        .split_once('=')
        .filter(|(name, subject)| !name.is_empty() && !subject.is_empty())
        .ok_or("write it as NAME=SUBJECT, such as `ORDERS=orders.>`")?;
    Ok(KnownStream {
        name: name.to_owned(),
        subject: subject.to_owned(),
    })
}

/// A report's form and file.
pub(super) fn report(text: &str) -> Result<(Form, PathBuf), String> {
    let (form, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or("write it as FORM=FILE, such as `markdown=plan.md`")?;
    let form = Form::from_str(form, false)
        .map_err(|_| format!("`{form}` is no form; take text, json or markdown"))?;
    Ok((form, file.into()))
}
