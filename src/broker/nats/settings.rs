//! How to reach a NATS server: the names that a `nats` CLI context uses.

use std::fmt;
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{NatsError, address};

/// How to reach a NATS server and who we are there.
///
/// The names are those of a `nats` CLI context. `Debug` shows no secret.
#[derive(Clone)]
pub struct NatsSettings {
    /// One address or several, separated by commas; credentials inside are allowed and never shown.
    pub url: SecretString,
    /// The name of a `nats` CLI context; the caller resolves it by [`NatsSettings::from_context`].
    pub context: Option<String>,
    /// A credentials file: user JWT and nkey seed.
    pub creds: Option<PathBuf>,
    /// A file with an nkey user seed.
    pub nkey: Option<PathBuf>,
    /// User name.
    pub user: Option<String>,
    /// Password of `user`.
    pub password: Option<SecretString>,
    /// Token.
    pub token: Option<SecretString>,
    /// The certificate authorities to trust instead of the machine's (PEM).
    pub ca: Option<PathBuf>,
    /// Our client certificate (PEM).
    pub cert: Option<PathBuf>,
    /// The key of `cert` (PEM).
    pub key: Option<PathBuf>,
    /// Begin with TLS before the server's first word (`handshake_first` on the server, 2.10.4).
    pub tls_first: bool,
    /// The JetStream domain: the API is at `$JS.DOMAIN.API`.
    pub jetstream_domain: Option<String>,
    /// The API's prefix where it is imported under another subject, instead of `$JS.API`.
    pub jetstream_api_prefix: Option<String>,
    /// The prefix of reply subjects, instead of `_INBOX`.
    pub inbox_prefix: Option<String>,
}

/// One thing wrong with one setting, or with several together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingComplaint {
    /// The settings that it rests on; the first is the one to point at.
    pub names: Vec<&'static str>,
    /// What is wrong and what to do; never shows a secret.
    pub message: String,
}

fn complaint(names: &[&'static str], message: String) -> SettingComplaint {
    SettingComplaint {
        names: names.to_vec(),
        message,
    }
}

impl Default for NatsSettings {
    /// The server of a developer's machine, without credentials.
    fn default() -> Self {
        NatsSettings::at("nats://127.0.0.1:4222")
    }
}

impl NatsSettings {
    /// The settings of `url` alone.
    pub fn at(url: &str) -> NatsSettings {
        NatsSettings {
            url: url.into(),
            context: None,
            creds: None,
            nkey: None,
            user: None,
            password: None,
            token: None,
            ca: None,
            cert: None,
            key: None,
            tls_first: false,
            jetstream_domain: None,
            jetstream_api_prefix: None,
            inbox_prefix: None,
        }
    }

    /// Whether every address of a `url` can be read. Of one that can't nothing is known to be no secret.
    pub fn is_url(list: &str) -> bool {
        address::is_well_formed(list)
    }

    /// The address or addresses without credentials, each that can't be read as its scheme alone.
    pub fn display_url(&self) -> String {
        address::scrubbed(self.url.expose_secret())
    }

    /// Says whether the settings can be used at all, without touching the network or a file.
    ///
    /// # Errors
    /// [`NatsError::BadAddress`] and [`NatsError::Settings`].
    pub fn check(&self) -> Result<(), NatsError> {
        address::addresses(self.url.expose_secret())?;
        match self.complaints().into_iter().next() {
            None => Ok(()),
            Some(complaint) => Err(NatsError::Settings {
                server: self.display_url(),
                reason: complaint.message,
            }),
        }
    }

    /// Everything that can't be honoured, without touching the network or a file.
    pub fn complaints(&self) -> Vec<SettingComplaint> {
        let mut complaints = Vec::new();
        let url = self.url.expose_secret();
        let in_url = match address::addresses(url) {
            Ok(servers) => servers.iter().any(|server| server.user.is_some()),
            Err(error) => {
                let message = match url.trim() {
                    "" => {
                        "`url` is empty; write `nats://HOST:PORT` or `tls://HOST:PORT`".to_owned()
                    }
                    _ => error.to_string(),
                };
                complaints.push(complaint(&["url"], message));
                false
            }
        };
        complaints.extend(self.two_logins(in_url));
        complaints.extend(self.halves());
        if self.jetstream_domain.is_some() && self.jetstream_api_prefix.is_some() {
            let names = ["jetstream_api_prefix", "jetstream_domain"];
            let message =
                "`jetstream_domain` and `jetstream_api_prefix` exclude each other; keep one";
            complaints.push(complaint(&names, message.to_owned()));
        }
        complaints.extend(self.bad_subjects());
        complaints
    }

    /// Whether anything in the settings asks for TLS (apart from `tls://` in an address).
    pub(super) fn wants_tls(&self) -> bool {
        self.tls_first || self.ca.is_some() || self.cert.is_some()
    }

    /// The subject that the JetStream API lives under.
    pub(super) fn api_prefix(&self) -> String {
        match (&self.jetstream_api_prefix, &self.jetstream_domain) {
            (Some(prefix), _) => prefix.trim_end_matches('.').to_owned(),
            (None, Some(domain)) => format!("$JS.{domain}.API"),
            (None, None) => "$JS.API".to_owned(),
        }
    }

    fn two_logins(&self, in_url: bool) -> Option<SettingComplaint> {
        let ways = [
            ("url", "credentials in `url`", in_url),
            ("creds", "`creds`", self.creds.is_some()),
            ("nkey", "`nkey`", self.nkey.is_some()),
            ("user", "`user`", self.user.is_some()),
            ("token", "`token`", self.token.is_some()),
        ];
        let used: Vec<_> = ways.iter().filter(|(.., used)| *used).collect();
        let said: Vec<&str> = used.iter().map(|(_, said, _)| *said).collect();
        let names: Vec<&'static str> = used.iter().rev().map(|(name, ..)| *name).collect();
        (used.len() > 1).then(|| {
            let message = format!("{} exclude each other; keep one", said.join(" and "));
            complaint(&names, message)
        })
    }

    fn halves(&self) -> Vec<SettingComplaint> {
        let pairs = [
            (
                "user",
                self.user.is_some(),
                "password",
                self.password.is_some(),
            ),
            ("cert", self.cert.is_some(), "key", self.key.is_some()),
        ];
        let halves = pairs.into_iter().filter(|(_, one, _, other)| one != other);
        halves
            .map(|(one, is_there, other, _)| {
                let message = format!("`{one}` and `{other}` belong together; set both");
                let names = if is_there { [one, other] } else { [other, one] };
                complaint(&names, message)
            })
            .collect()
    }

    fn bad_subjects(&self) -> Vec<SettingComplaint> {
        let settings = [
            ("jetstream_domain", &self.jetstream_domain),
            ("jetstream_api_prefix", &self.jetstream_api_prefix),
            ("inbox_prefix", &self.inbox_prefix),
        ];
        let unfit = |text: &str| {
            let text = text.trim_end_matches('.');
            text.split('.').any(str::is_empty)
                || text.contains(|c: char| c.is_whitespace() || "*>".contains(c))
        };
        let bad = settings.into_iter().filter_map(|(name, value)| {
            let value = value.as_deref().filter(|value| unfit(value))?;
            let message = format!("`{name}` is `{value}`, which is no literal subject; leave out blanks, `*`, `>` and empty tokens");
            Some(complaint(&[name], message))
        });
        bad.collect()
    }

    /// The files that they name: credentials, keys, certificates.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let files = [&self.creds, &self.nkey, &self.ca, &self.cert, &self.key];
        files.into_iter().flatten()
    }

    /// Where the `nats` CLI keeps the context `name`: `config_home` is `$XDG_CONFIG_HOME` or `~/.config`.
    pub fn context_path(config_home: &Path, name: &str) -> PathBuf {
        config_home
            .join("nats")
            .join("context")
            .join(format!("{name}.json"))
    }
}

impl fmt::Debug for NatsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NatsSettings {
            url: _,
            context,
            creds,
            nkey,
            user,
            password,
            token,
            ca,
            cert,
            key,
            tls_first,
            jetstream_domain,
            jetstream_api_prefix,
            inbox_prefix,
        } = self;
        f.debug_struct("NatsSettings")
            .field("url", &self.display_url())
            .field("context", context)
            .field("creds", creds)
            .field("nkey", nkey)
            .field("user", user)
            .field("password", password)
            .field("token", token)
            .field("ca", ca)
            .field("cert", cert)
            .field("key", key)
            .field("tls_first", tls_first)
            .field("jetstream_domain", jetstream_domain)
            .field("jetstream_api_prefix", jetstream_api_prefix)
            .field("inbox_prefix", inbox_prefix)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> NatsSettings {
        NatsSettings::at("nats://127.0.0.1:4222")
    }

    fn reason(settings: &NatsSettings) -> String {
        settings.check().unwrap_err().to_string()
    }

    #[test]
    fn debug_shows_no_secret() {
        let settings = NatsSettings {
            user: Some("ann".to_owned()),
            password: Some("s3cret".into()),
            token: Some("s3cret".into()),
            ..NatsSettings::at("nats://ann:s3cret@h:4222")
        };
        let shown = format!("{settings:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(shown.contains("nats://h:4222"), "{shown}");
    }

    #[test]
    fn two_ways_to_log_in_are_one_too_many() {
        let both = NatsSettings {
            token: Some("t".into()),
            creds: Some("c".into()),
            ..settings()
        };
        assert!(reason(&both).contains("`creds` and `token` exclude each other"));
        let in_url = NatsSettings {
            token: Some("t".into()),
            ..NatsSettings::at("nats://u:p@h")
        };
        assert!(reason(&in_url).contains("credentials in `url` and `token`"));
    }

    #[test]
    fn halves_are_named() {
        let user = NatsSettings {
            user: Some("u".to_owned()),
            ..settings()
        };
        assert!(reason(&user).contains("`user` and `password` belong together"));
        let cert = NatsSettings {
            cert: Some("c".into()),
            ..settings()
        };
        assert!(reason(&cert).contains("`cert` and `key` belong together"));
    }

    #[test]
    fn the_api_is_where_the_settings_say() {
        assert_eq!(settings().api_prefix(), "$JS.API");
        let domain = NatsSettings {
            jetstream_domain: Some("hub".to_owned()),
            ..settings()
        };
        assert_eq!(domain.api_prefix(), "$JS.hub.API");
        let prefix = NatsSettings {
            jetstream_api_prefix: Some("acc.JS.".to_owned()),
            ..settings()
        };
        assert_eq!(prefix.api_prefix(), "acc.JS");
        prefix.check().unwrap();
        let blank = NatsSettings {
            jetstream_domain: Some("a b".to_owned()),
            ..settings()
        };
        assert!(reason(&blank).contains("`jetstream_domain` is `a b`"));
    }
}
