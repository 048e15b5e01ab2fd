//! Makes kernels of modules: an exported memory and a `kernel_run` are added, all else stays.

/// The kernel that has all of a module; `None` where its sections cannot be read.
pub(crate) fn as_kernel(wasm: &[u8]) -> Option<Vec<u8>> {
    let mut sections = Vec::new();
    let (head, mut rest) = wasm.split_at_checked(8)?;
    while let Some((id, behind)) = rest.split_first() {
        let (len, behind) = read(behind)?;
        let (content, behind) = behind.split_at_checked(len as usize)?;
        sections.push((*id, content.to_vec()));
        rest = behind;
    }
    let entries = |id: u8| -> u32 {
        let section = sections.iter().find(|(known, _)| *known == id);
        section
            .and_then(|(_, content)| read(content))
            .map_or(0, |(count, _)| count)
    };
    let (types, functions) = (entries(1), imported(&sections)? + entries(3));
    let memories = entries(5);
    append(&mut sections, 1, &[0x60, 0, 0])?;
    append(&mut sections, 3, &leb(types))?;
    if memories == 0 {
        append(&mut sections, 5, &[0, 1])?;
    }
    let run = [&[10][..], b"kernel_run", &[0], &leb(functions)].concat();
    append(&mut sections, 7, &run)?;
    append(&mut sections, 7, b"\x04\xc3\xa9me\x02\0")?;
    append(&mut sections, 10, &[2, 0, 0x0b])?;
    let mut kernel = head.to_vec();
    for (id, content) in sections {
        kernel.push(id);
        kernel.extend(leb(content.len() as u32));
        kernel.extend(content);
    }
    Some(kernel)
}

/// The number of functions that are imported, if none of the imports is anything else.
fn imported(sections: &[(u8, Vec<u8>)]) -> Option<u32> {
    match sections.iter().find(|(id, _)| *id == 2) {
        Some((_, content)) => Some(read(content)?.0),
        None => Some(0),
    }
}

/// Appends an entry to a section, which is made if there is none.
fn append(sections: &mut Vec<(u8, Vec<u8>)>, id: u8, entry: &[u8]) -> Option<()> {
    const ORDER: [u8; 12] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];
    let place = |id: u8| ORDER.iter().position(|known| *known == id);
    if let Some((_, content)) = sections.iter_mut().find(|(known, _)| *known == id) {
        let (count, behind) = read(content)?;
        *content = [&leb(count.checked_add(1)?), behind, entry].concat();
        return Some(());
    }
    let behind = |(known, _): &(u8, Vec<u8>)| place(*known) > place(id);
    let at = sections.iter().position(behind).unwrap_or(sections.len());
    sections.insert(at, (id, [&[1], entry].concat()));
    Some(())
}

/// A number at the front, and what stands behind it.
pub(crate) fn read(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0;
    for (place, byte) in bytes.iter().enumerate().take(5) {
        value |= u32::from(byte & 0x7f).checked_shl(7 * place as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[place + 1..]));
        }
    }
    None
}

/// A number in as few bytes as it needs.
pub(crate) fn leb(mut number: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}
