//! The configuration language of nats-server, which its bridge has, too.
//!
//! Keys are read whatever their case. `include` is followed by whoever calls; a variable that the file defines is put in its
//! place, and any other one is left as a reference to the environment.

use serde_json::{Map, Number, Value};
use winnow::ascii::{line_ending, till_line_ending};
use winnow::combinator::{
    alt, cut_err, delimited, eof, not, opt, peek, preceded, repeat, terminated,
};
use winnow::error::{StrContext, StrContextValue};
use winnow::token::{any, one_of, take_till, take_while};
use winnow::{ModalResult, Parser};

/// Where a text is no configuration, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {why}")]
pub struct ConfError {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1.
    pub column: usize,
    /// What was expected.
    pub why: String,
}

/// How a value that comes from the environment is written in a manifest.
fn reference(name: &str) -> String {
    format!("${{{name}}}")
}

/// Reads a configuration; `included` gives the text of a file that it includes.
///
/// # Errors
/// Where it is none, or includes what can't be read.
pub fn parse(
    text: &str,
    included: &dyn Fn(&str) -> Result<String, String>,
) -> Result<Map<String, Value>, ConfError> {
    let statements = document.parse(text).map_err(|error| {
        let before = &text[..error.offset()];
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        let why = error.inner().to_string().replace('\n', ", ");
        ConfError {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            why: if why.is_empty() {
                "it is no configuration from here on".to_owned()
            } else {
                why
            },
        }
    })?;
    Reader { included, depth: 0 }.map(statements, &[])
}

enum Statement {
    Pair(String, Raw),
    Include(String),
}

enum Raw {
    Known(Value),
    Variable(String),
    Map(Vec<Statement>),
    List(Vec<Raw>),
}

/// Files that include files go so deep at most.
const DEEPEST: usize = 10;

struct Reader<'a> {
    included: &'a dyn Fn(&str) -> Result<String, String>,
    depth: usize,
}

impl Reader<'_> {
    fn map(
        &self,
        statements: Vec<Statement>,
        around: &[&Map<String, Value>],
    ) -> Result<Map<String, Value>, ConfError> {
        let mut map = Map::new();
        for statement in statements {
            match statement {
                Statement::Pair(key, raw) => {
                    let scopes: Vec<&Map<String, Value>> =
                        [&map].into_iter().chain(around.iter().copied()).collect();
                    let value = self.value(raw, &scopes)?;
                    map.insert(key.to_lowercase(), value);
                }
                Statement::Include(file) => map.extend(self.include(&file)?),
            }
        }
        Ok(map)
    }

    fn value(&self, raw: Raw, scopes: &[&Map<String, Value>]) -> Result<Value, ConfError> {
        Ok(match raw {
            Raw::Known(value) => value,
            Raw::Variable(name) => {
                let key = name.to_lowercase();
                let known = scopes.iter().find_map(|scope| scope.get(&key));
                known.cloned().unwrap_or_else(|| reference(&name).into())
            }
            Raw::Map(statements) => self.map(statements, scopes)?.into(),
            Raw::List(items) => {
                let items = items.into_iter().map(|item| self.value(item, scopes));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
        })
    }

    fn include(&self, file: &str) -> Result<Map<String, Value>, ConfError> {
        let failed = |why: String| ConfError {
            line: 1,
            column: 1,
            why: format!("`include {file}`: {why}"),
        };
        if self.depth == DEEPEST {
            return Err(failed(format!(
                "more than {DEEPEST} files include each other"
            )));
        }
        let text = (self.included)(file).map_err(failed)?;
        let statements = document
            .parse(&text)
            .map_err(|_| failed("it is no configuration".to_owned()))?;
        let deeper = Reader {
            included: self.included,
            depth: self.depth + 1,
        };
        deeper.map(statements, &[])
    }
}

fn document(input: &mut &str) -> ModalResult<Vec<Statement>> {
    let braced = delimited('{', statements, (filler, '}', filler, eof));
    preceded(filler, alt((braced, terminated(statements, (filler, eof))))).parse_next(input)
}

fn statements(input: &mut &str) -> ModalResult<Vec<Statement>> {
    let end = alt((peek('}').void(), eof.void()));
    repeat(0.., preceded((filler, not(end)), statement)).parse_next(input)
}

fn statement(input: &mut &str) -> ModalResult<Statement> {
    let key = alt((quoted, bare_key))
        .context(expected("a key"))
        .parse_next(input)?;
    blanks(input)?;
    if key == "include" {
        let file = cut_err(alt((quoted, bare_text)))
            .context(expected("a file"))
            .parse_next(input)?;
        return Ok(Statement::Include(file));
    }
    opt(one_of([':', '='])).parse_next(input)?;
    filler_of_line(input)?;
    let value = cut_err(value)
        .context(expected("a value"))
        .parse_next(input)?;
    Ok(Statement::Pair(key, value))
}

fn value(input: &mut &str) -> ModalResult<Raw> {
    alt((
        map,
        list,
        block,
        quoted.map(|text| Raw::Known(text.into())),
        preceded('$', name).map(Raw::Variable),
        bare_text.map(bare),
    ))
    .parse_next(input)
}

fn map(input: &mut &str) -> ModalResult<Raw> {
    let end = (filler, cut_err('}').context(expected("`}`")));
    delimited('{', statements, end)
        .map(Raw::Map)
        .parse_next(input)
}

fn list(input: &mut &str) -> ModalResult<Raw> {
    let item = preceded((filler, not(peek(']'))), value);
    let end = (filler, cut_err(']').context(expected("`]`")));
    delimited('[', repeat(0.., item), end)
        .map(Raw::List)
        .parse_next(input)
}

/// Lines between parentheses, as they are.
fn block(input: &mut &str) -> ModalResult<Raw> {
    let text = delimited(
        '(',
        take_till(0.., ')'),
        cut_err(')').context(expected("`)`")),
    );
    text.map(|text: &str| Raw::Known(text.trim().into()))
        .parse_next(input)
}

fn quoted(input: &mut &str) -> ModalResult<String> {
    let single = delimited(
        '\'',
        take_till(0.., '\''),
        cut_err('\'').context(expected("`'`")),
    );
    alt((single.map(str::to_owned), double)).parse_next(input)
}

fn double(input: &mut &str) -> ModalResult<String> {
    let escape = preceded('\\', any).map(|c| match c {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        other => other,
    });
    let letter = alt((escape, take_one_of_text));
    let text = repeat(0.., letter).fold(String::new, |mut text, c| {
        text.push(c);
        text
    });
    delimited('"', text, cut_err('"').context(expected("`\"`"))).parse_next(input)
}

fn take_one_of_text(input: &mut &str) -> ModalResult<char> {
    any.verify(|c: &char| !matches!(c, '"' | '\\'))
        .parse_next(input)
}

fn bare_key(input: &mut &str) -> ModalResult<String> {
    let letters = take_till(1.., |c: char| {
        c.is_whitespace() || ":={}[],;\"'#".contains(c)
    });
    letters.map(str::to_owned).parse_next(input)
}

fn name(input: &mut &str) -> ModalResult<String> {
    let letters = take_while(1.., |c: char| c.is_ascii_alphanumeric() || c == '_');
    letters.map(str::to_owned).parse_next(input)
}

fn bare_text(input: &mut &str) -> ModalResult<String> {
    let letters = take_till(1.., |c: char| {
        c.is_whitespace() || "{}[],;\"'()#".contains(c)
    });
    letters.map(str::to_owned).parse_next(input)
}

/// What a word without quotes is: a boolean, a number with or without a unit, or text.
fn bare(word: String) -> Raw {
    let value = match word.to_lowercase().as_str() {
        "true" | "yes" | "on" => Value::Bool(true),
        "false" | "no" | "off" => Value::Bool(false),
        lower => match whole(lower) {
            Some(number) => number.into(),
            None => match lower.parse::<f64>().ok().and_then(Number::from_f64) {
                Some(number) => Value::Number(number),
                None => Value::String(word),
            },
        },
    };
    Raw::Known(value)
}

/// `8k` is 8,000, `8kb` and `8ki` are 8,192.
fn whole(word: &str) -> Option<i64> {
    let digits = word.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: i64 = digits.parse().ok()?;
    let factor: i64 = match &word[digits.len()..] {
        "" => 1,
        "k" => 1_000,
        "kb" | "ki" | "kib" => 1 << 10,
        "m" => 1_000_000,
        "mb" | "mi" | "mib" => 1 << 20,
        "g" => 1_000_000_000,
        "gb" | "gi" | "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

/// Blanks, ends of lines, separators and comments.
fn filler(input: &mut &str) -> ModalResult<()> {
    let blank = one_of(|c: char| c.is_whitespace() || c == ',' || c == ';').void();
    repeat(0.., alt((blank, comment))).parse_next(input)
}

fn filler_of_line(input: &mut &str) -> ModalResult<()> {
    let blank = one_of(char::is_whitespace).void();
    repeat(0.., alt((blank, comment))).parse_next(input)
}

fn blanks(input: &mut &str) -> ModalResult<()> {
    take_while(0.., [' ', '\t']).void().parse_next(input)
}

fn comment(input: &mut &str) -> ModalResult<()> {
    (alt(("#", "//")), till_line_ending, alt((line_ending, eof)))
        .void()
        .parse_next(input)
}

fn expected(what: &'static str) -> StrContext {
    StrContext::Expected(StrContextValue::Description(what))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(text: &str) -> Result<Value, String> {
        let files = |name: &str| match name {
            "./more.conf" => Ok("topic: more".to_owned()),
            "round.conf" => Ok("include round.conf".to_owned()),
            _ => Err("no such file".to_owned()),
        };
        let read = parse(text, &files).map(Value::Object);
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn the_ways_to_write_it_are_one() {
        let text = r#"
            # a comment, and one behind: // so
            reconnectinterval: 5000,
            nats: { Servers: ["localhost:4222", 'b:4222'], ConnectTimeout = 5000; }
            connect: [
              { type: "KafkaToNATS", brokers: [localhost:9092]
                id: zip, maxbytes: 1mb, sasl { user u
                  password: $KAFKA_PW } },
            ],
        "#;
        let wanted = json!({
            "reconnectinterval": 5000,
            "nats": { "servers": ["localhost:4222", "b:4222"], "connecttimeout": 5000 },
            "connect": [{ "type": "KafkaToNATS", "brokers": ["localhost:9092"], "id": "zip", "maxbytes": 1 << 20,
                "sasl": { "user": "u", "password": "${KAFKA_PW}" } }]
        });
        assert_eq!(read(text), Ok(wanted.clone()));
        let braced = format!("{{{text}}}");
        assert_eq!(read(&braced), Ok(wanted.clone()));
        assert_eq!(
            read(&wanted.to_string()),
            Ok(wanted),
            "JSON is read as well"
        );
    }

    #[test]
    fn a_variable_of_the_file_is_put_in_its_place() {
        assert_eq!(
            read("topic: t\nconnect: [{ topic: $TOPIC, id: $OTHER }]"),
            Ok(json!({ "topic": "t", "connect": [{ "topic": "t", "id": "${OTHER}" }] }))
        );
    }

    #[test]
    fn what_is_included_is_read_and_no_circle_is_walked() {
        assert_eq!(
            read("include \"./more.conf\"\nid: a"),
            Ok(json!({ "topic": "more", "id": "a" }))
        );
        assert!(
            read("include gone.conf")
                .unwrap_err()
                .contains("no such file")
        );
        assert!(
            read("include round.conf")
                .unwrap_err()
                .contains("include each other")
        );
    }

    #[test]
    fn what_is_no_configuration_is_told_with_its_place() {
        assert_eq!(
            read("a: 1\nconnect: [ { id: x \n").unwrap_err(),
            "line 3, column 1: expected `}`, a value"
        );
        assert!(read("a: \"x").unwrap_err().starts_with("line 1, column 6:"));
        assert!(read("a:").unwrap_err().contains("expected a value"));
    }
}
