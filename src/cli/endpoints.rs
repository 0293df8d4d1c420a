use std::path::PathBuf;

use indexmap::IndexMap;
use secrecy::{ExposeSecret, SecretString};

use super::{environment, logs};
use crate::broker::kafka::{KafkaSettings, PropertyComplaint};
use crate::broker::nats::NatsSettings;
use crate::engine::Endpoints;
use crate::manifest::{Connections, KafkaConnection, NatsConnection, read_text};
use crate::model::{Broker, Code, Problem};

/// How to reach these brokers, with the files that the connections name read. The secrets among
/// the settings are blinded in every log line from here on.
///
/// # Errors
/// Every problem of the brokers' settings at once.
pub(super) fn endpoints(
    connections: &Connections,
    brokers: &[Broker],
    environment: &IndexMap<String, String>,
) -> Result<Endpoints, Vec<Problem>> {
    let mut endpoints = Endpoints::default();
    let mut problems = Vec::new();
    if brokers.contains(&Broker::Nats) {
        endpoints.account = connections.nats.account.clone();
        match nats(&connections.nats, environment) {
            Ok(settings) => endpoints.nats = Some(settings),
            Err(problem) => problems.push(problem),
        }
    }
    if brokers.contains(&Broker::Kafka) {
        endpoints.cluster_id = connections.kafka.cluster_id.clone();
        match kafka(&connections.kafka) {
            Ok(settings) => endpoints.kafka = Some(settings),
            Err(complaints) => problems.extend(complaints),
        }
    }
    if problems.is_empty() {
        Ok(endpoints)
    } else {
        Err(problems)
    }
}

fn nats(
    connection: &NatsConnection,
    environment: &IndexMap<String, String>,
) -> Result<NatsSettings, Problem> {
    let mut settings = connection.settings()?;
    if let Some(name) = settings.context.clone() {
        let context =
            context(&name, environment).map_err(|p| p.at(connection.place_of("context")))?;
        settings = laid_over(context, settings, connection);
    }
    for secret in [&settings.password, &settings.token].into_iter().flatten() {
        logs::blind(secret.clone());
    }
    blind_url(&settings.url);
    Ok(settings)
}

/// The file of the context of the `nats` tool that these connections name, and those that it names.
pub(super) fn context_files(
    connections: &Connections,
    environment: &IndexMap<String, String>,
) -> Vec<PathBuf> {
    let config = environment::config_home(environment);
    let Some((config, name)) = config.zip(connections.nats.context()) else {
        return Vec::new();
    };
    let own = NatsSettings::context_path(&config, name);
    let settings = context(name, environment).ok();
    let named = settings.iter().flat_map(NatsSettings::files).cloned();
    named.chain([own]).collect()
}

/// The settings of a context of the `nats` tool.
fn context(name: &str, environment: &IndexMap<String, String>) -> Result<NatsSettings, Problem> {
    let unreadable = |message: String| {
        Problem::error(Code::FileUnreadable, message).hint("`nats context ls` lists the contexts")
    };
    let config = environment::config_home(environment).ok_or_else(|| {
        unreadable(format!(
            "the context `{name}` can't be found: neither XDG_CONFIG_HOME nor HOME is set"
        ))
    })?;
    let path = NatsSettings::context_path(&config, name);
    let json = read_text(&path)
        .map_err(|problem| unreadable(format!("the context `{name}`: {}", problem.message)))?;
    let home = environment::home(environment);
    NatsSettings::from_context(&json, &path, home.as_deref()).map_err(|error| error.problem())
}

/// The context with what the manifest says itself laid over it.
fn laid_over(
    context: NatsSettings,
    said: NatsSettings,
    connection: &NatsConnection,
) -> NatsSettings {
    NatsSettings {
        url: match connection.says_url {
            true => said.url,
            false => context.url,
        },
        context: said.context,
        creds: said.creds.or(context.creds),
        nkey: said.nkey.or(context.nkey),
        user: said.user.or(context.user),
        password: said.password.or(context.password),
        token: said.token.or(context.token),
        ca: said.ca.or(context.ca),
        cert: said.cert.or(context.cert),
        key: said.key.or(context.key),
        tls_first: match connection.says_tls_first {
            true => said.tls_first,
            false => context.tls_first,
        },
        jetstream_domain: said.jetstream_domain.or(context.jetstream_domain),
        jetstream_api_prefix: said.jetstream_api_prefix.or(context.jetstream_api_prefix),
        inbox_prefix: said.inbox_prefix.or(context.inbox_prefix),
    }
}

fn kafka(connection: &KafkaConnection) -> Result<KafkaSettings, Vec<Problem>> {
    let properties = connection.properties().map_err(|problem| vec![problem])?;
    for (name, value) in &properties {
        if is_secret(name) {
            logs::blind(value.as_str().into());
        }
    }
    KafkaSettings::from_properties(&properties).map_err(|complaints| {
        let problem = |complaint: PropertyComplaint| {
            let place = connection.place_of(&complaint.property);
            let message = format!("`{}`: {}", complaint.property, complaint.message);
            let problem = Problem::error(Code::Property, message).at(place);
            match complaint.hint {
                Some(hint) => problem.hint(hint),
                None => problem,
            }
        };
        complaints.into_iter().map(problem).collect()
    })
}

fn is_secret(property: &str) -> bool {
    [
        "password",
        "secret",
        "token",
        "key.pem",
        "oauthbearer.config",
    ]
    .iter()
    .any(|word| property.contains(word))
}

/// The passwords of addresses such as `nats://user:password@host`.
fn blind_url(url: &SecretString) {
    for address in url.expose_secret().split(',') {
        let Some((login, _)) = address.rsplit_once('@') else {
            continue;
        };
        let login = login.split_once("://").map_or(login, |(_, login)| login);
        logs::blind(login.split_once(':').map_or(login, |(_, word)| word).into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Input, Inputs, load};

    #[test]
    fn what_the_manifest_says_wins_over_the_context() {
        let home = tempfile::TempDir::new().unwrap();
        let folder = home.path().join("nats/context");
        std::fs::create_dir_all(&folder).unwrap();
        let context = r#"{"url":"nats://context:1","user":"ann","password":"p","tls_first":true}"#;
        std::fs::write(folder.join("good.json"), context).unwrap();
        let config = home.path().display().to_string();
        let environment = IndexMap::from([
            ("XDG_CONFIG_HOME".to_owned(), config),
            ("NATS_URL".to_owned(), "nats://environment:1".to_owned()),
        ]);
        let settings = |more: &str| {
            let manifest = home.path().join("m.yaml");
            let text = format!("stack: a\nconnections: {{ nats: {{ context: good{more} }} }}\n");
            std::fs::write(&manifest, text).unwrap();
            let loaded = load(&Inputs {
                files: vec![Input::of_argument(manifest.to_str().unwrap())],
                environment: environment.clone(),
                ..Inputs::default()
            });
            let connections = loaded.manifest.unwrap().connections;
            nats(&connections.nats, &environment).unwrap()
        };
        let told = |settings: &NatsSettings| {
            let url = settings.url.expose_secret().to_owned();
            (url, settings.user.clone().unwrap(), settings.tls_first)
        };
        let alone = told(&settings(""));
        assert_eq!(alone, ("nats://context:1".into(), "ann".into(), true));
        let both = told(&settings(
            ", url: \"nats://said:1\", user: bob, tls_first: false",
        ));
        assert_eq!(both, ("nats://said:1".into(), "bob".into(), false));
    }

    #[test]
    fn what_an_overlay_names_in_vain_is_told_at_its_own_line() {
        let folder = tempfile::TempDir::new().unwrap();
        let place_of_problem = |overlay: &str| {
            let texts = [
                "stack: a\nconnections: { nats: { inbox_prefix: x } }\n",
                overlay,
            ];
            let files = texts.iter().enumerate().map(|(index, text)| {
                let path = folder.path().join(format!("{index}.yaml"));
                std::fs::write(&path, text).unwrap();
                Input::Path(path)
            });
            let loaded = load(&Inputs {
                files: files.collect(),
                ..Inputs::default()
            });
            let connections = loaded.manifest.unwrap().connections;
            let place = nats(&connections.nats, &IndexMap::new())
                .unwrap_err()
                .place
                .unwrap();
            let file = place.file.rsplit('/').next().unwrap().to_owned();
            (file, place.line, place.column)
        };
        for field in ["context", "password_file"] {
            let user = match field {
                "context" => "",
                _ => "user: ann,",
            };
            let overlay = format!("connections:\n  nats: {{ {user}\n    {field}: no-such }}\n");
            assert_eq!(
                place_of_problem(&overlay),
                ("1.yaml".into(), 3, 5),
                "{field}"
            );
        }
    }
}
