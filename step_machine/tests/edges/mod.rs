//! Modules at the edges of what is admitted: numbers as large as they can be, written in more bytes than they
//! need, as many as there may be. They are judged by steps as they are as a whole.

use crate::decoded::{alike, hex, terms};
use crate::kernels::leb;
use kernel_module::imports::{IMPORTS, LEGACY_MODULE, MODULE, ValType};
use kernel_module::{Terms, Version};
use step_machine::decoding::Verdict::{self, CannotRun, NoEntry, Refused, Valid};

/// A number in five bytes.
fn long(number: u32) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..5)
        .map(|place| (number >> (7 * place) & 0x7f) as u8 | 0x80)
        .collect();
    bytes[4] &= 0x7f;
    bytes
}

/// The sections of a kernel, in order: 1 to 9, 12, 10, 11, and their contents.
struct Kernel(Vec<(u8, Vec<u8>)>);

impl Kernel {
    /// A memory of a page, and an empty `kernel_run`.
    fn new() -> Self {
        Self(vec![
            (1, b"\x01\x60\0\0".to_vec()),
            (3, b"\x01\0".to_vec()),
            (5, b"\x01\0\x01".to_vec()),
            (7, b"\x02\x0akernel_run\0\0\x01m\x02\0".to_vec()),
            (10, b"\x01\x02\0\x0b".to_vec()),
        ])
    }

    fn with(mut self, id: u8, content: impl AsRef<[u8]>) -> Self {
        const ORDER: [u8; 13] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 10, 11];
        let place = |id: u8| ORDER.iter().position(|known| *known == id);
        self.0.retain(|(known, _)| *known != id);
        self.0.push((id, content.as_ref().to_vec()));
        self.0.sort_by_key(|(id, _)| place(*id));
        self
    }

    /// The bodies of functions, of which the first is `kernel_run`.
    fn bodies(self, bodies: &[Vec<u8>]) -> Self {
        let mut functions = leb(bodies.len() as u32);
        let mut code = functions.clone();
        for body in bodies {
            functions.push(0);
            code.extend(leb(body.len() as u32));
            code.extend(body);
        }
        self.with(3, functions).with(10, code)
    }

    fn body(self, body: &[u8]) -> Self {
        self.bodies(&[body.to_vec()])
    }

    fn bytes(&self, size: fn(u32) -> Vec<u8>) -> Vec<u8> {
        let mut wasm = b"\0asm\x01\0\0\0".to_vec();
        for (id, content) in &self.0 {
            wasm.push(*id);
            wasm.extend(size(content.len() as u32));
            wasm.extend(content);
        }
        wasm
    }

    #[track_caller]
    fn is(&self, verdict: Verdict) {
        for size in [leb, long] {
            let wasm = self.bytes(size);
            let about = hex(&wasm[..wasm.len().min(200)]);
            assert_eq!(alike(&wasm, terms(), &about).0, verdict, "{about}");
        }
    }
}

#[test]
fn functions_that_are_none_are_not_referred_to() {
    for function in [1, 2, 0x7fff_ffff, 0xffff_fffe, 0xffff_ffff] {
        let reference = [&b"\xd2"[..], &long(function), b"\x0b"].concat();
        let global = [b"\x01\x70\0", &reference[..]].concat();
        Kernel::new().with(6, global).is(Refused);
        for head in [&b"\x01\x05\x70\x01"[..], b"\x01\x07\x70\x01"] {
            let element = [head, &reference].concat();
            Kernel::new().with(9, element).is(Refused);
        }
        let active = [b"\x01\x04\x41\0\x0b\x01", &reference[..]].concat();
        let table = Kernel::new().with(4, b"\x01\x70\0\x03");
        table.with(9, active).is(Refused);
        for head in [&b"\x01\x01\0\x01"[..], b"\x01\x03\0\x01"] {
            let element = [head, &long(function)].concat();
            Kernel::new().with(9, element).is(Refused);
        }
        for head in [&b"\0\xd2"[..], b"\0\x10"] {
            let body = [head, &long(function), b"\x0b"].concat();
            Kernel::new().body(&body).is(CannotRun);
        }
        Kernel::new().with(8, long(function)).is(Refused);
        let export = [b"\x02\x0akernel_run\0", &long(function)[..], b"\x01m\x02\0"].concat();
        Kernel::new().with(7, export).is(Refused);
    }
}

#[test]
fn locals_up_to_their_limits() {
    let body = |groups: &[(u32, u8)], code: &[u8]| {
        let mut body = leb(groups.len() as u32);
        for (count, kind) in groups {
            body.extend(long(*count));
            body.push(*kind);
        }
        [&body, code].concat()
    };
    let kernel = |groups: &[(u32, u8)]| Kernel::new().body(&body(groups, b"\x0b"));
    kernel(&[(0, 0x7f), (0, 0x7b), (50_000, 0x7f), (0, 0x70)]).is(Valid);
    kernel(&[(50_000, 0x7f), (1, 0x7f)]).is(CannotRun);
    kernel(&[(0xffff_ffff, 0x7f)]).is(CannotRun);
    kernel(&[(0xffff_ffff, 0x7f), (0, 0x7f)]).is(CannotRun);
    kernel(&[(0xffff_ffff, 0x7f), (1, 0x7f)]).is(Refused);
    kernel(&[(0, 0x7d)]).is(Refused);
    // Behind groups of none.
    let code = b"\x20\x01\x1a\x20\x02\x1a\x0b";
    let groups = [(0, 0x7b), (2, 0x7b), (0, 0x7f), (1, 0x7f), (0, 0x70)];
    Kernel::new().body(&body(&groups, code)).is(Valid);
}

#[test]
fn names_up_to_their_limits() {
    for (len, verdict) in [
        (0, Valid),
        (64, Valid),
        (65, Valid),
        (100_000, Valid),
        (100_001, Refused),
    ] {
        let name = "n".repeat(len);
        let name = [&long(len as u32), name.as_bytes()].concat();
        Kernel::new().with(0, &name).is(verdict);
        let exports = [b"\x03\x0akernel_run\0\0\x01m\x02\0", &name[..], b"\0\0"].concat();
        Kernel::new().with(7, exports).is(verdict);
    }
    // A character that is not whole, at each place of two pieces.
    for len in 1..140 {
        for bad in [
            &b"\xc3"[..],
            b"\xe5\x90",
            b"\xf0\x9f\xa6",
            b"\xed\xa0\x80",
            b"\x80",
            b"\xc0\x80",
        ] {
            let mut name = vec![b'n'; len];
            name.splice(len - 1.., bad.iter().copied());
            let name = [leb(name.len() as u32), name].concat();
            Kernel::new().with(0, &name).is(Refused);
            let exports = [b"\x03\x0akernel_run\0\0\x01m\x02\0", &name[..], b"\0\0"].concat();
            Kernel::new().with(7, exports).is(Refused);
        }
        let name = "é".repeat(len);
        let name = [leb(name.len() as u32), name.into_bytes()].concat();
        let exports = |name: &[u8]| [b"\x03\x0akernel_run\0\0\x01m\x02\0", name, b"\0\0"].concat();
        Kernel::new().with(7, exports(&name)).is(Valid);
        let twice = [
            b"\x04\x0akernel_run\0\0\x01m\x02\0",
            &name[..],
            b"\0\0",
            &name,
            b"\x02\0",
        ]
        .concat();
        Kernel::new().with(7, twice).is(Refused);
    }
}

/// What imports and exports may be in all.
#[test]
fn exported_types_up_to_their_limit() {
    // A function of 1,000 parameters is 1,002 of 1,000,000, of which the module is 1, and `kernel_run` and the
    // memory 3.
    let wide = [&b"\x02\x60\0\0\x60"[..], &leb(1_000), &[0x7f; 1_000], b"\0"].concat();
    for (others, verdict) in [(3, Valid), (4, Refused)] {
        let (wides, others) = (997, 1_000_000 - 4 - 997 * 1_002 - 4 + others);
        let mut exports = leb(2 + wides + others);
        exports.extend(b"\x0akernel_run\0\0\x01m\x02\0");
        for number in 0..wides {
            exports.extend([3, b'f']);
            exports.extend([(number >> 6) as u8, number as u8 & 0x3f]);
            exports.extend([0, 1]);
        }
        for number in 0..others {
            exports.extend([3, b'm']);
            exports.extend([(number >> 6) as u8, number as u8 & 0x3f]);
            exports.extend([2, 0]);
        }
        Kernel::new()
            .with(1, &wide)
            .with(3, b"\x02\0\x01")
            .with(7, exports)
            .with(10, b"\x02\x02\0\x0b\x02\0\x0b")
            .is(verdict);
    }
}

#[test]
fn every_import_in_its_longest_form() {
    let kind = |ty: &ValType| match ty {
        ValType::I32 => 0x7f,
        _ => 0x7e,
    };
    for import in &IMPORTS {
        for (module, legacy) in [(MODULE, false), (LEGACY_MODULE, true)] {
            let params: Vec<u8> = import.params.iter().map(kind).collect();
            let result: Vec<u8> = import.result.iter().map(kind).collect();
            let types = [
                b"\x02\x60\0\0\x60",
                &long(params.len() as u32)[..],
                &params,
                &long(result.len() as u32),
                &result,
            ];
            let (module, name) = (module.as_bytes(), import.name.as_bytes());
            let imports = [
                &long(1)[..],
                &long(module.len() as u32),
                module,
                &long(name.len() as u32),
                name,
                b"\0",
                &long(1),
            ];
            let kernel = Kernel::new()
                .with(1, types.concat())
                .with(2, imports.concat())
                .with(7, b"\x02\x0akernel_run\0\x01\x01m\x02\0");
            for version in [Version::V0, Version::V5] {
                let terms = Terms { version, legacy };
                let expected = match import.since <= version {
                    true => Valid,
                    false => Refused,
                };
                let found = alike(&kernel.bytes(long), terms, import.name).0;
                assert_eq!(found, expected, "{}", import.name);
            }
        }
    }
}

#[test]
fn blocks_that_lie_deep_in_each_other() {
    for (open, result) in [
        (&b"\x02\x40"[..], 0),
        (b"\x03\x7f", 1),
        (b"\x41\0\x04\x40", 0),
        (b"\x00\x02\x7b", 1),
    ] {
        let depth = 20_000;
        let mut body = vec![0];
        for _ in 0..depth {
            body.extend(open);
        }
        if result == 1 {
            body.push(0);
        }
        // Out of all of them.
        body.push(0x0c);
        body.extend(long(depth));
        let close: &[u8] = if result == 1 { b"\x0b\x1a\0" } else { b"\x0b" };
        for _ in 0..depth {
            body.extend(close);
        }
        body.push(0x0b);
        Kernel::new().body(&body).is(Valid);
        body.pop();
        Kernel::new().body(&body).is(CannotRun);
        body.extend(b"\x0b\x0b");
        Kernel::new().body(&body).is(Refused);
    }
}

#[test]
fn sections_that_say_what_is_not() {
    // Data that is announced, and is not there, behind code that is well-typed or not.
    for (body, verdict) in [(&b"\0\x0b"[..], Valid), (b"\0\x6a\x0b", CannotRun)] {
        let kernel = || Kernel::new().body(body);
        kernel().is(verdict);
        kernel().with(12, b"\0").is(verdict);
        kernel().with(12, b"\0").with(11, b"\0").is(verdict);
        kernel().with(12, long(1)).is(Refused);
        kernel().with(12, b"\x01").with(11, b"\0").is(Refused);
        kernel()
            .with(12, b"\x01")
            .with(11, b"\x01\x01\0")
            .is(verdict);
        kernel()
            .with(12, b"\x01")
            .with(11, b"\x02\x01\0\x01\0")
            .is(Refused);
        kernel().with(12, long(0xffff_ffff)).is(Refused);
        kernel().with(12, long(100_001)).is(Refused);
        kernel().with(11, long(0xffff_ffff)).is(Refused);
        kernel().with(11, b"\x01\x01\0\0").is(Refused);
        kernel().with(11, b"\x01\x01\x01").is(Refused);
        kernel()
            .with(11, b"\x01\x01\xff\xff\xff\xff\x0f")
            .is(Refused);
        kernel()
            .with(11, b"\x01\0\x41\x80\x80\x04\x0b\0")
            .is(verdict);
        kernel()
            .with(11, b"\x01\0\x41\x80\x80\x04\x0b\x01x")
            .is(Refused);
        kernel().with(11, b"\x01\0\x41\x7f\x0b\0").is(Refused);
        kernel().with(8, b"\0").is(verdict);
        kernel().with(8, b"\0\0").is(Refused);
        kernel().with(8, b"").is(Refused);
        kernel().with(0, b"").is(Refused);
        for id in [13, 14, 0x7f, 0x80, 0xff] {
            let mut last = kernel();
            last.0.push((id, b"\0".to_vec()));
            last.is(Refused);
            let mut first = kernel();
            first.0.insert(0, (id, b"\0".to_vec()));
            first.is(Refused);
        }
        for id in [1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12] {
            let mut again = kernel();
            again.0.push((id, b"\0".to_vec()));
            again.is(if id == 11 { verdict } else { Refused });
        }
    }
}

#[test]
fn modules_that_end_too_early_or_too_late() {
    let many = [leb(100_001), b"\x01\0".repeat(100_001)].concat();
    Kernel::new().with(11, &many).is(Refused);
    Kernel::new()
        .body(b"\0\x6a\x0b")
        .with(11, &many)
        .is(CannotRun);
    for wasm in [
        &b""[..],
        b"\0",
        b"\0asm",
        b"\0asm\x01\0\0\0",
        b"\0asm\x0d\0\x01\0",
        b"\0asm\x02\0\0\0",
    ] {
        assert_eq!(alike(wasm, terms(), "a head").0, Refused);
    }
    let mut wasm = Kernel::new().bytes(leb);
    for end in 0..wasm.len() {
        assert_eq!(alike(&wasm[..end], terms(), "a part").0, Refused);
    }
    wasm.push(0);
    assert_eq!(alike(&wasm, terms(), "one byte more").0, Refused);
}

#[test]
fn tables_and_memories_up_to_their_limits() {
    for (limits, verdict) in [
        (&b"\0\x01"[..], Valid),
        (b"\x01\x01\x01", Valid),
        (b"\x01\x02\x01", Refused),
        (b"\x02\x01\x01", Refused),
        (b"\x03\x01\x01", Refused),
        (b"\x04\x01", Refused),
        (b"\x05\x01\x01", Refused),
        (b"\x08\x01\0", Refused),
        (b"\x80\0\x01", Refused),
    ] {
        Kernel::new()
            .with(5, [b"\x01", limits].concat())
            .is(verdict);
        for kind in [0x70, 0x6f] {
            let table = [&[1, kind], limits].concat();
            Kernel::new().with(4, table).is(verdict);
        }
        let table = [b"\x01\x63\x70", limits].concat();
        Kernel::new().with(4, table).is(verdict);
    }
    for (size, verdict) in [(65_536, Valid), (65_537, Refused), (0xffff_ffff, Refused)] {
        let most = [b"\x01\x01\0", &long(size)[..]].concat();
        Kernel::new().with(5, most).is(verdict);
    }
    Kernel::new().with(5, b"\0").is(Refused);
    Kernel::new().with(5, b"\x02\0\x01\0\x01").is(Refused);
    let tables = |count: u32| [leb(count), b"\x70\0\x02".repeat(count as usize)].concat();
    Kernel::new().with(4, tables(100)).is(Valid);
    Kernel::new().with(4, tables(101)).is(Refused);
    for most in [16_777_216, 16_777_217, 0xffff_ffff_u32] {
        let table = [b"\x01\x70\x01\x02", &long(most)[..]].concat();
        Kernel::new().with(4, table).is(Valid);
    }
    // There is no room for it; what else is wrong with the module comes first.
    for size in [16_777_217, 0x7fff_ffff, 0xffff_ffff] {
        let large = [b"\x01\x70\0", &long(size)[..]].concat();
        let large = || Kernel::new().with(4, &large);
        large().is(Refused);
        large().body(b"\0\x6a\x0b").is(CannotRun);
        large().with(7, b"\x01\x01m\x02\0").is(NoEntry);
        let element = [b"\x01\0\x41", &[0xff, 0xff, 0xff, 7][..], b"\x0b\x01\0"].concat();
        large().with(9, element).body(b"\0\x6a\x0b").is(CannotRun);
    }
}
