//! Where hosts are: the names of origins, and which of their addresses may be connected to.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::address;
use super::reach::{Proxies, Reach};
use super::refusal::{NotPublic, Unresolved};
use crate::recorder::settings::options::Options;

/// Why there was no answer.
pub(crate) type AskError = Box<dyn Error + Send + Sync>;

/// The system's resolver, with errors that can be told from others. It is asked for each new
/// connection, and what it gives is what is connected to: a name that leads elsewhere the second
/// time gains nothing.
#[derive(Debug)]
pub(crate) struct Resolver {
    reach: Reach,
    limit: Duration,
    /// Names of proxies, in lower case: the user's own word.
    proxies: Vec<String>,
}

impl Resolver {
    pub(crate) fn new(options: &Options, reach: Reach) -> Self {
        Self {
            reach,
            limit: options.limits.resolve,
            proxies: Proxies::new(options).names(),
        }
    }

    /// Where a host (in lower case) is.
    pub(crate) fn addresses(
        &self,
        host: String,
    ) -> impl Future<Output = Result<Vec<SocketAddr>, AskError>> + Send + 'static {
        let limit = self.limit;
        let reach = match self.proxies.contains(&host) {
            true => Reach::Any,
            false => self.reach,
        };
        async move {
            let looking = tokio::net::lookup_host((host.as_str(), 0));
            let found = tokio::time::timeout(limit, looking).await;
            let found = found.map_or_else(
                |_| Err(io::ErrorKind::TimedOut.into()),
                |found| found.map(Vec::from_iter),
            );
            match found {
                Ok(addresses) => {
                    Ok(admitted_addresses(reach, host, addresses.into_iter())?.collect())
                }
                Err(source) => Err(Unresolved { host, source }.into()),
            }
        }
    }
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let addresses = self.addresses(name.as_str().to_ascii_lowercase());
        Box::pin(async move { Ok(Box::new(addresses.await?.into_iter()) as Addrs) })
    }
}

/// The addresses that may be connected to.
fn admitted_addresses(
    reach: Reach,
    host: String,
    addresses: impl Iterator<Item = SocketAddr>,
) -> Result<std::vec::IntoIter<SocketAddr>, NotPublic> {
    let (public, others): (Vec<_>, Vec<_>) =
        addresses.partition(|a| reach == Reach::Any || address::is_public(a.ip()));
    match others.first() {
        Some(other) if public.is_empty() => Err(NotPublic {
            host,
            what: address::special(other.ip()).unwrap_or_default(),
        }),
        _ => Ok(public.into_iter()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_no_address_that_is_out_of_reach() {
        let all = ["127.0.0.1:0", "93.184.216.34:0", "[::ffff:10.0.0.1]:0"];
        let all = all.map(|address| address.parse::<SocketAddr>().unwrap());
        let of = |reach, addresses: &[SocketAddr]| {
            admitted_addresses(reach, "h".to_owned(), addresses.iter().copied())
                .map(Iterator::count)
        };
        assert_eq!(of(Reach::Any, &all).unwrap(), 3);
        assert_eq!(of(Reach::Public, &all).unwrap(), 1);
        let refused = of(Reach::Public, &all[..1]).unwrap_err().to_string();
        assert!(refused.starts_with("h is a loopback address"), "{refused}");
    }
}
