//! The kernel's entry point.

/// Makes `f` the kernel: `f` is called once a run with the host.
///
/// On wasm32 it exports `kernel_run` (`kernel_next` with the feature
/// `legacy-abi`), with a global allocator and a panic handler that logs the
/// panic and traps. Elsewhere it gives `mock_kernel_run`, which makes the same
/// call on a [`crate::mock::MockHost`].
///
/// ```
/// use host::{Debug, Runtime};
///
/// fn greet(host: &mut impl Runtime) {
///     host.write_debug("hello\n");
/// }
///
/// host::kernel_entry!(greet);
///
/// # fn main() {
/// let mut host = host::mock::MockHost::default();
/// mock_kernel_run(&mut host);
/// assert_eq!(host.debug_log(), "hello\n");
/// # }
/// ```
#[macro_export]
macro_rules! kernel_entry {
    ($f:path) => {
        /// One run on the mocked machine.
        #[cfg(not(target_arch = "wasm32"))]
        pub fn mock_kernel_run(host: &mut $crate::mock::MockHost) {
            $f(host);
        }

        #[cfg(target_arch = "wasm32")]
        mod kernel_entry {
            $crate::kernel_export!($f);

            #[global_allocator]
            static ALLOCATOR: $crate::entry::Allocator = $crate::entry::Allocator;

            #[panic_handler]
            fn panic(panic: &core::panic::PanicInfo<'_>) -> ! {
                $crate::entry::panicked(panic)
            }
        }
    };
}

/// The export under the name that the machine calls.
#[doc(hidden)]
#[cfg(not(feature = "legacy-abi"))]
#[macro_export]
macro_rules! kernel_export {
    ($f:path) => {
        #[expect(unsafe_code, reason = "the machine finds the entry by its name")]
        #[unsafe(no_mangle)]
        extern "C" fn kernel_run() {
            use super::*;
            $f(&mut $crate::wasm_host::WasmHost);
        }
    };
}

/// The export under the name of 2022.
#[doc(hidden)]
#[cfg(feature = "legacy-abi")]
#[macro_export]
macro_rules! kernel_export {
    ($f:path) => {
        #[expect(unsafe_code, reason = "the machine finds the entry by its name")]
        #[unsafe(no_mangle)]
        extern "C" fn kernel_next() {
            use super::*;
            $f(&mut $crate::wasm_host::WasmHost);
        }
    };
}

#[cfg(target_arch = "wasm32")]
pub use wasm::{Allocator, panicked};

#[cfg(target_arch = "wasm32")]
mod wasm {
    use crate::Debug;
    use crate::wasm_host::WasmHost;
    use core::fmt::{self, Write};

    /// The allocator of a kernel.
    pub use dlmalloc::GlobalDlmalloc as Allocator;

    /// Logs where the panic is, then traps: the run ends, durable writes stay.
    ///
    /// The message is left out: what formats messages took some 50 kB of
    /// the EVM kernel.
    pub fn panicked(panic: &core::panic::PanicInfo<'_>) -> ! {
        if let Some(location) = panic.location() {
            let _ = writeln!(Log, "panic at {}:{}", location.file(), location.line());
        }
        core::arch::wasm32::unreachable()
    }

    /// Formats straight into the log: a panic may be about memory.
    struct Log;

    impl Write for Log {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            WasmHost.write_debug(text);
            Ok(())
        }
    }
}
