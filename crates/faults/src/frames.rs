//! Cuts a byte stream into messages of the service protocol: 2 bytes type, 2 bytes flags, 4 bytes length, body.
//!
//! Not for what a message says (see `message`).

use bytes::{Buf as _, Bytes, BytesMut};

const HEADER: usize = 8;

/// One whole message as it was on the wire.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) code: u16,
    /// Header and body.
    pub(crate) raw: Bytes,
}

impl Frame {
    pub(crate) fn body(&self) -> Bytes {
        self.raw.slice(HEADER..)
    }
}

/// Holds back the bytes of the message that has not arrived whole.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    held: BytesMut,
}

impl Frames {
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.held.extend_from_slice(chunk);
    }

    /// The next whole message.
    pub(crate) fn next(&mut self) -> Option<Frame> {
        let mut header = self.held.get(..HEADER)?;
        let code = header.get_u16();
        let _flags = header.get_u16();
        let length = usize::try_from(header.get_u32()).ok()?;
        let whole = HEADER + length;
        (self.held.len() >= whole).then(|| Frame {
            code,
            raw: self.held.split_to(whole).freeze(),
        })
    }

    /// What is left of a stream that ended within a message.
    pub(crate) fn rest(&mut self) -> Bytes {
        self.held.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(code: u16, body: &[u8]) -> Vec<u8> {
        let mut bytes = code.to_be_bytes().to_vec();
        bytes.extend([0x80, 0]);
        bytes.extend(u32::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn messages_come_out_whole_however_the_bytes_arrive() {
        let wire = [
            message(0x0400, b"input"),
            message(3, b""),
            message(0x0411, &[7; 300]),
        ]
        .concat();
        for size in [1, 3, 8, 13, wire.len()] {
            let mut frames = Frames::default();
            let mut out = Vec::new();
            for chunk in wire.chunks(size) {
                frames.push(chunk);
                out.extend(std::iter::from_fn(|| frames.next()));
            }
            let codes: Vec<u16> = out.iter().map(|f| f.code).collect();
            assert_eq!(codes, [0x0400, 3, 0x0411], "chunks of {size}");
            assert_eq!(out[0].body(), "input");
            assert_eq!(
                out.iter()
                    .map(|f| f.raw.to_vec())
                    .collect::<Vec<_>>()
                    .concat(),
                wire
            );
            assert!(frames.rest().is_empty());
        }
    }

    #[test]
    fn a_broken_off_message_is_given_back_as_it_came() {
        let mut frames = Frames::default();
        let wire = message(0x0411, b"half");
        frames.push(&wire[..10]);
        assert!(frames.next().is_none());
        assert_eq!(frames.rest(), wire[..10]);
    }
}
