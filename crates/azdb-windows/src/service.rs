//! The entry that the service manager calls.
