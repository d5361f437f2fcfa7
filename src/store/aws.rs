//! Buckets: credentials, region and endpoint as the AWS tools take them, from the environment first, then from a profile.

use std::env;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use object_store::RetryConfig;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key};

use super::connect::{Connector, options};
use super::error::{StoreError, Trouble};
use super::profile::Profile;

/// Files of the AWS tools are no larger, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// The bucket, without a request.
pub(super) fn bucket(name: &str) -> Result<Arc<AmazonS3>, StoreError> {
    let what = format!("s3://{name}");
    let unusable = |why: String| StoreError::new(Trouble::Denied, what.as_str(), why);
    let mut builder = AmazonS3Builder::from_env();
    let profile = profile().map_err(unusable)?;
    let is_set = |builder: &AmazonS3Builder, key| builder.get_config_value(&key).is_some();
    let other = [
        Key::WebIdentityTokenFile,
        Key::ContainerCredentialsRelativeUri,
        Key::ContainerCredentialsFullUri,
    ];
    let has_own = is_set(&builder, Key::AccessKeyId) || is_set(&builder, Key::SecretAccessKey);
    if !has_own && let (Some(key_id), Some(secret)) = (&profile.key_id, &profile.secret) {
        builder = builder
            .with_access_key_id(key_id)
            .with_secret_access_key(secret);
        if let Some(token) = &profile.token {
            builder = builder.with_token(token);
        }
    } else if !has_own
        && let Some(key) = profile.elsewhere
        && !other.into_iter().any(|key| is_set(&builder, key))
    {
        return Err(unusable(format!(
            "the profile has its credentials from {key}, which is not done here; `aws configure export-credentials --format env` gives them to the environment"
        )));
    }
    if let (false, Some(region)) = (is_set(&builder, Key::Region), profile.region) {
        builder = builder.with_region(region);
    }
    let endpoint = builder.get_config_value(&Key::S3Endpoint);
    let endpoint = endpoint
        .or_else(|| builder.get_config_value(&Key::Endpoint))
        .or(profile.endpoint);
    let plain = endpoint
        .as_ref()
        .is_some_and(|url| url.starts_with("http://"));
    if let Some(endpoint) = endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    let built: object_store::Result<AmazonS3> = builder
        .with_bucket_name(name)
        .with_client_options(options(plain))
        .with_retry(once())
        .with_http_connector(Connector)
        .build();
    Ok(Arc::new(
        built.map_err(|error| StoreError::of(what.as_str(), &error))?,
    ))
}

/// Whoever asks decides how often: what is tried again is counted, and told.
fn once() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

fn profile() -> Result<Profile, String> {
    let named = env::var("AWS_PROFILE").ok().filter(|name| !name.is_empty());
    let credentials = text("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
    let config = text("AWS_CONFIG_FILE", "config")?;
    let name = named.as_deref().unwrap_or("default");
    Profile::read(&credentials, &config, name, named.is_some())
}

/// A file of the AWS tools; empty where there is none.
fn text(variable: &str, name: &str) -> Result<String, String> {
    let set = env::var_os(variable)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from);
    let Some(path) = set.or_else(|| Some(env::home_dir()?.join(".aws").join(name))) else {
        return Ok(String::new());
    };
    let shown = path.display();
    match fs::metadata(&path) {
        Ok(facts) if facts.is_file() && facts.len() <= LARGEST => {
            fs::read_to_string(&path).map_err(|error| format!("{shown}: {error}"))
        }
        Ok(_) => Err(format!("{shown} is no file of the AWS tools")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(format!("{shown}: {error}")),
    }
}
