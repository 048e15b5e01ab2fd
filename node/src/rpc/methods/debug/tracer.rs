//! The tracer that the options of a trace name.

use crate::node::Node;
use crate::request::{BlockOverrides, StateOverrides};
use crate::rpc::RpcError;
use crate::rpc::load::MAX_ANSWER;
use crate::rpc::params::{Param, Params};
use crate::rpc::text;
use crate::trace::js::{Measuring, Place, Script, Source};
use crate::trace::steps::{BoundedText, Steps};
use crate::trace::{Before, Bounded, Budget};
use alloy_rpc_types_trace::geth::{
    GethDebugTracerType, GethDebugTracingOptions, GethDefaultTracingOptions,
};
use evm_kernel::native::simulate::Interrupt;
use evm_kernel::native::trace::Traced;
use host::ReadStore;
use pvm::Durable;
use revm::context::BlockEnv;
use revm::context_interface::either::Either;
use revm_inspectors::tracing::{DebugInspector, TransactionContext};
use serde_json::{Map, Value};
use std::cell::RefCell;
use std::rc::Rc;

/// The inspector.
pub(super) type Tracer = Either<Native, Either<Script, Measuring>>;

/// A tracer of this program.
type Native = Either<Bounded<DebugInspector>, Steps<BoundedText>>;

/// The inspectors, first one and then the other.
pub(super) struct Tracers {
    /// It is there for a script that is told of steps.
    pub(super) measuring: Option<Tracer>,
    pub(super) tracing: Tracer,
    pub(super) failure: Failure,
}

/// Why a script failed, if it did.
#[derive(Default)]
pub(super) struct Failure(Option<Rc<RefCell<Option<String>>>>);

impl Failure {
    /// The trace, or the failure.
    pub(super) fn rather<T>(self, outcome: Result<T, RpcError>) -> Result<T, RpcError> {
        let why = self.0.and_then(|failure| failure.borrow_mut().take());
        why.map_or(outcome, |why| Err(RpcError::server(why)))
    }
}

/// Nobody who matters.
pub(super) fn nobody() -> Tracer {
    Either::Right(Either::Right(Measuring::default()))
}

/// The result for a transaction, as JSON; the tracer is ready for the next then.
pub(super) fn result(
    tracer: &mut Tracer,
    (place, block): (Option<Place>, &BlockEnv),
    traced: &Traced,
    state: &impl ReadStore,
) -> Result<String, RpcError> {
    let native = match tracer {
        Either::Left(native) => native,
        Either::Right(Either::Left(script)) => {
            let text = script.result(place, block, traced, MAX_ANSWER);
            return text.map_err(RpcError::server)?.ok_or_else(text::too_large);
        }
        Either::Right(Either::Right(_)) => return Ok(String::new()),
    };
    let (transaction, result) = (&traced.transaction, &traced.result);
    match native {
        Either::Left(bounded) => {
            let inspector = bounded.tracer();
            let mut before = Before {
                state,
                accounts: &traced.before,
            };
            let context = place.map(|place| TransactionContext {
                block_hash: Some(place.block),
                tx_index: Some(place.index),
                tx_hash: Some(place.hash),
            });
            let trace = inspector
                .get_result(context, transaction, block, result, &mut before)
                .map_err(RpcError::internal)?;
            inspector.fuse().map_err(RpcError::internal)?;
            bounded.reset();
            text::value(&trace)
        }
        Either::Right(steps) => {
            steps.end(&result.result).map_err(|_| text::too_large())?;
            let text = steps.out().take();
            steps.begin().map_err(|_| text::too_large())?;
            Ok(text)
        }
    }
}

/// The options of a trace.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    tracing: GethDebugTracingOptions,
    pub(super) state: Option<StateOverrides>,
    pub(super) block: Option<BlockOverrides>,
    /// Of the transaction before which a call is traced.
    pub(super) index: Option<u64>,
}

impl Options {
    pub(super) fn read_at(params: &Params, index: usize) -> Result<Self, RpcError> {
        Ok(params.optional(index)?.unwrap_or_default())
    }

    /// Those of the struct logger.
    pub(super) const fn config(&self) -> GethDefaultTracingOptions {
        self.tracing.config
    }

    /// The inspector of execution that begins with `state`.
    pub(super) fn tracers(
        &self,
        node: &Node,
        state: &Durable,
        interrupt: &Interrupt,
    ) -> Result<Tracers, RpcError> {
        let native = |native| Tracers {
            measuring: None,
            tracing: Either::Left(native),
            failure: Failure::default(),
        };
        let named = self.tracing.tracer.as_ref();
        match named.filter(|tracer| !tracer.as_str().is_empty()) {
            None => {
                let mut steps = Steps::new(self.tracing.config, BoundedText::new(MAX_ANSWER));
                steps.begin().map_err(|_| text::too_large())?;
                Ok(native(Either::Right(steps)))
            }
            Some(GethDebugTracerType::BuiltInTracer(_)) => {
                let inspector = DebugInspector::new(self.tracing.clone());
                let inspector = inspector.map_err(RpcError::server)?;
                let inspector = Bounded::new(inspector, Budget::new(&node.load));
                Ok(native(Either::Left(inspector)))
            }
            Some(GethDebugTracerType::JsTracer(_)) if !node.runs_scripts() => {
                Err(RpcError::server(SCRIPTS_ARE_OFF))
            }
            Some(GethDebugTracerType::JsTracer(program)) => {
                let config = &self.tracing.tracer_config.0;
                let script = Script::new(Source {
                    program: program.clone(),
                    config: match config {
                        Value::Null => "{}".into(),
                        config => config.to_string(),
                    },
                    base: state.clone(),
                    interrupt: interrupt.clone(),
                });
                let script = script.map_err(|why| no_script(program, why))?;
                let measuring = script.measuring();
                Ok(Tracers {
                    measuring: measuring.map(|measuring| Either::Right(Either::Right(measuring))),
                    failure: Failure(Some(script.failure())),
                    tracing: Either::Right(Either::Left(script)),
                })
            }
        }
    }
}

/// The error of a program that cannot be made a tracer. One word is rather a name that is misspelt.
fn no_script(program: &str, why: String) -> RpcError {
    let is_name = program.bytes().all(|byte| byte.is_ascii_alphanumeric());
    RpcError::server(match is_name {
        true => format!(
            "{why}: it is not a program, and the tracers are callTracer, flatCallTracer, \
             prestateTracer, 4byteTracer, muxTracer, noopTracer and erc7562Tracer"
        ),
        false => why,
    })
}

/// The answer to a tracer in JavaScript if none are run.
const SCRIPTS_ARE_OFF: &str =
    "no tracer of this name, and tracers in JavaScript are off: --js-tracers lets callers run them";

/// True if parameters name a tracer in JavaScript.
pub(in crate::rpc) fn names_script(params: &Params) -> bool {
    (1..3).any(|index| {
        let tracer = params.tracer(index).filter(|name| !name.is_empty());
        let tracer = tracer.map(|name| serde_json::from_value(Value::String(name.into())));
        matches!(tracer, Some(Ok(GethDebugTracerType::JsTracer(_))))
    })
}

/// The multiplexer's tracers without options have none, not an empty object.
fn without_empty_configs(options: &mut Map<String, Value>) {
    let tracers = options
        .get_mut("tracerConfig")
        .and_then(Value::as_object_mut);
    for (name, config) in tracers.into_iter().flatten() {
        let is_empty = config.as_object().is_some_and(Map::is_empty);
        if is_empty && ["4byteTracer", "noopTracer"].contains(&name.as_str()) {
            *config = Value::Null;
        }
    }
}

impl Param for Options {
    fn read(value: &Value) -> Result<Self, String> {
        fn field<T: Param>(value: &Value, name: &str) -> Result<Option<T>, String> {
            match value.get(name) {
                None | Some(Value::Null) => Ok(None),
                Some(field) => T::read(field)
                    .map(Some)
                    .map_err(|why| format!("{name}: {why}")),
            }
        }
        let (state, block) = (
            field(value, "stateOverrides")?,
            field(value, "blockOverrides")?,
        );
        let index = field(value, "txIndex")?;
        let mut tracing = value.clone();
        if let Some(fields) = tracing.as_object_mut() {
            for name in ["stateOverrides", "blockOverrides", "txIndex"] {
                fields.remove(name);
            }
            without_empty_configs(fields);
        }
        Ok(Self {
            tracing: serde_json::from_value(tracing).map_err(|error| error.to_string())?,
            state,
            block,
            index,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloy_primitives::U256;
    use serde_json::json;

    #[test]
    fn options_are_those_of_go_ethereum() {
        let read = |value: Value| Options::read(&value).unwrap();
        let options = read(json!({
            "tracer": "callTracer",
            "tracerConfig": { "onlyTopCall": true },
            "timeout": "10s",
            "txIndex": "0x2",
            "blockOverrides": { "number": "0x7" },
        }));
        assert_eq!(options.index, Some(2));
        assert_eq!(options.block.unwrap().number, Some(U256::from(7)));
        let steps = read(json!({ "enableMemory": true }));
        assert_eq!(steps.config().enable_memory, Some(true));
        assert!(Options::read(&json!([1])).is_err());
    }

    #[test]
    fn a_tracer_that_is_no_name_of_ours_is_a_program() {
        let names = |value: Value| names_script(&Params::new(vec![json!("0x"), value]));
        assert!(names(json!({ "tracer": "{step: function() {}}" })));
        assert!(names(json!({ "tracer": "unknownTracer" })));
        for other in [
            json!({ "tracer": "callTracer" }),
            json!({ "tracer": "" }),
            json!({}),
        ] {
            assert!(!names(other));
        }
    }
}
