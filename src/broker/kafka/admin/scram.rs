//! The users that log in by SCRAM (KIP-554).

use std::fmt;
use std::str::FromStr;

use indexmap::IndexMap;
use kafka_protocol::messages::alter_user_scram_credentials_request::{
    ScramCredentialDeletion, ScramCredentialUpsertion,
};
use kafka_protocol::messages::alter_user_scram_credentials_response::AlterUserScramCredentialsResult;
use kafka_protocol::messages::describe_user_scram_credentials_request::UserName;
use kafka_protocol::messages::describe_user_scram_credentials_response::DescribeUserScramCredentialsResult;
use kafka_protocol::messages::{
    AlterUserScramCredentialsRequest, DescribeUserScramCredentialsRequest,
};
use pbkdf2::pbkdf2_hmac_array;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Sha256, Sha512};
use uuid::Uuid;

use super::{Told, by_name, item, text, words};
use crate::broker::kafka::batch::{RECORDS_PER_REQUEST, Results, split, write};
use crate::broker::kafka::client::{Effect, Kafka, Target};
use crate::broker::kafka::error::{ItemError, KafkaError};

/// `RESOURCE_NOT_FOUND`: there is no such user.
const NO_SUCH_USER: i16 = 91;

/// Which hash a password is salted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ScramMechanism {
    /// `SCRAM-SHA-256`
    Sha256,
    /// `SCRAM-SHA-512`
    Sha512,
}

impl ScramMechanism {
    /// Both, the weaker one first.
    pub const ALL: [ScramMechanism; 2] = [ScramMechanism::Sha256, ScramMechanism::Sha512];

    /// Kafka's word, that of `sasl.mechanism`.
    pub const fn as_str(self) -> &'static str {
        match self {
            ScramMechanism::Sha256 => "SCRAM-SHA-256",
            ScramMechanism::Sha512 => "SCRAM-SHA-512",
        }
    }

    const fn code(self) -> i8 {
        match self {
            ScramMechanism::Sha256 => 1,
            ScramMechanism::Sha512 => 2,
        }
    }

    fn from_code(code: i8) -> Option<ScramMechanism> {
        ScramMechanism::ALL
            .into_iter()
            .find(|mechanism| mechanism.code() == code)
    }

    /// `Hi` of RFC 5802 over the password as it is: Kafka's own tools don't prepare it either.
    fn salted(self, password: &SecretString, salt: &[u8], iterations: u32) -> Vec<u8> {
        let password = password.expose_secret().as_bytes();
        match self {
            ScramMechanism::Sha256 => {
                pbkdf2_hmac_array::<Sha256, 32>(password, salt, iterations).to_vec()
            }
            ScramMechanism::Sha512 => {
                pbkdf2_hmac_array::<Sha512, 64>(password, salt, iterations).to_vec()
            }
        }
    }
}

impl fmt::Display for ScramMechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ScramMechanism {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all = ScramMechanism::ALL.into_iter();
        all.find(|mechanism| mechanism.as_str() == text)
            .ok_or_else(|| format!("`{text}` is none of SCRAM-SHA-256, SCRAM-SHA-512"))
    }
}

/// All that a cluster tells of how a user may log in: never the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credential {
    /// By which mechanism.
    pub mechanism: ScramMechanism,
    /// How often the salted password is hashed.
    pub iterations: u32,
}

/// A credential to be written.
#[derive(Debug, Clone)]
pub struct NewCredential {
    /// By which mechanism.
    pub mechanism: ScramMechanism,
    /// How often the salted password is hashed; Kafka takes 4,096 to 16,384.
    pub iterations: u32,
    /// The password. It does not leave this process: only its salted hash is sent.
    pub password: SecretString,
}

/// What to change in the credentials of one user; those that are not named stay as they are.
#[derive(Debug, Clone)]
pub struct ScramChange {
    /// The user's name, without `User:`.
    pub user: String,
    /// Set, with a new salt each.
    pub set: Vec<NewCredential>,
    /// Taken away.
    pub delete: Vec<ScramMechanism>,
}

impl ScramChange {
    /// The change that is sent in this round.
    fn turn(&self, turn: usize) -> Option<ScramChange> {
        let deletion = || self.delete.get(turn - self.set.len());
        let (set, delete) = match self.set.get(turn) {
            Some(new) => (vec![new.clone()], Vec::new()),
            None => (Vec::new(), vec![*deletion()?]),
        };
        let user = self.user.clone();
        Some(ScramChange { user, set, delete })
    }
}

impl Kafka {
    /// The credentials of these users, or of all; a user without any does not exist, and is none of the answers.
    ///
    /// Needs DESCRIBE on the cluster ([`KafkaError::ClusterAuthorizationFailed`]). All are asked for by an empty list, never by
    /// none at all: that a broker never answers where the right is missing (seen on 4.3.1).
    pub async fn describe_users(
        &self,
        users: Option<&[String]>,
    ) -> Result<IndexMap<String, Result<Vec<Credential>, ItemError>>, KafkaError> {
        let name = |user: &String| UserName::default().with_name(text(user));
        let users = users.unwrap_or_default();
        let request = DescribeUserScramCredentialsRequest::default()
            .with_users(Some(users.iter().map(name).collect()));
        let answer = self
            .ask(Target::Any, Effect::Read, &request, |_| false)
            .await?;
        ItemError::check(answer.error_code, words(&answer.error_message).as_deref())
            .map_err(|error| KafkaError::refused("DescribeUserScramCredentials", error))?;
        let known = answer.results.iter();
        let known = known.filter(|user| user.error_code != NO_SUCH_USER);
        Ok(known
            .map(|user| (user.user.to_string(), credentials(user)))
            .collect())
    }

    /// Sets and removes credentials; each user has its own result. Users must be distinct.
    ///
    /// A cluster takes one change of a user in a request (`DUPLICATE_RESOURCE`, seen on 4.3.1), so that there are as many rounds as
    /// a user has changes: what is set comes first, and after a failure nothing more is sent of that user.
    ///
    /// Needs ALTER on the cluster: an item's error 31 (`CLUSTER_AUTHORIZATION_FAILED`) says that it lacks.
    pub async fn alter_users(
        &self,
        changes: &[ScramChange],
    ) -> Result<IndexMap<String, Result<(), ItemError>>, KafkaError> {
        let users = changes.iter().map(|change| (change.user.clone(), Ok(())));
        let mut results: IndexMap<String, Result<(), ItemError>> = users.collect();
        for turn in 0.. {
            let goes_on = |change: &ScramChange| results[&change.user].is_ok();
            let turns = changes.iter().filter(|change| goes_on(change));
            let turns: Vec<ScramChange> = turns.filter_map(|change| change.turn(turn)).collect();
            if turns.is_empty() {
                break;
            }
            let slices = split(&turns, RECORDS_PER_REQUEST, |_| 1);
            let done = write(slices, |slice| self.alter_some_users(slice)).await;
            let done = match done {
                Err(error) if turn == 0 => return Err(error),
                Err(error) => vec![Err(ItemError::unanswered(&error)); turns.len()],
                Ok(done) => done,
            };
            results.extend(by_name(turns.iter().map(|change| &change.user), done));
        }
        Ok(results)
    }

    async fn alter_some_users(&self, changes: Vec<ScramChange>) -> Result<Results, KafkaError> {
        let names: Vec<String> = changes.iter().map(|change| change.user.clone()).collect();
        let request = hashed(changes).await?;
        let names = names.iter().map(String::as_str);
        self.change(names, Effect::Write, &request, |answer| {
            let told = |user: &AlterUserScramCredentialsResult| Told {
                name: user.user.to_string(),
                code: user.error_code,
                message: user.error_message.clone(),
            };
            answer.results.iter().map(told).collect()
        })
        .await
    }
}

/// Hashing takes milliseconds a password, so it is done beside what answers the brokers.
async fn hashed(changes: Vec<ScramChange>) -> Result<AlterUserScramCredentialsRequest, KafkaError> {
    let hashed = tokio::task::spawn_blocking(move || request(&changes)).await;
    hashed.map_err(|_| {
        let why = "the passwords could not be hashed".to_owned();
        KafkaError::refused("AlterUserScramCredentials", ItemError::unsendable(why))
    })
}

fn request(changes: &[ScramChange]) -> AlterUserScramCredentialsRequest {
    let set = |change: &ScramChange| {
        let user = text(&change.user);
        let set = change.set.iter();
        set.map(move |new| upsertion(new).with_name(user.clone()))
            .collect::<Vec<_>>()
    };
    let delete = |change: &ScramChange| {
        let user = text(&change.user);
        let delete = change.delete.iter();
        delete
            .map(move |mechanism| {
                ScramCredentialDeletion::default()
                    .with_name(user.clone())
                    .with_mechanism(mechanism.code())
            })
            .collect::<Vec<_>>()
    };
    AlterUserScramCredentialsRequest::default()
        .with_upsertions(changes.iter().flat_map(set).collect())
        .with_deletions(changes.iter().flat_map(delete).collect())
}

fn upsertion(new: &NewCredential) -> ScramCredentialUpsertion {
    let salt = salt();
    let salted = new.mechanism.salted(&new.password, &salt, new.iterations);
    ScramCredentialUpsertion::default()
        .with_mechanism(new.mechanism.code())
        .with_iterations(i32::try_from(new.iterations).unwrap_or(i32::MAX))
        .with_salt(salt.into())
        .with_salted_password(salted.into())
}

/// 244 random bits, other ones each time.
fn salt() -> Vec<u8> {
    [Uuid::new_v4(), Uuid::new_v4()]
        .iter()
        .flat_map(|random| *random.as_bytes())
        .collect()
}

/// A mechanism that this version does not know is left out: it is neither told nor changed.
fn credentials(user: &DescribeUserScramCredentialsResult) -> Result<Vec<Credential>, ItemError> {
    item(user.error_code, &user.error_message)?;
    let known = user.credential_infos.iter().filter_map(|info| {
        Some(Credential {
            mechanism: ScramMechanism::from_code(info.mechanism)?,
            iterations: u32::try_from(info.iterations).ok()?,
        })
    });
    let mut known: Vec<Credential> = known.collect();
    known.sort_by_key(|credential| credential.mechanism);
    Ok(known)
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::prelude::{BASE64_STANDARD, Engine};

    /// The example of RFC 7677: from its salt and count follows the client's key, and from that the proof.
    #[test]
    fn a_password_is_salted_as_the_rfc_says() {
        let salt = BASE64_STANDARD.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let salted = ScramMechanism::Sha256.salted(&"pencil".into(), &salt, 4096);
        let hex: String = salted.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d"
        );
    }

    #[test]
    fn one_change_of_a_user_goes_at_a_time_and_what_is_set_goes_first() {
        let new = |mechanism| NewCredential {
            mechanism,
            iterations: 4096,
            password: "p".into(),
        };
        let change = ScramChange {
            user: "ann".to_owned(),
            set: vec![new(ScramMechanism::Sha512)],
            delete: vec![ScramMechanism::Sha256],
        };
        let turns: Vec<_> = (0..3).map(|turn| change.turn(turn)).collect();
        let counts = |turn: &ScramChange| (turn.set.len(), turn.delete.len());
        let counts: Vec<_> = turns.iter().map(|turn| turn.as_ref().map(counts)).collect();
        assert_eq!(counts, [Some((1, 0)), Some((0, 1)), None]);
    }

    #[test]
    fn each_write_has_its_own_salt_and_no_password() {
        let change = ScramChange {
            user: "ann".to_owned(),
            set: vec![NewCredential {
                mechanism: ScramMechanism::Sha512,
                iterations: 4096,
                password: "canary".into(),
            }],
            delete: vec![ScramMechanism::Sha256],
        };
        let changes = [change.clone(), change];
        let request = request(&changes);
        let [one, other] = request.upsertions.as_slice() else {
            panic!("{request:?}")
        };
        assert_ne!(one.salt, other.salt);
        assert_ne!(one.salted_password, other.salted_password);
        assert_eq!((one.salted_password.len(), one.iterations), (64, 4096));
        assert_eq!(request.deletions[0].mechanism, 1);
        assert!(!format!("{request:?} {changes:?}").contains("canary"));
    }
}
