//! Certificates that people and machines trust.
