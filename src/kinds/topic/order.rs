//! A step as what the broker is asked to do.

use indexmap::IndexMap;
use serde_json::Value;

use super::declaration;
use super::replicas::FACTOR;
use crate::broker::kafka::{ConfigChange, NewTopic, OldTopic};
use crate::kinds::Delta;
use crate::model::{Action, Step};

/// What a step asks of the broker.
#[derive(Clone, Debug, Default)]
pub(super) struct Order {
    pub(super) create: Option<NewTopic>,
    pub(super) partitions: Option<(String, i32)>,
    pub(super) configs: Option<ConfigChange>,
    /// How many replicas each partition is to have.
    pub(super) replicas: Option<(String, usize)>,
    /// How many bytes a second a broker copies at most meanwhile.
    pub(super) throttle: Option<u64>,
    pub(super) delete: Option<OldTopic>,
    /// What must be there when all is done.
    pub(super) deltas: Vec<Delta>,
}

impl Order {
    /// # Errors
    /// Says which change can't be sent.
    pub(super) fn of(step: &Step) -> Result<Order, String> {
        let deltas = Delta::of_step(step, declaration())?;
        let mut order = match step.action {
            Action::Create => create(&step.address.name, &deltas)?,
            Action::Update | Action::Adopt => update(&step.address.name, &deltas)?,
            Action::Delete => delete(step)?,
            Action::Replace | Action::Forget | Action::Unread => {
                return Err("a topic is never replaced, nor changed unread or forgotten".to_owned());
            }
        };
        order.throttle = step.throttle.filter(|_| order.replicas.is_some());
        order.deltas = deltas;
        Ok(order)
    }
}

fn create(name: &str, deltas: &[Delta]) -> Result<Order, String> {
    let mut topic = NewTopic {
        name: name.to_owned(),
        partitions: None,
        replication_factor: None,
        configs: IndexMap::new(),
    };
    for Delta { path, after, .. } in deltas {
        match (path.as_str(), path.strip_prefix("config."), after) {
            (_, _, None) => {}
            ("partitions", _, Some(value)) => topic.partitions = Some(count(path, value)?),
            ("replication_factor", _, Some(value)) => {
                topic.replication_factor = Some(count(path, value)?);
            }
            (_, Some(key), Some(value)) => {
                topic.configs.insert(key.to_owned(), text(value));
            }
            (other, None, Some(_)) => return Err(format!("`{other}` is no field of a topic")),
        }
    }
    Ok(Order {
        create: Some(topic),
        ..Order::default()
    })
}

fn update(name: &str, deltas: &[Delta]) -> Result<Order, String> {
    let (mut order, mut ops) = (Order::default(), Vec::new());
    for Delta { path, after, .. } in deltas {
        match (path.as_str(), path.strip_prefix("config."), after) {
            ("partitions", _, Some(value)) => {
                order.partitions = Some((name.to_owned(), count(path, value)?));
            }
            (FACTOR, _, Some(value)) => {
                let factor: i16 = count(path, value)?;
                order.replicas = Some((name.to_owned(), usize::try_from(factor).unwrap_or(1)));
            }
            (_, Some(key), after) => ops.push((key.to_owned(), after.as_ref().map(text))),
            (other, None, _) => return Err(format!("`{other}` of a topic can't be changed")),
        }
    }
    order.configs = (!ops.is_empty()).then(|| ConfigChange {
        topic: name.to_owned(),
        ops,
    });
    Ok(order)
}

/// By its id, so that one of the same name that was made meanwhile stays.
fn delete(step: &Step) -> Result<Order, String> {
    let Some(topic_id) = step.base.incarnation.clone() else {
        return Err("the plan holds no id of the topic, without which a new one of its name might be deleted; brokers tell ids from Kafka 2.8 on".to_owned());
    };
    let name = step.address.name.clone();
    Ok(Order {
        delete: Some(OldTopic { name, topic_id }),
        ..Order::default()
    })
}

fn count<N: TryFrom<i64>>(path: &str, value: &Value) -> Result<N, String> {
    let number = value.as_i64().and_then(|number| N::try_from(number).ok());
    number.ok_or_else(|| format!("`{path}` can't be {value}"))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
