//! Heads with two framings: Transfer-Encoding beside Content-Length.
//!
//! Such a request is read differently by different servers, so what one of them takes for its body
//! another takes for the next request. hyper obeys the one and drops the other before code of ours
//! sees it (reliability.md row 9 asks for 400). Here the bytes of a connection are followed closely
//! enough to know its heads; when one names both, the colon of the second is spoiled, so that hyper
//! refuses the head as it refuses any that is not HTTP, in its turn, and closes.
//!
//! Invariants:
//! - bytes of bodies are never touched: they are counted, and only the sizes of chunks are read;
//! - where this and hyper could disagree, hyper refuses the request; it is then [`State::Lost`] and
//!   everything passes. Should they disagree all the same, the spoiling byte (NUL) cannot be part of
//!   JSON, so that nothing spoiled is ever stored.

/// The names looked for; the longest decides how much of a name is kept.
const CONTENT_LENGTH: &[u8] = b"content-length";
const TRANSFER_ENCODING: &[u8] = b"transfer-encoding";
const NAME_BYTES_KEPT: usize = TRANSFER_ENCODING.len() + 1;

/// No name of a header, and no JSON, holds it.
const SPOILED: u8 = 0;

/// Where in a connection's requests the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Before a request line; empty lines there are passed over.
    Start,
    RequestLine,
    /// In the name of a header, or at the line's beginning.
    Name,
    Value(Header),
    /// In a body with so many bytes left.
    Body(u64),
    /// In the line with a chunk's size.
    ChunkSize(u64),
    /// Behind the digits of it.
    ChunkExtension(u64),
    ChunkData(u64),
    ChunkEnd,
    /// In a line after the last chunk, with so many bytes of it read.
    Trailer(usize),
    /// In something hyper refuses: the connection ends there.
    Lost,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    ContentLength,
    Other,
}

/// Follows the requests of one connection.
#[derive(Debug)]
pub(crate) struct Framing {
    state: State,
    /// The beginning of a header's name, in lower case, and the length of the whole.
    name: [u8; NAME_BYTES_KEPT],
    name_length: usize,
    /// What the present head says.
    content_length: Option<u64>,
    is_chunked: bool,
}

impl Framing {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Start,
            name: [0; NAME_BYTES_KEPT],
            name_length: 0,
            content_length: None,
            is_chunked: false,
        }
    }

    /// Follows the bytes that came in next, and spoils a head that frames its body twice.
    pub(crate) fn follow(&mut self, bytes: &mut [u8]) {
        let mut rest = bytes;
        while !rest.is_empty() && self.state != State::Lost {
            let passed = self.skip(rest);
            let Some((byte, after)) =
                rest.get_mut(passed..).and_then(|rest| rest.split_first_mut())
            else {
                return;
            };
            if !self.step(*byte) {
                *byte = SPOILED;
                self.state = State::Lost;
            }
            rest = after;
        }
    }

    /// How many bytes need no look; at most all of them.
    fn skip(&mut self, bytes: &[u8]) -> usize {
        match &mut self.state {
            State::Body(left) | State::ChunkData(left) => {
                // The last byte is left to `step`, which ends the body.
                let passed = usize::try_from(left.saturating_sub(1)).unwrap_or(usize::MAX);
                let passed = passed.min(bytes.len());
                *left = left.saturating_sub(passed as u64);
                passed
            }
            State::RequestLine
            | State::Value(Header::Other)
            | State::ChunkExtension(_)
            | State::ChunkEnd => {
                bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len())
            }
            _ => 0,
        }
    }

    /// Takes one byte. Answers false when it makes the head one with two framings.
    fn step(&mut self, byte: u8) -> bool {
        self.state = match (self.state, byte) {
            (State::Start, b'\r' | b'\n') | (State::Body(_), _) | (State::Trailer(0), b'\n') => {
                State::Start
            }
            (State::Start, _) => State::RequestLine,
            (State::RequestLine | State::Value(_), b'\n') => self.begin_line(),
            (State::Name, b'\n') if self.name_length == 0 => self.end_head(),
            // The end of an empty line; elsewhere hyper refuses it.
            (State::Name, b'\r') if self.name_length == 0 => State::Name,
            (State::Name, b'\n') => State::Lost,
            (State::Name, b':') => return self.end_name(),
            (State::Name, byte) => {
                if let Some(slot) = self.name.get_mut(self.name_length) {
                    *slot = byte.to_ascii_lowercase();
                }
                self.name_length = self.name_length.saturating_add(1);
                State::Name
            }
            (State::Value(Header::ContentLength), byte) => self.length_digit(byte),
            (State::ChunkSize(size), byte) => chunk_digit(size, byte),
            (State::ChunkExtension(0) | State::Trailer(_), b'\n') => State::Trailer(0),
            (State::ChunkExtension(size), b'\n') => State::ChunkData(size),
            (State::ChunkData(_), _) => State::ChunkEnd,
            (State::ChunkEnd, b'\n') => State::ChunkSize(0),
            (State::Trailer(length), b'\r') => State::Trailer(length),
            (State::Trailer(length), _) => State::Trailer(length.saturating_add(1)),
            (passed, _) => passed,
        };
        true
    }

    const fn begin_line(&mut self) -> State {
        self.name_length = 0;
        State::Name
    }

    fn end_name(&mut self) -> bool {
        let name = self.name.get(..self.name_length).unwrap_or_default();
        self.state = State::Value(Header::Other);
        if name == TRANSFER_ENCODING {
            self.is_chunked = true;
        } else if name == CONTENT_LENGTH {
            self.content_length = Some(0);
            self.state = State::Value(Header::ContentLength);
        }
        !(self.is_chunked && self.content_length.is_some())
    }

    fn length_digit(&mut self, byte: u8) -> State {
        let grown = |length: u64| {
            let digit = u64::from(byte.wrapping_sub(b'0'));
            length.checked_mul(10)?.checked_add(digit)
        };
        match byte {
            b' ' | b'\t' | b'\r' => State::Value(Header::ContentLength),
            b'0'..=b'9' => match self.content_length.and_then(grown) {
                Some(length) => {
                    self.content_length = Some(length);
                    State::Value(Header::ContentLength)
                }
                None => State::Lost,
            },
            _ => State::Lost,
        }
    }

    /// What follows a head; hyper takes no other encoding of transfer than chunks.
    const fn end_head(&mut self) -> State {
        let length = self.content_length.take();
        let is_chunked = self.is_chunked;
        self.is_chunked = false;
        match length {
            _ if is_chunked => State::ChunkSize(0),
            None | Some(0) => State::Start,
            Some(length) => State::Body(length),
        }
    }
}

fn chunk_digit(size: u64, byte: u8) -> State {
    match char::from(byte).to_digit(16) {
        Some(digit) => match size.checked_mul(16) {
            Some(grown) => State::ChunkSize(grown | u64::from(digit)),
            None => State::Lost,
        },
        // The line's end is seen where extensions end, which may be here.
        None if byte == b'\n' && size == 0 => State::Trailer(0),
        None if byte == b'\n' => State::ChunkData(size),
        None => State::ChunkExtension(size),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Follows `bytes` in pieces of these lengths, over and over, and answers what came through.
    fn followed(bytes: &[u8], pieces: &[usize]) -> Vec<u8> {
        let (mut framing, mut out) = (Framing::new(), bytes.to_vec());
        let (mut rest, mut pieces) = (&mut out[..], pieces.iter().cycle());
        while !rest.is_empty() {
            let (now, later) = rest.split_at_mut((*pieces.next().unwrap()).clamp(1, rest.len()));
            framing.follow(now);
            rest = later;
        }
        out
    }

    const TWICE: &[&str] = &[
        "POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\nhost: a\r\ncontent-length: 5\r\n\r\n",
        "POST / HTTP/1.1\nTRANSFER-ENCODING:chunked\nCONTENT-LENGTH:0\n\n",
        "\r\n\r\nPOST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\n\r\n",
    ];

    #[test]
    fn a_head_with_both_is_spoiled_at_the_second() {
        for head in TWICE {
            for pieces in [1, 7, 1_000] {
                let out = followed(head.as_bytes(), &[pieces]);
                let spoiled: Vec<_> = (0..out.len()).filter(|at| out[*at] == SPOILED).collect();
                assert_eq!(spoiled.len(), 1, "{head:?}");
                let name = head[..spoiled[0]].rsplit('\n').next().unwrap().to_ascii_lowercase();
                assert!(["content-length", "transfer-encoding"].contains(&&*name), "{name}");
                assert_eq!(&head[spoiled[0]..=spoiled[0]], ":");
            }
        }
    }

    #[test]
    fn one_of_them_or_one_in_each_of_two_requests_passes() {
        for good in [
            "POST / HTTP/1.1\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\n{}",
            "POST / HTTP/1.1\r\ncontent-length: 0\r\n\r\n\
             POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n\
             GET / HTTP/1.1\r\ncontent-length: 0\r\n\r\n",
            "GET / HTTP/1.1\r\nx-content-length: 1\r\nx: transfer-encoding: a\r\n\
             content-lengthy: 1\r\ntransfer-encoding-not: 1\r\n\r\n",
        ] {
            assert_eq!(followed(good.as_bytes(), &[3]), good.as_bytes(), "{good}");
        }
    }

    /// A request with this body, in chunks or counted. Bodies may look like heads.
    fn request(body: &[u8], chunks: Option<usize>) -> Vec<u8> {
        let Some(size) = chunks else {
            let head = format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n", body.len());
            return [head.as_bytes(), body].concat();
        };
        let mut out = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for chunk in body.chunks(size.max(1)) {
            out.extend_from_slice(format!("{:X};a=b\r\n", chunk.len()).as_bytes());
            out.extend_from_slice(chunk);
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(b"0\r\nx-trailer: content-length: 1\r\n\r\n");
        out
    }

    fn body() -> impl Strategy<Value = Vec<u8>> {
        let bytes = proptest::collection::vec(1_u8.., 0..64);
        let heads = proptest::sample::select(TWICE).prop_map(|head| head.as_bytes().to_vec());
        prop_oneof![bytes, heads]
    }

    proptest! {
        #[test]
        fn bodies_pass_untouched_and_the_head_after_them_is_still_known(
            requests in proptest::collection::vec((body(), proptest::option::of(1..20_usize)), 0..6),
            pieces in proptest::collection::vec(1..50_usize, 1..5),
        ) {
            let good: Vec<u8> =
                requests.iter().flat_map(|(body, chunks)| request(body, *chunks)).collect();
            prop_assert_eq!(&followed(&good, &pieces), &good);
            let out = followed(&[&good, TWICE[0].as_bytes()].concat(), &pieces);
            prop_assert_eq!(&out[..good.len()], &good[..]);
            let (_, last) = out.split_at(good.len());
            prop_assert_eq!(last.split(|byte| *byte == SPOILED).count(), 2);
        }

        #[test]
        fn no_bytes_at_all_make_it_fail(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(followed(&bytes, &[5]).len(), bytes.len());
        }
    }
}
