//! `actgate completions` and `actgate man`: what an installation adds to a shell.

use std::path::PathBuf;
use std::{fs, io};

use clap::{Args, Command};
use clap_complete::Shell;
use clap_mangen::Man;

use crate::cli::output::print;
use crate::exit::{Context as _, Failure};

pub(crate) const COMPLETIONS_NOTES: &str = "\
  actgate completions bash > /etc/bash_completion.d/actgate
  actgate completions zsh > /usr/local/share/zsh/site-functions/_actgate
  actgate completions fish > ~/.config/fish/completions/actgate.fish
In one shell alone: `source <(actgate completions bash)`.";

pub(crate) const MAN_NOTES: &str = "\
  actgate man | man -l -                       the page of `actgate`
  actgate man --folder /usr/local/share/man/man1
The folder gets one page for each command, such as actgate-run.1; it is made if it is not there.";

/// The arguments of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArguments {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// The arguments of `man`.
#[derive(Debug, Args)]
pub(crate) struct ManArguments {
    /// Write the page of every command into this folder, and print none
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
}

/// Prints the script that completes commands and arguments in a shell.
pub(crate) fn completions(arguments: &CompletionsArguments, mut command: Command) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "actgate", &mut script);
    print(&String::from_utf8(script).context("completions")?)
}

/// Prints the page of the command, or writes one page for each command.
pub(crate) fn man(arguments: &ManArguments, command: Command) -> Result<(), Failure> {
    let Some(folder) = &arguments.folder else {
        return print(&page(command, "actgate").context("page")?);
    };
    fs::create_dir_all(folder).context(folder.display())?;
    let mut pages = vec![("actgate".to_owned(), command)];
    while let Some((name, command)) = pages.pop() {
        let commands = command.get_subcommands().filter(|command| command.get_name() != "help");
        pages.extend(commands.map(|command| (format!("{name} {}", command.get_name()), command.clone())));
        let file = folder.join(format!("{}.1", name.replace(' ', "-")));
        let text = page(command, &name).context(file.display())?;
        fs::write(&file, text).context(file.display())?;
    }
    Ok(())
}

/// The page of one command, whose name has those that it is within. Its notes keep their lines: they have examples, and a configuration.
fn page(command: Command, name: &str) -> io::Result<String> {
    let notes = command
        .get_after_long_help()
        .or(command.get_after_help())
        .map(ToString::to_string);
    let command = command.after_help(None::<&str>).after_long_help(None::<&str>);
    let mut page = Vec::new();
    let command = command.display_name(name.replace(' ', "-")).bin_name(name);
    Man::new(command).render(&mut page)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    if let Some(notes) = notes {
        page.push_str(".SH NOTES\n.nf\n");
        for line in notes.lines() {
            // A line that begins with a point or an apostrophe would be a request to the formatter.
            let line = line.replace('\\', "\\e").replace('-', "\\-");
            page.push_str(&format!("\\&{line}\n"));
        }
        page.push_str(".fi\n");
    }
    Ok(page)
}
