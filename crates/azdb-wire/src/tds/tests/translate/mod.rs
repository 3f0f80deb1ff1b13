//! The translator between models of both its ends, written from the byte tables of MS-TDS and not from its code.
//!
//! ```text
//!   calendar, types, server     what a server of 7.4 says, as values and as bytes
//!   any_types, any_stream       any of it
//!   cursor, app, value          what apps of 7.0 to 7.3A read, and refuse to read
//!   expected                    the values that they must read
//!   through                     bytes through a translator, packets checked
//!   down, limit                 the properties of that direction
//!   request, any_request        what apps up to 7.1 ask
//!   request_reader, up          what a server of 7.4 understands of it
//!   both                        both directions at once
//!   known_columns               what an app has heard already
//!   memory, noise, refused      how little is kept, what is endured, what ends a session
//! ```

mod any_request;
mod any_stream;
mod any_types;
mod app;
mod both;
mod calendar;
mod cursor;
mod down;
mod expected;
mod known_columns;
mod limit;
mod memory;
mod noise;
mod refused;
mod request;
mod request_reader;
mod server;
mod through;
mod types;
mod up;
mod value;
mod written_text;

use super::hex;
