//! The records of a write-ahead log in RocksDB's format, put together again: a record is cut at every 32 KiB, and a secret
//! that lies across such a cut would not be found in the file as it is.
//!
//! Not for reading what the records mean.

const BLOCK: usize = 32 * 1024;
/// Checksum, length, type.
const HEAD: usize = 7;
/// The same with the number of the log, in files that are used again.
const RECYCLED_HEAD: usize = 11;
/// Ends a record, so that what is found never spans two.
const END: u8 = 0;

/// The payloads of all records, one after another.
pub(crate) fn records(file: &[u8]) -> Vec<u8> {
    let mut all = Vec::with_capacity(file.len());
    for block in file.chunks(BLOCK) {
        let mut rest = block;
        while let Some((payload, kind, behind)) = fragment(rest) {
            all.extend_from_slice(payload);
            // whole records, and last parts of cut ones
            if matches!(kind, 1 | 4 | 5 | 8) {
                all.push(END);
            }
            rest = behind;
        }
    }
    all
}

fn fragment(block: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let length = usize::from(u16::from_le_bytes([*block.get(4)?, *block.get(5)?]));
    let kind = *block.get(6)?;
    if kind == 0 {
        // the rest of the block is padding
        return None;
    }
    let head = match kind {
        5..=8 => RECYCLED_HEAD,
        _ => HEAD,
    };
    let payload = block.get(head..head + length)?;
    Some((payload, kind, &block[head + length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(kind: u8, payload: &[u8]) -> Vec<u8> {
        let length = u16::try_from(payload.len()).expect("less than a block");
        let mut part = vec![1, 2, 3, 4];
        part.extend(length.to_le_bytes());
        part.push(kind);
        part.extend_from_slice(payload);
        part
    }

    #[test]
    fn a_record_that_was_cut_at_a_block_is_whole_again() {
        let filler = vec![b'x'; BLOCK - 2 * HEAD - 6];
        let mut file = part(1, &filler);
        file.extend(part(2, b"a secr"));
        assert_eq!(file.len(), BLOCK);
        file.extend(part(4, b"et over a cut"));
        file.extend(part(1, b"another"));
        let found = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).any(|w| w == what);
        assert!(!found(&file, b"a secret over a cut"));
        let records = records(&file);
        assert!(found(&records, b"a secret over a cut\0another\0"));
    }

    #[test]
    fn padding_and_a_torn_end_are_no_records() {
        assert!(records(&[0; 100]).is_empty());
        assert!(records(&part(1, b"torn")[..9]).is_empty());
    }
}
