//! A tracer's program in an engine of its own, within bounds.

use super::bindings;
use super::moment::Shared;
use evm_kernel::native::simulate::Interrupt;
use rquickjs::context::EvalOptions;
use rquickjs::context::intrinsic::{
    Date, Eval, Json, MapSet, Promise, RegExp, RegExpCompiler, TypedArrays,
};
use rquickjs::function::{Args, This};
use rquickjs::{
    Coerced, Context, Ctx, FromJs, Function, Object, Persistent, Runtime, String as Text, Value,
};

/// Most bytes that a program may use.
const MEMORY: usize = 64 << 20;

/// Most bytes of its stack; a thread has 2 MB.
const STACK: usize = 512 << 10;

/// Most characters of an error that are passed on.
const MOST_WORDS: usize = 1_000;

/// Functions that programs find beside the language.
const PRELUDE: &str = include_str!("prelude.js");

/// A tracer's functions, and what they are given. These are dropped before their engine.
#[derive(Debug)]
struct Parts {
    tracer: Persistent<Object<'static>>,
    step: Option<Persistent<Function<'static>>>,
    frames: Option<[Persistent<Function<'static>>; 2]>,
    fault: Persistent<Function<'static>>,
    result: Persistent<Function<'static>>,
    log: Persistent<Object<'static>>,
    db: Persistent<Object<'static>>,
    frame: Persistent<Object<'static>>,
    left: Persistent<Object<'static>>,
    word: Persistent<Function<'static>>,
    /// `result` takes the state, too.
    wants_state: bool,
}

/// A tracer that was read.
pub(super) struct Engine {
    parts: Parts,
    context: Context,
    moment: Shared,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

/// A function of tracers that is called while a transaction runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hook {
    Step,
    Fault,
    Enter,
    Exit,
}

impl Hook {
    const fn name(self) -> &'static str {
        match self {
            Self::Step => "step",
            Self::Fault => "fault",
            Self::Enter => "enter",
            Self::Exit => "exit",
        }
    }
}

/// The intrinsics of programs: no clock of fine grain, no weak references, no modules.
type Intrinsics = (
    Date,
    Eval,
    RegExpCompiler,
    RegExp,
    Json,
    MapSet,
    TypedArrays,
    Promise,
);

impl Engine {
    /// Reads a program, an expression that gives an object with functions, and passes it
    /// its configuration.
    ///
    /// # Errors
    /// In words for who sent it.
    pub(super) fn new(
        program: &str,
        config: &str,
        moment: Shared,
        interrupt: &Interrupt,
    ) -> Result<Self, String> {
        Self::within(MEMORY, (program, config), moment, interrupt)
    }

    /// The same with so many bytes.
    pub(super) fn within(
        memory: usize,
        (program, config): (&str, &str),
        moment: Shared,
        interrupt: &Interrupt,
    ) -> Result<Self, String> {
        let failed = |error: rquickjs::Error| error.to_string();
        let runtime = Runtime::new().map_err(failed)?;
        runtime.set_max_stack_size(STACK);
        let flag = interrupt.clone();
        runtime.set_interrupt_handler(Some(Box::new(move || flag.is_set())));
        let context = Context::custom::<Intrinsics>(&runtime).map_err(failed)?;
        // The objects of the language are there then, as the library expects.
        runtime.set_memory_limit(memory);
        let parts = context.with(|ctx| {
            let parts = parts(&ctx, program, &moment, interrupt)?;
            setup(&ctx, &parts, config)?;
            Ok::<_, String>(parts)
        })?;
        Ok(Self {
            parts,
            context,
            moment,
        })
    }

    /// True if each step is told.
    pub(super) const fn has_steps(&self) -> bool {
        self.parts.step.is_some()
    }

    /// True if frames are told.
    pub(super) const fn has_frames(&self) -> bool {
        self.parts.frames.is_some()
    }

    /// Returns `true` if the result may depend on the state.
    pub(super) const fn wants_state(&self) -> bool {
        self.parts.wants_state
    }

    /// Calls a function of the tracer, if it has it.
    ///
    /// # Errors
    /// As go-ethereum says what went wrong in which function.
    pub(super) fn call(&self, hook: Hook) -> Result<(), String> {
        let parts = &self.parts;
        let (function, given) = match (hook, &parts.frames) {
            (Hook::Step, _) => (parts.step.as_ref(), [&parts.log, &parts.db]),
            (Hook::Fault, _) => (Some(&parts.fault), [&parts.log, &parts.db]),
            (Hook::Enter, Some([enter, _])) => (Some(enter), [&parts.frame, &parts.db]),
            (Hook::Exit, Some([_, exit])) => (Some(exit), [&parts.left, &parts.db]),
            (Hook::Enter | Hook::Exit, None) => (None, [&parts.frame, &parts.db]),
        };
        let Some(function) = function else {
            return Ok(());
        };
        let count = match hook {
            Hook::Step | Hook::Fault => 2,
            Hook::Enter | Hook::Exit => 1,
        };
        self.context.with(|ctx| {
            let called = || {
                let mut args = Args::new(ctx.clone(), count);
                args.this(parts.tracer.clone().restore(&ctx)?)?;
                for value in given.into_iter().take(count) {
                    args.push_arg(value.clone().restore(&ctx)?)?;
                }
                function.clone().restore(&ctx)?.call_arg::<Value<'_>>(args)
            };
            let outcome = called();
            self.settled(&ctx, hook.name(), outcome).map(|_| ())
        })
    }

    /// The tracer's result as JSON, of at most `most` bytes; `None`: it is longer.
    ///
    /// # Errors
    /// As go-ethereum says what went wrong.
    pub(super) fn result(&self, about: &About, most: usize) -> Result<Option<String>, String> {
        let parts = &self.parts;
        self.context.with(|ctx| {
            let called = || {
                let context = about.object(&ctx, &parts.word)?;
                let mut args = Args::new(ctx.clone(), 2);
                args.this(parts.tracer.clone().restore(&ctx)?)?;
                args.push_arg(context)?;
                args.push_arg(parts.db.clone().restore(&ctx)?)?;
                let value: Value<'_> = parts.result.clone().restore(&ctx)?.call_arg(args)?;
                ctx.json_stringify(value)
            };
            let outcome = called();
            let Some(text) = self.settled(&ctx, "result", outcome)? else {
                return Ok(Some("null".into()));
            };
            written(&text, most)
        })
    }

    /// The result of a call, unless something failed.
    fn settled<T>(
        &self,
        ctx: &Ctx<'_>,
        name: &str,
        outcome: rquickjs::Result<T>,
    ) -> Result<T, String> {
        let words = outcome.map_err(|error| words(ctx, &error));
        let failure = self.moment.borrow_mut().failure.take();
        match (failure, words) {
            // Whatever the tracer made of it.
            (Some(why), _) | (None, Err(why)) => {
                Err(format!("{why}    in server-side tracer function '{name}'"))
            }
            (None, Ok(value)) => Ok(value),
        }
    }
}

fn written(text: &Text<'_>, most: usize) -> Result<Option<String>, String> {
    let text = text.to_string().map_err(|error| error.to_string())?;
    Ok((text.len() <= most).then_some(text))
}

/// The arguments of `result` for a transaction.
#[derive(Debug, Default)]
pub(super) struct About {
    pub(super) texts: Vec<(&'static str, String)>,
    pub(super) bytes: Vec<(&'static str, Vec<u8>)>,
    pub(super) numbers: Vec<(&'static str, u64)>,
    /// As `0x…`.
    pub(super) words: Vec<(&'static str, String)>,
}

impl About {
    fn object<'js>(
        &self,
        ctx: &Ctx<'js>,
        word: &Persistent<Function<'static>>,
    ) -> rquickjs::Result<Object<'js>> {
        let object = Object::new(ctx.clone())?;
        for (name, text) in &self.texts {
            object.set(*name, text.as_str())?;
        }
        for (name, bytes) in &self.bytes {
            object.set(*name, bindings::bytes(ctx, bytes)?)?;
        }
        for (name, number) in &self.numbers {
            object.set(*name, *number as f64)?;
        }
        let word = word.clone().restore(ctx)?;
        for (name, digits) in &self.words {
            let value: Value<'js> = word.call((digits.as_str(),))?;
            object.set(*name, value)?;
        }
        Ok(object)
    }
}

/// Installs the functions that programs find beside the language; returns the object that they are given.
fn prelude<'js>(
    ctx: &Ctx<'js>,
    moment: &Shared,
    interrupt: &Interrupt,
) -> rquickjs::Result<Object<'js>> {
    let prelude: Function<'js> = ctx.eval(PRELUDE)?;
    prelude.call((bindings::host(ctx, moment, interrupt)?,))
}

/// The functions of a program.
fn parts<'js>(
    ctx: &Ctx<'js>,
    program: &str,
    moment: &Shared,
    interrupt: &Interrupt,
) -> Result<Parts, String> {
    let caught = |error: rquickjs::Error| words(ctx, &error);
    let given = prelude(ctx, moment, interrupt).map_err(caught)?;
    let mut options = EvalOptions::default();
    options.strict = false;
    let value: Value<'js> = ctx
        .eval_with_options(format!("({program}\n)"), options)
        .map_err(caught)?;
    let Some(tracer) = value.as_object() else {
        return Err("the tracer is not an object".into());
    };
    let function = |name: &str| -> Result<Option<Persistent<Function<'static>>>, String> {
        let value: Value<'js> = tracer.get(name).map_err(caught)?;
        Ok(value
            .into_function()
            .map(|function| Persistent::save(ctx, function)))
    };
    let needed = |name: &str| {
        let missing = || format!("trace object must expose a function {name}()");
        function(name)?.ok_or_else(missing)
    };
    let (result, fault) = (needed("result")?, needed("fault")?);
    let frames = match (function("enter")?, function("exit")?) {
        (Some(enter), Some(exit)) => Some([enter, exit]),
        (None, None) => None,
        _ => {
            return Err(
                "trace object must expose either both or none of enter() and exit()".into(),
            );
        }
    };
    let takes: Value<'js> = tracer.get("result").map_err(caught)?;
    let takes = takes
        .as_object()
        .map(|result| result.get::<_, Value<'js>>("length"));
    let takes = takes
        .transpose()
        .map_err(caught)?
        .and_then(|takes| takes.as_number());
    let object = |name: &str| -> Result<Persistent<Object<'static>>, String> {
        let object: Object<'js> = given.get(name).map_err(caught)?;
        Ok(Persistent::save(ctx, object))
    };
    let word: Function<'js> = given.get("word").map_err(caught)?;
    Ok(Parts {
        step: function("step")?,
        frames,
        fault,
        result,
        log: object("log")?,
        db: object("db")?,
        frame: object("frame")?,
        left: object("left")?,
        word: Persistent::save(ctx, word),
        wants_state: takes.is_none_or(|count| count > 1.0),
        tracer: Persistent::save(ctx, tracer.clone()),
    })
}

/// Passes a tracer its configuration, if it wants it.
fn setup<'js>(ctx: &Ctx<'js>, parts: &Parts, config: &str) -> Result<(), String> {
    let called = || {
        let tracer = parts.tracer.clone().restore(ctx)?;
        let setup: Value<'js> = tracer.get("setup")?;
        let Some(setup) = setup.into_function() else {
            return Ok(());
        };
        setup
            .call::<_, Value<'js>>((This(tracer), config))
            .map(|_| ())
    };
    called().map_err(|error| words(ctx, &error))
}

/// An error in words. A hostile error's own functions run as the rest of its program does.
fn words<'js>(ctx: &Ctx<'js>, error: &rquickjs::Error) -> String {
    if !error.is_exception() {
        return cut(&error.to_string());
    }
    let value = ctx.catch();
    let told = |text: Result<String, rquickjs::Error>| match text {
        Ok(text) => Some(text),
        Err(_) => {
            // What was thrown meanwhile.
            ctx.catch();
            None
        }
    };
    if let Some(text) = value.as_string() {
        return cut(&told(text.to_string()).unwrap_or_default());
    }
    let Some(object) = value.as_object() else {
        let coerced = Coerced::<String>::from_js(ctx, value);
        return cut(&told(coerced.map(|text| text.0)).unwrap_or_default());
    };
    let part = |name: &str| {
        let value: Result<Value<'js>, _> = object.get(name);
        let text = value.map(|value| value.into_string());
        match text {
            Ok(Some(text)) => told(text.to_string()),
            Ok(None) => None,
            Err(_) => {
                ctx.catch();
                None
            }
        }
    };
    let (name, message) = (part("name"), part("message"));
    let mut text = match (name, message) {
        (Some(name), Some(message)) if !message.is_empty() => format!("{name}: {message}"),
        (_, Some(text)) | (Some(text), None) => text,
        (None, None) => "an object that is no error".into(),
    };
    // Where: the innermost function.
    let stack = part("stack").unwrap_or_default();
    if let Some(place) = stack
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("at "))
    {
        text.push(' ');
        text.push_str(place);
    }
    cut(&text)
}

fn cut(text: &str) -> String {
    text.chars().take(MOST_WORDS).collect()
}
