//! Contexts of the `nats` command-line tool.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{NatsError, NatsSettings};

impl NatsSettings {
    /// The settings of a `nats` CLI context.
    ///
    /// `json` is the text of the context's file at `path` (see [`NatsSettings::context_path`]); `home` stands
    /// for `~` in its paths.
    ///
    /// # Errors
    /// [`NatsError::MalformedFile`] when it is no context, or sets something that cannot be honoured here
    /// (`nsc`, `socks_proxy`, `user_jwt`, `user_seed`).
    pub fn from_context(
        json: &str,
        path: &Path,
        home: Option<&Path>,
    ) -> Result<NatsSettings, NatsError> {
        let malformed = |reason: String| NatsError::MalformedFile {
            role: "context",
            path: path.to_owned(),
            reason,
        };
        let context = serde_json::from_str::<Context>(json)
            .map_err(|error| malformed(without_values(&error)))?;
        if let Some(field) = context.unhonoured() {
            return Err(malformed(format!(
                "`{field}` cannot be honoured; use `creds`, `nkey`, `user` and `password` or `token`"
            )));
        }
        Ok(context.settings(path, home))
    }
}

/// The fields of a context that mean something here; empty text means absent, as in the tool itself
/// (`jsm.go/natscontext`).
#[derive(Deserialize)]
#[serde(default)]
struct Context {
    url: String,
    token: String,
    user: String,
    password: String,
    creds: String,
    nkey: String,
    cert: String,
    key: String,
    ca: String,
    nsc: String,
    socks_proxy: String,
    user_jwt: String,
    user_seed: String,
    jetstream_domain: String,
    jetstream_api_prefix: String,
    inbox_prefix: String,
    tls_first: bool,
}

impl Default for Context {
    fn default() -> Self {
        let empty = String::new;
        Context {
            url: "nats://127.0.0.1:4222".to_owned(),
            token: empty(),
            user: empty(),
            password: empty(),
            creds: empty(),
            nkey: empty(),
            cert: empty(),
            key: empty(),
            ca: empty(),
            nsc: empty(),
            socks_proxy: empty(),
            user_jwt: empty(),
            user_seed: empty(),
            jetstream_domain: empty(),
            jetstream_api_prefix: empty(),
            inbox_prefix: empty(),
            tls_first: false,
        }
    }
}

impl Context {
    fn unhonoured(&self) -> Option<&'static str> {
        let fields = [
            ("nsc", &self.nsc),
            ("socks_proxy", &self.socks_proxy),
            ("user_jwt", &self.user_jwt),
            ("user_seed", &self.user_seed),
        ];
        let set = fields.into_iter().find(|(_, value)| !value.is_empty());
        set.map(|(name, _)| name)
    }

    fn settings(self, path: &Path, home: Option<&Path>) -> NatsSettings {
        let file = |text: String| present(text).map(|text| expanded(&text, home));
        let url = present(self.url).unwrap_or_else(|| Context::default().url);
        NatsSettings {
            context: path
                .file_stem()
                .map(|name| name.to_string_lossy().into_owned()),
            creds: file(self.creds),
            nkey: file(self.nkey),
            user: present(self.user),
            password: present(self.password).map(Into::into),
            token: present(self.token).map(Into::into),
            ca: file(self.ca),
            cert: file(self.cert),
            key: file(self.key),
            tls_first: self.tls_first,
            jetstream_domain: present(self.jetstream_domain),
            jetstream_api_prefix: present(self.jetstream_api_prefix),
            inbox_prefix: present(self.inbox_prefix),
            ..NatsSettings::at(&url)
        }
    }
}

fn present(text: String) -> Option<String> {
    Some(text).filter(|text| !text.is_empty())
}

fn expanded(text: &str, home: Option<&Path>) -> PathBuf {
    match (text.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(text),
    }
}

/// Where the JSON goes wrong, without quoting it: a value may be a secret.
fn without_values(error: &serde_json::Error) -> String {
    format!(
        "it is not the JSON of a `nats` context (line {}, column {})",
        error.line(),
        error.column()
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    fn read(json: &str) -> Result<NatsSettings, NatsError> {
        NatsSettings::from_context(
            json,
            Path::new("/c/nats/context/prod.json"),
            Some(Path::new("/home/ann")),
        )
    }

    #[test]
    fn a_context_becomes_settings() {
        let settings = read(
            r#"{"description":"prod","url":"tls://a:4222,tls://b:4222","user":"ann","password":"pw","creds":"",
                "ca":"~/ca.pem","jetstream_domain":"hub","inbox_prefix":"_INBOX_ann","tls_first":true,
                "color_scheme":"","windows_ca_certs_match":null}"#,
        )
        .unwrap();
        assert_eq!(settings.context.as_deref(), Some("prod"));
        assert_eq!(settings.display_url(), "tls://a:4222,tls://b:4222");
        assert_eq!(settings.password.unwrap().expose_secret(), "pw");
        assert_eq!(settings.creds, None);
        assert_eq!(settings.ca.unwrap(), Path::new("/home/ann/ca.pem"));
        assert!(settings.tls_first);
        assert_eq!(settings.inbox_prefix.as_deref(), Some("_INBOX_ann"));
    }

    #[test]
    fn an_empty_context_is_the_local_server() {
        assert_eq!(read("{}").unwrap().display_url(), "nats://127.0.0.1:4222");
    }

    #[test]
    fn what_cannot_be_honoured_is_an_error() {
        let message = read(r#"{"nsc":"nsc://op/acc/user"}"#)
            .unwrap_err()
            .to_string();
        assert!(message.contains("`nsc` cannot be honoured"), "{message}");
        assert!(message.contains("/c/nats/context/prod.json"), "{message}");
    }

    #[test]
    fn a_broken_context_shows_its_place_and_no_secret() {
        let message = read(r#"{"password": ["s3cret"]}"#).unwrap_err().to_string();
        assert!(message.contains("line 1"), "{message}");
        assert!(!message.contains("s3cret"), "{message}");
    }
}
