//! What the pages of the project say is so: commands run, configurations are such, links lead somewhere, and quoted words are those that
//! people read.

mod certificates;
mod commands;
mod configurations;
mod connection_strings;
mod links;
mod old_clients;
mod page;
mod quotes;
