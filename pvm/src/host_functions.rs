//! The host functions, as wasm imports.

use crate::Version;
use crate::durable::Durable;
use crate::imports::{HostCall, IMPORTS, LEGACY_MODULE, MODULE};
use crate::machine::DebugSink;
use crate::reveal::{self, RevealError};
use crate::store::{self, Key};
use host::path::MAX_PATH;
use host::{HostError, MAX_MESSAGE, MAX_OUTBOX_MESSAGES};
use std::path::PathBuf;
use std::sync::Arc;
use wasmtime::{Caller, Engine, Linker, Memory, Trap};

/// What the host functions work on during a level.
pub(crate) struct Context {
    pub(crate) durable: Durable,
    pub(crate) memory: Option<Memory>,
    /// Whether a start function called the host, which it may not.
    pub(crate) host_call_at_start: bool,
    pub(crate) level: u32,
    pub(crate) inbox: Vec<Vec<u8>>,
    /// The first unread message of the inbox.
    pub(crate) next: usize,
    pub(crate) outbox: Vec<Vec<u8>>,
    pub(crate) rollup: [u8; 20],
    pub(crate) origination_level: u32,
    pub(crate) preimages: Option<PathBuf>,
    pub(crate) checkpoint_paths: Arc<[String]>,
    pub(crate) checkpoints: Vec<Durable>,
    pub(crate) debug: DebugSink,
    pub(crate) debug_lines: Vec<String>,
    /// `None` without metering.
    pub(crate) meter: Option<Box<Meter>>,
    /// The host calls until a test's trap; `None` without.
    pub(crate) trap_after: Option<u64>,
}

/// The counters of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Meter {
    pub(crate) calls: [u64; HostCall::COUNT],
    pub(crate) read: u64,
    pub(crate) written: u64,
}

/// All host functions, under the module's present name and that of 2022.
pub(crate) fn linker(engine: &Engine) -> wasmtime::Result<Linker<Context>> {
    let mut linker = Linker::new(engine);
    for module in [MODULE, LEGACY_MODULE] {
        inbox_and_outbox(&mut linker, module)?;
        storage(&mut linker, module)?;
        reveals(&mut linker, module)?;
        new_durable_storage(&mut linker, module)?;
    }
    Ok(linker)
}

type Result<T> = std::result::Result<T, HostError>;

fn inbox_and_outbox(linker: &mut Linker<Context>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "read_input",
        |mut caller: Caller<'_, Context>,
         info: i32,
         dst: i32,
         max_bytes: i32|
         -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::ReadInput, |memory, context| {
                read_input(memory, context, info, dst, max_bytes)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "write_output",
        |mut caller: Caller<'_, Context>, src: i32, num_bytes: i32| -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::WriteOutput, |memory, context| {
                if num_bytes > MAX_MESSAGE as i32 {
                    return Err(HostError::TooLarge);
                }
                let message = slice(memory, src, num_bytes)?;
                if context.outbox.len() >= MAX_OUTBOX_MESSAGES {
                    return Err(HostError::FullOutbox);
                }
                context.outbox.push(message.to_vec());
                context.written(message.len());
                Ok(0)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "write_debug",
        |mut caller: Caller<'_, Context>, src: i32, num_bytes: i32| {
            let (memory, context) = enter(&mut caller, HostCall::WriteDebug);
            write_debug(memory, context, src, num_bytes);
        },
    )?;
    Ok(())
}

fn read_input(
    memory: &mut [u8],
    context: &mut Context,
    info: i32,
    dst: i32,
    max_bytes: i32,
) -> Result<i32> {
    let (info, dst) = (info as u32 as usize, dst as u32 as usize);
    let max_bytes = (max_bytes as u32 as usize).min(MAX_MESSAGE);
    // The machine's bound is strict: a buffer may not end where the memory ends.
    if info + 8 >= memory.len() || dst + max_bytes >= memory.len() {
        return Err(HostError::MemoryInvalidAccess);
    }
    let Some(message) = context.inbox.get(context.next) else {
        return Ok(0);
    };
    let len = message.len().min(max_bytes);
    memory[info..info + 4].copy_from_slice(&context.level.to_le_bytes());
    memory[info + 4..info + 8].copy_from_slice(&(context.next as u32).to_le_bytes());
    memory[dst..dst + len].copy_from_slice(&message[..len]);
    context.next += 1;
    context.read(len);
    Ok(len as i32)
}

fn write_debug(memory: &[u8], context: &mut Context, src: i32, num_bytes: i32) {
    let Ok(bytes) = slice(memory, src, num_bytes) else {
        return;
    };
    match &context.debug {
        DebugSink::Off => {}
        DebugSink::Capture => {
            context
                .debug_lines
                .push(String::from_utf8_lossy(bytes).into_owned());
        }
        DebugSink::Call(sink) => sink(&String::from_utf8_lossy(bytes)),
    }
}

fn storage(linker: &mut Linker<Context>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "store_has",
        |mut caller: Caller<'_, Context>, path: i32, len: i32| -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::StoreHas, |memory, context| {
                Ok(store::has(&context.durable, key(memory, path, len)?))
            })
        },
    )?;
    linker.func_wrap(
        module,
        "store_exists",
        |mut caller: Caller<'_, Context>, path: i32, len: i32| -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::StoreExists, |memory, context| {
                Ok(store::has(&context.durable, key(memory, path, len)?).min(1))
            })
        },
    )?;
    linker.func_wrap(
        module,
        "store_delete",
        |mut caller: Caller<'_, Context>, path: i32, len: i32| -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::StoreDelete, |memory, context| {
                store::delete(&mut context.durable, key(memory, path, len)?).map(|()| 0)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "store_delete_value",
        |mut caller: Caller<'_, Context>, path: i32, len: i32| -> wasmtime::Result<i32> {
            call(
                &mut caller,
                HostCall::StoreDeleteValue,
                |memory, context| {
                    store::delete_value(&mut context.durable, key(memory, path, len)?).map(|()| 0)
                },
            )
        },
    )?;
    linker.func_wrap(
        module,
        "store_list_size",
        |mut caller: Caller<'_, Context>, path: i32, len: i32| -> wasmtime::Result<i64> {
            call(&mut caller, HostCall::StoreListSize, |memory, context| {
                Ok(store::list_size(&context.durable, key(memory, path, len)?))
            })
        },
    )?;
    linker.func_wrap(
        module,
        "store_get_nth_key",
        |mut caller: Caller<'_, Context>,
         path: i32,
         len: i32,
         index: i64,
         dst: i32,
         max_size: i32|
         -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::StoreGetNthKey, |memory, context| {
                let name = store::nth_key(&context.durable, key(memory, path, len)?, index)?;
                copy_out(memory, dst, max_size, &name)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "store_copy",
        |mut caller: Caller<'_, Context>,
         from: i32,
         from_len: i32,
         to: i32,
         to_len: i32|
         -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::StoreCopy, |memory, context| {
                let (from, to) = (key(memory, from, from_len)?, key(memory, to, to_len)?);
                store::copy(&mut context.durable, from, to).map(|()| 0)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "store_move",
        |mut caller: Caller<'_, Context>,
         from: i32,
         from_len: i32,
         to: i32,
         to_len: i32|
         -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::StoreMove, |memory, context| {
                let (from, to) = (key(memory, from, from_len)?, key(memory, to, to_len)?);
                store::move_(&mut context.durable, from, to)?;
                if context
                    .checkpoint_paths
                    .iter()
                    .any(|path| path.as_bytes() == to.as_bytes())
                {
                    context.checkpoints.push(context.durable.clone());
                }
                Ok(0)
            })
        },
    )?;
    values(linker, module)
}

fn values(linker: &mut Linker<Context>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "store_create",
        |mut caller: Caller<'_, Context>,
         path: i32,
         len: i32,
         size: i32|
         -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::StoreCreate, |memory, context| {
                store::create(&mut context.durable, key(memory, path, len)?, size).map(|()| 0)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "store_read",
        |mut caller: Caller<'_, Context>,
         path: i32,
         len: i32,
         offset: i32,
         dst: i32,
         max_bytes: i32|
         -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::StoreRead, |memory, context| {
                let key = key(memory, path, len)?;
                let (value, offset, len) = store::read(&context.durable, key, offset, max_bytes)?;
                let dst = dst as u32 as usize;
                let target = memory
                    .get_mut(dst..dst + len)
                    .ok_or(HostError::MemoryInvalidAccess)?;
                value.read(offset, target);
                context.read(len);
                Ok(len as i32)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "store_write",
        |mut caller: Caller<'_, Context>,
         path: i32,
         len: i32,
         offset: i32,
         src: i32,
         num_bytes: i32|
         -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::StoreWrite, |memory, context| {
                let key = key(memory, path, len)?;
                store::write(&mut context.durable, key, offset, num_bytes, || {
                    slice(memory, src, num_bytes)
                })?;
                context.written(num_bytes as usize);
                Ok(0)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "store_value_size",
        |mut caller: Caller<'_, Context>, path: i32, len: i32| -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::StoreValueSize, |memory, context| {
                store::value_size(&context.durable, key(memory, path, len)?)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "__internal_store_get_hash",
        |mut caller: Caller<'_, Context>,
         path: i32,
         len: i32,
         dst: i32,
         max_size: i32|
         -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::StoreGetHash, |memory, context| {
                let key = key(memory, path, len)?;
                let hash = context
                    .durable
                    .subtree_hash(key.as_bytes())
                    .ok_or(HostError::NotANode)?;
                copy_out(memory, dst, max_size, &hash)
            })
        },
    )?;
    Ok(())
}

fn reveals(linker: &mut Linker<Context>, module: &str) -> wasmtime::Result<()> {
    linker.func_wrap(
        module,
        "reveal_preimage",
        |mut caller: Caller<'_, Context>,
         hash: i32,
         hash_len: i32,
         dst: i32,
         max_bytes: i32|
         -> wasmtime::Result<i32> {
            reveal_call(&mut caller, HostCall::RevealPreimage, |memory, context| {
                let hash = payload(memory, hash, hash_len);
                let answer = hash.map(|hash| reveal::preimage(context.preimages.as_deref(), hash));
                (answer, dst, max_bytes)
            })
        },
    )?;
    linker.func_wrap(
        module,
        "reveal_metadata",
        |mut caller: Caller<'_, Context>, dst: i32, max_bytes: i32| -> wasmtime::Result<i32> {
            call(&mut caller, HostCall::RevealMetadata, |memory, context| {
                copy_out(memory, dst, max_bytes, &context.metadata())
            })
        },
    )?;
    linker.func_wrap(
        module,
        "reveal",
        |mut caller: Caller<'_, Context>,
         src: i32,
         len: i32,
         dst: i32,
         max_bytes: i32|
         -> wasmtime::Result<i32> {
            reveal_call(&mut caller, HostCall::Reveal, |memory, context| {
                let answer = payload(memory, src, len).map(|payload| context.reveal(payload));
                (answer, dst, max_bytes)
            })
        },
    )?;
    Ok(())
}

/// −16: the new durable storage is not enabled, which it is on no network.
fn new_durable_storage(linker: &mut Linker<Context>, module: &str) -> wasmtime::Result<()> {
    use wasmtime::{FuncType, Val, ValType};
    for (index, import) in IMPORTS.iter().enumerate().skip(HostCall::NDS) {
        debug_assert!(import.since == Version::V6, "the others are above");
        let params = import.params.iter().map(|ty| match ty {
            wasmparser::ValType::I64 => ValType::I64,
            _ => ValType::I32,
        });
        let ty = FuncType::new(linker.engine(), params, [ValType::I32]);
        linker.func_new(module, import.name, ty, move |mut caller, _, results| {
            if let Some(meter) = &mut caller.data_mut().meter {
                meter.calls[index] += 1;
            }
            results[0] = Val::I32(-16);
            Ok(())
        })?;
    }
    Ok(())
}

impl Context {
    /// Takes what a run works on out; what stays is not used until it is back.
    pub(crate) fn take(&mut self) -> Self {
        Self {
            durable: std::mem::take(&mut self.durable),
            memory: self.memory,
            host_call_at_start: self.host_call_at_start,
            level: self.level,
            inbox: std::mem::take(&mut self.inbox),
            next: self.next,
            outbox: std::mem::take(&mut self.outbox),
            rollup: self.rollup,
            origination_level: self.origination_level,
            preimages: self.preimages.take(),
            checkpoint_paths: Arc::clone(&self.checkpoint_paths),
            checkpoints: std::mem::take(&mut self.checkpoints),
            debug: std::mem::take(&mut self.debug),
            debug_lines: std::mem::take(&mut self.debug_lines),
            meter: self.meter.take(),
            trap_after: self.trap_after.take(),
        }
    }

    /// A call is done: the trap that a test asked for may be due.
    fn done<T>(&mut self, answer: T) -> wasmtime::Result<T> {
        self.trap_after = match self.trap_after {
            Some(1) => {
                self.trap_after = None;
                return Err(Trap::UnreachableCodeReached.into());
            }
            calls => calls.map(|calls| calls - 1),
        };
        Ok(answer)
    }

    fn read(&mut self, bytes: usize) {
        if let Some(meter) = &mut self.meter {
            meter.read += bytes as u64;
        }
    }

    fn written(&mut self, bytes: usize) {
        if let Some(meter) = &mut self.meter {
            meter.written += bytes as u64;
        }
    }

    /// The rollup's address and its origination level, i32 big-endian.
    fn metadata(&self) -> [u8; 24] {
        let mut metadata = [0; 24];
        metadata[..20].copy_from_slice(&self.rollup);
        metadata[20..].copy_from_slice(&self.origination_level.to_be_bytes());
        metadata
    }

    /// The answer to a request of `reveal`. The data availability layer is
    /// not enabled here; what is not enabled has an empty answer.
    fn reveal(&self, payload: &[u8]) -> std::result::Result<Vec<u8>, RevealError> {
        match payload {
            [0, hash @ ..] => reveal::preimage(self.preimages.as_deref(), hash),
            [1] => Ok(self.metadata().to_vec()),
            _ => Ok(Vec::new()),
        }
    }
}

/// What a host function gives: a count, or an error's code.
trait Answer {
    fn from_code(code: i32) -> Self;
}

impl Answer for i32 {
    fn from_code(code: i32) -> Self {
        code
    }
}

impl Answer for i64 {
    fn from_code(code: i32) -> Self {
        code.into()
    }
}

fn call<T: Answer>(
    caller: &mut Caller<'_, Context>,
    name: HostCall,
    function: impl FnOnce(&mut [u8], &mut Context) -> Result<T>,
) -> wasmtime::Result<T> {
    let (memory, context) = enter(caller, name);
    let answer = function(memory, context);
    context.done(answer.unwrap_or_else(|error| T::from_code(error.code())))
}

type Asked = Result<std::result::Result<Vec<u8>, RevealError>>;

/// As [`call`]; where the answer cannot be had, the run ends.
fn reveal_call(
    caller: &mut Caller<'_, Context>,
    name: HostCall,
    function: impl FnOnce(&[u8], &Context) -> (Asked, i32, i32),
) -> wasmtime::Result<i32> {
    let (memory, context) = enter(caller, name);
    let answer = match function(memory, context) {
        (Ok(Ok(bytes)), dst, max_bytes) => {
            copy_out(memory, dst, max_bytes, &bytes).unwrap_or_else(HostError::code)
        }
        (Ok(Err(error)), ..) => return Err(wasmtime::Error::new(error)),
        (Err(error), ..) => error.code(),
    };
    context.done(answer)
}

/// Counts the call; gives the memory, which is empty in a start function.
fn enter<'c>(
    caller: &'c mut Caller<'_, Context>,
    name: HostCall,
) -> (&'c mut [u8], &'c mut Context) {
    let memory = caller.data().memory;
    let (memory, context): (&mut [u8], _) = match memory {
        Some(memory) => memory.data_and_store_mut(caller),
        None => {
            caller.data_mut().host_call_at_start = true;
            (&mut [], caller.data_mut())
        }
    };
    if let Some(meter) = &mut context.meter {
        meter.calls[name.index()] += 1;
    }
    (memory, context)
}

fn slice(memory: &[u8], addr: i32, len: i32) -> Result<&[u8]> {
    let addr = addr as u32 as usize;
    let len = usize::try_from(len).map_err(|_| HostError::MemoryInvalidAccess)?;
    memory
        .get(addr..addr + len)
        .ok_or(HostError::MemoryInvalidAccess)
}

fn key(memory: &[u8], addr: i32, len: i32) -> Result<Key<'_>> {
    if len > MAX_PATH as i32 {
        return Err(HostError::KeyTooLarge);
    }
    Key::new(slice(memory, addr, len)?)
}

/// A reveal's request.
fn payload(memory: &[u8], addr: i32, len: i32) -> Result<&[u8]> {
    if len > MAX_MESSAGE as i32 {
        return Err(HostError::TooLarge);
    }
    slice(memory, addr, len)
}

/// Copies as much of `bytes` as fits; gives how many.
fn copy_out(memory: &mut [u8], dst: i32, max_bytes: i32, bytes: &[u8]) -> Result<i32> {
    let dst = dst as u32 as usize;
    let len = bytes.len().min(max_bytes as u32 as usize);
    let target = memory
        .get_mut(dst..dst + len)
        .ok_or(HostError::MemoryInvalidAccess)?;
    target.copy_from_slice(&bytes[..len]);
    Ok(len as i32)
}
