//! Profiles of the AWS tools: credentials, region and endpoint out of `~/.aws/credentials` and `~/.aws/config`. Pure.

use configparser::ini::{Ini, IniDefault};

/// What a profile has.
#[derive(Default, Clone, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) key_id: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) token: Option<String>,
    pub(super) region: Option<String>,
    pub(super) endpoint: Option<String>,
    /// It gets its credentials in a way that is not done here; its name.
    pub(super) elsewhere: Option<&'static str>,
}

/// Keys of a profile whose credentials come from another program, or another service.
const ELSEWHERE: [&str; 4] = [
    "credential_process",
    "role_arn",
    "sso_session",
    "sso_start_url",
];
const SETTINGS: [&str; 4] = [
    "credential_source",
    "source_profile",
    "web_identity_token_file",
    "login_session",
];

impl Profile {
    /// Reads a profile. `credentials` and `config`: the texts of both files, empty where there are none.
    ///
    /// # Errors
    /// A file is none, or has no such profile though `is_named`: a sentence that repeats nothing of it.
    pub(super) fn read(
        credentials: &str,
        config: &str,
        name: &str,
        is_named: bool,
    ) -> Result<Self, String> {
        let credentials = ini(credentials).map_err(|()| bad("the file of credentials"))?;
        let config = ini(config).map_err(|()| bad("the file of configuration"))?;
        let prefixed = format!("profile {name}");
        let section = match (config.get_map_ref().contains_key(&prefixed), name) {
            (false, "default") => "default".to_owned(),
            _ => prefixed,
        };
        let has = |ini: &Ini, section: &str| ini.get_map_ref().contains_key(section);
        if is_named && !has(&credentials, name) && !has(&config, &section) {
            return Err(format!(
                "there is no profile {name:?} in the files of the AWS tools"
            ));
        }
        let of = |key: &str| {
            let own = value(&credentials, name, key);
            own.or_else(|| value(&config, &section, key))
        };
        // Both halves of a pair come from one file.
        let pair = [(&credentials, name), (&config, section.as_str())]
            .into_iter()
            .find_map(|(ini, section)| {
                let one = |key| value(ini, section, key);
                Some((
                    one("aws_access_key_id")?,
                    one("aws_secret_access_key")?,
                    one("aws_session_token"),
                ))
            });
        let services = of("services").map(|services| format!("services {services}"));
        let endpoint = services.and_then(|section| nested(&config, &section, "s3", "endpoint_url"));
        let elsewhere = ELSEWHERE.into_iter().chain(SETTINGS);
        let elsewhere = elsewhere
            .filter(|_| pair.is_none())
            .find(|key| of(key).is_some());
        let (key_id, secret, token) = match pair {
            Some((key_id, secret, token)) => (Some(key_id), Some(secret), token),
            None => (None, None, None),
        };
        Ok(Self {
            key_id,
            secret,
            token,
            region: of("region"),
            endpoint: endpoint
                .or_else(|| nested(&config, &section, "s3", "endpoint_url"))
                .or_else(|| of("endpoint_url")),
            elsewhere,
        })
    }
}

fn bad(what: &str) -> String {
    format!("{what} of the AWS tools cannot be read: it is not as they write it")
}

fn ini(text: &str) -> Result<Ini, ()> {
    let mut defaults = IniDefault::default();
    defaults.default_section = String::new();
    defaults.delimiters = vec!['='];
    defaults.case_sensitive = true;
    defaults.multiline = true;
    defaults.enable_inline_comments = false;
    let mut ini = Ini::new_from_defaults(defaults);
    ini.read(text.to_owned()).map_err(|_| ())?;
    Ok(ini)
}

/// A value without a comment behind it.
fn value(ini: &Ini, section: &str, key: &str) -> Option<String> {
    let value = ini.get(section, key)?;
    let end = [" #", " ;", "\t#", "\t;"]
        .iter()
        .filter_map(|mark| value.find(mark))
        .min();
    let value = value[..end.unwrap_or(value.len())].trim();
    (!value.is_empty()).then(|| value.to_owned())
}

/// A value of a group: what is further to the right beneath its name.
fn nested(config: &Ini, section: &str, group: &str, key: &str) -> Option<String> {
    let group = config.get(section, group)?;
    value(&ini(&group).ok()?, "", key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CREDENTIALS: &str = "[default]\naws_access_key_id = A\naws_secret_access_key = a/b+c=\n\n[tv]\naws_access_key_id=B # ours\naws_secret_access_key=b\naws_session_token=t==\n";
    const CONFIG: &str = "[default]\nregion = eu-west-1\n[profile tv]\nregion=eu-central-1\nservices = local\ns3 =\n  max_concurrent_requests = 20\n[services local]\ndynamodb =\n  endpoint_url = http://d:1\ns3 =\n  endpoint_url = http://s:2\n[profile role]\nrole_arn = arn:x\nsource_profile = tv\n";

    fn read(name: &str) -> Result<Profile, String> {
        Profile::read(CREDENTIALS, CONFIG, name, true)
    }

    #[test]
    fn a_profile_is_of_both_files() {
        let default = read("default").unwrap();
        assert_eq!(default.key_id.as_deref(), Some("A"));
        assert_eq!(default.secret.as_deref(), Some("a/b+c="));
        assert_eq!(default.region.as_deref(), Some("eu-west-1"));
        assert_eq!(default.endpoint, None);
        let tv = read("tv").unwrap();
        assert_eq!(tv.key_id.as_deref(), Some("B"));
        assert_eq!(tv.token.as_deref(), Some("t=="));
        assert_eq!(tv.endpoint.as_deref(), Some("http://s:2"));
        assert_eq!(tv.elsewhere, None);
    }

    #[test]
    fn what_is_not_done_is_said_and_what_is_missing_is_missed() {
        assert_eq!(read("role").unwrap().elsewhere, Some("role_arn"));
        assert!(read("other").is_err());
        assert!(Profile::read("", "", "default", false).is_ok_and(|own| own == Profile::default()));
        let why = Profile::read("[x\nsecret", "", "x", true).err().unwrap();
        assert!(!why.contains("secret"), "{why}");
    }
}
