//! The `approvals` of a manifest: consent to risks, each of one resource, within a bound and until an end.

use std::sync::LazyLock;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::complaints::Surplus;
use super::node::{Entry, Files, Map, Node, Value};
use super::walk::{Subject, Walk};
use crate::kinds::{Declaration, field};
use crate::model::unit::Unit;
use crate::model::{Address, Approval, Broker, Code, Expiry, KindName, Problem, Source, Terms};

/// Consent to one risk of one resource. What loses data, and all that can be counted, needs a bound.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Said {
    /// The risk, as the plan names it: `topic-deleted`.
    risk: RiskCode,
    /// The resource that carries it: `topic/orders`.
    address: String,
    /// How many messages of a stream, bucket or consumer may be lost at most.
    max_messages: Option<u64>,
    /// How many records of a topic may be lost at most.
    max_records: Option<u64>,
    /// How many bytes may be lost at most.
    #[schemars(extend("x-field" = field().unit(Unit::Bytes)))]
    max_bytes: Option<u64>,
    /// Why: a ticket, a decision; the plan shows it.
    reason: String,
    /// When it ends: a day, through which it holds in UTC, or an instant in RFC 3339.
    expires: String,
}

/// The code of a risk.
#[derive(Serialize, Deserialize)]
struct RiskCode(Code);

impl JsonSchema for RiskCode {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "RiskCode".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let risks = Code::ALL.iter().filter(|code| code.is_of_risk());
        let words: Vec<&str> = risks.map(|code| code.as_str()).collect();
        schemars::json_schema!({ "type": "string", "enum": words })
    }
}

/// What an entry of `approvals` may say.
pub(super) fn approval_declaration() -> &'static Declaration {
    static DECLARATION: LazyLock<Declaration> = LazyLock::new(Declaration::of::<Said>);
    &DECLARATION
}

/// The approvals of a merged manifest, in its order. One that has ended is kept, and warned of.
pub(super) fn read(
    said: Option<&Entry>,
    files: &Files,
    now: Timestamp,
    problems: &mut Vec<Problem>,
    surplus: &mut Surplus,
) -> Vec<Approval> {
    let mut reader = Reader {
        walk: Walk::new(files),
    };
    let mut approvals = Vec::new();
    for item in reader.items(said) {
        approvals.extend(reader.approval(item, now));
        surplus.bound(&mut reader.walk.problems);
    }
    problems.extend(reader.walk.problems);
    approvals
}

struct Reader<'a> {
    walk: Walk<'a>,
}

impl Reader<'_> {
    fn items<'n>(&mut self, said: Option<&'n Entry>) -> &'n [Node] {
        let Some(Entry { node, .. }) = said else {
            return &[];
        };
        match &node.value {
            Value::List(items) => items,
            Value::Null | Value::Broken => &[],
            _ => {
                let what = format!("`approvals` is a list, not {}", node.shown());
                self.say(node, Problem::error(Code::WrongType, what));
                &[]
            }
        }
    }

    fn approval(&mut self, item: &Node, now: Timestamp) -> Option<Approval> {
        let map = match &item.value {
            Value::Map(map) => map,
            Value::Broken => return None,
            _ => {
                let what = format!("an entry of `approvals` is a map, not {}", item.shown());
                self.say(item, Problem::error(Code::WrongType, what));
                return None;
            }
        };
        let place = self.walk.files.place(item.spot);
        let subject = Subject {
            noun: "an entry of `approvals`",
            address: None,
            others: &[],
            complete: true,
        };
        let said = self
            .walk
            .fields(approval_declaration(), map, place.clone(), subject);
        let text = |name: &str| said.values.get(name).and_then(Json::as_str);
        let number = |name: &str| said.values.get(name).and_then(Json::as_u64);
        let address = text("address").and_then(|text| self.address(map, text));
        let expires = text("expires").and_then(|text| self.expiry(map, text));
        let reason = text("reason").filter(|reason| self.is_reason(map, reason));
        let max = self.max(map, address.as_ref()).and_then(number);
        let approval = Approval {
            risk: text("risk")?.parse().ok()?,
            address: address?,
            max,
            max_bytes: number("max_bytes"),
            terms: Some(Terms {
                source: place.map(|place| Source {
                    file: place.file.to_string(),
                    line: place.line,
                })?,
                reason: reason?.to_owned(),
                expires: expires?,
            }),
        };
        if approval.is_over(now) {
            self.warn_of_end(map, &approval);
        }
        Some(approval)
    }

    fn address(&mut self, map: &Map, text: &str) -> Option<Address> {
        let address: Option<Address> = text.parse().ok();
        let is_whole = |address: &Address| {
            address.kind != KindName::Consumer || address.stream_and_consumer().is_some()
        };
        let address = address.filter(is_whole);
        if address.is_none() {
            let kinds: Vec<&str> = KindName::ALL.iter().map(|kind| kind.as_str()).collect();
            let hint = format!(
                "write `KIND/NAME` as the plan does, `consumer/STREAM/NAME` for a consumer; KIND is one of `{}`",
                kinds.join("`, `")
            );
            self.refuse(map, "address", Code::BadName, "is no address", &hint);
        }
        address
    }

    fn expiry(&mut self, map: &Map, text: &str) -> Option<Expiry> {
        let expires = text.parse().ok();
        if expires.is_none() {
            let hint = "write a day, `2026-12-31`, or an instant, `2026-12-31T18:00:00Z`";
            self.refuse(
                map,
                "expires",
                Code::BadTime,
                "is neither a day nor an instant",
                hint,
            );
        }
        expires
    }

    fn is_reason(&mut self, map: &Map, reason: &str) -> bool {
        let is_one = !reason.trim().is_empty();
        if !is_one {
            let hint = "name the ticket or the decision: the plan shows it";
            self.refuse(map, "reason", Code::OutOfRange, "says nothing", hint);
        }
        is_one
    }

    /// The bound that counts for this kind; that the other one is given is said.
    fn max(&mut self, map: &Map, address: Option<&Address>) -> Option<&'static str> {
        let (fits, other) = match address?.kind.broker() {
            Broker::Nats => ("max_messages", "max_records"),
            Broker::Kafka => ("max_records", "max_messages"),
        };
        if map.get(other).is_some_and(|entry| !entry.node.is_null()) {
            let what = format!("does not count what `{}` holds", address?);
            self.refuse(
                map,
                other,
                Code::Contradiction,
                &what,
                &format!("write `{fits}`"),
            );
        }
        Some(fits)
    }

    fn warn_of_end(&mut self, map: &Map, approval: &Approval) {
        let what = format!(
            "the approval of `{}` for `{}` has ended, and approves nothing",
            approval.risk, approval.address
        );
        let problem = Problem::warning(Code::ApprovalExpired, what)
            .about(&approval.address)
            .hint("take it out; where it is still wanted, give it a later `expires`");
        if let Some(entry) = map.get("expires") {
            self.say(&entry.node, problem);
        }
    }

    /// Says of a value what is wrong with it.
    fn refuse(&mut self, map: &Map, name: &str, code: Code, why: &str, hint: &str) {
        if let Some(Entry { node, .. }) = map.get(name) {
            let what = format!("`{name}` {why}: {}", node.shown());
            self.say(node, Problem::error(code, what).hint(hint));
        }
    }

    fn say(&mut self, node: &Node, problem: Problem) {
        let problem = self.walk.files.at(node, problem);
        self.walk.problems.push(problem);
    }
}
