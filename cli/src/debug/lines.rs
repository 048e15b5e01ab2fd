//! The source of the debugger's commands: a terminal with editing and history, or a script.

use super::command;
use crate::files;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::history::DefaultHistory;
use rustyline::{CompletionType, Config, Context, Editor, Helper, Highlighter, Hinter, Validator};
use std::collections::VecDeque;
use std::io::{BufRead, IsTerminal, Read, stdin};
use std::path::{Path, PathBuf};

/// The most bytes of a command; a longer line is read as several, which are invalid.
const MAX_LINE: u64 = 65_536;

/// The lines of commands.
pub(super) enum Lines {
    /// Of a person.
    Terminal(Box<Editor<Words, DefaultHistory>>),
    /// Of the standard input.
    Input,
    /// Of an option.
    Script(VecDeque<String>),
}

impl Lines {
    /// Those of `commands`, separated by semicolons, or of the file `script`; else what somebody
    /// types.
    pub(super) fn new(commands: Option<&str>, script: Option<&Path>) -> anyhow::Result<Self> {
        let lines = |text: &str, separator| text.split(separator).map(str::to_owned).collect();
        if let Some(commands) = commands {
            return Ok(Self::Script(lines(commands, ';')));
        }
        if let Some(path) = script {
            return Ok(Self::Script(lines(&files::text(path)?, '\n')));
        }
        if !stdin().is_terminal() {
            return Ok(Self::Input);
        }
        let config = Config::builder()
            .auto_add_history(true)
            .completion_type(CompletionType::List)
            .build();
        let mut editor = Editor::with_config(config)?;
        editor.set_helper(Some(Words {
            beginnings: command::beginnings(),
        }));
        // There is none yet at the first start.
        let _ = history().map(|path| editor.load_history(&path));
        Ok(Self::Terminal(Box::new(editor)))
    }

    /// True if a person types the commands, and may try again.
    pub(super) const fn are_typed(&self) -> bool {
        matches!(self, Self::Terminal(_))
    }

    /// The next line that is not empty or a comment; `None` at the end.
    pub(super) fn next(&mut self, prompt: &str) -> Option<String> {
        loop {
            let line = match self {
                Self::Script(lines) => lines.pop_front()?,
                Self::Input => {
                    let mut line = Vec::new();
                    let input = stdin().lock();
                    let len = input.take(MAX_LINE).read_until(b'\n', &mut line).ok()?;
                    (len > 0).then_some(())?;
                    // What is no text is no command, either.
                    String::from_utf8_lossy(&line).into_owned()
                }
                Self::Terminal(editor) => match editor.readline(prompt) {
                    Ok(line) => {
                        // Nothing is lost but the history.
                        let _ = history().map(|path| editor.save_history(&path));
                        line
                    }
                    Err(ReadlineError::Interrupted) => continue,
                    Err(_) => return None,
                },
            };
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if !self.are_typed() {
                println!("{prompt}{}", line.escape_debug());
            }
            return Some(line.to_owned());
        }
    }
}

/// The file of what was typed before.
fn history() -> Option<PathBuf> {
    let folder = std::env::home_dir()?;
    Some(folder.join(".evm-rollup_debug_history"))
}

/// Completes the words that commands begin with.
#[derive(Helper, Highlighter, Hinter, Validator)]
pub(super) struct Words {
    beginnings: Vec<String>,
}

impl Completer for Words {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = line.get(..at).unwrap_or_default();
        let fitting = self.beginnings.iter().filter(|one| one.starts_with(typed));
        Ok((0, fitting.cloned().collect()))
    }
}
