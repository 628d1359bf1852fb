//! Why a text is not accepted as a target: what the person who wrote it is told, and the codes.

use super::TARGET_URL_BYTES_MAX;
use crate::address::Denied;

/// Why a text is not accepted as a target. The `Display` text is for the person who wrote it and
/// says what to do; [`code`](Self::code) is stable and for programs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TargetRefusal {
    /// Not a URL, or one that only a forgiving parser would understand.
    #[error("The URL cannot be read: {0}.")]
    InvalidUrl(&'static str),
    /// Neither http nor https.
    #[error("Only web addresses can be targets: write the URL with https:// at its start.")]
    SchemeNotAllowed,
    /// http where only https is accepted.
    #[error("Only https is accepted here: write the URL with https:// at its start.")]
    HttpsRequired,
    /// User name or password before the host; they would be stored and shown in clear.
    #[error(
        "The URL contains a user name or password: remove it, and verify the signature of each \
         request instead."
    )]
    CredentialsInUrl,
    /// A fragment, which is never sent to a server.
    #[error("The URL contains a # part, which is never sent to a server: remove it.")]
    FragmentInUrl,
    /// Not a number from 1 to 65535.
    #[error("The port is not valid: use a number from 1 to 65535, or leave it out.")]
    InvalidPort,
    /// A port this installation does not send to.
    #[error("Port {0} is not allowed for targets: use 443 or another port of a web server.")]
    PortNotAllowed(u16),
    /// An address or name that is not public. The sentence is the same for each of them.
    #[error(
        "{host} is not a public internet address: use the URL of a server that can be reached \
         from the internet."
    )]
    TargetNotAllowed {
        /// The host in normal form, as understood.
        host: String,
        /// The reason, for the operator's log only: tenants must learn nothing of the network.
        denied: Denied,
    },
    /// The address Postrider itself answers on.
    #[error("This leads back to Postrider itself: use the URL of the server that receives.")]
    TargetIsSelf,
    /// The host is neither an address nor a name that DNS can hold.
    #[error("The host is not valid: {0}.")]
    InvalidHost(&'static str),
    /// Longer than [`TARGET_URL_BYTES_MAX`], as written or once percent-encoded.
    #[error(
        "The URL is too long: at most {TARGET_URL_BYTES_MAX} bytes are allowed, counted after \
         percent-encoding."
    )]
    TooLong,
}

impl TargetRefusal {
    /// The stable code of the API's answer.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InvalidUrl(_) => "invalid_url",
            Self::SchemeNotAllowed => "scheme_not_allowed",
            Self::HttpsRequired => "https_required",
            Self::CredentialsInUrl => "credentials_in_url",
            Self::FragmentInUrl => "fragment_in_url",
            Self::InvalidPort => "invalid_port",
            Self::PortNotAllowed(_) => "port_not_allowed",
            Self::TargetNotAllowed { .. } => "target_not_allowed",
            Self::TargetIsSelf => "target_is_self",
            Self::InvalidHost(_) => "invalid_host",
            Self::TooLong => "too_long",
        }
    }
}
