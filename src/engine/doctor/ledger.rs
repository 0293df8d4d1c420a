use super::{Finding, Health, unreachable};
use crate::engine::connect::{Endpoints, connect};
use crate::engine::port::LiveBrokers;
use crate::ledger::{Ledger, StoreError};
use crate::model::Broker;

/// Whether a ledger on a broker can be read, and written for a stack; `open` finds it on the broker that is connected.
pub async fn look_at_ledger(
    broker: Broker,
    endpoints: Endpoints,
    stack: &str,
    open: impl FnOnce(&LiveBrokers) -> Option<Ledger>,
) -> Vec<Finding> {
    let port = match connect(endpoints).await {
        Ok(port) => port,
        Err(problems) => return unreachable(broker, problems),
    };
    match open(&port) {
        Some(ledger) => {
            let store = ledger.store();
            finding(broker, &store.place(), store.missing_rights(stack).await)
        }
        None => Vec::new(),
    }
}

fn finding(broker: Broker, place: &str, lacked: Result<Vec<String>, StoreError>) -> Vec<Finding> {
    let finding = |health, detail: String| Finding::new(broker, "ledger", health, detail);
    match lacked {
        Ok(lacked) if lacked.is_empty() => vec![finding(Health::Good, place.to_owned())],
        Ok(lacked) => lacked
            .into_iter()
            .map(|right| finding(Health::Bad, format!("apply needs {right}")))
            .collect(),
        Err(error) => vec![finding(Health::Bad, error.to_string())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_right_that_is_missing_is_a_finding() {
        let lacked = Ok(vec!["WRITE on a".to_owned(), "WRITE on b".to_owned()]);
        let found = finding(Broker::Kafka, "the topic", lacked);
        let told: Vec<&str> = found.iter().map(|f| f.detail.as_str()).collect();
        assert_eq!(told, ["apply needs WRITE on a", "apply needs WRITE on b"]);
        let fine = finding(Broker::Kafka, "the topic", Ok(Vec::new()));
        assert_eq!(fine[0].verdict, Health::Good);
    }
}
