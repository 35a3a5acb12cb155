//! Whether a file is a pickle, by the operations that it starts with. Since the third version of the
//! format a pickle says so in its first byte; the first two begin with any operation, and the first is
//! text. They are walked through as Python's `pickletools` does; nothing of them is carried out.

/// Operations that must be seen of one whose end is not.
const FEW: usize = 3;

/// Longest text or number that one begins with, bytes.
const LONGEST: usize = 1 << 28;

/// What follows an operation.
enum Argument {
    /// So many bytes.
    Bytes(usize),
    /// A length of so many bytes, and as many bytes as it says.
    Counted(usize),
    /// Lines.
    Lines(usize),
    /// A line of digits, with a sign, a point or an exponent.
    Number,
    /// A line in quotes.
    Quoted,
}

/// What an operation does to the values that there are.
enum Effect {
    /// Takes so many and gives so many.
    Change(usize, usize),
    Mark,
    /// Takes all since the last mark, and so many before it, and gives so many.
    ToMark(usize, usize),
}

/// The operations of Python 3's `pickle`.
fn operation(code: u8) -> Option<(Argument, Effect)> {
    use Argument::{Bytes, Counted, Lines, Number, Quoted};
    use Effect::{Change, Mark, ToMark};
    Some(match code {
        b'(' => (Bytes(0), Mark),
        b'0' => (Bytes(0), Change(1, 0)),
        b'1' => (Bytes(0), ToMark(0, 0)),
        b'2' => (Bytes(0), Change(1, 2)),
        b'F' | b'I' | b'L' | b'g' => (Number, Change(0, 1)),
        b'S' => (Quoted, Change(0, 1)),
        b'V' | b'P' => (Lines(1), Change(0, 1)),
        b'c' => (Lines(2), Change(0, 1)),
        b'i' => (Lines(2), ToMark(0, 1)),
        b'p' => (Number, Change(1, 1)),
        b'K' | b'h' => (Bytes(1), Change(0, 1)),
        b'M' => (Bytes(2), Change(0, 1)),
        b'J' | b'j' => (Bytes(4), Change(0, 1)),
        b'G' => (Bytes(8), Change(0, 1)),
        b'q' => (Bytes(1), Change(1, 1)),
        b'r' => (Bytes(4), Change(1, 1)),
        b'U' | b'C' | 0x8a | 0x8c => (Counted(1), Change(0, 1)),
        b'T' | b'X' | b'B' | 0x8b => (Counted(4), Change(0, 1)),
        0x8d | 0x8e | 0x96 => (Counted(8), Change(0, 1)),
        b'N' | b'}' | b']' | b')' | 0x88 | 0x89 | 0x8f => (Bytes(0), Change(0, 1)),
        b'Q' | 0x85 | 0x94 => (Bytes(0), Change(1, 1)),
        b'R' | b'a' | b'b' | 0x81 | 0x86 | 0x93 => (Bytes(0), Change(2, 1)),
        b's' | 0x87 | 0x92 => (Bytes(0), Change(3, 1)),
        b'l' | b't' | b'd' | b'o' | 0x91 => (Bytes(0), ToMark(0, 1)),
        b'e' | b'u' | 0x90 => (Bytes(0), ToMark(1, 1)),
        0x95 => (Bytes(8), Change(0, 0)),
        _ => return None,
    })
}

/// Whether a file that starts with these bytes is one, all of it or its beginning.
pub fn is_pickle(start: &[u8]) -> bool {
    /// The mark of every version but the first two.
    const VERSION: u8 = 0x80;
    if start.first() == Some(&VERSION) {
        return true;
    }
    let mut rest = start;
    let mut values = 0_usize;
    let mut marks = Vec::new();
    let mut seen = 0;
    while let Some((&code, after)) = rest.split_first() {
        if code == b'.' {
            return seen > 0 && values == 1 && marks.is_empty();
        }
        let Some((argument, effect)) = operation(code) else {
            return false;
        };
        let change = match effect {
            Effect::Change(takes, gives) => values.checked_sub(takes).map(|left| left + gives),
            Effect::Mark => {
                marks.push(values);
                Some(0)
            }
            Effect::ToMark(takes, gives) => {
                let before: Option<usize> = marks.pop();
                before
                    .and_then(|before| before.checked_sub(takes))
                    .map(|left| left + gives)
            }
        };
        let Some(left) = change else {
            return false;
        };
        values = left;
        match skipped(after, &argument) {
            Ok(Some(next)) => rest = next,
            Ok(None) => break,
            Err(()) => return false,
        }
        seen += 1;
    }
    seen >= FEW
}

/// What follows an argument; nothing where it is cut off.
fn skipped<'a>(bytes: &'a [u8], argument: &Argument) -> Result<Option<&'a [u8]>, ()> {
    match argument {
        Argument::Bytes(count) => Ok(bytes.get(*count..)),
        Argument::Counted(width) => {
            let Some((length, after)) = bytes.split_at_checked(*width) else {
                return Ok(None);
            };
            let digits = length.iter().rev();
            let length = digits.fold(0_usize, |all, byte| (all << 8) | usize::from(*byte));
            if length > LONGEST {
                return Err(());
            }
            Ok(after.get(length..))
        }
        Argument::Lines(count) => {
            let mut rest = bytes;
            for _ in 0..*count {
                let Some((_, after)) = line(rest) else {
                    return Ok(None);
                };
                rest = after;
            }
            Ok(Some(rest))
        }
        Argument::Number | Argument::Quoted => {
            let Some((line, after)) = line(bytes) else {
                return Ok(None);
            };
            let is_number = |byte: &u8| byte.is_ascii_digit() || b"+-.eLnaif".contains(byte);
            let fits = match (argument, line) {
                (Argument::Quoted, [first @ (b'\'' | b'"'), .., last]) => first == last,
                (Argument::Quoted, _) => false,
                _ => !line.is_empty() && line.iter().all(is_number),
            };
            if fits { Ok(Some(after)) } else { Err(()) }
        }
    }
}

/// A line, and what follows it.
fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `pickle.dumps(…, protocol)` of Python 3.11 writes.
    const PICKLES: [&[u8]; 8] = [
        // A call of os.system, in the first two versions.
        b"cposix\nsystem\np0\n(Vtouch /tmp/x\np1\ntp2\nRp3\n.",
        b"cposix\nsystem\nq\x00(X\x0c\x00\x00\x00touch /tmp/xq\x01tq\x02Rq\x03.",
        // {"a": [1.5, None]}
        b"(dp0\nVa\np1\n(lp2\nF1.5\naNas.",
        b"}q\x00X\x01\x00\x00\x00aq\x01]q\x02(G?\xf8\x00\x00\x00\x00\x00\x00Nes.",
        // 2 ** 70, and a list of a truth.
        b"L1180591620717411303424L\n.",
        b"(lp0\nI01\na.",
        // As Python 2 writes texts.
        b"(S'weights'\np0\nI12\ntp1\n.",
        // With operations of later versions and without their mark.
        b"cposix\nsystem\n\x8c\x0ctouch /tmp/x\x85R.",
    ];

    #[test]
    fn pickles_of_every_version_are_known_whole_and_cut_off() {
        for pickle in PICKLES {
            assert!(is_pickle(pickle), "{}", pickle.escape_ascii());
        }
        let long = [PICKLES[0], &[b' '; 10]].concat();
        assert!(is_pickle(&long));
        assert!(is_pickle(&PICKLES[0][..30]));
        assert!(is_pickle(b"\x80\x02}q\x00."));
    }

    #[test]
    fn texts_and_other_files_are_none() {
        let others: [&[u8]; 14] = [
            b"hello there",
            b"cat\ndog\nhorse\n",
            b"classes\nare\nlisted\nhere\n",
            b"Never mind.",
            b"N",
            b".",
            b"(This is a text.)",
            b"I am a text\n",
            b"10 20 30\n",
            b"{\"a\": 1}",
            b"<!DOCTYPE html>",
            b"\x08\x08\x12\x07pytorch",
            b"PK\x03\x04",
            b"]]]]. and so on",
        ];
        for other in others {
            assert!(!is_pickle(other), "{}", other.escape_ascii());
        }
    }
}
