//! A function that wasmer 3.3.0 expects of the compiler's runtime, and that Rust no longer has:
//! a function that touches each page of a new stack frame, so that one which is
//! larger than the guard page cannot jump over it.

#![expect(unsafe_code, reason = "written in assembly")]

// The frame's size is in rax; r11 and the flags may change.
#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".globl __rust_probestack",
    "__rust_probestack:",
    "push rax",
    "mov r11, rsp",
    "2:",
    "cmp rax, 4096",
    "jb 3f",
    "sub r11, 4096",
    "test [r11], r11",
    "sub rax, 4096",
    "jmp 2b",
    "3:",
    "sub r11, rax",
    "test [r11], r11",
    "pop rax",
    "ret",
);
