//! The scenarios: who there is, what their targets do, and what is posted.
//!
//! A scenario that puts healthy targets beside bad ones comes twice, the first time without the bad
//! ones, so that its figures can be compared with what they are alone.

use clap::ValueEnum;

use super::generator::Pace;

/// Clients of a closed loop.
const CLIENTS: usize = 64;
/// Connections for events that are due at given moments; all busy means the sender is behind.
const CONNECTIONS: usize = 128;
/// Events in one request when a backlog is made.
const BACKLOG_BATCH: u64 = 500;
const BACKLOG_CLIENTS: usize = 4;
/// Most time to make a backlog.
const BACKLOG_MICROS: u64 = 600_000_000;
/// Targets that get every event of `fanout` and, healthy ones, of `slow`.
const FAN_OUT: u64 = 10;
/// The type healthy targets ask for, and the one for those apart from them.
const HEALTHY: &str = "order.create";
const APART: &str = "order.reminder";

/// What to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Scenario {
    /// As many events as go through, one webhook
    Burst,
    /// Given rates, one webhook
    Steady,
    /// As many events as go through, ten webhooks each
    Fanout,
    /// One of eleven webhooks answers after 10 s; then 256 of 512 never answer
    Slow,
    /// One merchant's target never answers at 40/s, another's healthy one gets 20/s
    Neighbour,
    /// 10,000 dead targets of four kinds among 100 healthy ones
    Dead,
    /// Deliveries queued for a paused webhook, a restart, then all of them sent
    Backlog,
    /// As burst, over TLS
    Tls,
}

/// What is asked of all scenarios.
#[derive(Debug, Clone)]
pub(super) struct Shape {
    pub(super) seconds: u32,
    /// Most events of a closed loop; `None` leaves it to the time.
    pub(super) events: Option<u64>,
    pub(super) backlog: u64,
    pub(super) rates: Vec<u32>,
}

/// One thing to measure.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) crowds: Vec<Crowd>,
    pub(super) traffic: Vec<Traffic>,
    pub(super) is_backlog: bool,
    pub(super) with_tls: bool,
    /// Name of the case that is the same without what makes it hard.
    pub(super) alone: Option<String>,
}

/// Merchants that all have the same webhooks.
#[derive(Debug, Clone)]
pub(super) struct Crowd {
    pub(super) merchants: usize,
    pub(super) webhooks: Vec<Hook>,
}

/// A webhook to create.
#[derive(Debug, Clone)]
pub(super) struct Hook {
    pub(super) place: Place,
    pub(super) path: String,
    pub(super) event_type: &'static str,
}

/// Where a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Good,
    /// Another address, so that it shares nothing with good ones.
    Bad,
    /// Nobody listens there.
    Refused,
}

/// Events posted by a crowd, its merchants taking turns.
#[derive(Debug, Clone)]
pub(super) struct Traffic {
    pub(super) crowd: usize,
    pub(super) event_type: &'static str,
    pub(super) pace: Pace,
    pub(super) batch: u64,
    pub(super) connections: usize,
    /// Targets at which each event must arrive; 0 for what only makes it hard.
    pub(super) targets: u64,
}

impl Scenario {
    /// Measured when nothing is asked for: within two minutes the figures most people want.
    pub(super) const USUAL: [Self; 3] = [Self::Burst, Self::Steady, Self::Fanout];

    /// Whether it can be had of a sender that is not Postrider, which is set up by others.
    pub(super) const fn is_for_any_sender(self) -> bool {
        matches!(self, Self::Burst | Self::Steady)
    }

    /// What to measure for it, in order.
    pub(super) fn cases(self, shape: &Shape) -> Vec<Case> {
        let closed = shape.closed();
        match self {
            Self::Burst => vec![Case::healthy("burst", 1, Traffic::counted(closed, 1))],
            Self::Steady => shape.rates.iter().map(|rate| shape.steady(*rate)).collect(),
            Self::Fanout => {
                vec![Case::healthy("fanout", FAN_OUT, Traffic::counted(closed, FAN_OUT))]
            }
            Self::Slow => shape.slow(),
            Self::Neighbour => shape.neighbour(),
            Self::Dead => shape.dead(),
            Self::Backlog => vec![shape.backlog()],
            Self::Tls => {
                let case = Case::healthy("tls", 1, Traffic::counted(closed, 1));
                vec![Case { with_tls: true, ..case }]
            }
        }
    }
}

impl Shape {
    fn micros(&self) -> u64 {
        u64::from(self.seconds) * 1_000_000
    }

    fn closed(&self) -> Pace {
        Pace::Closed { events: self.events.unwrap_or(u64::MAX), micros: self.micros() }
    }

    fn rate(&self, per_second: u32) -> Pace {
        Pace::Rate { per_second, micros: self.micros() }
    }

    fn steady(&self, rate: u32) -> Case {
        Case::healthy(&format!("steady-{rate}"), 1, Traffic::counted(self.rate(rate), 1))
    }

    fn slow(&self) -> Vec<Case> {
        let healthy = Traffic::counted(self.rate(100), FAN_OUT);
        let mut slow = Case::healthy("slow", FAN_OUT, healthy.clone());
        if let Some(crowd) = slow.crowds.first_mut() {
            // A number beyond those that are counted.
            crowd.webhooks.push(Hook::bad(&format!("/wait/10000/{FAN_OUT}"), HEALTHY));
        }
        let half = Case {
            crowds: vec![
                Crowd { merchants: 256, webhooks: healthy_webhooks(1) },
                Crowd { merchants: 256, webhooks: vec![Hook::bad("/never/0", APART)] },
            ],
            ..Case::healthy("half-hanging", 1, Traffic::counted(self.rate(100), 1))
        };
        let half_alone = Case {
            name: "half-hanging-alone".to_owned(),
            crowds: half.crowds.get(..1).unwrap_or_default().to_vec(),
            ..half.clone()
        };
        vec![
            Case::healthy("slow-alone", FAN_OUT, healthy),
            slow.beside("slow-alone"),
            half_alone,
            half.with(Traffic::apart(1, self.rate(100))).beside("half-hanging-alone"),
        ]
    }

    fn neighbour(&self) -> Vec<Case> {
        let alone = Case::healthy("neighbour-alone", 1, Traffic::counted(self.rate(20), 1));
        let mut both = Case { name: "neighbour".to_owned(), ..alone.clone() };
        both.crowds.push(Crowd { merchants: 1, webhooks: vec![Hook::bad("/never/0", APART)] });
        vec![alone, both.with(Traffic::apart(1, self.rate(40))).beside("neighbour-alone")]
    }

    /// Twenty merchants with five healthy and 500 dead webhooks each. The healthy ones get 200
    /// deliveries a second, the dead ones 2,000.
    fn dead(&self) -> Vec<Case> {
        let healthy = |name: &str| {
            let mut case = Case::healthy(name, 5, Traffic::counted(self.rate(40), 5));
            case.crowds.iter_mut().for_each(|crowd| crowd.merchants = 20);
            case
        };
        let kinds = [
            Hook::bad("/never/0", APART),
            Hook::bad("/500/0", APART),
            Hook::bad("/close/0", APART),
            Hook { place: Place::Refused, ..Hook::bad("/", APART) },
        ];
        let mut dead = healthy("dead");
        for crowd in &mut dead.crowds {
            crowd.webhooks.extend(kinds.iter().cycle().take(500).cloned());
        }
        let dead = dead.with(Traffic::apart(0, self.rate(4))).beside("dead-alone");
        vec![healthy("dead-alone"), dead]
    }

    fn backlog(&self) -> Case {
        let pace = Pace::Closed { events: self.backlog, micros: BACKLOG_MICROS };
        let (batch, connections) = (BACKLOG_BATCH, BACKLOG_CLIENTS);
        let traffic = Traffic { batch, connections, ..Traffic::counted(pace, 1) };
        Case { is_backlog: true, ..Case::healthy("backlog", 1, traffic) }
    }
}

impl Case {
    /// One merchant with so many healthy webhooks.
    fn healthy(name: &str, webhooks: u64, traffic: Traffic) -> Self {
        Self {
            name: name.to_owned(),
            crowds: vec![Crowd { merchants: 1, webhooks: healthy_webhooks(webhooks) }],
            traffic: vec![traffic],
            is_backlog: false,
            with_tls: false,
            alone: None,
        }
    }

    fn with(mut self, traffic: Traffic) -> Self {
        self.traffic.push(traffic);
        self
    }

    fn beside(self, alone: &str) -> Self {
        Self { alone: Some(alone.to_owned()), ..self }
    }
}

impl Traffic {
    /// Events for the healthy webhooks of the first crowd.
    pub(super) const fn counted(pace: Pace, targets: u64) -> Self {
        let connections = match pace {
            Pace::Closed { .. } => CLIENTS,
            Pace::Rate { .. } => CONNECTIONS,
        };
        Self { crowd: 0, event_type: HEALTHY, pace, batch: 1, connections, targets }
    }

    const fn apart(crowd: usize, pace: Pace) -> Self {
        Self { crowd, event_type: APART, targets: 0, ..Self::counted(pace, 0) }
    }
}

impl Hook {
    fn bad(path: &str, event_type: &'static str) -> Self {
        Self { place: Place::Bad, path: path.to_owned(), event_type }
    }
}

fn healthy_webhooks(count: u64) -> Vec<Hook> {
    let webhook =
        |target| Hook { place: Place::Good, path: format!("/200/{target}"), event_type: HEALTHY };
    (0..count).map(webhook).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Webhooks of a case: good ones, bad ones, and events a second that make it hard.
    fn counts(case: &Case) -> (usize, usize) {
        let all = case.crowds.iter().flat_map(|crowd| {
            crowd.webhooks.iter().flat_map(|it| std::iter::repeat_n(it.place, crowd.merchants))
        });
        let (good, bad): (Vec<_>, Vec<_>) = all.partition(|place| *place == Place::Good);
        (good.len(), bad.len())
    }

    #[test]
    fn scenarios_have_the_targets_they_are_named_after() {
        let shape = Shape { seconds: 1, events: None, backlog: 10, rates: vec![50, 200] };
        let of = |scenario: Scenario| -> Vec<_> {
            let cases = scenario.cases(&shape);
            cases.iter().map(|case| (case.name.clone(), counts(case))).collect()
        };
        let named = |name: &str, good, bad| (name.to_owned(), (good, bad));
        assert_eq!(of(Scenario::Burst), [named("burst", 1, 0)]);
        assert_eq!(of(Scenario::Steady), [named("steady-50", 1, 0), named("steady-200", 1, 0)]);
        assert_eq!(of(Scenario::Fanout), [named("fanout", 10, 0)]);
        let slow = of(Scenario::Slow);
        assert_eq!(slow[..2], [named("slow-alone", 10, 0), named("slow", 10, 1)]);
        assert_eq!(slow[2], named("half-hanging-alone", 256, 0));
        assert_eq!(slow[3], named("half-hanging", 256, 256));
        assert_eq!(of(Scenario::Neighbour)[1], named("neighbour", 1, 1));
        assert_eq!(of(Scenario::Dead), [named("dead-alone", 100, 0), named("dead", 100, 10_000)]);
        assert_eq!(of(Scenario::Backlog), [named("backlog", 1, 0)]);
        assert_eq!(of(Scenario::Tls), [named("tls", 1, 0)]);
    }

    #[test]
    fn what_is_counted_is_what_good_webhooks_of_one_merchant_get() {
        let shape = Shape { seconds: 1, events: None, backlog: 10, rates: vec![50] };
        for case in Scenario::value_variants().iter().flat_map(|it| it.cases(&shape)) {
            for traffic in case.traffic.iter().filter(|it| it.targets > 0) {
                let wants =
                    |it: &&Hook| it.event_type == traffic.event_type && it.place == Place::Good;
                let webhooks = &case.crowds[traffic.crowd].webhooks;
                let good = webhooks.iter().filter(wants).count();
                assert_eq!(good as u64, traffic.targets, "{}", case.name);
            }
        }
    }
}
