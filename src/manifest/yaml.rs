//! Text to tree.
//!
//! serde-saphyr's parser gives the events; its `Deserialize` half is not used, because the tree
//! wants what serde does not carry: the place of every key and value for less than the price of
//! the parse itself, every duplicate key instead of the first, and what stands before a syntax
//! error.

mod frames;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_saphyr::granit_parser::{self, Event, ScalarStyle, Span, Tag};

use self::frames::{Frame, Holds};
use super::node::{Map, Node, Spot, Value, short};
use super::scalar;
use super::secret_text::stands_behind_secret_name;
use super::syntax;
use crate::model::{Code, Place, Problem};

/// Keys and values of a manifest; a rich topic has some forty.
const MOST_NODES: usize = 750_000;
/// Nodes of one text that are counted together: threads that count each one wait for each other.
const COUNTED_AT_ONCE: usize = 1_000;
/// Nodes that aliases may copy in any file, however small: some thirty megabytes.
const MOST_COPIES: usize = 200_000;
/// Bytes of text that allow for one copy more: ten thousand resources that share an anchor of
/// twenty keys are read.
const BYTES_A_COPY: usize = 2;
/// However long the text is: a copy costs up to a hundred bytes of memory, and a long text counts as
/// many.
const MOST_MORE_COPIES: usize = 1_300_000;
/// Maps and lists within each other.
pub(super) const MOST_DEPTH: usize = 64;
/// Problems of one file; more than this is no manifest.
const MOST_PROBLEMS: usize = 1_000;

/// What a file's text holds.
pub(super) struct Parsed {
    /// The documents that are not empty.
    pub documents: Vec<Node>,
    pub problems: Vec<Problem>,
    /// Whether all of the text could be read; `documents` is what stands before the first
    /// syntax error otherwise.
    pub whole: bool,
}

impl Parsed {
    /// Whether all of the text was read, and there was nothing in it.
    pub fn is_silent(&self) -> bool {
        self.whole && self.documents.is_empty() && self.problems.is_empty()
    }
}

/// Reads the text of the file that spots call `file`.
///
/// `nodes` counts those of all texts.
pub(super) fn parse(file: u32, name: &Arc<str>, text: &str, nodes: &AtomicUsize) -> Parsed {
    let mut builder = Builder::new(file, name, text, nodes);
    let error = match syntax::no_text(name, text) {
        Some(problem) => Some(problem),
        None => builder.read(text).err(),
    };
    let whole = error.is_none();
    if let Some(problem) = error {
        if builder.overfull {
            builder.documents.clear();
        }
        if let Some(tab) = builder.tab {
            builder = builder.before(tab);
        }
        builder.say(and_no_further(problem));
    }
    Parsed {
        documents: builder.documents,
        problems: builder.problems,
        whole: whole && !builder.unread,
    }
}

struct Builder<'t> {
    file: u32,
    name: &'t Arc<str>,
    text: &'t str,
    open: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    nodes: &'t AtomicUsize,
    /// Nodes that `nodes` does not hold yet.
    uncounted: usize,
    copies: usize,
    /// There are too many nodes: those that were read are dropped.
    overfull: bool,
    documents: Vec<Node>,
    problems: Vec<Problem>,
    /// A node had to be left out.
    unread: bool,
    /// The tab that ended the reading.
    tab: Option<usize>,
}

/// The problem that ended the reading says that it did.
fn and_no_further(problem: Problem) -> Problem {
    let rest = "the rest of the file from here on was not read";
    let hint = match &problem.hint {
        Some(hint) => format!("{hint}; {rest}"),
        None => rest.to_owned(),
    };
    problem.hint(hint)
}

/// A node that aliases may stand for.
struct Anchored {
    node: Node,
    size: usize,
    height: usize,
}

impl<'t> Builder<'t> {
    fn new(file: u32, name: &'t Arc<str>, text: &'t str, nodes: &'t AtomicUsize) -> Self {
        Builder {
            file,
            name,
            text,
            open: Vec::new(),
            anchors: HashMap::new(),
            nodes,
            uncounted: 0,
            copies: 0,
            overfull: false,
            documents: Vec::new(),
            problems: Vec::new(),
            unread: false,
            tab: None,
        }
    }

    /// What stands on the lines before the tab: the scanner takes a line that a tab indents for
    /// more of the value before it, which is then never seen.
    fn before(self, tab: usize) -> Self {
        let start = self.text[..tab].rfind('\n').map_or(0, |at| at + 1);
        let mut again = Builder::new(self.file, self.name, &self.text[..start], self.nodes);
        match again.read(&self.text[..start]) {
            Ok(()) => again,
            Err(_) => self,
        }
    }

    /// Reads events until the end.
    ///
    /// # Errors
    /// The first that can't be read.
    fn read(&mut self, text: &'t str) -> Result<(), Problem> {
        let options = granit_parser::options! {
            emit_unresolved_aliases: true,
            emit_comments: false,
            flow_nesting_limit: MOST_DEPTH + 1,
            block_nesting_limit: MOST_DEPTH + 1,
        };
        let mut parser = granit_parser::Parser::new_from_str_with_options(text, options);
        while let Some(event) = parser.next_event() {
            let step = match event {
                Ok((event, span)) => self.take(event, span),
                Err(error) => {
                    self.tab = syntax::tab(&error, self.text);
                    Err(syntax::problem(&error, self.name, self.text))
                }
            };
            if let Err(problem) = step {
                self.doubt_the_last(&problem);
                self.close_all();
                return Err(problem);
            }
        }
        match self.documents.last().map(|document| document.spot) {
            Some(spot) => self.count(spot),
            None => Ok(()),
        }
    }

    fn take(&mut self, event: Event<'t>, span: Span) -> Result<(), Problem> {
        let spot = self.spot(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let value = self.scalar(&text, style, tag.as_deref(), spot);
                let is_merge = style == ScalarStyle::Plain && tag.is_none() && text == "<<";
                self.done(Node::new(value, spot), anchor, Some(&text), is_merge)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "seq", spot);
                self.begin(spot, anchor, Holds::Items(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                self.collection_tag(tag.as_deref(), "map", spot);
                let holds = Holds::Entries {
                    map: Map::default(),
                    key: None,
                    merges: Vec::new(),
                };
                self.begin(spot, anchor, holds)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(id) => self.alias(id, spot),
            Event::UnresolvedAlias(name) => {
                self.unread = true;
                let what = match stands_behind_secret_name(self.text, spot.start as usize) {
                    true => "the anchor that this names does not stand before it".to_owned(),
                    false => format!("no anchor `&{}` stands before this", short(&name)),
                };
                let hint =
                    "define it above where it is used; text that begins with `*` stands in quotes";
                self.say(
                    Problem::error(Code::YamlSyntax, what)
                        .at(self.place(spot))
                        .hint(hint),
                );
                self.done(Node::new(Value::Broken, spot), 0, None, false)
            }
            Event::DocumentStart(..) => {
                self.anchors.clear();
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Puts a finished node where it belongs. `raw` is a scalar's text.
    fn done(
        &mut self,
        node: Node,
        anchor: usize,
        raw: Option<&str>,
        is_merge: bool,
    ) -> Result<(), Problem> {
        self.uncounted += 1;
        if self.uncounted == COUNTED_AT_ONCE {
            self.count(node.spot)?;
        }
        if anchor != 0 {
            let (size, height) = node.extent();
            self.copied(size, node.spot)?;
            let node = node.clone();
            self.anchors.insert(anchor, Anchored { node, size, height });
        }
        self.put(node, raw, is_merge);
        Ok(())
    }

    /// Adds the nodes that were read since to those of all texts.
    fn count(&mut self, spot: Spot) -> Result<(), Problem> {
        let read = std::mem::take(&mut self.uncounted);
        if self.nodes.fetch_add(read, Ordering::Relaxed) + read <= MOST_NODES {
            return Ok(());
        }
        self.overfull = true;
        let what = format!("the manifest holds more than {MOST_NODES} keys and values");
        Err(self.too_much(spot, what))
    }

    fn alias(&mut self, id: usize, spot: Spot) -> Result<(), Problem> {
        let Some(anchored) = self.anchors.get(&id) else {
            self.unread = true;
            let what = "an anchor can't hold itself";
            self.say(Problem::error(Code::YamlSyntax, what).at(self.place(spot)));
            return self.done(Node::new(Value::Broken, spot), 0, None, false);
        };
        let (size, height) = (anchored.size, anchored.height);
        self.copied(size, spot)?;
        if self.open.len() + height > MOST_DEPTH {
            return Err(self.too_large(spot, &format!("more than {MOST_DEPTH} levels deep")));
        }
        let node = self.anchors.get(&id).map(|a| a.node.used_at(spot));
        self.done(
            node.unwrap_or(Node::new(Value::Broken, spot)),
            0,
            None,
            false,
        )
    }

    fn copied(&mut self, size: usize, spot: Spot) -> Result<(), Problem> {
        self.copies += size;
        let most = MOST_COPIES + (self.text.len() / BYTES_A_COPY).min(MOST_MORE_COPIES);
        if self.copies > most {
            self.overfull = true;
            let what = format!(
                "the aliases up to here copy more than {most} keys and values (a long text counts as many)"
            );
            return Err(self.too_much(spot, what));
        }
        Ok(())
    }

    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, spot: Spot) -> Value {
        let plain = || scalar::plain(text);
        let Some(tag) = tag else {
            return match style {
                ScalarStyle::Plain => plain(),
                _ => Value::Text(text.into()),
            };
        };
        let value = match (tag.core_suffix(), plain()) {
            (Some("str"), _) => Some(Value::Text(text.into())),
            (None, _) if tag.original() == "!" => Some(Value::Text(text.into())),
            (Some("int"), value @ Value::Integer(_))
            | (Some("float"), value @ (Value::Integer(_) | Value::Number(_)))
            | (Some("bool"), value @ Value::Bool(_))
            | (Some("null"), value @ Value::Null) => Some(value),
            _ => None,
        };
        value.unwrap_or_else(|| {
            self.bad_tag(tag, spot);
            Value::Broken
        })
    }

    fn collection_tag(&mut self, tag: Option<&Tag>, fitting: &str, spot: Spot) {
        if let Some(tag) = tag.filter(|tag| tag.core_suffix() != Some(fitting)) {
            self.bad_tag(tag, spot);
        }
    }

    fn bad_tag(&mut self, tag: &Tag, spot: Spot) {
        let what = match stands_behind_secret_name(self.text, spot.start as usize) {
            true => "a tag has no meaning here".to_owned(),
            false => format!("the tag `{}` has no meaning here", short(&tag.original())),
        };
        self.say(
            Problem::error(Code::YamlSyntax, what)
                .at(self.place(spot))
                .hint("take the tag away"),
        );
    }

    fn too_large(&self, spot: Spot, what: &str) -> Problem {
        Problem::error(Code::YamlTooLarge, what)
            .at(self.place(spot))
            .hint("a manifest needs no such thing")
    }

    fn too_much(&self, spot: Spot, what: String) -> Problem {
        Problem::error(Code::YamlTooLarge, what)
            .at(self.place(spot))
            .hint("split the stack in several, each a manifest of its own")
    }

    /// A scalar on the line of a syntax error may be only the beginning of what was meant.
    fn doubt_the_last(&mut self, problem: &Problem) {
        let line = problem.place.as_ref().map(|place| place.line);
        let last = self
            .open
            .last_mut()
            .and_then(|frame| match &mut frame.holds {
                Holds::Items(items) => items.last_mut(),
                Holds::Entries { map, .. } => map.last_mut().map(|(_, entry)| &mut entry.node),
            });
        if let Some(node) = last.filter(|node| Some(node.spot.line) == line)
            && !matches!(node.value, Value::Map(_) | Value::List(_))
        {
            node.value = Value::Broken;
        }
    }

    /// Closes what is open, so that what was read can be checked. A list of values that broke off, and a key whose value was not
    /// read, count for nothing.
    fn close_all(&mut self) {
        let is_plain = |item: &Node| !matches!(item.value, Value::Map(_) | Value::List(_));
        if let Some(frame) = self.open.last_mut()
            && let Holds::Items(items) = &mut frame.holds
            && items.iter().all(is_plain)
        {
            let spot = frame.spot();
            self.open.pop();
            self.put(Node::new(Value::Broken, spot), None, false);
        }
        if let Some(frame) = self.open.last_mut() {
            frame.drop_key();
        }
        while !self.open.is_empty() {
            if self.end().is_err() {
                break;
            }
        }
        self.open.clear();
    }

    fn say(&mut self, problem: Problem) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }

    fn spot(&self, span: Span) -> Spot {
        let bytes = span.byte_range().unwrap_or_default();
        Spot {
            file: self.file,
            line: saturated(span.start.line()),
            column: saturated(span.start.col() + 1),
            start: saturated(bytes.start),
            end: saturated(bytes.end),
        }
    }

    fn place(&self, spot: Spot) -> Place {
        Place {
            file: self.name.clone(),
            line: spot.line,
            column: spot.column,
            bytes: (spot.start as usize, spot.end as usize),
        }
    }
}

pub(super) fn saturated(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
