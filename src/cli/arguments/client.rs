//! Arguments for what clients of isreplayer may take.

use std::fs::File;
use std::path::PathBuf;
use std::time::Duration;

use super::durations::parse_positive;
use crate::cli::descriptors;
use crate::cli::exit::Failure;
use crate::replayer::connection::limits::{HEAD, IDLE, STALL};
use crate::replayer::{Cors, Limits, PageOrigin};

/// Limits on clients, for `--help` only: few need them.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits on clients")]
pub(crate) struct ClientArguments {
    /// Connections at once [default: what the limit of open files allows, 16384 at most]
    #[arg(long, value_name = "NUMBER", value_parser = parse_number, hide_short_help = true)]
    max_connections: Option<usize>,
    /// Connections at once from one address [default: three quarters of all]
    #[arg(long, value_name = "NUMBER", value_parser = parse_number, hide_short_help = true)]
    max_connections_per_address: Option<usize>,
    /// Time for a client to send the head of a request [default: 10]
    #[arg(long, value_name = "SECONDS", value_parser = parse_positive, hide_short_help = true)]
    head_timeout: Option<Duration>,
    /// Time for a client to ask again on the same connection [default: 30]
    #[arg(long, value_name = "SECONDS", value_parser = parse_positive, hide_short_help = true)]
    idle_timeout: Option<Duration>,
    /// Time for a client to take the next byte of an answer [default: 20]
    #[arg(long, value_name = "SECONDS", value_parser = parse_positive, hide_short_help = true)]
    stall_timeout: Option<Duration>,
}

impl ClientArguments {
    /// The limits, once that of open files is raised.
    ///
    /// # Errors
    /// More connections are asked for than files may be open.
    pub(crate) fn limits(&self) -> Result<Limits, Failure> {
        let files = descriptors::limit();
        if let Some(asked) = self.max_connections.filter(|asked| *asked > files) {
            return Err(Failure::usage(format!(
                "--max-connections {asked}: no more than {files} files may be open at once; \
                 choose fewer, or raise that limit (ulimit -n)"
            )));
        }
        let usual = Limits::for_descriptors(files);
        let connections = self.max_connections.unwrap_or(usual.connections);
        Ok(Limits {
            connections,
            per_address: self
                .max_connections_per_address
                .unwrap_or_else(|| Limits::most_per_address(connections)),
            head: self.head_timeout.unwrap_or(HEAD),
            idle: self.idle_timeout.unwrap_or(IDLE),
            stall: self.stall_timeout.unwrap_or(STALL),
        })
    }
}

/// Pages of other sites, for both programs that answer players.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct PageArguments {
    /// Pages of this origin may send cookies and passwords, as behind a login
    /// (https://player.example.com); may be repeated
    ///
    /// Any page may read what it gets without credentials. A page of another site that is to get through the
    /// login of a proxy in front of the replayer (hls.js with withCredentials), or to a private network from a
    /// public site, needs this.
    #[arg(long, value_name = "ORIGIN", value_parser = parse_origin)]
    cors_credentials: Vec<PageOrigin>,

    /// Let the page at / play with hls.js (npm i hls.js: node_modules/hls.js/dist/hls.min.js), which also tells of its buffer [default: what the browser has]
    #[arg(long, value_name = "FILE")]
    hls_js: Option<PathBuf>,
}

impl PageArguments {
    /// Which pages may send credentials.
    pub(crate) fn cors(&self) -> Cors {
        self.cors_credentials.clone().into()
    }

    /// Whether there are any.
    pub(crate) fn are_given(&self) -> bool {
        !self.cors_credentials.is_empty() || self.hls_js.is_some()
    }

    /// The file of hls.js.
    ///
    /// # Errors
    /// It cannot be read, in a sentence: whoever typed its name has to know.
    pub(crate) fn hls_js(&self) -> Result<Option<PathBuf>, String> {
        let Some(path) = &self.hls_js else {
            return Ok(None);
        };
        let read = File::open(path).and_then(|file| file.metadata());
        let why = match read {
            Ok(facts) if facts.is_file() => return Ok(Some(path.clone())),
            Ok(_) => "it is no file".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(format!("--hls-js {}: {why}", path.display()))
    }
}

fn parse_origin(text: &str) -> Result<PageOrigin, String> {
    PageOrigin::parse(text).map_err(|error| error.to_string())
}

fn parse_number(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(number @ 1..) => Ok(number),
        _ => Err("write a number of 1 or more".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Alone {
        #[command(flatten)]
        clients: ClientArguments,
    }

    fn limits(arguments: &[&str]) -> Result<Limits, Failure> {
        let all = ["isreplayer"].iter().chain(arguments);
        Alone::try_parse_from(all).unwrap().clients.limits()
    }

    #[test]
    fn each_limit_can_be_set() {
        assert_eq!(
            limits(&[]).unwrap(),
            Limits::for_descriptors(descriptors::limit())
        );
        let set = limits(&[
            "--max-connections=8",
            "--max-connections-per-address=9",
            "--head-timeout=1",
            "--idle-timeout=1.5",
            "--stall-timeout=2m",
        ]);
        let wanted = Limits {
            connections: 8,
            per_address: 9,
            head: Duration::from_secs(1),
            idle: Duration::from_millis(1500),
            stall: Duration::from_secs(120),
        };
        assert_eq!(set.unwrap(), wanted);
        assert_eq!(limits(&["--max-connections=8"]).unwrap().per_address, 6);
        assert!(limits(&["--max-connections=99999999999"]).is_err());
        for wrong in ["--max-connections=0", "--head-timeout=0"] {
            assert!(Alone::try_parse_from(["isreplayer", wrong]).is_err());
        }
    }
}
