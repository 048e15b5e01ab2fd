//! The reference of the command line, from the program's own help.

use std::error::Error;
use std::fmt::Write;
use std::path::Path;
use std::process::Command;

/// Deepest level of subcommands.
const DEPTH: usize = 4;

/// The page in Markdown: a section for each command.
pub fn page(program: &Path) -> Result<String, Box<dyn Error>> {
    let mut page = String::from(
        "# Command line\n\nWhat `evm-rollup COMMAND --help` prints, for every command. Exit codes: \
         0 if all is well, 1 if something wrong was found, 2 if the request cannot be carried \
         out.\n",
    );
    sections(program, &mut Vec::new(), &mut page)?;
    Ok(page)
}

fn sections(
    program: &Path,
    command: &mut Vec<String>,
    page: &mut String,
) -> Result<(), Box<dyn Error>> {
    let ran = Command::new(program)
        .args(command.iter())
        .arg("--help")
        .env_clear()
        .output()
        .map_err(|error| format!("{}: {error}", program.display()))?;
    if !ran.status.success() {
        return Err(format!("{command:?} --help ended with {}", ran.status).into());
    }
    let text = String::from_utf8(ran.stdout)?;
    let name = [&["evm-rollup".to_owned()], &command[..]]
        .concat()
        .join(" ");
    let level = "#".repeat((command.len() + 2).min(4));
    write!(
        page,
        "\n{level} {name}\n\n```text\n{}\n```\n",
        text.trim_end()
    )?;
    if command.len() < DEPTH {
        for below in commands(&text) {
            command.push(below.to_owned());
            sections(program, command, page)?;
            command.pop();
        }
    }
    Ok(())
}

/// The commands that a help lists, without `help`.
fn commands(help: &str) -> Vec<&str> {
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .filter(|line| !line.starts_with(' '))
        .filter_map(|line| line.split(' ').next());
    names.filter(|name| *name != "help").collect()
}

#[cfg(test)]
mod tests {
    use super::commands;

    #[test]
    fn commands_are_found() {
        let help = "About\n\nCommands:\n  batch   Put\n          more\n  l1      Use\n  help    Print\n\nOptions:\n  -h\n";
        assert_eq!(commands(help), ["batch", "l1"]);
        assert!(commands("Usage: x\n").is_empty());
    }
}
