//! The address people reach this installation under, when it is not the one it listens at.

use std::fmt;
use std::str::FromStr;

use axum::http::Uri;
use axum::http::header::HOST;
use axum::http::{HeaderMap, HeaderValue};

/// `https://hooks.example.com`: a scheme and a host, perhaps a port, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    is_https: bool,
    authority: String,
}

impl PublicUrl {
    /// Two years, as browsers want it for their own lists (RFC 6797; ASVS 5.0.0, 3.4.1).
    const TRANSPORT: HeaderValue = HeaderValue::from_static("max-age=63072000; includeSubDomains");

    /// What tells browsers to come back over TLS only, if this is reached over it.
    pub(crate) fn strict_transport(&self) -> Option<HeaderValue> {
        self.is_https.then_some(Self::TRANSPORT)
    }

    /// Whether a request was sent to this address. A default port may be named.
    pub(crate) fn is_host_of(&self, headers: &HeaderMap) -> bool {
        let Some(host) = headers.get(HOST).and_then(|host| host.to_str().ok()) else {
            return false;
        };
        let default = if self.is_https { ":443" } else { ":80" };
        let host = host.strip_suffix(default).unwrap_or(host);
        host.eq_ignore_ascii_case(&self.authority)
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || format!("{text:?} is not like \"https://hooks.example.com\"");
        let uri: Uri = text.parse().map_err(|_| form())?;
        let is_https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(form()),
        };
        let authority = uri.authority().map(|given| given.as_str().to_ascii_lowercase());
        let authority = authority.filter(|given| !given.contains('@')).ok_or_else(form)?;
        if uri.path_and_query().is_some_and(|rest| rest.as_str() != "/") || text.contains('#') {
            return Err(format!("{text:?} has a path; the admin needs an address of its own"));
        }
        let default = if is_https { ":443" } else { ":80" };
        let authority = authority.strip_suffix(default).unwrap_or(&authority).to_owned();
        Ok(Self { is_https, authority })
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_is_a_scheme_and_a_host() {
        let shown = |text: &str| text.parse::<PublicUrl>().map(|url| url.to_string());
        assert_eq!(
            shown("https://Hooks.example.com:443/").as_deref(),
            Ok("https://hooks.example.com")
        );
        assert_eq!(shown("http://10.0.0.1:8080").as_deref(), Ok("http://10.0.0.1:8080"));
        for wrong in [
            "",
            "hooks.example.com",
            "ftp://a",
            "https://a/b",
            "https://u@a",
            "https://a?b",
            "https://a#b",
        ] {
            assert!(shown(wrong).is_err(), "{wrong}");
        }
    }
}
