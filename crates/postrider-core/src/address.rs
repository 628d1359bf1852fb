//! May we connect to this IP address and port? The only judge of that question.
//!
//! Owns the tables of denied blocks, ports and names, and the operator's exceptions. Leaves
//! resolving and dialling to the engine, and the reading of URLs to `target`.
//!
//! Invariants:
//! - An [`Admitted`] exists only because [`AddressPolicy::judge`] made it, so a dialler that asks
//!   for one by type cannot be handed an address nobody judged.
//! - An IPv4-mapped IPv6 address is judged, admitted and dialled as the IPv4 address inside it.
//! - Only 2000::/3 is ever public in IPv6, whatever the table forgot.
//! - Loopback, link-local and metadata addresses open only to a CIDR that names them (see
//!   [`AddressPolicy::allow`]), never as a side effect of a broad one.
//!
//! The tables are those of the IANA special-purpose registries of 2025-10-09, kept here, dated,
//! because the lists inside libraries lag behind by years.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use DeniedClass::{
    Benchmarking, Documentation, LinkLocal, Loopback, Metadata, Multicast, Private, Reserved,
    Shared, ThisNetwork, Transition,
};

#[cfg(test)]
mod tests;

/// Which addresses and ports this installation may send to. The default is the public internet;
/// only operators' settings change it.
#[derive(Debug, Clone, Default)]
pub struct AddressPolicy {
    allowed: Vec<IpNet>,
    denied: Vec<IpNet>,
    own: Vec<IpAddr>,
    /// Empty means every port but the bad ones.
    ports: BTreeSet<u16>,
}

/// Permission to connect to one address and port; made by [`AddressPolicy::judge`] alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Admitted(SocketAddr);

impl Admitted {
    /// The very address to dial. IPv4-mapped IPv6 has become plain IPv4 here.
    pub const fn socket_addr(&self) -> SocketAddr {
        self.0
    }
}

/// A refusal to connect. Its `Display` is the same for every reason, because tenants must not be
/// able to map a private network by comparing answers; the fields are for operators only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the target is not a public internet address")]
pub struct Denied {
    /// The kind of refusal, for metrics and decisions.
    pub class: DeniedClass,
    /// What was refused, in the words of the registry.
    pub explanation: &'static str,
}

/// Why an address, port or name is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DeniedClass {
    /// "This network" (0.0.0.0/8 and ::), which reaches local listeners on Linux.
    ThisNetwork,
    /// This very machine.
    Loopback,
    /// Neighbours on the same wire.
    LinkLocal,
    /// A cloud provider's instance metadata or platform service: the classic prize.
    Metadata,
    /// Private networks, IPv4 and IPv6.
    Private,
    /// Shared space of carriers; many overlay networks live there too.
    Shared,
    /// Addresses that exist only in documents.
    Documentation,
    /// Addresses for benchmarks of network devices.
    Benchmarking,
    /// One address, many listeners; meaningless for HTTP.
    Multicast,
    /// Carries an IPv4 address inside, and so could smuggle a denied one.
    Transition,
    /// Reserved, unallocated or without any use for a web server.
    Reserved,
    /// An address of this installation itself.
    Own,
    /// On the operator's own list of denied blocks.
    Operator,
    /// A port that other protocols own, or that the operator did not list.
    Port,
    /// A name that cannot lead to a public server.
    Name,
}

impl DeniedClass {
    /// True for what opens only to a CIDR that names it: a broad one such as 0.0.0.0/0 is
    /// written by people who think of their network, not of their machine or their cloud account.
    const fn needs_naming(self) -> bool {
        matches!(self, Self::ThisNetwork | Self::Loopback | Self::LinkLocal | Self::Metadata)
    }
}

impl AddressPolicy {
    /// Adds blocks that may be sent to although they are not public.
    ///
    /// They come before all else: denied blocks, own addresses and ports do not apply to them (a
    /// test receiver on 127.0.0.1 may have any port but 0).
    ///
    /// Loopback, link-local, metadata and "this network" addresses open only to a CIDR that lies
    /// wholly inside the denied block that holds them, the narrowest where blocks nest. So
    /// 127.0.0.0/8 opens loopback and 0.0.0.0/0 does not; 169.254.0.0/16 opens link-local except
    /// the metadata addresses in it; those need their own /32.
    #[must_use]
    pub fn allow(mut self, blocks: impl IntoIterator<Item = IpNet>) -> Self {
        self.allowed.extend(blocks.into_iter().map(plain_block));
        self
    }

    /// Adds blocks that may not be sent to although they are public, such as the operator's own
    /// NAT64 prefix or an office network.
    #[must_use]
    pub fn deny(mut self, blocks: impl IntoIterator<Item = IpNet>) -> Self {
        self.denied.extend(blocks.into_iter().map(plain_block));
        self
    }

    /// Adds addresses of this installation: interfaces, public addresses, the database's host.
    /// They are refused on all ports, so that no webhook posts back into our own API.
    #[must_use]
    pub fn own(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.own.extend(addresses.into_iter().map(|address| address.to_canonical()));
        self
    }

    /// Adds to the only ports to send to, which replace the list of bad ports. Adding none
    /// changes nothing.
    #[must_use]
    pub fn only_ports(mut self, ports: impl IntoIterator<Item = u16>) -> Self {
        self.ports.extend(ports);
        self
    }

    /// Judges one address and port; the result is what may be dialled. The address comes before
    /// the port, so that probing ports of a private address tells nothing.
    pub fn judge(&self, address: IpAddr, port: u16) -> Result<Admitted, Denied> {
        if port == 0 {
            return Err(PORT_ZERO);
        }
        let address = address.to_canonical();
        if !self.is_allowed(address) {
            self.judge_address(address)?;
            self.judge_listed_port(port)?;
        }
        Ok(Admitted(SocketAddr::new(address, port)))
    }

    /// Judges a host name before it is resolved: a courtesy for clear messages. The guard is
    /// [`judge`](Self::judge), on every resolved address. As soon as the operator allows any
    /// block, names are left to it: `localhost` may be exactly what that block was allowed for.
    pub fn judge_name(&self, host: &str) -> Result<(), Denied> {
        match name_is_denied(host) {
            Some(denied) if self.allowed.is_empty() => Err(denied),
            _ => Ok(()),
        }
    }

    /// Judges the port of a name before it is resolved, with the same exception: the name may
    /// lead to an allowed block, where any port will do.
    pub fn judge_port(&self, port: u16) -> Result<(), Denied> {
        if port == 0 {
            return Err(PORT_ZERO);
        }
        if self.allowed.is_empty() { self.judge_listed_port(port) } else { Ok(()) }
    }

    fn is_allowed(&self, address: IpAddr) -> bool {
        let guard = naming_block(address);
        self.allowed.iter().any(|block| {
            block.contains(&address) && guard.is_none_or(|guard| guard.contains(block))
        })
    }

    fn judge_address(&self, address: IpAddr) -> Result<(), Denied> {
        if let Some((_, denied)) = listed(address) {
            return Err(denied);
        }
        if self.own.contains(&address) {
            return Err(denied(DeniedClass::Own, "an address of this installation"));
        }
        if self.denied.iter().any(|block| block.contains(&address)) {
            return Err(denied(DeniedClass::Operator, "on the operator's list of denied blocks"));
        }
        // Under any prefix, an ISATAP router forwards to the IPv4 address in the interface id.
        if let IpAddr::V6(address) = address
            && let Some(embedded) = isatap_ipv4(address)
        {
            return self.judge_address(IpAddr::V4(embedded)).map_err(|inner| {
                denied(inner.class, "ISATAP interface id with a denied IPv4 address inside")
            });
        }
        Ok(())
    }

    fn judge_listed_port(&self, port: u16) -> Result<(), Denied> {
        let why = match port {
            _ if self.ports.contains(&port) => return Ok(()),
            _ if !self.ports.is_empty() => "not on the operator's list of ports",
            _ if BAD_PORTS.contains(&port) => "on the Fetch standard's list of bad ports",
            _ if DATABASE_PORTS.contains(&port) => "the port of a database or control service",
            _ => return Ok(()),
        };
        Err(denied(DeniedClass::Port, why))
    }
}

/// Refuses names that lead nowhere public: single labels and the private suffixes of RFC 6761,
/// 6762, 7686, 8375 and of common practice. One trailing dot and letter case are ignored.
pub fn name_is_denied(host: &str) -> Option<Denied> {
    let name = host.strip_suffix('.').unwrap_or(host);
    if !name.contains('.') {
        return Some(denied(DeniedClass::Name, "a name of one label, such as localhost"));
    }
    // The dot before the suffix belongs to the comparison: notlocal.example is not under .local.
    let is_under = |suffix: &str| {
        let start = name.len().checked_sub(suffix.len());
        start
            .and_then(|start| name.get(start..))
            .is_some_and(|end| end.eq_ignore_ascii_case(suffix))
    };
    PRIVATE_SUFFIXES
        .into_iter()
        .any(|suffix| is_under(suffix) || name.eq_ignore_ascii_case(&suffix[1..]))
        .then_some(denied(DeniedClass::Name, "a name under a private suffix"))
}

const PORT_ZERO: Denied = denied(DeniedClass::Port, "port 0");

const fn denied(class: DeniedClass, explanation: &'static str) -> Denied {
    Denied { class, explanation }
}

/// A block as it is compared: without host bits, and as IPv4 where it lies inside ::ffff:0:0/96,
/// because such addresses are judged as IPv4.
fn plain_block(block: IpNet) -> IpNet {
    if let IpNet::V6(v6) = block
        && let Some(address) = v6.addr().to_ipv4_mapped()
        && let Some(length) = v6.prefix_len().checked_sub(96)
        && let Ok(v4) = Ipv4Net::new(address, length)
    {
        return IpNet::V4(v4.trunc());
    }
    block.trunc()
}

/// The narrowest denied block that holds an address, and its refusal.
fn listed(address: IpAddr) -> Option<(IpNet, Denied)> {
    match address {
        IpAddr::V4(address) => {
            let row = IPV4_DENIED.iter().find(|(block, _)| block.contains(&address));
            row.map(|&(block, denied)| (block.into(), denied))
        }
        IpAddr::V6(address) => {
            let row = IPV6_DENIED.iter().find(|(block, _)| block.contains(&address));
            let row = row.or((!IPV6_GLOBAL.contains(&address)).then_some(&IPV6_UNALLOCATED));
            row.map(|&(block, denied)| (block.into(), denied))
        }
    }
}

/// The block that an allowed CIDR must lie inside to open this address, if it needs naming.
fn naming_block(address: IpAddr) -> Option<IpNet> {
    if let Some((block, denied)) = listed(address)
        && denied.class.needs_naming()
    {
        return Some(block);
    }
    // 64:ff9b::a9fe:a9fe is the metadata service by another name: it opens one by one.
    let IpAddr::V6(v6) = address else { return None };
    naming_block(embedded_ipv4(v6)?.into()).map(|_| address.into())
}

/// The IPv4 address inside an ISATAP interface id (RFC 5214): `::0:5efe:a.b.c.d` and, with the
/// universal bit, `::200:5efe:a.b.c.d`.
fn isatap_ipv4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [_, _, _, _, kind, marker, _, _] = address.segments();
    (matches!(kind, 0 | 0x0200) && marker == 0x5efe).then(|| last_ipv4(address))
}

/// The IPv4 address that the well-known transition schemes read out of an IPv6 address.
fn embedded_ipv4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    match address.segments() {
        [0x2002, a, b, ..] => Some(Ipv4Addr::from_bits(u32::from(a) << 16 | u32::from(b))),
        [0, 0, 0, 0, 0 | 0xffff, 0, ..] | [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
            Some(last_ipv4(address))
        }
        _ => isatap_ipv4(address),
    }
}

fn last_ipv4(address: Ipv6Addr) -> Ipv4Addr {
    let [.., a, b, c, d] = address.octets();
    Ipv4Addr::new(a, b, c, d)
}

type Row<Net> = (Net, Denied);

const fn v4(octets: [u8; 4], length: u8, class: DeniedClass, what: &'static str) -> Row<Ipv4Net> {
    (Ipv4Net::new_assert(Ipv4Addr::from_octets(octets), length), denied(class, what))
}

const fn v6(text: [u16; 8], length: u8, class: DeniedClass, what: &'static str) -> Row<Ipv6Net> {
    (Ipv6Net::new_assert(Ipv6Addr::from_segments(text), length), denied(class, what))
}

/// IANA IPv4 special-purpose registry of 2025-10-09, and multicast from its own registry. The
/// first row that holds an address wins: single addresses inside wider blocks come first. Three
/// blocks that the registry calls reachable are denied because no webhook lives there.
static IPV4_DENIED: [Row<Ipv4Net>; 25] = [
    v4([169, 254, 169, 254], 32, Metadata, "instance metadata (AWS, Google, Azure and others)"),
    v4([169, 254, 169, 253], 32, Metadata, "AWS resolver of the private network"),
    v4([169, 254, 170, 2], 32, Metadata, "AWS ECS task credentials"),
    v4([169, 254, 170, 23], 32, Metadata, "AWS EKS pod credentials"),
    v4([100, 100, 100, 200], 32, Metadata, "Alibaba instance metadata"),
    v4([192, 0, 0, 192], 32, Metadata, "Oracle instance metadata"),
    // In public space, and therefore missed by every registry.
    v4([168, 63, 129, 16], 32, Metadata, "Azure platform channel"),
    v4([0, 0, 0, 0], 8, ThisNetwork, "this network"),
    v4([10, 0, 0, 0], 8, Private, "private network"),
    v4([100, 64, 0, 0], 10, Shared, "shared carrier space"),
    v4([127, 0, 0, 0], 8, Loopback, "loopback"),
    v4([169, 254, 0, 0], 16, LinkLocal, "link-local"),
    v4([172, 16, 0, 0], 12, Private, "private network"),
    v4([192, 0, 0, 0], 24, Reserved, "IETF protocol assignments"),
    v4([192, 0, 2, 0], 24, Documentation, "TEST-NET-1"),
    v4([192, 31, 196, 0], 24, Reserved, "AS112"),
    v4([192, 52, 193, 0], 24, Reserved, "AMT"),
    v4([192, 88, 99, 0], 24, Transition, "old 6to4 relay"),
    v4([192, 168, 0, 0], 16, Private, "private network"),
    v4([192, 175, 48, 0], 24, Reserved, "AS112 direct delegation"),
    v4([198, 18, 0, 0], 15, Benchmarking, "benchmarking"),
    v4([198, 51, 100, 0], 24, Documentation, "TEST-NET-2"),
    v4([203, 0, 113, 0], 24, Documentation, "TEST-NET-3"),
    v4([224, 0, 0, 0], 4, Multicast, "multicast"),
    v4([240, 0, 0, 0], 4, Reserved, "reserved, and broadcast"),
];

/// The only IPv6 space that is allocated to the public internet.
static IPV6_GLOBAL: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

static IPV6_UNALLOCATED: Row<Ipv6Net> =
    v6([0, 0, 0, 0, 0, 0, 0, 0], 0, Reserved, "outside 2000::/3, not allocated");

/// IANA IPv6 special-purpose registry of 2025-10-09, narrow rows first. The rows outside 2000::/3
/// only name what is denied there anyway.
static IPV6_DENIED: [Row<Ipv6Net>; 24] = [
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128, Loopback, "loopback"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128, ThisNetwork, "unspecified address"),
    v6([0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0], 32, Metadata, "AWS instance metadata and services"),
    v6([0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x254], 128, Metadata, "Google instance metadata"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 32, Transition, "Teredo"),
    v6([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, Benchmarking, "benchmarking"),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, Reserved, "IETF protocol assignments"),
    v6([0x2001, 0x0db8, 0, 0, 0, 0, 0, 0], 32, Documentation, "documentation"),
    v6([0x2002, 0, 0, 0, 0, 0, 0, 0], 16, Transition, "6to4"),
    v6([0x2620, 0x004f, 0x8000, 0, 0, 0, 0, 0], 48, Reserved, "AS112 direct delegation"),
    v6([0x3ffe, 0, 0, 0, 0, 0, 0, 0], 16, Reserved, "former 6bone"),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Documentation, "documentation"),
    v6([0, 0, 0, 0, 0, 0, 0, 0], 96, Transition, "IPv4-compatible"),
    v6([0, 0, 0, 0, 0xffff, 0, 0, 0], 96, Transition, "IPv4-translated"),
    v6([0x64, 0xff9b, 0, 0, 0, 0, 0, 0], 96, Transition, "NAT64"),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, Transition, "NAT64, local use"),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64, Reserved, "discard only"),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64, Reserved, "dummy prefix"),
    v6([0x200, 0, 0, 0, 0, 0, 0, 0], 7, Reserved, "former NSAP space"),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16, Reserved, "segment routing"),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Private, "unique local"),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, LinkLocal, "link-local"),
    v6([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, Private, "former site-local"),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, Multicast, "multicast"),
];

/// The Fetch standard's "bad port" table as of 2025-08: its newest entries are 4190 and 6679
/// (April 2024) and port 0 (August 2025), which `judge` refuses itself.
const BAD_PORTS: [u16; 82] = [
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
    103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
    512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
    995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
    6669, 6679, 6697, 10080,
];

/// Docker, MySQL, PostgreSQL, Redis, Elasticsearch, memcached, MongoDB.
const DATABASE_PORTS: [u16; 7] = [2375, 3306, 5432, 6379, 9200, 11211, 27017];

/// `localhost` itself, `metadata` and `ip6-localhost` are single labels, refused as such.
const PRIVATE_SUFFIXES: [&str; 6] =
    [".localhost", ".local", ".internal", ".localdomain", ".home.arpa", ".onion"];
