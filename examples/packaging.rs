//! Writes what a package has besides the programs, man pages and shell completions, from the
//! definitions of their arguments:
//!
//! ```sh
//! cargo run --example packaging -- packaging
//! ```

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::Command;
use clap_complete::Shell;
use clap_mangen::Man;

/// The files: where they are in the folder, and what is in them.
pub fn files() -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let mut files = Vec::new();
    for command in isrecorder::cli::commands() {
        let name = command.get_name().to_owned();
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut command.clone(), &name, &mut script);
            let file = match shell {
                Shell::Zsh => format!("_{name}"),
                _ => format!("{name}.{shell}"),
            };
            files.push((Path::new("completions").join(file), script));
        }
        let version = command.get_version().unwrap_or_default();
        let source = format!("{name} {version}");
        for (name, command) in pages(command) {
            let file = Path::new("man").join(format!("{name}.1"));
            files.push((file, page(command, &source)?));
        }
    }
    Ok(files)
}

/// What has a man page of its own: a program, and each of its commands as `PROGRAM-COMMAND`.
fn pages(program: Command) -> Vec<(String, Command)> {
    let mut program = program.disable_help_subcommand(true);
    // Global options become those of the commands, too.
    program.build();
    let name = program.get_name().to_owned();
    let commands = program.get_subcommands().cloned();
    let commands: Vec<_> = commands
        .map(|command| (format!("{name}-{}", command.get_name()), command))
        .collect();
    [vec![(name, program)], commands].concat()
}

/// A man page of the program and version `source`. What stands below the options of the help keeps its lines.
fn page(command: Command, source: &str) -> io::Result<Vec<u8>> {
    let notes = command
        .get_after_long_help()
        .or(command.get_after_help())
        .map(ToString::to_string);
    let has_commands = command.has_subcommands();
    let man = Man::new(command).source(source);
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if has_commands {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(notes) = notes {
        writeln!(page, ".SH NOTES\n.nf\n{}\n.fi", literal(&notes))?;
    }
    Ok(page)
}

/// Text in which nothing means anything to roff.
fn literal(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    let lines = text
        .lines()
        .map(|line| match line.starts_with(['.', '\'']) {
            true => format!("\\&{line}"),
            false => line.to_owned(),
        });
    lines.collect::<Vec<_>>().join("\n")
}

fn main() -> io::Result<()> {
    let folder = std::env::args_os().nth(1).unwrap_or("packaging".into());
    for (file, content) in files()? {
        let path = Path::new(&folder).join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, content)?;
    }
    Ok(())
}
