//! What may be lost, and who says so on the command line.

use clap::Args;

use crate::model::unit::Unit;
use crate::model::{AddressError, Approval, Code};

/// What somebody consents to.
#[derive(Clone, Debug, Default, Args)]
pub struct Approved {
    /// Consent to one risk of one resource, as the plan names it; `:max=N` behind it bounds how much may be lost
    #[arg(long = "approve", value_name = "CODE@ADDRESS[:max=N]", value_parser = approval)]
    approvals: Vec<Approval>,
}

impl Approved {
    /// These behind those that were known before.
    pub fn behind(&self, known: &[Approval]) -> Vec<Approval> {
        [known, &self.approvals].concat()
    }
}

/// What may be lost, and what somebody consents to.
#[derive(Clone, Debug, Default, Args)]
pub struct Consent {
    /// What somebody consents to.
    #[command(flatten)]
    pub approved: Approved,
    /// How many resources may be deleted at once; 10, or a tenth of what is owned, where nothing is said
    #[arg(long, value_name = "NUMBER")]
    pub max_delete: Option<usize>,
    /// Let a manifest that declares no resources delete what the stack owns
    #[arg(long)]
    pub allow_empty: bool,
    /// How many bytes a second each broker copies at most while replicas of topics are moved (`50MB`); taken back when they are there
    #[arg(long, value_name = "BYTES", value_parser = rate)]
    pub throttle: Option<u64>,
    /// Take over what is declared and bears this stack's label
    #[arg(long, value_name = "STACK")]
    pub take_ownership_from: Option<String>,
}

impl Consent {
    /// The words that say the same again.
    pub fn said(&self) -> Vec<String> {
        let mut words = Vec::new();
        for Approval {
            risk, address, max, ..
        } in &self.approved.approvals
        {
            let bound = max.map_or_else(String::new, |max| format!(":max={max}"));
            words.extend(["--approve".to_owned(), format!("{risk}@{address}{bound}")]);
        }
        if let Some(most) = self.max_delete {
            words.extend(["--max-delete".to_owned(), most.to_string()]);
        }
        if self.allow_empty {
            words.push("--allow-empty".to_owned());
        }
        if let Some(rate) = self.throttle {
            let rate = i64::try_from(rate).unwrap_or(i64::MAX);
            words.extend(["--throttle".to_owned(), Unit::Bytes.format(rate)]);
        }
        if let Some(stack) = &self.take_ownership_from {
            words.extend(["--take-ownership-from".to_owned(), stack.clone()]);
        }
        words
    }
}

fn rate(text: &str) -> Result<u64, String> {
    let bytes = Unit::Bytes.parse(text).map_err(|error| error.to_string())?;
    let bytes = u64::try_from(bytes).ok().filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| {
        format!("`{text}` lets nothing through: take 1 or more bytes a second, such as `50MB`")
    })
}

fn approval(text: &str) -> Result<Approval, String> {
    let wanted = "write it as CODE@ADDRESS, such as `topic-deleted@topic/orders`, or with a bound, `topic-deleted@topic/orders:max=1000`";
    let (risk, rest) = text.split_once('@').ok_or(wanted)?;
    let (address, max) = match rest.rsplit_once(":max=") {
        Some((address, max)) => (address, Some(max)),
        None => (rest, None),
    };
    let max = max.map(|max| max.parse().map_err(|_| wanted)).transpose()?;
    let risk: Code = risk.parse()?;
    if !risk.is_of_risk() {
        return Err(format!(
            "`{risk}` is no risk that a step carries: nobody can consent to it"
        ));
    }
    Ok(Approval {
        risk,
        address: address
            .parse()
            .map_err(|error: AddressError| error.to_string())?,
        max,
        max_bytes: None,
        terms: None,
    })
}

#[cfg(test)]
mod tests {
    use crate::cli::args::{Command, parse};

    #[test]
    fn what_was_consented_to_is_said_again_in_the_same_words() {
        let said = [
            "--approve",
            "topic-deleted@topic/t:max=7",
            "--approve",
            "topic-retention-lowered@topic/u",
            "--max-delete",
            "3",
            "--allow-empty",
            "--throttle",
            "8MiB",
            "--take-ownership-from",
            "other",
        ];
        let words = ["trueup", "plan"].iter().chain(&said);
        let words: Vec<_> = words.map(std::ffi::OsString::from).collect();
        let Command::Plan(plan) = parse(&words).unwrap().command else {
            panic!("it is a plan")
        };
        assert_eq!(plan.consent.said(), said);
    }
}
