//! A session of the debugger: what was asked, and where the kernel is.

use super::command::{self, Command, Place, Step};
use super::interrupt;
use super::lines::Lines;
use super::scene::Scene;
use super::show;
use super::stops::{Moment, Stops};
use pvm::inputs::Levels;
use pvm::names::Names;
use pvm::probe::{Abandoned, Event, Probe, View};
use pvm::{Error, LevelReport, Machine, Saved};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The number of states, and of outboxes, that are kept automatically.
const KEPT: usize = 1_000;

/// A session, which the run and the loop between runs share.
pub(super) struct Shared(Mutex<Session>);

impl Shared {
    pub(super) const fn new(session: Session) -> Self {
        Self(Mutex::new(session))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Session> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe for Shared {
    fn event(&self, event: Event<'_>, view: &View<'_>) -> Result<u64, Abandoned> {
        self.lock().event(event, view)
    }
}

/// The next action between two levels.
pub(super) enum Next {
    /// Run the next level.
    Level,
    /// Read more levels.
    Load(PathBuf),
    /// Go back to a state.
    Back(usize),
    /// End.
    Stop(ExitCode),
}

/// A state between two levels.
struct Kept {
    name: Option<String>,
    level: u32,
    /// The level that comes next, of those that were loaded.
    next: usize,
    saved: Saved,
}

/// A session.
pub(super) struct Session {
    names: Names,
    lines: Lines,
    stops: Stops,
    moment: Moment,
    levels: Vec<Arc<Vec<Vec<u8>>>>,
    /// The level that comes next.
    next: usize,
    kept: BTreeMap<usize, Kept>,
    /// The number of states that were kept.
    count: usize,
    outboxes: BTreeMap<u32, Vec<Vec<u8>>>,
    /// The action after an aborted run.
    pending: Option<Next>,
}

impl Session {
    pub(super) fn new(names: Names, lines: Lines, levels: Levels) -> Self {
        Self {
            names,
            lines,
            stops: Stops::default(),
            moment: Moment::default(),
            levels: levels.into_iter().map(Arc::new).collect(),
            next: 0,
            kept: BTreeMap::new(),
            count: 0,
            outboxes: BTreeMap::new(),
            pending: None,
        }
    }

    pub(super) fn welcome(&mut self, machine: &Machine) {
        self.moment.level = machine.level();
        let names = match self.names.len() {
            0 => "no names of functions (--names FILE)".to_owned(),
            count => format!("{count} names of functions"),
        };
        println!(
            "{} levels, {names}. `help` lists the commands.",
            self.levels.len()
        );
    }

    /// Asks for commands until one needs the machine.
    pub(super) fn between_levels(&mut self, machine: &Machine) -> Next {
        if let Some(next) = self.pending.take() {
            return next;
        }
        self.moment = Moment::before_level(machine.level());
        if self.stops.continues() && self.next < self.levels.len() {
            return Next::Level;
        }
        self.stops.arrive();
        let inbox = self
            .levels
            .get(self.next)
            .map(Arc::clone)
            .unwrap_or_default();
        let scene = Scene {
            durable: machine.durable(),
            inbox: &inbox,
            read: 0,
            outbox: None,
            memory: None,
        };
        loop {
            let Some(command) = self.ask() else {
                return Next::Stop(self.end());
            };
            let done = match command {
                Command::Step(step) => match self.begin(step) {
                    Ok(()) => return Next::Level,
                    Err(error) => Err(error),
                },
                Command::Load(path) => return Next::Load(path),
                Command::Stop => return Next::Stop(ExitCode::SUCCESS),
                Command::Back(name) => match self.find(name.as_deref()) {
                    Ok(kept) => return Next::Back(kept),
                    Err(error) => Err(error),
                },
                Command::Snapshot(name) => {
                    let number = self.keep(machine, name);
                    println!("snapshot {number}");
                    Ok(())
                }
                Command::Metadata => {
                    println!("{}", show::metadata(machine.options()));
                    Ok(())
                }
                Command::Preimage(hash) => show::preimage(machine.options(), &hash),
                command => self.answer(&command, &scene),
            };
            if let Some(code) = self.fails(done) {
                return Next::Stop(code);
            }
        }
    }

    fn begin(&mut self, step: Step) -> Result<(), String> {
        if self.next >= self.levels.len() && step == Step::Continue {
            return Err(
                "no level is left: `load inputs FILE`, or `step inbox` for an empty one".to_owned(),
            );
        }
        self.stops.go(step, &self.moment);
        Ok(())
    }

    /// The messages of the level that runs now. The state before it is kept.
    pub(super) fn next_level(&mut self, machine: &Machine) -> Vec<Vec<u8>> {
        self.keep(machine, None);
        if self.next == self.levels.len() {
            self.levels.push(Arc::default());
        }
        let messages = self.levels[self.next].to_vec();
        self.next += 1;
        self.moment = Moment::before_level(machine.level());
        messages
    }

    /// Handles the end of a level.
    pub(super) fn level_ended(&mut self, machine: &mut Machine, ran: Result<LevelReport, Error>) {
        match ran {
            Ok(report) => {
                print!("{}", crate::run::text(&report));
                self.outboxes.insert(report.level, report.outbox);
                if self.outboxes.len() > KEPT {
                    self.outboxes.pop_first();
                }
            }
            Err(Error::Abandoned(_)) => self.next -= 1,
            Err(error) => {
                println!("{error}: the level has not happened");
                self.next -= 1;
                self.stops.arrive();
                if !self.lines.are_typed() {
                    self.pending = Some(Next::Stop(ExitCode::from(crate::FOUND_WRONG)));
                }
            }
        }
        self.moment.level = machine.level();
    }

    pub(super) fn loaded(&mut self, levels: anyhow::Result<Levels>) {
        let done = levels.map(|levels| {
            println!("{} levels", levels.len());
            self.levels.extend(levels.into_iter().map(Arc::new));
        });
        if let Some(code) = self.fails(done.map_err(|error| format!("{error:#}"))) {
            self.pending = Some(Next::Stop(code));
        }
    }

    pub(super) fn go_back(&mut self, number: usize, machine: &mut Machine) {
        let Some(kept) = self.kept.get(&number) else {
            return;
        };
        machine.restore(kept.saved.clone());
        self.next = kept.next;
        self.stops.arrive();
        self.outboxes.retain(|level, _| *level < kept.level);
        println!("before level {}", kept.level);
    }

    fn keep(&mut self, machine: &Machine, name: Option<String>) -> usize {
        self.count += 1;
        let kept = Kept {
            name,
            level: machine.level(),
            next: self.next,
            saved: machine.save(),
        };
        self.kept.insert(self.count, kept);
        if self.kept.len() > KEPT {
            // Those with a name stay.
            let oldest = self.kept.iter().find(|(_, kept)| kept.name.is_none());
            let oldest = oldest.map_or(1, |(number, _)| *number);
            self.kept.remove(&oldest);
        }
        self.count
    }

    fn find(&self, name: Option<&str>) -> Result<usize, String> {
        let Some(name) = name else {
            // Not one of a level that comes later: it was kept before the session went back.
            let mut kept = self.kept.iter().rev();
            let last = kept.find(|(_, kept)| kept.next <= self.next);
            return last
                .map(|(number, _)| *number)
                .ok_or_else(|| "nothing was kept yet".to_owned());
        };
        let named = |(number, kept): &(&usize, &Kept)| {
            kept.name.as_deref() == Some(name) || name.parse() == Ok(**number)
        };
        let found = self.kept.iter().find(named).map(|(number, _)| *number);
        found.ok_or_else(|| format!("no snapshot is {name}: `show snapshots` lists them"))
    }

    /// A run tells what happens.
    fn event(&mut self, event: Event<'_>, view: &View<'_>) -> Result<u64, Abandoned> {
        self.moment.note(&event);
        let typed = self.lines.are_typed();
        let why = match event {
            Event::Reached { .. } if typed && interrupt::asked() => Some("interrupted".to_owned()),
            _ => self.stops.why(&event, &self.moment, &self.names),
        };
        let stopped = why.map_or(Ok(()), |why| self.stop(&event, &why, view));
        if matches!(event, Event::Leave { .. }) {
            self.moment.stack.pop();
        }
        stopped?;
        let next = self.stops.next_count(&self.moment);
        Ok(match self.lines.are_typed() {
            true => next.min(self.moment.instructions.saturating_add(interrupt::LOOK)),
            false => next,
        })
    }

    /// Asks for commands in the middle of a run, until one goes on.
    fn stop(&mut self, event: &Event<'_>, why: &str, view: &View<'_>) -> Result<(), Abandoned> {
        self.stops.arrive();
        println!("{}", show::stopped(&self.moment, event, why, &self.names));
        let scene = Scene::from(view);
        loop {
            let done = match self.ask() {
                None => {
                    let code = self.end();
                    return self.abandon(Next::Stop(code));
                }
                Some(Command::Stop) => return self.abandon(Next::Stop(ExitCode::SUCCESS)),
                Some(Command::Step(step)) => {
                    self.stops.go(step, &self.moment);
                    return Ok(());
                }
                Some(Command::Back(name)) => match self.find(name.as_deref()) {
                    Ok(kept) => return self.abandon(Next::Back(kept)),
                    Err(error) => Err(error),
                },
                Some(
                    command @ (Command::Load(_)
                    | Command::Snapshot(_)
                    | Command::Metadata
                    | Command::Preimage(_)),
                ) => Err(format!("{}: only between two levels", show::name(&command))),
                Some(command) => self.answer(&command, &scene),
            };
            if let Some(code) = self.fails(done) {
                return self.abandon(Next::Stop(code));
            }
        }
    }

    fn abandon(&mut self, next: Next) -> Result<(), Abandoned> {
        self.pending = Some(next);
        Err(Abandoned)
    }

    /// The next command; `None` at the end.
    fn ask(&mut self) -> Option<Command> {
        let prompt = show::prompt(&self.moment);
        loop {
            let line = self.lines.next(&prompt)?;
            match command::parse(&line) {
                Ok(command) => return Some(command),
                Err(error) => {
                    println!("{error}");
                    if !self.lines.are_typed() {
                        self.pending = Some(Next::Stop(ExitCode::from(crate::BAD_USAGE)));
                        return None;
                    }
                }
            }
        }
    }

    /// The exit code of a session whose commands are all done.
    fn end(&mut self) -> ExitCode {
        match self.pending.take() {
            Some(Next::Stop(code)) => code,
            _ => ExitCode::SUCCESS,
        }
    }

    /// Prints an error; one in a script ends it.
    fn fails(&self, done: Result<(), String>) -> Option<ExitCode> {
        let error = done.err()?;
        println!("{error}");
        (!self.lines.are_typed()).then(|| ExitCode::from(crate::BAD_USAGE))
    }

    /// A command that changes nothing of the machine.
    fn answer(&mut self, command: &Command, scene: &Scene<'_>) -> Result<(), String> {
        match command {
            Command::Break(place) => {
                let id = self.stops.add(place.clone());
                println!("breakpoint {id}, {place}");
                if let Place::Function(name) = place
                    && self.names.find(name).is_empty()
                {
                    match self.names.is_empty() {
                        true => println!(
                            "warning: the names of the functions are not known, so the run will not \
                             stop there: `guard` writes them beside the kernel, and --names FILE \
                             names the file"
                        ),
                        false => println!(
                            "warning: no function of the kernel has {name:?} in its name, so the run \
                             will not stop there: `dump function symbols TEXT` lists names"
                        ),
                    }
                }
                Ok(())
            }
            Command::Breaks => {
                for (id, place) in self.stops.list() {
                    println!("{id} {place}");
                }
                Ok(())
            }
            Command::Delete(id) => {
                let deleted = self.stops.delete(*id);
                deleted
                    .then_some(())
                    .ok_or_else(|| "there is no such breakpoint".to_owned())
            }
            Command::Symbols(text) => {
                let mut found = self.names.lines(text).peekable();
                if found.peek().is_none() {
                    return Err(format!("no function's name contains {text:?}"));
                }
                for (place, name) in found {
                    println!("{place} {name}");
                }
                Ok(())
            }
            Command::Show(command::Shown::Outbox(level)) => self.outbox(*level, scene),
            Command::Show(command::Shown::Snapshots) => {
                for (number, kept) in &self.kept {
                    let name = kept.name.as_deref().unwrap_or_default();
                    println!("{number} before level {} {name}", kept.level);
                }
                Ok(())
            }
            Command::Show(shown) => show::show(shown, scene, &self.moment, &self.names),
            _ => {
                print!("{}", command::help());
                Ok(())
            }
        }
    }

    fn outbox(&self, level: Option<u32>, scene: &Scene<'_>) -> Result<(), String> {
        let messages = match (level, scene.outbox) {
            (None, Some(outbox)) => outbox,
            (None, None) => self
                .outboxes
                .last_key_value()
                .map_or(&[][..], |(_, last)| last),
            (Some(level), _) => match self.outboxes.get(&level) {
                Some(outbox) => outbox,
                None => return Err(format!("level {level} was not run here")),
            },
        };
        show::outbox(messages);
        Ok(())
    }
}
