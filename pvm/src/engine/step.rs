//! The step machine: an interpreter of our own, whose every step can be proved (`docs/proofs.md`).

use super::{Compiled, End, Engine, Finished, Module, RunLimits, Trap, host_functions};
use crate::context::{Context, Stop};
use kernel_module::imports::{Import, ValType};
use kernel_module::{Counted, KernelError};
use std::sync::Arc;
use std::time::Instant;
use step_machine::image::Imported;
use step_machine::{Bounds, DecodeError, HostCall, Image, Plain, decode_linked};

/// The step machine: an interpreter of our own, whose every step can be proved.
#[must_use]
pub fn step() -> Arc<dyn Engine> {
    Arc::new(Step)
}

#[derive(Debug)]
struct Step;

impl Engine for Step {
    fn name(&self) -> &'static str {
        "step"
    }

    fn compile(&self, module: &Module<'_>) -> Result<Arc<dyn Compiled>, KernelError> {
        Ok(Arc::new(Ready {
            image: Arc::new(image(module.wasm, module.entry)?),
            limits: module.limits,
        }))
    }
}

/// A module whose imports have their places for [`Context::call`].
pub(crate) fn image(wasm: &[u8], entry: &str) -> Result<Image, KernelError> {
    decode_linked(wasm, entry, linked).map_err(|error| match error {
        DecodeError::NoEntry(_) => KernelError::NoEntry(error.to_string()),
        error => KernelError::Decode(error.to_string()),
    })
}

fn linked(import: &Imported) -> Option<u32> {
    let mut known = host_functions();
    let (_, place, _) = known.find(|(module, _, known)| {
        *module == import.module
            && known.name == import.name
            && known.params == import.ty.params()
            && known.result.as_slice() == import.ty.results()
    })?;
    u32::try_from(place).ok()
}

/// The bounds of a run.
pub(crate) fn bounds(limits: RunLimits) -> Bounds {
    Bounds {
        stack: u32::try_from(limits.stack / 8).unwrap_or(u32::MAX),
        frames: limits.frames,
    }
}

struct Ready {
    image: Arc<Image>,
    limits: RunLimits,
}

/// Why a run ends that did not end by itself.
enum Ended {
    Stop(Stop),
    Late,
}

impl Compiled for Ready {
    fn run(&self, mut context: Context) -> (Context, Finished) {
        let patience = self.limits.patience.filter(|_| !self.limits.counted);
        let start = Instant::now();
        let mut plain = Plain::new(Arc::clone(&self.image), bounds(self.limits));
        let ended = plain.run(
            |plain, host_call| call(plain, host_call, &mut context).map_err(Ended::Stop),
            || match patience {
                Some(patience) if start.elapsed() >= patience => Err(Ended::Late),
                _ => Ok(()),
            },
        );
        let end = match ended {
            Ok(ended) => end(ended),
            Err(Ended::Stop(stop)) => Err(stop.into()),
            Err(Ended::Late) => Err(End::Late),
        };
        let number = |name: &str| match plain.global(name) {
            Some([word]) => Some(word.cast_signed()),
            _ => None,
        };
        let finished = Finished {
            instantiated: plain.started(),
            end,
            counted: Counted::read(number),
        };
        (context, finished)
    }
}

fn call(plain: &mut Plain, call: HostCall, context: &mut Context) -> Result<u64, Stop> {
    let args = args(call, plain.cells(call.first, call.cells));
    let memory = plain.started().then(|| plain.memory_mut());
    let answer = context.call(call.import as usize, &args, memory)?;
    Ok(word(call, answer))
}

/// The type of an imported function.
fn import(call: HostCall) -> Option<&'static Import> {
    let mut known = host_functions();
    let (_, _, import) = known.find(|(_, place, _)| *place == call.import as usize)?;
    Some(import)
}

/// The arguments of a call, those of 32 bits with their sign.
pub(crate) fn args(call: HostCall, cells: &[u64]) -> Vec<i64> {
    let params = import(call).map_or(&[][..], |import| import.params);
    let args = cells.iter().zip(params).map(|(cell, ty)| match ty {
        ValType::I32 => i64::from(*cell as i32),
        _ => cell.cast_signed(),
    });
    args.collect()
}

/// An answer as a cell.
pub(crate) fn word(call: HostCall, answer: i64) -> u64 {
    match import(call).and_then(|import| import.result) {
        Some(ValType::I64) => answer.cast_unsigned(),
        _ => u64::from(answer as u32),
    }
}

fn end(ended: step_machine::End) -> Result<(), End> {
    use step_machine::End as Ended;
    Err(match ended {
        Ended::Returned => return Ok(()),
        Ended::Unreachable => End::Trap(Trap::Unreachable),
        Ended::MemoryOutOfBounds => End::Trap(Trap::MemoryOutOfBounds),
        // As other engines say it, which know only one of the two.
        Ended::TableOutOfBounds | Ended::UndefinedElement => End::Trap(Trap::TableOutOfBounds),
        Ended::BadSignature => End::Trap(Trap::BadSignature),
        Ended::IntegerOverflow => End::Trap(Trap::IntegerOverflow),
        Ended::IntegerDivisionByZero => End::Trap(Trap::IntegerDivisionByZero),
        Ended::UninitializedElement => End::UninitializedElement,
        Ended::StackExhausted | Ended::CallsExhausted => End::StackExhausted,
        Ended::NoInstruction => End::Other("no instruction".to_owned()),
        Ended::Stopped => End::Other("the host ended it".to_owned()),
    })
}
