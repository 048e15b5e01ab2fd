//! The configuration of `node` and `devnet` from four places: an option wins over the environment, that over
//! a file in TOML, that over the default.
//!
//! Settings of the file become options in front of those that were given, so that one parser reads
//! and checks all of them.

use crate::files;
use crate::near::nearest;
use anyhow::{Context, bail, ensure};
use clap::error::{ContextKind, ContextValue};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use toml::Value;

/// The commands that have such a configuration.
const COMMANDS: [&str; 2] = ["node", "devnet"];

/// The prefix of environment variables.
const PREFIX: &str = "EVM_ROLLUP_";

/// Settings whose values are secrets, or may be.
const SECRETS: [&str; 2] = ["mnemonic", "fork_header"];

/// Options that are no settings.
const NO_SETTINGS: [&str; 4] = ["config", "print_config", "help", "version"];

/// The settings of a file, by name.
#[derive(Debug)]
struct Given {
    path: PathBuf,
    settings: BTreeMap<String, Value>,
    /// Those that nobody else says.
    taken: BTreeSet<String>,
}

/// The arguments of a command line, and where they come from.
#[derive(Debug)]
pub(crate) struct Configured {
    pub(crate) matches: ArgMatches,
    /// The command that has a configuration, if it is one.
    name: Option<&'static str>,
    command: Command,
    file: Option<Given>,
}

/// Reads a command line with what the environment and a file add to it. Invalid options end the
/// process, as they do without a file.
pub(crate) fn read(command: Command, args: Vec<OsString>) -> anyhow::Result<Configured> {
    // Values of variables are nobody's business.
    let command = COMMANDS.iter().fold(command, |command, name| {
        command.mut_subcommand(*name, |one| one.mut_args(|arg| arg.hide_env_values(true)))
    });
    let named = args.get(1).and_then(|named| named.to_str());
    let name = COMMANDS.into_iter().find(|name| named == Some(name));
    let mut file = None;
    let mut all = args.clone();
    let given = args.clone();
    if let Some(name) = name {
        let one = command.find_subcommand(name).context("no such command")?;
        known_variables(&command, std::env::vars_os().map(|(name, _)| name))?;
        // What is wrong is said by the last reading.
        let first = command
            .clone()
            .ignore_errors(true)
            .try_get_matches_from(args);
        let first = first.unwrap_or_else(|help| help.exit());
        let first = first.subcommand_matches(name);
        if let Some(path) = first.and_then(|first| first.get_one::<PathBuf>("config")) {
            let mut given = Given::read(one, path)?;
            let mine = given.take(one, |id| first.is_some_and(|first| said(first, id)))?;
            all.splice(2..2, mine);
            file = Some(given);
        }
    }
    let matches = command.clone().try_get_matches_from(all);
    let matches = matches.unwrap_or_else(|error| {
        let one = name.and_then(|name| command.find_subcommand(name));
        let variables = one.map(|one| variables(one, &given)).unwrap_or_default();
        refuse(&error, file.as_ref(), &variables)
    });
    Ok(Configured {
        matches,
        name,
        command,
        file,
    })
}

/// True if an option or a variable is set.
fn said(matches: &ArgMatches, id: &str) -> bool {
    let source = matches.value_source(id);
    matches!(
        source,
        Some(ValueSource::CommandLine | ValueSource::EnvVariable)
    )
}

/// The options that the environment says and the command line does not, with their variables.
fn variables(command: &Command, args: &[OsString]) -> Vec<(String, String)> {
    let set = settings(command).filter_map(|arg| {
        let variable = arg.get_env()?;
        std::env::var_os(variable)?;
        let option = option(arg.get_id().as_str());
        let is_given = args.iter().any(|arg| {
            let name = arg.to_str().and_then(|arg| arg.split('=').next());
            name == Some(&option)
        });
        (!is_given).then(|| (option, variable.display().to_string()))
    });
    set.collect()
}

/// Says what is wrong, and that it comes from the file or the environment, and ends the process.
fn refuse(error: &clap::Error, file: Option<&Given>, variables: &[(String, String)]) -> ! {
    let named = |kind| match error.get(kind) {
        Some(ContextValue::String(name)) => name.split([' ', '=']).next().map(str::to_owned),
        _ => None,
    };
    let named = [named(ContextKind::InvalidArg), named(ContextKind::PriorArg)];
    // Nothing that can be done if it cannot be printed.
    let _ = error.print();
    for key in file.iter().flat_map(|given| given.settings.keys()) {
        if named.contains(&Some(option(key))) {
            let path = file.map_or(Path::new(""), |given| &given.path);
            eprintln!("{} has `{key}`", path.display());
        }
    }
    for (option, variable) in variables {
        if named.contains(&Some(option.clone())) {
            eprintln!("the environment has {variable}");
        }
    }
    std::process::exit(error.exit_code());
}

/// The option for a setting.
fn option(key: &str) -> String {
    format!("--{}", key.replace('_', "-"))
}

/// The settings of a command.
fn settings(command: &Command) -> impl Iterator<Item = &Arg> {
    let args = command.get_arguments();
    args.filter(|arg| !NO_SETTINGS.contains(&arg.get_id().as_str()))
}

/// Refuses variables that are meant for this program, and that none of its commands knows.
fn known_variables(program: &Command, names: impl Iterator<Item = OsString>) -> anyhow::Result<()> {
    let commands = COMMANDS
        .iter()
        .filter_map(|name| program.find_subcommand(name));
    let known = commands.flat_map(Command::get_arguments);
    let known: BTreeSet<&str> = known.filter_map(|arg| arg.get_env()?.to_str()).collect();
    let known: Vec<&str> = known.into_iter().collect();
    for name in names {
        let name = name.to_string_lossy();
        if name.starts_with(PREFIX) && !known.contains(&&*name) {
            let hint = hint(&name, &known);
            bail!("the environment has {name}, which is not a setting: {hint}");
        }
    }
    Ok(())
}

fn hint(word: &str, names: &[&str]) -> String {
    nearest(word, names.iter().copied()).map_or_else(
        || format!("settings are {}", names.join(", ")),
        |near| format!("did you mean {near}?"),
    )
}

impl Given {
    /// Reads a file whose keys are settings of a command.
    fn read(command: &Command, path: &Path) -> anyhow::Result<Self> {
        let text = files::text(path)?;
        let settings: BTreeMap<String, Value> = match toml::from_str(&text) {
            Ok(settings) => settings,
            // Without the line itself, which may have a secret.
            Err(error) => {
                let start = error.span().map_or(0, |span| span.start);
                let before = text.get(..start).unwrap_or_default();
                let line = before.matches('\n').count() + 1;
                bail!("{}, line {line}: {}", path.display(), error.message());
            }
        };
        let known: Vec<&str> = self::settings(command)
            .map(|arg| arg.get_id().as_str())
            .collect();
        for key in settings.keys() {
            ensure!(
                known.contains(&&**key),
                "{}: `{key}` is not a setting: {}",
                path.display(),
                hint(key, &known)
            );
        }
        Ok(Self {
            path: path.to_owned(),
            settings,
            taken: BTreeSet::new(),
        })
    }

    /// The options for what nobody else says.
    fn take(
        &mut self,
        command: &Command,
        said: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Vec<OsString>> {
        let mut options = Vec::new();
        for arg in settings(command) {
            let id = arg.get_id().as_str();
            let Some(value) = self.settings.get(id).filter(|_| !said(id)) else {
                continue;
            };
            self.taken.insert(id.to_owned());
            let takes_value = arg.get_action().takes_values();
            match value {
                Value::Boolean(true) if !takes_value => options.push(option(id).into()),
                Value::Boolean(false) if !takes_value => {}
                Value::String(text) if takes_value => {
                    options.push(format!("{}={text}", option(id)).into());
                }
                Value::Integer(number) if takes_value => {
                    options.push(format!("{}={number}", option(id)).into());
                }
                _ if takes_value => bail!("{}: `{id}` is a text or a number", self.path.display()),
                _ => bail!("{}: `{id}` is true or false", self.path.display()),
            }
        }
        Ok(options)
    }
}

impl Configured {
    /// All that holds, with where it comes from, as a file that can be read again; `None` if
    /// nobody asks for it.
    pub(crate) fn shown(&self) -> anyhow::Result<Option<String>> {
        let Some(name) = self.name else {
            return Ok(None);
        };
        let asked = self.matches.subcommand_matches(name);
        let Some(matches) = asked.filter(|matches| matches.get_flag("print_config")) else {
            return Ok(None);
        };
        let command = self.command.find_subcommand(name);
        let mut text = String::new();
        for arg in command.into_iter().flat_map(settings) {
            writeln!(text, "{}", self.line(matches, arg)?)?;
        }
        Ok(Some(text))
    }

    /// The line of a setting.
    fn line(&self, matches: &ArgMatches, arg: &Arg) -> anyhow::Result<String> {
        let id = arg.get_id().as_str();
        let raws = matches.get_raw(id).into_iter().flatten();
        let texts: Option<Vec<&str>> = raws.map(|raw| raw.to_str()).collect();
        let texts = texts.with_context(|| format!("{} is not text", option(id)))?;
        if texts.is_empty() {
            return Ok(format!("# {id} is not set"));
        }
        let raw = &*texts.join(",");
        let value = match arg.get_action().takes_values() {
            true => printed(raw)?,
            false => matches.get_flag(id).to_string(),
        };
        let file = self.file.as_ref().filter(|given| given.taken.contains(id));
        let from = match (file, matches.value_source(id)) {
            (Some(given), _) => format!("file: {:?}", given.path),
            (None, Some(ValueSource::EnvVariable)) => {
                let name = arg.get_env().unwrap_or_default();
                format!("environment: {}", name.display())
            }
            (None, Some(ValueSource::CommandLine)) => format!("option: {}", option(id)),
            _ => "default".to_owned(),
        };
        let is_default = from == "default";
        Ok(match without_secret(raw) {
            _ if SECRETS.contains(&id) && !is_default => {
                format!("# {id} is set # {from}; its secret is not printed")
            }
            Some(shown) => format!(
                "# {id} = {} # {from}; its secret is not printed",
                printed(&shown)?
            ),
            None => format!("{id} = {value} # {from}"),
        })
    }
}

/// A text or a number of TOML.
fn printed(text: &str) -> anyhow::Result<String> {
    if text
        .parse::<i64>()
        .is_ok_and(|number| number.to_string() == text)
    {
        return Ok(text.to_owned());
    }
    // The escapes of JSON are those of TOML, which wants one more character escaped.
    Ok(serde_json::to_string(text)?.replace('\u{7f}', "\\u007f"))
}

/// A URL without what may be a secret in it: what stands before its last `@`, for a password may
/// have any letter, and its query. `None`: it has neither.
pub(crate) fn without_secret(text: &str) -> Option<String> {
    let start = match text.find("://") {
        Some(scheme) => scheme + "://".len(),
        // A path, or a URL whose scheme was forgotten.
        None if text.starts_with(['/', '.']) || !text.contains(':') => return None,
        None => 0,
    };
    let (scheme, rest) = text.split_at(start);
    let at = rest.rfind('@');
    let (mark, shown) = at.map_or(("", rest), |at| ("***", &rest[at..]));
    let (shown, query) = match shown.split_once('?') {
        Some((shown, _)) => (shown, "?***"),
        None => (shown, ""),
    };
    let hidden = at.is_some() || !query.is_empty();
    hidden.then(|| format!("{scheme}{mark}{shown}{query}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn each_setting_has_a_variable_of_its_name() {
        let program = crate::Cli::command();
        let commands = COMMANDS.map(|name| program.find_subcommand(name).unwrap());
        for arg in commands.into_iter().flat_map(settings) {
            let name = format!("{PREFIX}{}", arg.get_id().as_str().to_uppercase());
            assert_eq!(arg.get_env().unwrap(), &*name);
            assert_eq!(
                Some(option(arg.get_id().as_str()).split_off(2).as_str()),
                arg.get_long()
            );
        }
    }

    #[test]
    fn urls_are_shown_without_their_secrets() {
        let shown = |url| without_secret(url);
        for (url, expected) in [
            ("http://me:pass@host:1/a", "http://***@host:1/a"),
            ("http://token@host", "http://***@host"),
            ("http://u:s3cret/x@h:1", "http://***@h:1"),
            ("http://u:pa?s3cret@h", "http://***@h"),
            ("http://u:pa#s3cret@h", "http://***@h"),
            ("u:s3cret@h:1", "***@h:1"),
            ("http://h/x?api_key=secret", "http://h/x?***"),
            ("http://u:s@h/x?api_key=secret", "http://***@h/x?***"),
        ] {
            assert_eq!(shown(url).as_deref(), Some(expected));
        }
        assert_eq!(shown("http://host:8545/a"), None);
        assert_eq!(shown("127.0.0.1:8545"), None);
        assert_eq!(shown("/a/folder@home"), None);
    }

    #[test]
    fn texts_are_written_as_toml_reads_them() {
        for text in [
            "8545",
            "007",
            "-1",
            "a \"b\" \\ \n\u{7f}\u{1}ü",
            "",
            "true",
            "1.5",
        ] {
            let line = format!("it = {}", printed(text).unwrap());
            let read: BTreeMap<String, Value> = toml::from_str(&line).unwrap();
            let read = match &read["it"] {
                Value::Integer(number) => number.to_string(),
                Value::String(text) => text.clone(),
                other => panic!("{other:?}"),
            };
            assert_eq!(read, text);
        }
    }
}
