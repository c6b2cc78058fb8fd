//! The sequences of the suite's sections 6.5 to 6.23, made from what they are about.

pub struct Sequence {
    pub name: String,
    pub bytes: Vec<u8>,
    pub valid: bool,
}

const GREEK: &str = "κόσμε";

/// A code point as UTF-8 would write it in so many bytes, allowed or not.
fn encoded(code: u32, bytes: u32) -> Vec<u8> {
    let tail = |at: u32| 0x80 | (code >> (6 * at) & 0x3F) as u8;
    let first = match bytes {
        1 => return vec![code as u8],
        2 => 0xC0,
        3 => 0xE0,
        4 => 0xF0,
        5 => 0xF8,
        _ => 0xFC,
    };
    let mut encoded = vec![first | (code >> (6 * (bytes - 1))) as u8];
    encoded.extend((0..bytes - 1).rev().map(tail));
    encoded
}

/// A UTF-16 surrogate as UTF-8 would write it.
fn surrogate(code: u32) -> Vec<u8> {
    encoded(code, 3)
}

fn plain(code: u32) -> Vec<u8> {
    let bytes = match code {
        0..=0x7F => 1,
        0x80..=0x7FF => 2,
        0x800..=0xFFFF => 3,
        _ => 4,
    };
    encoded(code, bytes)
}

pub fn sequences() -> Vec<Sequence> {
    let mut all = Vec::new();
    let mut section = |number: u32, valid: &dyn Fn(usize) -> bool, sequences: Vec<Vec<u8>>| {
        for (at, bytes) in sequences.into_iter().enumerate() {
            let name = format!("6.{number}.{}", at + 1);
            let valid = valid(at);
            all.push(Sequence { name, bytes, valid });
        }
    };
    let (always, never) = (&|_| true, &|_| false);

    let words = [
        "hello$world",
        "hello¢world",
        "hello€world",
        "hello\u{24B62}world",
        GREEK,
    ];
    section(5, always, words.map(|word| word.as_bytes().to_vec()).into());
    let prefixes: Vec<Vec<u8>> = (1..=GREEK.len())
        .map(|at| GREEK.as_bytes()[..at].to_vec())
        .collect();
    section(6, &|at| GREEK.is_char_boundary(at + 1), prefixes);
    // The first and the last of each length; those of more than four bytes, and above U+10FFFF, are none.
    let firsts = [(0, 1), (0x80, 2), (0x800, 3), (0x1_0000, 4)];
    section(7, always, firsts.map(|(code, bytes)| encoded(code, bytes)).into());
    let firsts = [(0x20_0000, 5), (0x400_0000, 6)];
    section(8, never, firsts.map(|(code, bytes)| encoded(code, bytes)).into());
    section(9, always, [0x7F, 0x7FF, 0xFFFF, 0x10_FFFF].map(plain).into());
    let lasts = [(0x1F_FFFF, 4), (0x3FF_FFFF, 5), (0x7FFF_FFFF, 6)];
    section(10, never, lasts.map(|(code, bytes)| encoded(code, bytes)).into());
    let boundaries = [0xD7FF, 0xE000, 0xFFFD, 0x10_FFFF, 0x11_0000];
    section(11, &|at| at < 4, boundaries.map(plain).into());

    // Continuation bytes without a start: each end of their range, runs of them, all of them.
    let mut alone: Vec<Vec<u8>> = vec![vec![0x80], vec![0xBF]];
    alone.extend((2..=6).map(|length| [0x80, 0xBF].into_iter().cycle().take(length).collect()));
    alone.push((0x80..=0xBF).collect());
    section(12, never, alone);
    // Starts, each followed by a space.
    let lonely = |range: std::ops::RangeInclusive<u8>| range.flat_map(|start| [start, b' ']).collect();
    let starts = [0xC0..=0xDF, 0xE0..=0xEF, 0xF0..=0xF7, 0xF8..=0xFB, 0xFC..=0xFD];
    section(13, never, starts.map(lonely).into());
    // The last byte is missing.
    let mut cut = Vec::new();
    for codes in [
        [(0, 2), (0, 3), (0, 4), (0, 5), (0, 6)],
        [
            (0x7FF, 2),
            (0xFFFF, 3),
            (0x1F_FFFF, 4),
            (0x3FF_FFFF, 5),
            (0x7FFF_FFFF, 6),
        ],
    ] {
        for (code, bytes) in codes {
            let mut whole = encoded(code, bytes);
            whole.pop();
            cut.push(whole);
        }
    }
    section(14, never, cut.clone());
    section(15, never, vec![cut.concat()]);
    section(
        16,
        never,
        vec![vec![0xFE], vec![0xFF], vec![0xFE, 0xFE, 0xFF, 0xFF]],
    );
    // Longer than need be: a slash, the greatest code of each shorter length, zero.
    section(17, never, (2..=6).map(|bytes| encoded(0x2F, bytes)).collect());
    let greatest = [
        (0x7F, 2),
        (0x7FF, 3),
        (0xFFFF, 4),
        (0x1F_FFFF, 5),
        (0x3FF_FFFF, 6),
    ];
    section(
        18,
        never,
        greatest.map(|(code, bytes)| encoded(code, bytes)).into(),
    );
    section(19, never, (2..=6).map(|bytes| encoded(0, bytes)).collect());
    let singles = [0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF];
    section(20, never, singles.map(surrogate).into());
    let mut pairs = Vec::new();
    for high in [0xD800, 0xDB7F, 0xDB80, 0xDBFF] {
        for low in [0xDC00, 0xDFFF] {
            pairs.push([surrogate(high), surrogate(low)].concat());
        }
    }
    section(21, never, pairs);
    // Code points that are no characters are text all the same.
    let planes = (0..=0x10).flat_map(|plane| [plane << 16 | 0xFFFE, plane << 16 | 0xFFFF]);
    section(22, always, planes.map(plain).collect());
    section(23, always, (0xFFF9..=0xFFFF).map(plain).collect());
    all
}
