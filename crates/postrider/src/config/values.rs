//! How single values are read from a file, a variable or a flag, and printed again.
//!
//! A refusal is a sentence that names what was given and what is allowed. Durations carry units
//! (`"30s"`). Invariant: what [`Value::show`] prints is TOML that reads as the same value, except
//! that a password in a database URL is never printed.

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use ipnet::IpNet;
use postrider_core::{sign, webhook};
use postrider_engine::schemas::SchemaCheck;
use postrider_web::PublicUrl;

/// A value as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Raw {
    Text(String),
    Bool(bool),
    List(Vec<String>),
    /// Something no setting takes; said in words.
    Other(&'static str),
}

impl Raw {
    /// The one text, or what is wrong with it.
    fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            Self::Bool(_) => Err("is true or false; write text in quotation marks".to_owned()),
            Self::List(_) => Err("is a list; write one text in quotation marks".to_owned()),
            Self::Other(kind) => Err(format!("is {kind}; write text in quotation marks")),
        }
    }
}

/// A type of setting.
pub(super) trait Value: Sized {
    /// Reads it, or says what is allowed.
    fn read(raw: &Raw) -> Result<Self, String>;
    /// Prints it as TOML.
    fn show(&self) -> String;
}

/// Reads `raw` into `slot`, which stays as it was when that fails.
pub(super) fn put<T: Value>(slot: &mut T, raw: &Raw) -> Result<(), String> {
    *slot = T::read(raw)?;
    Ok(())
}

/// Text as a TOML string. JSON's escapes are TOML's too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A secret given on the command line. Cannot be printed.
#[derive(Clone)]
pub(crate) struct Secret(String);

impl Secret {
    /// The secret itself. Every use of this is a place where it may leak.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }

    /// The secret on the first line of a file.
    pub(crate) fn from_file(file: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(file);
        let text = text.map_err(|error| format!("cannot read {}: {error}", file.display()))?;
        Ok(Self(text.lines().next().unwrap_or_default().trim().to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl FromStr for Secret {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

/// Names a database. Printed without the password it may hold.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct DatabaseUrl(String);

impl DatabaseUrl {
    /// A database in this SQLite file.
    pub(crate) fn sqlite(path: &std::path::Path) -> Self {
        Self(format!("sqlite:{}", path.display()))
    }

    /// The URL itself, password included.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl Default for DatabaseUrl {
    fn default() -> Self {
        Self("sqlite:postrider.db".to_owned())
    }
}

impl fmt::Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// `scheme://user:…@rest` for `scheme://user:password@rest`; anything else as it is.
fn without_password(url: &str) -> String {
    let hidden = || {
        let (scheme, rest) = url.split_once("://")?;
        let (user, rest) = rest.rsplit_once('@')?;
        let (user, _) = user.split_once(':')?;
        Some(format!("{scheme}://{user}:…@{rest}"))
    };
    hidden().unwrap_or_else(|| url.to_owned())
}

impl Value for DatabaseUrl {
    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        let shown = without_password(text);
        match postrider_store::open::sqlite_path(text) {
            Ok(_) => Ok(Self(text.to_owned())),
            Err(_) => Err(format!("{shown:?} is not a database; write sqlite:PATH")),
        }
    }
    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

impl Value for SocketAddr {
    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        let problem =
            || format!("{text:?} is not an address; write IP:PORT such as 127.0.0.1:8080");
        text.parse().map_err(|_| problem())
    }
    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}

/// Empty text is no address.
impl Value for Option<SocketAddr> {
    fn read(raw: &Raw) -> Result<Self, String> {
        if raw.text()?.is_empty() { Ok(None) } else { SocketAddr::read(raw).map(Some) }
    }
    fn show(&self) -> String {
        self.map_or_else(|| quoted(""), |address| address.show())
    }
}

/// Empty text is no address.
impl Value for Option<PublicUrl> {
    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
    }
    fn show(&self) -> String {
        quoted(&self.as_ref().map(ToString::to_string).unwrap_or_default())
    }
}

/// A number in a second, or no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rate(Option<NonZeroU32>);

impl Rate {
    pub(crate) const fn per_second(self) -> Option<NonZeroU32> {
        self.0
    }
}

impl Value for Rate {
    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        let number = text.strip_suffix("/s").and_then(|number| number.parse().ok());
        match (text, number) {
            ("none", _) => Ok(Self(None)),
            (_, Some(number)) => Ok(Self(Some(number))),
            _ => Err(format!("{text:?} is no rate; write \"none\" or a number such as \"200/s\"")),
        }
    }
    fn show(&self) -> String {
        quoted(&self.0.map_or_else(|| "none".to_owned(), |number| format!("{number}/s")))
    }
}

/// Days, or for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Days(Option<NonZeroU32>);

/// Longest time in days: a hundred years; longer ones are slips of the pen.
const DAYS_MAX: u32 = 36_500;

impl Default for Days {
    /// The default of the only such setting, `retention_days`: a quarter can be looked back on.
    fn default() -> Self {
        Self(NonZeroU32::new(90))
    }
}

impl Days {
    /// The time; `None`: for ever.
    pub(crate) fn span(self) -> Option<Duration> {
        self.0.map(|days| Duration::from_hours(24 * u64::from(days.get())))
    }
}

impl Value for Days {
    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        let days = text.parse().ok().filter(|days: &NonZeroU32| days.get() <= DAYS_MAX);
        match (text, days) {
            ("none", _) => Ok(Self(None)),
            (_, Some(days)) => Ok(Self(Some(days))),
            _ => Err(format!(
                "{text:?} is no number of days; write \"none\" or a number from 1 such as \"90\""
            )),
        }
    }
    fn show(&self) -> String {
        quoted(&self.0.map_or_else(|| "none".to_owned(), |days| days.to_string()))
    }
}

impl Value for bool {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Bool(is_set) => Ok(*is_set),
            Raw::Text(text) if text == "true" => Ok(true),
            Raw::Text(text) if text == "false" => Ok(false),
            Raw::Text(text) => Err(format!("{text:?} is neither true nor false")),
            Raw::List(_) | Raw::Other(_) => Err("is neither true nor false".to_owned()),
        }
    }
    fn show(&self) -> String {
        self.to_string()
    }
}

impl Value for Option<PathBuf> {
    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        Ok((!text.is_empty()).then(|| text.into()))
    }
    fn show(&self) -> String {
        quoted(&self.as_ref().map(|path| path.display().to_string()).unwrap_or_default())
    }
}

/// What stands in a list.
trait Item: Sized + fmt::Display {
    const FORM: &'static str;
    fn parse(text: &str) -> Option<Self>;
}

impl Item for IpNet {
    const FORM: &'static str = "a block of addresses such as 10.0.0.0/8 or 192.0.2.7/32";
    /// A block whose last bits are set is refused: it is read in two ways (one host, whole block).
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok().filter(|block: &Self| *block == block.trunc())
    }
}

impl Item for SocketAddr {
    const FORM: &'static str = "IP:PORT such as 9.9.9.9:53";
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl<T: Item> Value for Vec<T> {
    fn read(raw: &Raw) -> Result<Self, String> {
        let texts: Vec<&str> = match raw {
            Raw::List(texts) => texts.iter().map(String::as_str).collect(),
            // A variable has no other way to hold several.
            Raw::Text(text) => text.split(',').collect(),
            Raw::Bool(_) | Raw::Other(_) => {
                return Err(format!("is not a list of texts; each is {}", T::FORM));
            }
        };
        let texts = texts.into_iter().map(str::trim).filter(|text| !text.is_empty());
        let read = |text: &str| {
            T::parse(text).ok_or_else(|| format!("{text:?} cannot be used; write {}", T::FORM))
        };
        texts.map(read).collect()
    }
    fn show(&self) -> String {
        let items: Vec<_> = self.iter().map(|item| quoted(&item.to_string())).collect();
        format!("[{}]", items.join(", "))
    }
}

/// Name of the signature header: words joined by `-`, each with one capital in front, because that
/// is the only case in which headers go out (hyper's title case).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HeaderName(String);

impl HeaderName {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for HeaderName {
    fn default() -> Self {
        Self(sign::SIGNATURE_HEADER.to_owned())
    }
}

impl Value for HeaderName {
    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        if !text.split('-').all(is_title_case) {
            return Err(format!(
                "{text:?} would not be sent in this case; write words of letters and digits \
                 joined by -, each with one capital at its start, such as {}",
                sign::SIGNATURE_HEADER
            ));
        }
        let header = webhook::Header { name: text.to_owned(), value: String::new() };
        if text != sign::SIGNATURE_HEADER {
            webhook::check_header(&header, sign::SIGNATURE_HEADER)
                .map_err(|refusal| format!("{refusal}; choose another name"))?;
        }
        Ok(Self(text.to_owned()))
    }
    fn show(&self) -> String {
        quoted(&self.0)
    }
}

fn is_title_case(word: &str) -> bool {
    let mut bytes = word.bytes();
    bytes.next().is_some_and(|byte| byte.is_ascii_uppercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

impl Value for SchemaCheck {
    fn read(raw: &Raw) -> Result<Self, String> {
        let text = raw.text()?;
        let found = Self::ALL.into_iter().find(|check| check.as_str() == text);
        found.ok_or_else(|| format!("{text:?} is not a check; use off, warn or refuse"))
    }
    fn show(&self) -> String {
        quoted(self.as_str())
    }
}

/// Form of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LogFormat {
    #[default]
    Text,
    Json,
}

impl Value for LogFormat {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw.text()? {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            other => Err(format!("{other:?} is not a form of log; use text or json")),
        }
    }
    fn show(&self) -> String {
        quoted(match self {
            Self::Text => "text",
            Self::Json => "json",
        })
    }
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    const ALL: [Self; 5] = [Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl FromStr for LogLevel {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|level| level.as_str() == text).ok_or_else(|| {
            format!("{text:?} is not a level; use error, warn, info, debug or trace")
        })
    }
}

impl Value for LogLevel {
    fn read(raw: &Raw) -> Result<Self, String> {
        raw.text()?.parse()
    }
    fn show(&self) -> String {
        quoted(self.as_str())
    }
}

/// A length of time. Reads and prints with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span(pub(crate) Duration);

/// Longest span a setting takes; longer ones are slips of the pen.
const SPAN_MAX: Duration = Duration::from_hours(24);
/// Units, longest first, in milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

impl Default for Span {
    /// The default of the only span there is, `shutdown_grace`: longer than any attempt may last.
    fn default() -> Self {
        Self(Duration::from_secs(30))
    }
}

impl FromStr for Span {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let digits = text.find(|c: char| !c.is_ascii_digit())?;
            let (number, unit) = text.split_at(digits);
            let (_, millis) = UNITS.into_iter().find(|(name, _)| *name == unit.trim_start())?;
            let span = Duration::from_millis(number.parse::<u64>().ok()?.checked_mul(millis)?);
            (span <= SPAN_MAX).then_some(Self(span))
        };
        read().ok_or_else(|| {
            format!(
                "{text:?} is not a time of at most 24h; write a number with ms, s, m or h, \
                 such as 30s"
            )
        })
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let fits = |unit: &(&str, u64)| millis.is_multiple_of(unit.1) && millis >= unit.1;
        let (unit, size) = UNITS.into_iter().find(fits).unwrap_or(("s", 1_000));
        write!(f, "{}{unit}", millis / size)
    }
}

impl Value for Span {
    fn read(raw: &Raw) -> Result<Self, String> {
        raw.text()?.parse()
    }
    fn show(&self) -> String {
        quoted(&self.to_string())
    }
}
