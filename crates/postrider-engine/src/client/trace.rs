//! What is known of an attempt while it runs, and the answer made of it at its end.
//!
//! Invariant: it stays readable when the attempt is cut by its deadline at any point, so that the
//! record says how far it came.

use std::time::Duration;

use bytes::Bytes;
use postrider_core::attempt::Phases;
use postrider_core::outcome::{Outcome, OutcomeKind};

use super::Answer;
use super::fault::Fault;
use super::head::Head;
use crate::clock::Clock;

/// How far an attempt has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing has begun.
    Start,
    /// Looking up the name.
    LookUp,
    /// Opening a connection.
    Connect,
    /// The TLS handshake.
    Handshake,
    /// From the request's first byte to the response's head.
    Response,
    /// Reading the body.
    Body,
}

/// The running record of one attempt.
pub(super) struct Trace<'a> {
    clock: &'a Clock,
    began: Duration,
    step: Step,
    step_began: Duration,
    phases: Phases,
    head: Option<Head>,
    note: Option<String>,
    timeout: Duration,
}

impl<'a> Trace<'a> {
    /// A record that begins now.
    pub(super) fn new(clock: &'a Clock, timeout: Duration) -> Self {
        let began = clock.reading();
        Self {
            clock,
            began,
            step: Step::Start,
            step_began: began,
            phases: Phases::default(),
            head: None,
            note: None,
            timeout,
        }
    }

    /// Ends the running step and begins another; a step entered twice adds up.
    pub(super) fn enter(&mut self, step: Step) {
        let now = self.clock.reading();
        let phase = match self.step {
            Step::Start | Step::Body => None,
            Step::LookUp => Some(&mut self.phases.dns),
            Step::Connect => Some(&mut self.phases.connect),
            Step::Handshake => Some(&mut self.phases.tls),
            Step::Response => Some(&mut self.phases.first_byte),
        };
        if let Some(phase) = phase {
            *phase.get_or_insert_default() += now.saturating_sub(self.step_began);
        }
        (self.step, self.step_began) = (step, now);
    }

    /// Adds to what is particular about this attempt.
    pub(super) fn note(&mut self, text: &str) {
        match &mut self.note {
            Some(note) => {
                note.push_str("; ");
                note.push_str(text);
            }
            None => self.note = Some(text.to_owned()),
        }
    }

    /// The head has arrived; its body is added through the reference.
    pub(super) fn answered(&mut self, head: Head) -> &mut Head {
        self.head.insert(head)
    }

    /// What is left of the attempt's time.
    pub(super) fn left(&self) -> Duration {
        (self.began + self.timeout).saturating_sub(self.clock.reading())
    }

    /// The answer: by the response's head if one arrived, else by the fault, else by the step at
    /// which the deadline (`done` is `None`) cut the attempt.
    pub(super) fn into_answer(mut self, done: Option<Result<(), Fault>>) -> Answer {
        // Ends the running phase.
        self.enter(self.step);
        self.phases.total = self.clock.reading().saturating_sub(self.began);
        if let Some(head) = self.head.take() {
            if done.is_none() {
                self.note("the timeout passed before the end of the answer's body");
            }
            return Answer {
                outcome: head.outcome,
                phases: self.phases,
                response_headers: head.text,
                response_body: Bytes::from(head.body),
                is_response_truncated: head.is_body_truncated,
                note: self.note,
            };
        }
        let kind = match done {
            Some(Err(fault)) => {
                if let Some(note) = &fault.note {
                    self.note(note);
                }
                fault.kind
            }
            // Invariant: an attempt without a fault has a head.
            Some(Ok(())) => OutcomeKind::Internal,
            None => self.cut(),
        };
        Answer {
            outcome: Outcome::without_response(kind),
            phases: self.phases,
            response_headers: String::new(),
            response_body: Bytes::new(),
            is_response_truncated: false,
            note: self.note,
        }
    }

    /// What it means that the deadline passed at this step.
    fn cut(&mut self) -> OutcomeKind {
        match self.step {
            Step::LookUp => OutcomeKind::DnsTimeout,
            Step::Connect => OutcomeKind::ConnectTimeout,
            Step::Handshake => {
                self.note("the timeout passed during the TLS handshake");
                OutcomeKind::Timeout
            }
            Step::Start | Step::Response | Step::Body => OutcomeKind::Timeout,
        }
    }
}
