//! Changes modules by their parts: sizes and counts fit again behind most changes, so that what is judged is
//! what stands in a section, not that its end is elsewhere.

use crate::decoded::Random;
use crate::kernels::{leb, read};

type Sections = Vec<(u8, Vec<u8>)>;

/// Numbers at which something changes.
const NUMBERS: [u32; 20] = [
    0,
    1,
    2,
    3,
    7,
    63,
    64,
    127,
    128,
    1_000,
    1_001,
    50_000,
    50_001,
    65_536,
    65_537,
    100_001,
    1_000_001,
    0x7fff_ffff,
    0xffff_fffe,
    0xffff_ffff,
];

/// Instructions, and parts of them.
const CODE: [&[u8]; 56] = [
    &[0x00],
    &[0x01],
    &[0x02, 0x40],
    &[0x02, 0x7f],
    &[0x02, 0x00],
    &[0x02, 0x63, 0x70],
    &[0x03, 0x40],
    &[0x03, 0x7e],
    &[0x04, 0x40],
    &[0x04, 0x7f],
    &[0x05],
    &[0x0b],
    &[0x0c, 0],
    &[0x0c, 1],
    &[0x0d, 0],
    &[0x0e, 0, 0],
    &[0x0e, 2, 0, 1, 0],
    &[0x0e, 1, 1, 0x80, 0],
    &[0x0f],
    &[0x10, 0],
    &[0x10, 1],
    &[0x11, 0, 0],
    &[0x11, 1, 0x80, 0],
    &[0x1a],
    &[0x1b],
    &[0x1c, 1, 0x7f],
    &[0x1c, 1, 0x63, 0x6f],
    &[0x1c, 0],
    &[0x1c, 2, 0x7f, 0x7f],
    &[0x20, 0],
    &[0x21, 0],
    &[0x22, 1],
    &[0x23, 0],
    &[0x24, 0],
    &[0x25, 0],
    &[0x26, 0],
    &[0x28, 2, 0],
    &[0x28, 3, 0],
    &[0x29, 0x42, 0, 0],
    &[0x3f, 0],
    &[0x40, 0x80, 0],
    &[0x41, 0],
    &[0x42, 0x7f],
    &[0x43, 0, 0, 0, 0],
    &[0xa8],
    &[0xc0],
    &[0xd0, 0x70],
    &[0xd0, 0x6f],
    &[0xd1],
    &[0xd2, 0],
    &[0xd2, 0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xfc, 0],
    &[0xfc, 0x88, 0, 0, 0],
    &[0xfc, 9, 0],
    &[0xfc, 12, 0, 0],
    &[0xfd, 0x15, 16],
];

/// Entries of sections.
const ENTRIES: [(u8, &[u8]); 36] = [
    (1, &[0x60, 0, 0]),
    (1, &[0x4f, 0, 0x60, 0, 0]),
    (1, &[0x4f, 0x80, 0, 0x60, 0, 0]),
    (1, &[0x50, 0, 0x60, 0, 0]),
    (1, &[0x4e, 1, 0x60, 0, 0]),
    (1, &[0x4e, 0]),
    (1, &[0x60, 1, 0x63, 0x70, 0]),
    (1, &[0x60, 1, 0x64, 0x70, 0]),
    (1, &[0x60, 1, 0x6f, 1, 0x70]),
    (1, &[0x60, 0, 2, 0x7f, 0x7f]),
    (1, &[0x60, 1, 0x7d, 0]),
    (3, &[0]),
    (4, &[0x70, 0, 0]),
    (4, &[0x6f, 1, 1, 5]),
    (4, &[0x63, 0x70, 0, 3]),
    (4, &[0x40, 0, 0x70, 0, 3, 0xd0, 0x70, 0x0b]),
    (5, &[0, 1]),
    (5, &[1, 2, 1]),
    (6, &[0x70, 0, 0xd2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x0b]),
    (6, &[0x70, 0, 0xd2, 0, 0x0b]),
    (6, &[0x6f, 1, 0xd0, 0x6f, 0x0b]),
    (6, &[0x6f, 1, 0xd0, 0x70, 0x0b]),
    (6, &[0x7f, 0, 0x23, 0, 0x0b]),
    (6, &[0x7f, 0, 0x41, 1, 0x41, 1, 0x6a, 0x0b]),
    (6, &[0x7d, 0, 0x43, 0, 0, 0, 0, 0x0b]),
    (7, &[1, b'x', 0, 0]),
    (7, &[0, 2, 0]),
    (
        7,
        &[
            10, b'k', b'e', b'r', b'n', b'e', b'l', b'_', b'n', b'e', b'x', 0, 0,
        ],
    ),
    (9, &[0, 0x41, 0, 0x0b, 1, 0]),
    (9, &[1, 0, 1, 0]),
    (9, &[3, 0, 1, 0xff, 0xff, 0xff, 0xff, 0x0f]),
    (9, &[5, 0x70, 1, 0xd2, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x0b]),
    (9, &[6, 0, 0x41, 0, 0x0b, 0x6f, 0]),
    (9, &[7, 0x6f, 1, 0xd0, 0x6f, 0x0b]),
    (11, &[2, 1, 0x42, 0, 0x0b, 0]),
    (11, &[1, 3, 1, 2, 3]),
];

/// A module with something changed.
pub(crate) fn reshape(wasm: &[u8], random: &mut Random) -> Vec<u8> {
    let Some((head, mut sections)) = split(wasm) else {
        return wasm.to_vec();
    };
    let mut odd_size = None;
    for _ in 0..=random.below(4) / 2 {
        match random.below(24) {
            0 => {
                let one = sections[random.below(sections.len())].clone();
                sections.insert(random.below(sections.len() + 1), one);
            }
            1 => {
                sections.remove(random.below(sections.len()));
            }
            2 => {
                let (one, other) = (random.below(sections.len()), random.below(sections.len()));
                sections.swap(one, other);
            }
            3 => {
                let custom = (0, custom(random));
                sections.insert(random.below(sections.len() + 1), custom);
            }
            4 => {
                let count = leb(NUMBERS[random.below(6)]);
                sections.insert(random.below(sections.len() + 1), (12, count));
            }
            5 => {
                let at = random.below(sections.len());
                sections[at].0 = random.below(16) as u8;
            }
            6 => odd_size = Some(random.below(sections.len())),
            7..=11 => {
                let (id, entry) = ENTRIES[random.below(ENTRIES.len())];
                append(&mut sections, id, entry);
            }
            12..=18 => change_code(&mut sections, random),
            _ => {
                let at = random.below(sections.len());
                change_bytes(&mut sections[at].1, random);
            }
        }
        if sections.is_empty() {
            break;
        }
    }
    let mut wasm = head.to_vec();
    for (at, (id, content)) in sections.iter().enumerate() {
        wasm.push(*id);
        let size = match odd_size == Some(at) {
            true => number(content.len() as u32, random),
            false => leb(content.len() as u32),
        };
        wasm.extend(size);
        wasm.extend(content);
    }
    wasm
}

fn split(wasm: &[u8]) -> Option<(&[u8], Sections)> {
    let (head, mut rest) = wasm.split_at_checked(8)?;
    let mut sections = Vec::new();
    while let Some((id, behind)) = rest.split_first() {
        let (len, behind) = read(behind)?;
        let (content, behind) = behind.split_at_checked(len as usize)?;
        sections.push((*id, content.to_vec()));
        rest = behind;
    }
    (!sections.is_empty()).then_some((head, sections))
}

/// A name of about one or two pieces, of characters of some bytes, perhaps not whole.
fn custom(random: &mut Random) -> Vec<u8> {
    const CHARACTERS: [&str; 4] = ["a", "é", "名", "🦀"];
    let mut name = Vec::new();
    let len = 55 + random.below(80);
    while name.len() < len {
        name.extend(CHARACTERS[random.below(4)].bytes());
    }
    if random.below(3) == 0 {
        name.pop();
    }
    if random.below(5) == 0 {
        let at = random.below(name.len());
        name[at] ^= 0x80;
    }
    [leb(name.len() as u32), name, vec![1, 2]].concat()
}

/// Changes the body of a function.
fn change_code(sections: &mut Sections, random: &mut Random) {
    let code = sections.iter_mut().find(|(id, _)| *id == 10);
    let Some((_, content)) = code else { return };
    let Some((count, mut rest)) = read(content) else {
        return;
    };
    let mut bodies = Vec::new();
    for _ in 0..count {
        let Some((len, behind)) = read(rest) else {
            return;
        };
        let Some((body, behind)) = behind.split_at_checked(len as usize) else {
            return;
        };
        bodies.push(body.to_vec());
        rest = behind;
    }
    if bodies.is_empty() {
        return;
    }
    let at = random.below(bodies.len());
    for _ in 0..=random.below(3) {
        let body = &mut bodies[at];
        match random.below(3) {
            0 => change_bytes(body, random),
            _ => {
                let more = CODE[random.below(CODE.len())];
                let place = random.below(body.len());
                body.splice(place..place, more.iter().copied());
            }
        }
    }
    let mut all = leb(count);
    for body in bodies {
        all.extend(leb(body.len() as u32));
        all.extend(body);
    }
    *content = all;
}

fn change_bytes(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        return bytes.push(random.below(256) as u8);
    }
    let at = random.below(bytes.len());
    let number = match random.below(7) {
        0..=1 => leb(NUMBERS[random.below(NUMBERS.len())]),
        2..=3 => number((bytes[at] & 0x7f).into(), random),
        4 => Vec::new(),
        5 => {
            let end = (at + 1 + random.below(12)).min(bytes.len());
            [&bytes[at..end], &bytes[at..=at]].concat()
        }
        _ => vec![random.below(256) as u8],
    };
    bytes.splice(at..=at, number);
}

/// A number in more bytes than it needs, or another one.
fn number(value: u32, random: &mut Random) -> Vec<u8> {
    let mut bytes = leb(match random.below(6) {
        0 => value.wrapping_add(1),
        1 => value.wrapping_sub(1),
        _ => value,
    });
    for _ in 0..random.below(6) {
        if let Some(last) = bytes.last_mut() {
            *last |= 0x80;
        }
        bytes.push(0);
    }
    bytes
}

fn append(sections: &mut Sections, id: u8, entry: &[u8]) {
    const ORDER: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];
    let place = |id: u8| ORDER.iter().position(|known| *known == id);
    if let Some((_, content)) = sections.iter_mut().find(|(known, _)| *known == id) {
        if let Some((count, behind)) = read(content) {
            *content = [&leb(count.wrapping_add(1)), behind, entry].concat();
        }
        return;
    }
    let behind = |(known, _): &(u8, Vec<u8>)| place(*known) > place(id);
    let at = sections.iter().position(behind).unwrap_or(sections.len());
    sections.insert(at, (id, [&[1], entry].concat()));
}
