//! Looking up the addresses of a name: asynchronous, bounded, and without any verdict on them.
//!
//! The hosts file (for the system's name servers) goes before DNS and replaces it: a name listed
//! there needs no name server. DNS answers are not cached here: what a name means is asked for
//! each new connection, the machine's own resolver caches, and a cache counted in answers, which
//! receivers may blow up to 64 KB each, would have no bound in bytes.
//!
//! Invariant: at most `DNS_IN_FLIGHT_MAX` look-ups run at once, and none outlives its time.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::config::{
    ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::{Query, ResponseCode};
use hickory_resolver::proto::rr::{Name, RecordType};
use hickory_resolver::{Hosts, TokioResolver, system_conf};
use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;
use tokio::sync::Semaphore;

use super::fault::Fault;
use super::{ClientError, NameServers};
use crate::clock::Clock;

/// The kind of address asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// A records.
    V4,
    /// AAAA records.
    V6,
}

/// Why there is no address.
#[derive(Debug)]
pub(super) enum NoAddress {
    /// The name does not exist, for either family.
    NoName,
    /// The name has no address of this family.
    NotOfThisFamily,
    /// No answer in time.
    TimedOut,
    /// The name servers failed.
    Failed(NetError),
}

impl From<NoAddress> for Fault {
    fn from(why: NoAddress) -> Self {
        match why {
            NoAddress::NoName => Self::noted(OutcomeKind::DnsNotFound, "the name does not exist"),
            NoAddress::NotOfThisFamily => {
                Self::noted(OutcomeKind::DnsNotFound, "the name has no address")
            }
            NoAddress::TimedOut => Self::plain(OutcomeKind::DnsTimeout),
            NoAddress::Failed(NetError::Dns(DnsError::ResponseCode(code))) => {
                Self::noted(OutcomeKind::DnsError, format_args!("the name servers said: {code}"))
            }
            // Other errors may name the addresses of our name servers.
            NoAddress::Failed(_) => Self::plain(OutcomeKind::DnsError),
        }
    }
}

/// Looks up names.
#[derive(Debug)]
pub(super) struct Names {
    hosts: Hosts,
    resolver: TokioResolver,
    slots: Semaphore,
    clock: Clock,
}

impl Names {
    /// A resolver that asks these name servers.
    pub(super) fn new(servers: NameServers, clock: Clock) -> Result<Self, ClientError> {
        let failed = |error: NetError| ClientError::NameServers(Box::new(error));
        let (config, mut options, hosts) = match servers {
            NameServers::System => {
                let (config, options) = system_conf::read_system_conf().map_err(failed)?;
                // A system without a hosts file is one with an empty one.
                (config, options, Hosts::from_system().unwrap_or_default())
            }
            NameServers::Given(servers) => {
                let servers = servers.into_iter().map(name_server).collect();
                let config = ResolverConfig::from_parts(None, Vec::new(), servers);
                (config, ResolverOpts::default(), Hosts::default())
            }
        };
        options.use_hosts_file = ResolveHosts::Never;
        options.cache_size = 0;
        // Two tries fill the time there is (reliability.md E11: at most 2 s each).
        options.attempts = 1;
        options.timeout = limits::DNS_TIMEOUT / 2;
        options.max_active_requests = limits::DNS_IN_FLIGHT_MAX;
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let resolver = builder.with_options(options).build().map_err(failed)?;
        let slots = Semaphore::new(limits::DNS_IN_FLIGHT_MAX);
        Ok(Self { hosts, resolver, slots, clock })
    }

    /// The addresses of a name, in the order given, within `time`.
    pub(super) async fn look_up(
        &self,
        host: &str,
        family: Family,
        time: Duration,
    ) -> Result<Vec<IpAddr>, NoAddress> {
        let mut name = Name::from_ascii(host).map_err(|error| NoAddress::Failed(error.into()))?;
        // Absolute, so that no search domain of ours is tried.
        name.set_fqdn(true);
        if let Some(listed) = self.listed(&name, family) {
            return listed;
        }
        let asked = async {
            let _slot = self.slots.acquire().await;
            self.resolver.lookup(name, family.record_type()).await
        };
        match self.clock.within(time, asked).await {
            None => Err(NoAddress::TimedOut),
            Some(Ok(found)) => of_family(&found, family),
            Some(Err(error)) => Err(judge(error)),
        }
    }

    /// What the hosts file says; `None` when it says nothing at all about the name.
    fn listed(&self, name: &Name, family: Family) -> Option<Result<Vec<IpAddr>, NoAddress>> {
        let look = |family: Family| {
            self.hosts.lookup_static_host(&Query::query(name.clone(), family.record_type()))
        };
        match (look(Family::V4), look(Family::V6), family) {
            (None, None, _) => None,
            (Some(found), _, Family::V4) | (_, Some(found), Family::V6) => {
                Some(of_family(&found, family))
            }
            _ => Some(Err(NoAddress::NotOfThisFamily)),
        }
    }
}

impl Family {
    const fn record_type(self) -> RecordType {
        match self {
            Self::V4 => RecordType::A,
            Self::V6 => RecordType::AAAA,
        }
    }
}

fn name_server(address: SocketAddr) -> NameServerConfig {
    let at_its_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(at_its_port);
    NameServerConfig::new(address.ip(), true, connections.into())
}

/// The addresses among the records; the others are the aliases on the way to them.
fn of_family(found: &Lookup, family: Family) -> Result<Vec<IpAddr>, NoAddress> {
    let records =
        found.answers().iter().filter(|record| record.record_type() == family.record_type());
    let addresses: Vec<_> = records
        .filter_map(|record| record.data.ip_addr())
        .take(limits::DNS_ADDRESSES_MAX)
        .collect();
    if addresses.is_empty() { Err(NoAddress::NotOfThisFamily) } else { Ok(addresses) }
}

fn judge(error: NetError) -> NoAddress {
    match error {
        NetError::Timeout => NoAddress::TimedOut,
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => NoAddress::NoName,
            ResponseCode::NoError => NoAddress::NotOfThisFamily,
            code => NoAddress::Failed(NetError::Dns(DnsError::ResponseCode(code))),
        },
        error => NoAddress::Failed(error),
    }
}
