//! Arguments for what clients of isreplayer may take.

use std::time::Duration;

use super::descriptors;
use super::durations::parse_positive;
use super::exit::Failure;
use crate::replayer::Limits;
use crate::replayer::serve::limits::{HEAD, IDLE, STALL};

/// Limits on clients, for `--help` only: few need them.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Limits on clients")]
pub(super) struct ClientArguments {
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
    pub(super) fn limits(&self) -> Result<Limits, Failure> {
        let files = descriptors::most();
        if let Some(asked) = self.max_connections.filter(|asked| *asked > files) {
            return Err(Failure::usage(format!(
                "--max-connections {asked}: no more than {files} files may be open at once; \
                 choose fewer, or raise that limit (ulimit -n)"
            )));
        }
        let usual = Limits::within(files);
        let connections = self.max_connections.unwrap_or(usual.connections);
        Ok(Limits {
            connections,
            per_address: self
                .max_connections_per_address
                .unwrap_or_else(|| Limits::share(connections)),
            head: self.head_timeout.unwrap_or(HEAD),
            idle: self.idle_timeout.unwrap_or(IDLE),
            stall: self.stall_timeout.unwrap_or(STALL),
        })
    }
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
        assert_eq!(limits(&[]).unwrap(), Limits::within(descriptors::most()));
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
