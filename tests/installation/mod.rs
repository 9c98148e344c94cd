//! What an operator installs and starts with: the first configuration, completions, manual pages.

mod container;
mod first_configuration;
mod shell;
