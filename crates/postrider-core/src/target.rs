//! The URL a webhook points to: one parser, one normal form, clear refusals.
//!
//! Owns the reading of target URLs and everything the HTTP client asks of one. Leaves the verdict
//! on addresses, ports and names to `address`, and resolving and dialling to the engine.
//!
//! Invariants:
//! - The text stored, shown, resolved, sent as Host and used for TLS is the same one: nobody
//!   parses the URL a second time with another parser. (`http::Uri` takes 2130706433 for a name
//!   where `url` takes it for 127.0.0.1; two parsers are a hole.)
//! - Parsing the normal form gives the same normal form.
//! - The normal form is ASCII, at most [`TARGET_URL_BYTES_MAX`] long, without credentials and
//!   fragment; a name in it is in punycode, lower case, and without a final dot.
//! - What the WHATWG parser would repair in silence is refused instead, except that characters
//!   of a path or query that must be percent-encoded are, once.

use std::cell::Cell;
use std::fmt::{self, Write as _};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use url::{Host, ParseError, SyntaxViolation, Url};

use crate::address::{AddressPolicy, Denied, DeniedClass};

mod refusal;
#[cfg(test)]
mod tests;

pub use refusal::TargetRefusal;

/// Longest target URL, as written and in normal form: what browsers and servers commonly take.
pub const TARGET_URL_BYTES_MAX: usize = 2048;

/// Longest host name in text form (RFC 1035: 255 octets on the wire).
const NAME_BYTES_MAX: usize = 253;

/// Longest label of a host name (RFC 1035).
const LABEL_BYTES_MAX: usize = 63;

/// What this installation accepts as a target; set by operators only.
#[derive(Debug, Clone, Default)]
pub struct TargetRules {
    /// Accept `http:` beside `https:` (`--allow-http-targets`).
    pub allow_http: bool,
    /// Judge of literal addresses, names and ports.
    pub addresses: Arc<AddressPolicy>,
}

/// A URL that may be sent to, in normal form. Cheap to clone.
#[derive(Clone)]
pub struct TargetUrl(Arc<Parts>);

/// The host of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TargetHost<'a> {
    /// A literal address: nothing to resolve, but still to be judged before dialling.
    Ip(IpAddr),
    /// A name to resolve, absolute although written without its final dot.
    Name(&'a str),
}

struct Parts {
    text: String,
    is_https: bool,
    /// `None` when the host is a name.
    address: Option<IpAddr>,
    /// The host in `text`, without the brackets of IPv6.
    host: Range<usize>,
    port: u16,
    authority: Range<usize>,
}

impl TargetUrl {
    /// Reads a URL as a person or program wrote it, and judges it by the rules.
    pub fn parse(text: &str, rules: &TargetRules) -> Result<Self, TargetRefusal> {
        let target = Self::restored(text)?;
        target.judge(rules)?;
        Ok(target)
    }

    /// Reads a URL back from our own database. Its syntax must hold; the rules are not asked
    /// again, because they may have changed since, and the dialler judges every address anyway.
    pub fn restored(text: &str) -> Result<Self, TargetRefusal> {
        refuse_characters(text)?;
        Parts::new(&parse_strictly(text)?).map(|parts| Self(Arc::new(parts)))
    }

    /// Judges a restored URL by today's rules.
    pub fn judge(&self, rules: &TargetRules) -> Result<(), TargetRefusal> {
        if !self.scheme_is_https() && !rules.allow_http {
            return Err(TargetRefusal::HttpsRequired);
        }
        let verdict = match self.host() {
            TargetHost::Ip(address) => rules.addresses.judge(address, self.port()).map(|_| ()),
            TargetHost::Name(name) => (rules.addresses.judge_name(name))
                .and_then(|()| rules.addresses.judge_port(self.port())),
        };
        verdict.map_err(|denied| self.refused(denied))
    }

    /// The refusal of this target because of where it leads.
    pub fn refused(&self, denied: Denied) -> TargetRefusal {
        match denied.class {
            DeniedClass::Port => TargetRefusal::PortNotAllowed(self.port()),
            DeniedClass::Own => TargetRefusal::TargetIsSelf,
            _ => TargetRefusal::TargetNotAllowed { host: self.host_str().to_owned(), denied },
        }
    }

    /// The normal form: what is stored, shown and sent.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// True for https, false for http; there is nothing else.
    pub fn scheme_is_https(&self) -> bool {
        self.0.is_https
    }

    /// The host to judge or to resolve.
    pub fn host(&self) -> TargetHost<'_> {
        match self.0.address {
            Some(address) => TargetHost::Ip(address),
            None => TargetHost::Name(self.host_str()),
        }
    }

    /// The host as TLS wants it for SNI and for the certificate: a name in punycode, or an
    /// address, IPv6 without brackets.
    pub fn host_str(&self) -> &str {
        self.slice(&self.0.host)
    }

    /// The port to dial, whether written or implied by the scheme.
    pub fn port(&self) -> u16 {
        self.0.port
    }

    /// The value of the Host header: the port only when it is not the default of the scheme.
    pub fn authority(&self) -> &str {
        self.slice(&self.0.authority)
    }

    /// What the request line asks for; begins with a slash.
    pub fn path_and_query(&self) -> &str {
        self.0.text.get(self.0.authority.end..).unwrap_or_default()
    }

    fn slice(&self, range: &Range<usize>) -> &str {
        self.0.text.get(range.clone()).unwrap_or_default()
    }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("TargetUrl").field(&self.as_str()).finish()
    }
}

impl PartialEq for TargetUrl {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for TargetUrl {}

impl Hash for TargetUrl {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl Parts {
    /// Writes the normal form once and remembers where its parts lie.
    fn new(url: &Url) -> Result<Self, TargetRefusal> {
        let is_https = url.scheme() == "https";
        let port = url.port_or_known_default().filter(|&port| port != 0);
        let port = port.ok_or(TargetRefusal::InvalidPort)?;
        let written = url.host_str().unwrap_or_default();
        let (address, host) = match url.host().ok_or(NO_HOST)? {
            Host::Ipv4(address) => (Some(address.into()), written),
            Host::Ipv6(address) => (Some(address.into()), written),
            Host::Domain(name) => (None, plain_name(name)?),
        };
        let mut text = format!("{}://", url.scheme());
        let authority_start = text.len();
        let brackets = usize::from(host.starts_with('['));
        text.push_str(host);
        let host = authority_start + brackets..text.len() - brackets;
        if let Some(port) = url.port() {
            text.push(':');
            text.push_str(&port.to_string());
        }
        let authority = authority_start..text.len();
        push_encoded(&mut text, &url[url::Position::BeforePath..]);
        if text.len() > TARGET_URL_BYTES_MAX {
            return Err(TargetRefusal::TooLong);
        }
        Ok(Self { text, is_https, address, host, port, authority })
    }
}

const NO_HOST: TargetRefusal =
    TargetRefusal::InvalidUrl("it names no host; write it in full, like https://example.com/hook");

/// What is refused by looking at characters, because the WHATWG parser would drop or turn them.
fn refuse_characters(text: &str) -> Result<(), TargetRefusal> {
    let refuse = |why| Err(TargetRefusal::InvalidUrl(why));
    if text.len() > TARGET_URL_BYTES_MAX {
        return Err(TargetRefusal::TooLong);
    }
    if text.is_empty() {
        return refuse("it is empty; write it in full, like https://example.com/hook");
    }
    if text.chars().any(char::is_control) {
        return refuse("it contains a tab, a line break or another control character; remove it");
    }
    if text.trim() != text {
        return refuse("it begins or ends with a space; remove it");
    }
    if text.contains(char::is_whitespace) {
        return refuse("it contains a space; remove it, or write %20 where it is meant");
    }
    if text.contains('\\') {
        return refuse("it contains a back-slash; write / or, where it is meant, %5C");
    }
    Ok(())
}

/// Runs the one parser, and refuses whatever it had to repair.
fn parse_strictly(text: &str) -> Result<Url, TargetRefusal> {
    let repaired = Cell::new(None);
    let has_credentials = Cell::new(false);
    let note = |violation| match violation {
        // Characters of the path and query that are percent-encoded: `{{id}}`, é. Hosts are not
        // reported this way, and credentials and fragments are refused as a whole.
        SyntaxViolation::NonUrlCodePoint | SyntaxViolation::NullInFragment => {}
        SyntaxViolation::EmbeddedCredentials | SyntaxViolation::UnencodedAtSign => {
            has_credentials.set(true);
        }
        // As it stands, nobody can tell whether it was encoded already.
        SyntaxViolation::PercentDecode => {
            repaired.set(Some("a % in it is not followed by two hexadecimal digits; write %25"));
        }
        SyntaxViolation::ExpectedDoubleSlash => {
            repaired.set(Some("exactly two slashes must follow the scheme, as in https://"));
        }
        _ => repaired.set(Some("it is not written as the URL standard asks")),
    };
    let parsed = Url::options().syntax_violation_callback(Some(&note)).parse(text);
    // First, because all other advice would be wrong for `ftp:` and `javascript:`.
    if let Ok(url) = &parsed
        && !matches!(url.scheme(), "http" | "https")
    {
        return Err(TargetRefusal::SchemeNotAllowed);
    }
    if let Some(why) = repaired.get() {
        return Err(TargetRefusal::InvalidUrl(why));
    }
    if has_credentials.get() {
        return Err(TargetRefusal::CredentialsInUrl);
    }
    let url = parsed.map_err(|error| refusal_of(error, text))?;
    if url.fragment().is_some() {
        return Err(TargetRefusal::FragmentInUrl);
    }
    Ok(url)
}

fn refusal_of(error: ParseError, text: &str) -> TargetRefusal {
    match error {
        ParseError::EmptyHost => NO_HOST,
        ParseError::InvalidPort => TargetRefusal::InvalidPort,
        ParseError::InvalidIpv6Address if has_zone_id(text) => {
            TargetRefusal::InvalidUrl("an address in it has a zone (%…), which is not allowed")
        }
        ParseError::InvalidIpv4Address | ParseError::InvalidIpv6Address => {
            TargetRefusal::InvalidHost("it looks like an IP address but is none")
        }
        ParseError::IdnaError | ParseError::InvalidDomainCharacter => {
            TargetRefusal::InvalidHost("it contains characters that a host name cannot have")
        }
        _ => TargetRefusal::InvalidUrl("write it in full, like https://example.com/hook"),
    }
}

/// Whether a bracketed address, already known to be invalid, carries a zone id (RFC 6874).
fn has_zone_id(text: &str) -> bool {
    let inside = text.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    inside.is_some_and(|(address, _)| address.contains('%'))
}

/// A name without its final dot, if DNS and TLS can carry it. The URL parser checks neither
/// lengths nor empty labels, and lets through characters such as `*` and `'`.
fn plain_name(name: &str) -> Result<&str, TargetRefusal> {
    let refuse = |why| Err(TargetRefusal::InvalidHost(why));
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > NAME_BYTES_MAX {
        return refuse("a host name has at most 253 characters");
    }
    for label in name.split('.') {
        if label.is_empty() {
            return refuse("two dots follow each other, or it begins with one");
        }
        if label.len() > LABEL_BYTES_MAX {
            return refuse("between two dots there are at most 63 characters");
        }
        if label.starts_with('-') || label.ends_with('-') {
            return refuse("a part of it begins or ends with a hyphen");
        }
        let is_plain = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        if !label.bytes().all(is_plain) {
            return refuse("it contains characters that a host name cannot have");
        }
    }
    Ok(name)
}

/// Appends a path and query, encoding what the URL parser leaves raw although RFC 3986 does not
/// allow it there. Square brackets stay: receivers know `a[]=1` as it is.
fn push_encoded(text: &mut String, path_and_query: &str) {
    for character in path_and_query.chars() {
        match character {
            '^' | '`' | '{' | '|' | '}' => {
                // Writing to a String cannot fail.
                let _ = write!(text, "%{:02X}", u32::from(character));
            }
            _ => text.push(character),
        }
    }
}
