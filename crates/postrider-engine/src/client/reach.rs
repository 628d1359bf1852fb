//! From a target to an open TCP connection: judge, look up, dial. The guard against requests into
//! private networks, for names and literal addresses alike.
//!
//! Invariants:
//! - Only an [`Admitted`] is dialled, and what was dialled is what is connected (reliability.md E2).
//! - A name is looked up for each connection, so a pool of one judged address can never lend its
//!   verdict to another.
//! - IPv4 goes first; IPv6 is asked for only when IPv4 led nowhere, so that name servers which
//!   drop AAAA questions cost nobody anything.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use postrider_core::address::{AddressPolicy, Admitted, Denied};
use postrider_core::limits;
use postrider_core::outcome::OutcomeKind;
use postrider_core::target::{TargetHost, TargetUrl};
use tokio::net::TcpStream;

use super::fault::{self, Fault};
use super::names::{Family, Names, NoAddress};
use super::trace::{Step, Trace};
use crate::clock::Clock;

/// Opens connections to where the policy allows.
#[derive(Debug)]
pub(super) struct Reach {
    pub(super) clock: Clock,
    pub(super) addresses: Arc<AddressPolicy>,
    pub(super) names: Names,
}

impl Reach {
    /// An open connection to the target.
    pub(super) async fn open(
        &self,
        target: &TargetUrl,
        trace: &mut Trace<'_>,
    ) -> Result<TcpStream, Fault> {
        match target.host() {
            TargetHost::Ip(address) => {
                let admitted = self.addresses.judge(address, target.port()).map_err(blocked)?;
                trace.enter(Step::Connect);
                let mut time = limits::CONNECT_TIMEOUT;
                self.dial(&[admitted], &mut time).await
            }
            TargetHost::Name(name) => self.open_name(name, target.port(), trace).await,
        }
    }

    /// Judges where a target leads now: denied when its name has addresses and none of them may be
    /// dialled. A name that has none now may have some later. This is a courtesy to whoever writes
    /// the target; the guard is [`open`](Self::open), for every connection.
    pub(super) async fn preview(&self, target: &TargetUrl) -> Result<(), Denied> {
        let TargetHost::Name(name) = target.host() else {
            return Ok(());
        };
        let mut time = limits::TARGET_LOOK_UP_TIMEOUT;
        let mut verdict = Ok(());
        for family in [Family::V4, Family::V6] {
            let began = self.clock.reading();
            let found = self.names.look_up(name, family, time).await.unwrap_or_default();
            time = time.saturating_sub(self.clock.reading().saturating_sub(began));
            for address in found {
                match self.addresses.judge(address, target.port()) {
                    Ok(_) => return Ok(()),
                    Err(denied) => verdict = Err(denied),
                }
            }
        }
        verdict
    }

    async fn open_name(
        &self,
        name: &str,
        port: u16,
        trace: &mut Trace<'_>,
    ) -> Result<TcpStream, Fault> {
        self.addresses.judge_name(name).map_err(blocked)?;
        let mut look_up_time = limits::DNS_TIMEOUT;
        let mut connect_time = limits::CONNECT_TIMEOUT;
        let mut worst: Option<Fault> = None;
        for family in [Family::V4, Family::V6] {
            trace.enter(Step::LookUp);
            let began = self.clock.reading();
            let found = self.names.look_up(name, family, look_up_time).await;
            let took = self.clock.reading().saturating_sub(began);
            look_up_time = look_up_time.saturating_sub(took);
            // Asking again for the other family would tell nothing new.
            let is_final = matches!(found, Err(NoAddress::NoName | NoAddress::TimedOut));
            let admitted = found.map_err(Fault::from);
            let fault = match admitted.and_then(|found| self.admitted(name, &found, port)) {
                Ok(admitted) => {
                    trace.enter(Step::Connect);
                    match self.dial(&admitted, &mut connect_time).await {
                        Ok(stream) => return Ok(stream),
                        Err(fault) => fault,
                    }
                }
                Err(fault) => fault,
            };
            if worst.as_ref().is_none_or(|worst| reached(worst.kind) < reached(fault.kind)) {
                worst = Some(fault);
            }
            if is_final || connect_time.is_zero() {
                break;
            }
        }
        Err(worst.unwrap_or(Fault::plain(OutcomeKind::DnsNotFound)))
    }

    /// The addresses that may be dialled; denied ones are left out.
    fn admitted(&self, name: &str, found: &[IpAddr], port: u16) -> Result<Vec<Admitted>, Fault> {
        let mut admitted = Vec::with_capacity(found.len());
        let mut denial = None;
        for address in found {
            match self.addresses.judge(*address, port) {
                Ok(address) => admitted.push(address),
                Err(denied) => denial = Some((*address, denied)),
            }
        }
        match denial {
            Some((_, denied)) if admitted.is_empty() => Err(blocked(denied)),
            Some((address, denied)) => {
                // An honest name never has both; this is how rebinding looks.
                tracing::warn!(name, %address, class = ?denied.class, "name with a denied address");
                Ok(admitted)
            }
            None => Ok(admitted),
        }
    }

    /// Tries the addresses in turn. Each but the last gets half of what is left of `time`, so that
    /// a dead one leaves some to the others.
    async fn dial(&self, admitted: &[Admitted], time: &mut Duration) -> Result<TcpStream, Fault> {
        let mut fault = Fault::plain(OutcomeKind::ConnectFailed);
        for (index, address) in admitted.iter().enumerate() {
            let is_last = index + 1 == admitted.len();
            let share = if is_last { *time } else { *time / 2 };
            let began = self.clock.reading();
            let dialled = self.clock.within(share, connect(*address)).await;
            *time = time.saturating_sub(self.clock.reading().saturating_sub(began));
            match dialled {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => fault = error,
                None => fault = Fault::plain(OutcomeKind::ConnectTimeout),
            }
        }
        if admitted.len() > 1 {
            let note = format_args!("{} addresses were tried", admitted.len()).to_string();
            fault.note.get_or_insert(note);
        }
        Err(fault)
    }
}

/// Connects to an admitted address, and to nothing else.
async fn connect(address: Admitted) -> Result<TcpStream, Fault> {
    let address = address.socket_addr();
    let opened = TcpStream::connect(address).await;
    let stream = opened.map_err(|error| fault::of_connect(&error))?;
    let peer = stream.peer_addr().map_err(|error| fault::of_connect(&error))?;
    if (peer.ip(), peer.port()) != (address.ip(), address.port()) {
        tracing::error!(dialled = %address, connected = %peer, "connected to another address");
        return Err(Fault::plain(OutcomeKind::TargetBlocked));
    }
    // Failing to set this costs a little time, not the attempt.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// The same for every reason: tenants must not learn what our network looks like.
fn blocked(denied: Denied) -> Fault {
    tracing::debug!(class = ?denied.class, explanation = denied.explanation, "target blocked");
    Fault::plain(OutcomeKind::TargetBlocked)
}

/// How far a fault shows an attempt to have come; the furthest is the one worth telling.
const fn reached(kind: OutcomeKind) -> u8 {
    match kind {
        OutcomeKind::DnsNotFound => 0,
        OutcomeKind::DnsError | OutcomeKind::DnsTimeout => 1,
        OutcomeKind::TargetBlocked => 2,
        _ => 3,
    }
}
